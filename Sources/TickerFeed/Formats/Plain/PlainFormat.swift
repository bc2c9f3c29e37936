// Plain CSV and NDJSON: quotes, trades and levels of anybody, so that anything can be piped in.
//
// Invariants
//   - A line is an event, but for levels that say that `more` follows: those wait for it, so that no
//     book is shown half-changed.
//   - At most `changesMax` lines wait; what is behind them is an event of its own, and counted.
import Basics
import Market

extension FeedFormat {
    package static let csv = FeedFormat(
        name: "CSV", recognise: { head, path in PlainCSV.recognises(head, path: path) },
        make: { options throws(FeedError) in
            LineDecoder(PlainFormat(PlainCSV(symbol: options.symbol), symbol: options.symbol))
        })
    package static let ndjson = FeedFormat(
        name: "NDJSON", recognise: { head, path in PlainJSON.recognises(head, path: path) },
        make: { options throws(FeedError) in
            LineDecoder(PlainFormat(PlainJSON(), symbol: options.symbol))
        })
}

/// How a line is written.
protocol PlainSyntax {
    static var name: String { get }
    /// Nil for a header.
    mutating func read(_ line: RawSpan) throws(LineFault) -> PlainLine?
}

struct PlainFormat<Syntax: PlainSyntax>: LineFormat {
    let scale = FeedScale.decimals
    let timeZero = Timestamp.zero
    var description: String { "plain \(Syntax.name)" }

    private var syntax: Syntax
    /// Lines without a symbol are of this one.
    private let symbol: SymbolName?
    private var books = PlainBooks()
    private var types: [6 of UInt64] = .init(repeating: 0)
    private var previous = Timestamp.zero

    /// The event that is being read, or waits.
    private var lines: [PlainEvent] = []
    /// More may belong to it.
    private var isOpen = false
    /// The line that showed that nothing more does.
    private var behind: PlainEvent?

    init(_ syntax: Syntax, symbol: SymbolName?) {
        self.syntax = syntax
        self.symbol = symbol
    }

    var counts: [FeedCount] {
        PlainKind.allCases.compactMap { kind in
            let count = types[Int(kind.rawValue)]
            return count > 0 ? FeedCount("types.\(kind.name)", count) : nil
        }
    }

    mutating func take(_ line: RawSpan, number: UInt64) throws(LineFault) -> Bool {
        guard let fields = try syntax.read(line) else { return false }
        let event = try fields.event(number: number, symbol: symbol)
        if let first = lines.first, let last = lines.last, !event.continues(first, last) {
            isOpen = false
            behind = event
        } else {
            lines.append(event)
            isOpen = event.more && event.isOfBook && lines.count < PlainLimits.changesMax
        }
        return true
    }

    mutating func close() { isOpen = false }

    var next: LineEvent? {
        guard !isOpen, let first = lines.first else { return nil }
        return LineEvent(time: first.time, number: first.number)
    }

    mutating func play(received: Timestamp, into builder: inout BookBuilder) {
        guard let first = lines.first, let last = lines.last else { return }
        for line in lines { types[Int(line.kind.rawValue)] &+= 1 }
        if let time = first.time {
            if time < previous { builder.count(.timeBackwards, message: first.number) }
            previous = time
        }
        if lines.count == PlainLimits.changesMax, last.more {
            builder.count(.bufferOverflow, message: last.number, "an event of more lines than are held")
        }
        books.play(lines, at: first.time ?? received, received: received, into: &builder)
        lines.removeAll(keepingCapacity: true)
        guard let event = behind else { return }
        behind = nil
        lines.append(event)
        isOpen = event.more && event.isOfBook
    }
}

enum PlainLimits {
    /// Lines of one event: two sides of a deep book.
    static let changesMax = 16_384
}
