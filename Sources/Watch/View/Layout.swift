// What fits where: which panes there are, by the room there is. No size is too small.
//
//     columns < 120 or rows < 36     the list alone; another page takes its place
//     columns ≥ 160, rows ≥ 30       the list on the left; book, trades and chart one above the other
//     columns ≥ 120, rows ≥ 36       the list above; book, trades and chart side by side

public struct Area: Hashable, Sendable {
    public var column: Int, row: Int, columns: Int, rows: Int
    public init(column: Int, row: Int, columns: Int, rows: Int) {
        (self.column, self.row) = (column, row)
        (self.columns, self.rows) = (max(0, columns), max(0, rows))
    }
    var isEmpty: Bool { columns == 0 || rows == 0 }
}

struct Layout {
    let columns: Int
    let rows: Int

    private enum Kind { case list, beside, below }
    private var kind: Kind {
        if columns >= 160, rows >= 30 { return .beside }
        return columns >= 120 && rows >= 36 ? .below : .list
    }
    /// The symbol under the cursor is shown closely beside the list.
    var hasPanes: Bool { kind != .list }

    var hasHeader: Bool { rows >= 3 }
    var hasFooter: Bool { rows >= 5 }
    private var top: Int { hasHeader ? 1 : 0 }

    /// Between header and footer.
    var body: Area { Area(column: 0, row: top, columns: columns, rows: rows - top - (hasFooter ? 1 : 0)) }

    /// The watchlist with its titles.
    var list: Area {
        switch kind {
        case .list: body
        case .beside: Area(column: 0, row: body.row, columns: columns - sideColumns - 2, rows: body.rows)
        case .below: Area(column: 0, row: body.row, columns: columns, rows: body.rows - lowerRows - 1)
        }
    }
    var hasTitles: Bool { list.rows >= 4 }
    /// How many symbols the list shows.
    var listRows: Int { list.rows - (hasTitles ? 1 : 0) }

    private var sideColumns: Int { min(72, columns * 2 / 5) }
    private var lowerRows: Int { min(22, body.rows / 2) }

    var book: Area {
        switch kind {
        case .list: body
        case .beside: side(from: 0, rows: body.rows * 2 / 5)
        case .below: lower(0)
        }
    }
    var trades: Area {
        switch kind {
        case .list: body
        case .beside: side(from: body.rows * 2 / 5, rows: body.rows / 4)
        case .below: lower(1)
        }
    }
    var chart: Area {
        switch kind {
        case .list: body
        case .beside:
            side(from: body.rows * 2 / 5 + body.rows / 4, rows: body.rows - body.rows * 2 / 5 - body.rows / 4)
        case .below: lower(2)
        }
    }

    private func side(from row: Int, rows: Int) -> Area {
        Area(column: columns - sideColumns, row: body.row + row, columns: sideColumns, rows: rows)
    }

    private func lower(_ place: Int) -> Area {
        let width = columns / 3
        let column = place * width
        return Area(
            column: column, row: body.row + body.rows - lowerRows,
            columns: place == 2 ? columns - column : width - 3, rows: lowerRows)
    }
}
