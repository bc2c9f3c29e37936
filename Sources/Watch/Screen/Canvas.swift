// A screen in memory: views draw into it, and a painter brings a terminal to show it.
//
// Invariants
//   - Drawing beyond an edge is cut off there; no size is too small, 0 × 0 included.
//   - A wide character is drawn whole or, at an edge, as a blank. Behind it is its right half, a cell
//     with scalar 0 and the same role, and nowhere else is a scalar 0: who writes over one half blanks
//     the other.
//   - No cell holds what takes no column: a text from outside cannot move the cursor.

public struct Canvas: Sendable, Equatable {
    public let columns: Int
    public let rows: Int
    /// Row by row.
    public private(set) var cells: [Cell]

    public init(columns: Int, rows: Int) {
        self.columns = max(0, columns)
        self.rows = max(0, rows)
        cells = Array(repeating: .blank, count: self.columns * self.rows)
    }

    /// The cell there; beyond an edge a blank, which nothing changes.
    public subscript(column: Int, row: Int) -> Cell {
        get { isInside(column, row) ? cells[row * columns + column] : .blank }
        set {
            guard isInside(column, row) else { return }
            // The right half of a wide character goes with the left one.
            if newValue.scalar == 0, cells[row * columns + column].scalar == 0 { return }
            put(newValue, column, row, end: columns)
        }
    }

    /// Draws text from a column on, at most `width` columns of it.
    ///
    /// - Returns: the column behind what was drawn.
    @discardableResult
    public mutating func draw(
        _ text: String, _ column: Int, _ row: Int, _ role: Role = .plain, width: Int = .max
    ) -> Int {
        guard column < columns, width > 0 else { return column }
        let end = width > columns &- column ? columns : column + width
        guard row >= 0, row < rows else { return min(end, column + CharacterWidth.of(text)) }
        let ascii = text.utf8.withContiguousStorageIfAvailable { bytes in
            drawASCII(bytes, column, row, role, end)
        }
        if let behind = ascii ?? nil { return behind }
        var column = column
        for scalar in text.unicodeScalars where column < end {
            let drawn = CharacterWidth.drawn(scalar.value)
            guard drawn != 0 else { continue }
            column = put(Cell(raw: drawn, role), column, row, end: end)
        }
        return column
    }

    /// Marks a row, or a piece of it, as the one of the cursor: last of all, for what is drawn is unmarked.
    public mutating func select(row: Int, from: Int = 0, to: Int = .max) {
        change(row, from, to) { $0.isSelected = true }
    }

    /// The text of a row, without blanks at its end.
    public func text(row: Int) -> String {
        var text = ""
        for column in 0..<columns {
            guard let scalar = Unicode.Scalar(self[column, row].scalar), scalar.value != 0 else { continue }
            text.unicodeScalars.append(scalar)
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    // MARK: Cells

    private func isInside(_ column: Int, _ row: Int) -> Bool {
        column >= 0 && column < columns && row >= 0 && row < rows
    }

    /// Texts of printable ASCII, which most are; nil for any other, of which nothing is drawn.
    private mutating func drawASCII(
        _ bytes: UnsafeBufferPointer<UInt8>, _ column: Int, _ row: Int, _ role: Role, _ end: Int
    ) -> Int? {
        for byte in bytes where byte &- 0x20 >= 0x5F { return nil }
        let behind = min(end, column + bytes.count)
        let start = max(0, column)
        guard start < behind else { return behind }
        detach(start, behind, row)
        let base = row * columns
        for place in start..<behind { cells[base + place] = Cell(raw: UInt32(bytes[place - column]), role) }
        return behind
    }

    /// Puts a character of one column or two there, as much of it as is inside.
    ///
    /// - Returns: the column behind it.
    @discardableResult
    private mutating func put(_ cell: Cell, _ column: Int, _ row: Int, end: Int) -> Int {
        var cell = cell
        cell.scalar = CharacterWidth.drawn(cell.scalar)
        if cell.scalar == 0 { cell.scalar = 0x20 }
        let behind = column + CharacterWidth.of(raw: cell.scalar)
        let isWhole = column >= 0 && behind <= end
        if !isWhole { cell.scalar = 0x20 }
        let (start, stop) = (max(0, column), min(behind, end))
        guard start < stop else { return stop }
        detach(start, stop, row)
        cells[row * columns + start] = cell
        if stop - start == 2 {
            cell.scalar = 0
            cells[row * columns + start + 1] = cell
        }
        return stop
    }

    /// Blanks the halves outside of wide characters that a change of these columns would cut.
    private mutating func detach(_ start: Int, _ end: Int, _ row: Int) {
        let base = row * columns
        if cells[base + start].scalar == 0 { cells[base + start - 1].scalar = 0x20 }
        if end < columns, cells[base + end].scalar == 0 { cells[base + end].scalar = 0x20 }
    }

    private mutating func change(_ row: Int, _ from: Int, _ to: Int, _ body: (inout Cell) -> Void) {
        var (start, end) = (max(0, from), min(to, columns))
        guard row >= 0, row < rows, start < end else { return }
        // Both halves of a wide character, or none.
        if cells[row * columns + start].scalar == 0 { start -= 1 }
        if end < columns, cells[row * columns + end].scalar == 0 { end += 1 }
        for index in row * columns + start..<row * columns + end { body(&cells[index]) }
    }
}
