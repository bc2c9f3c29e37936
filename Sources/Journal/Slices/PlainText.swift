// Ticks as lines of the plain text formats, NDJSON or CSV: what anybody reads, and `--feed` plays again.
//
//     {"t":1580376600000000000,"sym":"AAPL","type":"level","side":"bid","price":320.01,"size":200,"orders":2}
//
// Invariants
//   - A line is exact or not written; what has no line is counted by name in `unmapped`.
//   - The levels of one event are told together: all but the last say that `more` follows.
//   - Behind anything that voids the states every book is told from the start.
import Basics
import Market

public struct PlainText: ~Copyable {
    public enum Format: String, Sendable, CaseIterable { case ndjson, csv }

    /// Why something of the recording is not in the text.
    public enum Unmapped: Int, CaseIterable, Sendable {
        case tradeBreaks, epochs, dayStarts, badSymbols, numbers

        public var name: String {
            switch self {
            case .tradeBreaks: "trades taken back"
            case .epochs: "beginnings of an epoch (each book is cleared)"
            case .dayStarts: "beginnings of a day (the book is cleared)"
            case .badSymbols: "ticks of a symbol that has no name"
            case .numbers: "prices, sizes, times or numbers of trades below zero or beyond 64 bits"
            }
        }
    }

    public private(set) var lines: UInt64 = 0
    private var counts = [UInt64](repeating: 0, count: Unmapped.allCases.count)
    /// What was written and not taken away yet.
    public var text = ByteBuffer(capacity: 1 << 16)

    private let format: Format
    private var symbols: [Symbol?] = []
    /// Of the event that is told: lines of its book.
    private var book: [Tick] = []

    private struct Symbol {
        var name: SymbolName
        /// What the text said last of its market; nil: nothing, and no other line either.
        var told: UInt64?
        var market: UInt64
        var hasBook = false
    }

    /// Lines of one event that the format's reader keeps together.
    static let eventLinesMax = 16_384

    public init(_ format: Format) {
        self.format = format
        if format == .csv { text.append("t,sym,type,side,price,size,id,market,reason,orders,more\n") }
    }

    /// What was left out, and how often.
    public var unmapped: [(name: String, count: UInt64)] {
        Unmapped.allCases.compactMap { counts[$0.rawValue] > 0 ? ($0.name, counts[$0.rawValue]) : nil }
    }
    private mutating func leaveOut(_ what: Unmapped) { counts[what.rawValue] += 1 }

    // MARK: Ticks

    public mutating func take(_ ticks: UnsafeBufferPointer<Tick>) {
        for tick in ticks { take(tick) }
    }

    private mutating func take(_ tick: Tick) {
        switch tick.kind {
        case .symbol: define(tick)
        case .epoch:
            leaveOut(.epochs)
            clearBooks(at: tick.eventTime) { _ in true }
        case .level, .clear:
            book.append(tick)
            if book.count == PlainText.eventLinesMax { writeBook() }
        case .trade: if let symbol = begin(tick) { writeTrade(tick, symbol) }
        case .status: if let symbol = begin(tick, with: tick.aux) { writeStatus(tick, symbol) }
        case .tradeBreak: leaveOut(.tradeBreaks)
        // Bests are the first levels of the book, and bars are made of trades: both come to be again.
        case .best, .barClose, .bar, .statistics, .place, .resync, nil: break
        }
        if tick.flags.contains(.endOfEvent) { writeBook() }
    }

    private mutating func define(_ tick: Tick) {
        let index = tick.symbol.index
        guard index < MarketImage.symbolsMax else { return leaveOut(.badSymbols) }
        while symbols.count <= index { symbols.append(nil) }
        // A tick's bytes may be anything; a name's may not.
        guard let name = SymbolName(tick.definition.name.bytes), name == tick.definition.name else {
            return leaveOut(.badSymbols)
        }
        guard symbols[index]?.name != name else { return }
        symbols[index] = Symbol(name: name, market: MarketStatus(.closed).packed)
    }

    /// The symbol of a line. Whoever reads the first line of one believes that it trades: what it really does
    /// is said before that.
    private mutating func begin(_ tick: Tick, with status: UInt64? = nil) -> SymbolName? {
        let index = tick.symbol.index
        guard index < symbols.count, let symbol = symbols[index] else {
            leaveOut(.badSymbols)
            return nil
        }
        if let status { symbols[index]?.market = SymbolStatus(packed: status).market.packed }
        if symbol.told == nil, status == nil {
            symbols[index]?.told = symbol.market
            let market = MarketStatus(packed: symbol.market)
            write(tick.eventTime, symbol.name, "status") { line in line.market = market }
        }
        return symbol.name
    }

    private mutating func writeTrade(_ tick: Tick, _ symbol: SymbolName) {
        guard tick.price >= .zero, tick.size > .zero else { return leaveOut(.numbers) }
        let id = Int64(exactly: tick.aux)
        if id == nil { leaveOut(.numbers) }
        write(tick.eventTime, symbol, "trade") { line in
            line.side = tick.side.map { $0 == .bid ? "buy" : "sell" }
            line.price = tick.price
            line.size = tick.size
            line.id = id
        }
    }

    /// The feed's word is the reader's own to find.
    private mutating func writeStatus(_ tick: Tick, _ symbol: SymbolName) {
        let market = SymbolStatus(packed: tick.aux).market
        guard symbols[tick.symbol.index]?.told != market.packed else { return }
        symbols[tick.symbol.index]?.told = market.packed
        write(tick.eventTime, symbol, "status") { line in line.market = market }
    }

    private mutating func writeBook() {
        guard !book.isEmpty else { return }
        for (index, tick) in book.enumerated() {
            guard let symbol = begin(tick) else { continue }
            if tick.kind == .clear, tick.aux == 0, !tick.flags.contains(.snapshot) { leaveOut(.dayStarts) }
            guard tick.kind == .clear || tick.price >= .zero && tick.size >= .zero else {
                leaveOut(.numbers)
                continue
            }
            symbols[tick.symbol.index]?.hasBook = true
            let next = index + 1 < book.count ? book[index + 1] : nil
            let hasMore = next?.symbol == tick.symbol && next?.eventTime == tick.eventTime
            write(tick.eventTime, symbol, tick.kind == .clear ? "clear" : "level") { line in
                line.more = hasMore
                if tick.kind == .level { line.level(tick) }
            }
        }
        book.removeAll(keepingCapacity: true)
    }

    // MARK: States

    /// Nothing that was said holds any more: `image` is the state, at that time.
    public mutating func take(_ image: borrowing MarketImage, at time: Timestamp) {
        clearBooks(at: time) { image.definition(of: $0) == nil }
        // Bests, last trades, statistics and bars of a state have no line.
        image.writeSnapshot { tick in
            var tick = tick
            tick.eventTime = time
            switch tick.kind {
            case .symbol:
                take(tick)
                // Said before the book, where nothing was said of the symbol yet.
                guard symbols.indices.contains(tick.symbol.index) else { return }
                symbols[tick.symbol.index]?.market = image.status(of: tick.symbol).market.packed
            case .clear, .level, .status: take(tick)
            case .best: writeBook()
            default: break
            }
        }
    }

    private mutating func clearBooks(at time: Timestamp, where isGone: (SymbolID) -> Bool) {
        for (index, symbol) in symbols.enumerated() {
            guard let symbol, symbol.hasBook, isGone(SymbolID(index)) else { continue }
            symbols[index]?.hasBook = false
            write(time, symbol.name, "clear") { _ in }
        }
    }

    // MARK: Lines

    private mutating func write(
        _ time: Timestamp, _ symbol: SymbolName, _ type: StaticString, _ fill: (inout PlainFields) -> Void
    ) {
        var line = PlainFields()
        fill(&line)
        if time >= .zero, time <= PlainFields.timeMax { line.time = time } else { leaveOut(.numbers) }
        lines += 1
        text.write(atMost: PlainFields.bytesMax) { pen in
            switch format {
            case .ndjson: line.writeJSON(symbol, type, to: &pen)
            case .csv: line.writeCSV(symbol, type, to: &pen)
            }
        }
    }
}
