// LOBSTER's message files: one symbol's day as rows, its book from the order book file's first row.
//
// Invariants
//   - The book is kept by levels: before the first row nothing is known of orders. What happens out of
//     LOBSTER's view leaves levels wrong, as it does for everybody; they are kept as they come.
//   - Row 1 is in the seed already: of it only the trade and the halt are told.
//   - A row's number is its place among the rows, rejected ones included: row N of the order book
//     file is the book after it.
import Basics
import Market

extension FeedFormat {
    package static let lobster = FeedFormat(
        name: "LOBSTER",
        recognise: { head, path in LOBSTERFormat.recognises(head, path: path) },
        make: { options throws(FeedError) in LineDecoder(try LOBSTERFormat(options)) })
}

struct LOBSTERFormat: LineFormat {
    let description: String
    let scale = FeedScale.shares
    /// Midnight in New York: rows count from there.
    let timeZero: Timestamp
    static let numbersRows = true
    static let lengthMax = 1_024

    private let name: SymbolName
    private let seed: LOBSTERBook?
    private var waiting: (row: LOBSTERRow, number: UInt64)?
    private var isFirstLine = true
    private var previous = Nanoseconds.zero
    /// Nil before the first row, and for a symbol that is not wanted.
    private var symbol: SymbolID?
    private var isDefined = false
    private var types: [8 of UInt64] = .init(repeating: 0)

    init(_ options: FeedOptions) throws(FeedError) {
        guard let day = options.date ?? CalendarDate(inFileName: options.path) else {
            throw .noDate(file: options.path, format: "LOBSTER")
        }
        guard let name = options.symbol ?? LOBSTERName.symbol(inFileName: options.path) else {
            throw .missing(
                file: options.path,
                "LOBSTER names no symbol and the file's name has none: pass --symbol NAME")
        }
        timeZero = EasternTime.midnight(of: day)
        self.name = name
        do throws(LineFault) { seed = try options.bookRow.map(LOBSTERFormat.book) } catch {
            throw .missing(
                file: options.path, "its order book file does not begin with a LOBSTER row: \(error.cause)")
        }
        description = "LOBSTER, \(name) of \(day)" + (seed == nil ? ", the book empty at first" : "")
    }

    private static func book(_ row: [UInt8]) throws(LineFault) -> LOBSTERBook { try LOBSTERBook(row: row) }

    var counts: [FeedCount] {
        LOBSTERRow.Kind.allCases.compactMap { kind in
            let count = types[Int(kind.rawValue)]
            return count > 0 ? FeedCount("types.\(kind.rawValue)", count) : nil
        }
    }

    var next: LineEvent? {
        guard let waiting else { return nil }
        return LineEvent(time: timeZero + waiting.row.time, number: waiting.number)
    }

    mutating func close() {}

    mutating func take(_ line: RawSpan, number: UInt64) throws(LineFault) -> Bool {
        defer { isFirstLine = false }
        if isFirstLine, line.beginsWithLetter { return false }
        waiting = (try LOBSTERRow(line), number)
        return true
    }

    mutating func play(received: Timestamp, into builder: inout BookBuilder) {
        guard let (row, number) = waiting else { return }
        waiting = nil
        types[Int(row.kind.rawValue)] &+= 1
        if row.time < previous { builder.count(.timeBackwards, message: number) }
        previous = row.time
        let stamp = Stamp(time: timeZero + row.time, received: received, source: number)
        if !isDefined { define(at: stamp, &builder) }
        guard let symbol else { return }
        apply(row, to: symbol, at: stamp, &builder)
    }

    /// LOBSTER's rows are of hours in which the market trades, until one says otherwise.
    private mutating func define(at stamp: Stamp, _ builder: inout BookBuilder) {
        isDefined = true
        symbol = builder.define(SymbolDefinition(name: name), at: stamp)
        guard let symbol else { return }
        builder.status(symbol, MarketStatus(.trading), at: stamp)
        guard let seed else { return }
        builder.beginLevels(symbol, at: stamp)
        for level in seed.levels { builder.setLevel(level.side, price: level.price, size: level.size) }
        builder.endLevels(isUpdate: false)
    }

    private func apply(
        _ row: LOBSTERRow, to symbol: SymbolID, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        switch row.kind {
        case .halt: builder.status(symbol, MarketStatus(row.state), at: stamp)
        case .execution, .hiddenExecution, .cross:
            builder.trade(
                symbol, aggressor: row.kind == .cross ? nil : row.side.opposite, size: row.size,
                price: row.price, id: 0, at: stamp)
        case .add, .cancel, .delete: break
        }
        guard row.kind.rawValue <= LOBSTERRow.Kind.execution.rawValue,
            seed == nil || stamp.source > 1
        else { return }
        builder.beginLevels(symbol, at: stamp)
        if row.kind == .add {
            add(row, to: symbol, &builder)
        } else {
            builder.reduceLevel(row.side, price: row.price, by: row.size)
        }
        builder.endLevels()
    }

    private func add(_ row: LOBSTERRow, to symbol: SymbolID, _ builder: inout BookBuilder) {
        let there = builder.levelSize(symbol, row.side, price: row.price)
        let (sum, overflow) = there.e8.addingReportingOverflow(row.size.e8)
        if overflow { builder.count(.quantityOverflow, message: builder.last.source) }
        builder.setLevel(row.side, price: row.price, size: overflow ? there : Quantity(e8: sum))
    }
}

// MARK: Recognition

extension LOBSTERFormat {
    /// A first line of six numbers, or a header for them; an empty file by its name.
    static func recognises(_ head: RawSpan, path: String) -> Bool {
        guard let line = head.firstLine else { return head.byteCount == 0 && path.contains("_message_") }
        return line.beginsWithLetter ? isHeader(line) : isRow(line)
    }

    private static func isRow(_ line: RawSpan) -> Bool {
        var fields = 1
        for offset in 0..<line.byteCount {
            switch line.u8(at: offset) {
            case UInt8(ascii: ","): fields += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"): break
            default: return false
            }
        }
        return fields == 6
    }

    /// LOBSTER has none; people write `Time,Type,OrderID,Size,Price,Direction`.
    private static func isHeader(_ line: RawSpan) -> Bool {
        var last = FieldCursor(line), fields = 0, isDirection = false
        while !last.isAtEnd {
            guard let field = try? last.field() else { return false }
            isDirection = field.equals("Direction") || field.equals("direction")
            fields += 1
        }
        return fields == 6 && isDirection
    }
}

extension RawSpan {
    fileprivate var beginsWithLetter: Bool {
        byteCount > 0 && (u8(at: 0) | 0x20) &- UInt8(ascii: "a") < 26
    }
}
