// Plain CSV: a header that names the fields of `PlainLine` in any order, and a row a line (RFC 4180).
import Basics
import Market

struct PlainCSV: PlainSyntax {
    static let name = "CSV"
    static let columnsMax = 256

    /// Nil for a column of another name: its cells are passed over.
    private var columns: [PlainField?] = []
    /// What every row is, where no column says it.
    private var kind: PlainKind?
    /// Rows without a symbol are of this one.
    private let symbol: SymbolName?

    init(symbol: SymbolName?) { self.symbol = symbol }

    mutating func read(_ line: RawSpan) throws(LineFault) -> PlainLine? {
        guard !columns.isEmpty else {
            try readHeader(line)
            return nil
        }
        var fields = FieldCursor(line), row = PlainLine()
        row.kind = kind
        for index in columns.indices {
            guard !fields.isAtEnd else { throw .malformed("fewer fields than the header has") }
            let cell = try fields.field()
            guard let field = columns[index], cell.byteCount > 0 else { continue }
            PlainCSV.read(field, cell, &row)
        }
        guard fields.isAtEnd else { throw .malformed("more fields than the header has") }
        return row
    }

    private static func read(_ field: PlainField, _ cell: RawSpan, _ row: inout PlainLine) {
        switch field {
        case .symbol: row.set(symbol: cell)
        case .more: row.set(more: cell)
        case .time:
            if cell.isDigits { readNumber(.time, cell, decimals: 0, &row) } else { row.set(time: cell) }
        default:
            if let decimals = field.decimals {
                readNumber(field, cell, decimals: decimals, &row)
            } else {
                row.set(field, word: ShortWord(cell))
            }
        }
    }

    private static func readNumber(
        _ field: PlainField, _ cell: RawSpan, decimals: Int, _ row: inout PlainLine
    ) {
        do throws(FixedPointFault) {
            row.set(field, number: try FixedPoint.readScientific(cell, decimals: decimals))
        } catch {
            switch error {
            case .notANumber: row.refuse(.malformed("a number is malformed"))
            case .tooFine: row.refuse(.range("a number has more decimals than are kept"))
            case .tooLarge: row.refuse(.range("a number is out of range"))
            }
        }
    }
}

extension PlainLine {
    fileprivate mutating func set(more cell: RawSpan) {
        switch ShortWord(cell) {
        case "true", "1": more = true
        case "false", "0": more = false
        default: refuse(.malformed("a more that is neither true nor false"))
        }
    }
}

extension RawSpan {
    fileprivate var isDigits: Bool {
        for offset in 0..<byteCount where u8(at: offset) &- UInt8(ascii: "0") > 9 { return false }
        return true
    }

    /// What begins the line in programs that mark UTF-8.
    fileprivate var withoutMark: RawSpan {
        @_lifetime(copy self) get {
            let isMarked = byteCount >= 3 && u8(at: 0) == 0xef && u8(at: 1) == 0xbb && u8(at: 2) == 0xbf
            return extracting((isMarked ? 3 : 0)...)
        }
    }
}

// MARK: The header

extension PlainCSV {
    private mutating func readHeader(_ line: RawSpan) throws(LineFault) {
        var fields = FieldCursor(line.withoutMark), seen: Set<UInt8> = []
        while !fields.isAtEnd {
            guard columns.count < PlainCSV.columnsMax else { throw .fatal("the header has too many columns") }
            let field = ShortWord(try headerField(&fields)).flatMap { PlainField($0) }
            if let field, !seen.insert(field.rawValue).inserted {
                throw .fatal("the header names a column twice")
            }
            columns.append(field)
        }
        guard symbol != nil || seen.contains(PlainField.symbol.rawValue) else {
            throw .fatal("the header names no column sym: add it, or pass --symbol NAME")
        }
        if !seen.contains(PlainField.type.rawValue) { kind = try impliedKind(seen) }
    }

    @_lifetime(copy fields)
    private func headerField(_ fields: inout FieldCursor) throws(LineFault) -> RawSpan {
        do throws(BadQuotes) { return try fields.next() } catch {
            throw .fatal("the header has quotes that do not enclose a name")
        }
    }

    /// Columns that only one type has say the type of every row.
    private func impliedKind(_ seen: Set<UInt8>) throws(LineFault) -> PlainKind {
        func has(_ field: PlainField) -> Bool { seen.contains(field.rawValue) }
        if (has(.bid) || has(.ask)) && !has(.price) { return .quote }
        if has(.price) && has(.size) && !has(.side) && !has(.bid) && !has(.ask) { return .trade }
        throw .fatal("the header names no column type, and its columns do not tell quotes from trades")
    }
}

// MARK: Recognition

extension PlainCSV {
    /// A first line of comma-separated names, of which we know one; an empty file by its name.
    static func recognises(_ head: RawSpan, path: String) -> Bool {
        guard let line = head.firstLine else { return head.byteCount == 0 && path.hasSuffix(".csv") }
        var fields = FieldCursor(line.withoutMark), count = 0, isOurs = false
        while !fields.isAtEnd {
            guard let name = try? fields.next() else { return false }
            if let word = ShortWord(name), PlainField(word) != nil { isOurs = true }
            count += 1
        }
        return isOurs && count > 1
    }
}
