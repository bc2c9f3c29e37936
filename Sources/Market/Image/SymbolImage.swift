// What all ticks of a symbol so far come to: enough to say all of it again.
//
// Invariants
//   - It counts nothing: every number and every time in it comes from a tick.
//   - Ticks may be anybody's bytes. Whatever they say, nothing here traps.
import Basics

struct SymbolImage {
    /// When something happened, and the source's number of the message that said so.
    struct Stamp {
        var time = Timestamp.zero
        var received = Timestamp.zero
        var source: UInt64 = 0

        init() {}
        @inline(__always)
        init(_ tick: Tick) {
            time = tick.eventTime
            received = tick.receiveTime
            source = tick.source
        }
    }

    /// A side's best as it was told; without size the side is empty.
    struct Best {
        var price = Price.zero
        var size = Quantity.zero
        var orders: UInt64 = 0
    }

    /// The tick that defined it last.
    var definition: Tick
    /// The tape was lapped: nothing counts until this symbol's snapshot came by.
    var awaitsSnapshot = false

    private(set) var bookSequence: UInt64 = 0
    private(set) var bookAt = Stamp()
    private(set) var bids = BookSide(.bid)
    private(set) var asks = BookSide(.ask)

    private(set) var quoteSequence: UInt64 = 0
    private(set) var quoteAt = Stamp()
    private(set) var bid = Best()
    private(set) var ask = Best()

    private(set) var tradeSequence: UInt64 = 0
    private(set) var lastTrade: Tick?
    private(set) var lastBreak: Tick?
    private(set) var statistics = DayStatistics()
    /// The books were cleared: the next trade is the first of its day.
    private(set) var nextTradeStartsDay = false
    private(set) var second = OpenBar()
    private(set) var minute = OpenBar()

    private(set) var statusSequence: UInt64 = 0
    private(set) var statusAt = Stamp()
    private(set) var status = SymbolStatus(MarketStatus(.closed)).packed

    init(_ definition: Tick) { self.definition = definition }

    @inline(__always)
    mutating func apply(_ tick: Tick, _ kind: Tick.Kind) {
        switch kind {
        case .level: setLevel(tick)
        case .best: setBest(tick)
        case .trade: addTrade(tick)
        case .tradeBreak: takeBack(tick)
        case .status: setStatus(tick)
        case .clear: clear(tick)
        case .statistics: restoreStatistics(tick)
        case .barClose: closeBar(tick)
        case .bar: restoreBar(tick)
        case .symbol, .epoch, .place, .resync: break
        }
    }

    private mutating func setLevel(_ tick: Tick) {
        bookSequence = tick.sequence
        bookAt = Stamp(tick)
        let orders = UInt32(truncatingIfNeeded: tick.aux)
        if tick.side == .bid {
            bids.set(tick.price, size: tick.size, orders: orders)
        } else {
            asks.set(tick.price, size: tick.size, orders: orders)
        }
    }

    private mutating func setBest(_ tick: Tick) {
        quoteSequence = tick.sequence
        quoteAt = Stamp(tick)
        let best = Best(price: tick.price, size: tick.size, orders: tick.aux)
        if tick.side == .bid { bid = best } else { ask = best }
    }

    private mutating func addTrade(_ tick: Tick) {
        lastTrade = tick
        lastBreak = nil
        // The last trade again, not one more: statistics and bars come in ticks of their own.
        guard !tick.flags.contains(.snapshot) else { return statistics.restore(last: tick.price) }
        tradeSequence = tick.sequence
        if nextTradeStartsDay {
            statistics = DayStatistics()
            nextTradeStartsDay = false
        }
        statistics.add(price: tick.price, size: tick.size)
        second.add(
            price: tick.price, size: tick.size, number: tick.sequence, at: tick.eventTime,
            .second)
        minute.add(
            price: tick.price, size: tick.size, number: tick.sequence, at: tick.eventTime,
            .minute)
    }

    private mutating func takeBack(_ tick: Tick) {
        tradeSequence = tick.sequence
        lastBreak = tick
        guard !tick.flags.contains(.snapshot) else { return }
        statistics.remove(price: tick.price, size: tick.size)
        if tick.flags.contains(.inOpenSecond) { second.remove(price: tick.price, size: tick.size) }
        if tick.flags.contains(.inOpenMinute) { minute.remove(price: tick.price, size: tick.size) }
    }

    private mutating func setStatus(_ tick: Tick) {
        statusSequence = tick.sequence
        statusAt = Stamp(tick)
        status = tick.aux
    }

    /// `aux` 1: the book alone.
    private mutating func clear(_ tick: Tick) {
        bookSequence = tick.sequence
        bookAt = Stamp(tick)
        bids.removeAll()
        asks.removeAll()
        guard tick.aux == 0 else { return }
        nextTradeStartsDay = true
        second.startOver()
        minute.startOver()
    }

    private mutating func restoreStatistics(_ tick: Tick) {
        tradeSequence = tick.sequence
        statistics.restore(tick)
        nextTradeStartsDay = false
    }

    private mutating func closeBar(_ tick: Tick) {
        _ = tick.interval == .second ? second.close(.second) : minute.close(.minute)
    }

    private mutating func restoreBar(_ tick: Tick) {
        let last = lastTrade?.price ?? .zero
        if tick.interval == .second {
            second.restore(tick, after: tradeSequence, last: last)
        } else {
            minute.restore(tick, after: tradeSequence, last: last)
        }
    }
}

extension SymbolImage {
    /// The number that the next tick of that kind has; nil for kinds that count nothing of their own. Of one
    /// event both bests have the same.
    func next(_ kind: Tick.Kind) -> UInt64? {
        switch kind {
        case .level, .clear: bookSequence &+ 1
        case .best: quoteSequence &+ 1
        case .trade, .tradeBreak: tradeSequence &+ 1
        case .status: statusSequence &+ 1
        case .statistics, .barClose, .bar, .symbol, .epoch, .place, .resync: nil
        }
    }
}
