// A screen in memory: views draw into it, and a painter brings a terminal to show it.
//
// Invariants
//   - Drawing beyond an edge is cut off there; no size is too small, 0 × 0 included.
//   - A wide character is drawn whole or, at an edge, as a blank.

public struct Canvas: Sendable {
    public let columns: Int
    public let rows: Int
    /// Row by row.
    public private(set) var cells: [Cell]

    public init(columns: Int, rows: Int) {
        self.columns = max(0, columns)
        self.rows = max(0, rows)
        cells = Array(repeating: .blank, count: self.columns * self.rows)
    }

    public subscript(column: Int, row: Int) -> Cell {
        get { cells[row * columns + column] }
        set {
            guard (0..<columns).contains(column), (0..<rows).contains(row) else { return }
            cells[row * columns + column] = newValue
        }
    }

    /// Draws text from a column on, at most `width` columns of it.
    ///
    /// - Returns: the column behind what was drawn.
    @discardableResult
    public mutating func draw(
        _ text: String, _ column: Int, _ row: Int, _ role: Role = .plain, width: Int = .max
    ) -> Int {
        var column = column
        let end = width > columns - column ? columns : column + width
        for scalar in text.unicodeScalars where column < end {
            self[column, row] = Cell(scalar, role)
            column += 1
        }
        return column
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
}
