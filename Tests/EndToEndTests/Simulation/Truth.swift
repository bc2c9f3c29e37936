// What really happened: every version of every state that ingest published, and when.
//
// It reads the tape as a loop does, but forgets nothing and believes no snapshot: whatever a client is
// told can be looked up here by its number, in the life of the feed that the client is in.
import Basics
import Market

/// A version of a quote.
struct TrueQuote {
    var bid: Level?
    var ask: Level?
    var time: Timestamp
    var at: Instant
}

/// A change of a book; a clear has no side.
struct TrueChange {
    var side: Side?
    var price: Price
    var size: Quantity
    var time: Timestamp
    var at: Instant
}

/// A trade, or one that was taken back.
struct TrueTrade {
    var tick: Tick
    /// The day with this trade in it, or without it any more.
    var day: DayStatistics
    var at: Instant
    var isBreak: Bool { tick.kind == .tradeBreak }
}

struct TrueBar {
    var bar: Bar
    var isClosed: Bool
    /// As the message says it.
    var time: Timestamp
    var at: Instant
    /// Bars closed up to here.
    var closes: Int
    /// There was no bar to tell of: a trade was taken back after the last one's end.
    var isNothing = false
}

struct TrueStatus {
    var status: MarketStatus
    /// Whoever falls silent is quiet, and live with the next word.
    var feed = FeedState.live
    var time: Timestamp
    var at: Instant
}

/// One symbol. The version numbered n is at index n - 1.
final class TrueSymbol {
    let name: String
    let definedAt: Instant
    var quotes: [TrueQuote] = []
    var changes: [TrueChange] = []
    var trades: [TrueTrade] = []
    var bars: [[TrueBar]] = [[], []]
    var statuses: [TrueStatus] = []
    var book = TrueBook()
    /// The book now and then, so that it need not be made from nothing.
    var checkpoints: [(version: UInt64, book: TrueBook)] = []
    fileprivate var open = [OpenBar(), OpenBar()]
    fileprivate var startsNewDay = false

    init(_ name: String, at: Instant) {
        self.name = name
        definedAt = at
    }
}

/// A book, made from changes.
struct TrueBook {
    var bids = BookSide(.bid)
    var asks = BookSide(.ask)

    mutating func apply(_ change: TrueChange) {
        switch change.side {
        case .bid: bids.set(change.price, size: change.size)
        case .ask: asks.set(change.price, size: change.size)
        case nil:
            bids.removeAll()
            asks.removeAll()
        }
    }
}

/// All symbols in one life of the feed.
final class Life {
    let epoch: UInt32
    let began: Instant
    fileprivate(set) var symbols: [TrueSymbol] = []
    fileprivate(set) var byName: [String: TrueSymbol] = [:]

    init(_ epoch: UInt32, at: Instant) {
        self.epoch = epoch
        began = at
    }

    fileprivate func add(_ name: String, at: Instant) {
        let symbol = TrueSymbol(name, at: at)
        symbols.append(symbol)
        byName[name] = symbol
    }
}

final class Truth {
    private(set) var lives: [UInt32: Life] = [:]
    /// The present one.
    private(set) var life: Life
    var symbols: [TrueSymbol] { life.symbols }
    var byName: [String: TrueSymbol] { life.byName }
    private let reader: TapeReader
    private let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 11)
    private(set) var faults: [String] = []

    /// - Parameters:
    ///   - reader: made before the tape's writer, like a loop's.
    ///   - epoch: the first one.
    init(_ reader: TapeReader, epoch: UInt32) {
        self.reader = reader
        life = Life(epoch, at: .zero)
        lives[epoch] = life
    }
    deinit { buffer.deallocate() }

    /// Takes what was published; called after each turn of ingest, so nothing is ever missed.
    func drain(_ now: Instant) {
        while true {
            switch reader.read(into: buffer) {
            case .ticks(let count): for index in 0..<count { apply(buffer[index], now) }
            case .nothingNew: return
            case .lapped: faults.append("the truth itself was lapped")
            }
        }
    }

    private func apply(_ tick: Tick, _ now: Instant) {
        guard !tick.flags.contains(.snapshot), let kind = tick.kind else { return }
        if kind == .symbol {
            guard tick.symbol.index == symbols.count else { return }
            life.add(tick.definition.name.description, at: now)
            return
        }
        if kind == .epoch { return begin(UInt32(tick.aux), now) }
        let symbol = symbols[tick.symbol.index]
        switch kind {
        case .best: best(symbol, tick, now)
        case .level: change(symbol, tick, now, tick.side)
        case .clear:
            change(symbol, tick, now, nil)
            guard tick.aux == 0 else { return }
            symbol.startsNewDay = true
            for interval in 0..<2 { symbol.open[interval].startOver() }
        case .trade: trade(symbol, tick, now)
        case .tradeBreak: takeBack(symbol, tick, now)
        case .status:
            number(tick, symbol.statuses.count + 1)
            symbol.statuses.append(
                TrueStatus(
                    status: MarketStatus(packed: tick.aux), feed: SymbolStatus(packed: tick.aux).feed,
                    time: tick.eventTime, at: now))
        case .barClose: close(symbol, tick, now)
        case .symbol, .statistics, .bar, .epoch, .place, .resync: break
        }
    }

    private func begin(_ epoch: UInt32, _ now: Instant) {
        if lives[epoch] != nil { faults.append("epoch \(epoch) was there before") }
        let old = life
        life = Life(epoch, at: now)
        for symbol in old.symbols { life.add(symbol.name, at: symbol.definedAt) }
        lives[epoch] = life
    }

    private func number(_ tick: Tick, _ expected: Int) {
        if tick.sequence != UInt64(expected) { faults.append("ingest numbered \(tick), not \(expected)") }
    }

    private func best(_ symbol: TrueSymbol, _ tick: Tick, _ now: Instant) {
        var quote = symbol.quotes.last ?? TrueQuote(bid: nil, ask: nil, time: .zero, at: now)
        let level = tick.size == .zero ? nil : Level(price: tick.price, size: tick.size)
        if tick.side == .bid { quote.bid = level } else { quote.ask = level }
        quote.time = tick.eventTime
        quote.at = now
        if tick.sequence == UInt64(symbol.quotes.count), tick.sequence > 0 { symbol.quotes.removeLast() }
        number(tick, symbol.quotes.count + 1)
        symbol.quotes.append(quote)
    }

    private func change(_ symbol: TrueSymbol, _ tick: Tick, _ now: Instant, _ side: Side?) {
        number(tick, symbol.changes.count + 1)
        let change = TrueChange(
            side: side, price: tick.price, size: tick.size, time: tick.eventTime, at: now)
        symbol.changes.append(change)
        symbol.book.apply(change)
        if symbol.changes.count % 64 == 0 {
            symbol.checkpoints.append((UInt64(symbol.changes.count), symbol.book))
        }
    }

    private func trade(_ symbol: TrueSymbol, _ tick: Tick, _ now: Instant) {
        number(tick, symbol.trades.count + 1)
        var day = symbol.trades.last?.day ?? DayStatistics()
        if symbol.startsNewDay { day = DayStatistics() }
        symbol.startsNewDay = false
        day.add(price: tick.price, size: tick.size)
        symbol.trades.append(TrueTrade(tick: tick, day: day, at: now))
        for interval in BarInterval.allCases {
            let index = Int(interval.rawValue)
            symbol.open[index].add(
                price: tick.price, size: tick.size, number: tick.sequence, at: tick.eventTime, interval)
            append(symbol, index, symbol.open[index].bar, isClosed: false, tick.eventTime, now)
        }
    }

    private func takeBack(_ symbol: TrueSymbol, _ tick: Tick, _ now: Instant) {
        number(tick, symbol.trades.count + 1)
        guard let known = symbol.trades.last(where: { !$0.isBreak && $0.tick.aux == tick.aux })?.tick,
            known.price == tick.price, known.size == tick.size, var day = symbol.trades.last?.day
        else {
            faults.append("ingest took back what was no trade: \(tick)")
            return
        }
        day.remove(price: tick.price, size: tick.size)
        symbol.trades.append(TrueTrade(tick: tick, day: day, at: now))
        for interval in BarInterval.allCases {
            let index = Int(interval.rawValue), isOwn = symbol.open[index].contains(known.sequence)
            if isOwn != tick.flags.contains(.inOpen(interval)) { faults.append("\(tick) is of which bar?") }
            if isOwn { symbol.open[index].remove(price: tick.price, size: tick.size) }
            append(symbol, index, symbol.open[index].bar, isClosed: false, tick.eventTime, now)
            symbol.bars[index][symbol.bars[index].count - 1].isNothing = symbol.open[index].isEmpty
        }
    }

    private func close(_ symbol: TrueSymbol, _ tick: Tick, _ now: Instant) {
        let index = Int(tick.interval.rawValue)
        let bar = symbol.open[index].close(tick.interval)
        append(symbol, index, bar, isClosed: true, tick.eventTime, now)
        number(tick, symbol.bars[index].count)
    }

    private func append(
        _ symbol: TrueSymbol, _ interval: Int, _ bar: Bar, isClosed: Bool, _ time: Timestamp,
        _ now: Instant
    ) {
        let closes = (symbol.bars[interval].last?.closes ?? 0) + (isClosed ? 1 : 0)
        symbol.bars[interval].append(
            TrueBar(bar: bar, isClosed: isClosed, time: time, at: now, closes: closes))
    }
}
