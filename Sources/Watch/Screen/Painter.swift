// From one screen to the next in as few bytes as is sensible: the bytes that a terminal, which shows
// the one, needs to show the other.
//
//     shown   AAPL  231.45 ▲      cells that differ      ESC[?2026h
//     next    AAPL  231.46 ▲      are found, the         ESC[1;12H ESC[0;38;5;78m 6
//                                 rest is left alone     ESC[?2026l
//
// Invariants
//   - Where nothing differs not one byte is written.
//   - A frame is between `?2026h` and `?2026l`: terminals that know this show it in one piece.
//   - Moves are absolute where a terminal may count a character's columns in its own way, and behind the
//     last column: whatever it did there, the next character has its place. Nothing scrolls or wraps.
//   - It is known which look the terminal is in: a look is switched on where it changes, not before.
import Basics

public struct Painter: Sendable {
    public let theme: Theme
    /// Where the next character would go; nil where that is not certain.
    private var cursor: (column: Int, row: Int)?
    /// `Theme.index` of what is switched on; negative where that is not known.
    private var look = -1

    /// Of one cell: a move, a look, a character.
    private static let cellBytesMax = 32 + Theme.sequenceBytesMax + 4
    private static let plain = Theme.index(.plain, false)
    private static let frameStart: StaticString = "\u{1B}[?2026h", frameEnd: StaticString = "\u{1B}[?2026l"

    public init(_ theme: Theme) { self.theme = theme }

    /// Forgets what the terminal is in the middle of: somebody else has written to it.
    public mutating func forget() {
        cursor = nil
        look = -1
    }

    /// Writes what brings a terminal from one screen to another.
    ///
    /// - Parameter shown: nil to begin with an empty screen, whatever there is; so does another size.
    /// - Returns: whether there was anything to write.
    @discardableResult
    public mutating func paint(from shown: Canvas?, to next: Canvas, into bytes: inout ByteBuffer) -> Bool {
        let before = bytes.count
        if let shown, shown.columns == next.columns, shown.rows == next.rows {
            paint(shown.cells, next, before, &bytes)
        } else {
            clear(&bytes)
            paint(Canvas(columns: next.columns, rows: next.rows).cells, next, before, &bytes)
        }
        guard bytes.count > before else { return false }
        bytes.write(atMost: 16) { $0.literal(Painter.frameEnd) }
        return true
    }

    /// Plain first: what is cleared gets the colour that is switched on.
    private mutating func clear(_ bytes: inout ByteBuffer) {
        bytes.write(atMost: 32) {
            $0.literal(Painter.frameStart)
            $0.literal("\u{1B}[0m\u{1B}[2J")
        }
        look = Painter.plain
        cursor = nil
    }

    /// - Parameter before: where the frame begins, which a first change makes it do.
    private mutating func paint(
        _ shown: [Cell], _ next: Canvas, _ before: Int, _ bytes: inout ByteBuffer
    ) {
        let columns = next.columns
        guard columns > 0 else { return }
        next.cells.withUnsafeBufferPointer { cells in
            shown.withUnsafeBufferPointer { shown in
                for row in 0..<next.rows {
                    let place = row * columns..<(row + 1) * columns
                    let line = UnsafeBufferPointer(rebasing: cells[place])
                    let old = UnsafeBufferPointer(rebasing: shown[place])
                    guard let first = Painter.difference(old, line, from: 0) else { continue }
                    let isFirst = bytes.count == before
                    bytes.write(atMost: 16 + columns * Painter.cellBytesMax) { pen in
                        if isFirst { pen.literal(Painter.frameStart) }
                        paint(old, line, row, from: first, &pen)
                    }
                }
            }
        }
    }

    /// The next cell that differs.
    @inline(__always)
    private static func difference(
        _ old: UnsafeBufferPointer<Cell>, _ line: UnsafeBufferPointer<Cell>, from start: Int
    ) -> Int? {
        var column = start
        while column < line.count, line[column] == old[column] { column += 1 }
        return column < line.count ? column : nil
    }

    private mutating func paint(
        _ old: UnsafeBufferPointer<Cell>, _ line: UnsafeBufferPointer<Cell>, _ row: Int, from first: Int,
        _ pen: inout Pen
    ) {
        // From here on the row is blank: one erasure instead of many blanks.
        var end = line.count
        while end > 0, line[end - 1] == .blank { end -= 1 }
        var column = first
        while true {
            move(to: column, row, line, &pen)
            if column >= end, line.count - column > 3 {
                set(.blank, &pen)
                pen.literal("\u{1B}[K")
                return
            }
            column = put(line, column, row, &pen)
            guard let next = Painter.difference(old, line, from: column) else { return }
            column = next
        }
    }

    /// - Returns: the column behind the character.
    private mutating func put(
        _ line: UnsafeBufferPointer<Cell>, _ column: Int, _ row: Int, _ pen: inout Pen
    ) -> Int {
        let cell = line[column]
        set(cell, &pen)
        pen.scalar(cell.scalar)
        let behind = column + 1 < line.count && line[column + 1].scalar == 0 ? column + 2 : column + 1
        let isCertain = Painter.isCertain(cell.scalar) && behind < line.count
        cursor = isCertain ? (behind, row) : nil
        return behind
    }

    /// Whether all terminals agree on its columns: letters, and the signs that we draw with.
    private static func isCertain(_ scalar: UInt32) -> Bool {
        scalar < 0x300 || scalar &- 0x2000 < 0xC00 && CharacterWidth.of(raw: scalar) == 1
    }

    private mutating func set(_ cell: Cell, _ pen: inout Pen) {
        let wanted = Theme.index(cell.role, cell.isSelected)
        guard wanted != look else { return }
        look = wanted
        theme.sequence(at: wanted).withUnsafeBytes { pen.bytes($0) }
    }

    /// A short way to a cell: what is between written again, a step to the right, or a place.
    private mutating func move(
        to column: Int, _ row: Int, _ line: UnsafeBufferPointer<Cell>, _ pen: inout Pen
    ) {
        defer { cursor = (column, row) }
        guard let cursor, cursor.row == row, cursor.column <= column else {
            pen.literal("\u{1B}[")
            if row > 0 || column > 0 { pen.unsigned(UInt64(row + 1)) }
            if column > 0 {
                pen.literal(";")
                pen.unsigned(UInt64(column + 1))
            }
            pen.literal("H")
            return
        }
        let gap = column - cursor.column
        guard gap > 0 else { return }
        let between = line[cursor.column..<column]
        if gap <= 4,
            between.allSatisfy({ $0.scalar &- 0x20 < 0x5F && Theme.index($0.role, $0.isSelected) == look })
        {
            for cell in between { pen.byte(UInt8(truncatingIfNeeded: cell.scalar)) }
            return
        }
        pen.literal("\u{1B}[")
        if gap > 1 { pen.unsigned(UInt64(gap)) }
        pen.literal("C")
    }
}

extension Pen {
    /// In UTF-8: at most four bytes.
    @inline(__always)
    fileprivate mutating func scalar(_ value: UInt32) {
        if value < 0x80 { return byte(UInt8(truncatingIfNeeded: value)) }
        func low(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift & 0x3F | 0x80) }
        if value < 0x800 {
            byte(UInt8(truncatingIfNeeded: value >> 6 | 0xC0))
        } else {
            if value < 0x1_0000 {
                byte(UInt8(truncatingIfNeeded: value >> 12 | 0xE0))
            } else {
                byte(UInt8(truncatingIfNeeded: value >> 18 | 0xF0))
                byte(low(12))
            }
            byte(low(6))
        }
        byte(low(0))
    }
}
