// All that is known of a symbol, as a line of a pipe tells it and a condition asks for it.
import Basics
import Dialects
import Market

public struct PipeRow: Hashable, Sendable {
    public var symbol: String
    /// Nil: none came yet. As the others.
    public var quote: QuoteMessage?
    public var stats: StatsMessage?
    /// The market's word: `trading`, `halted`, `paused`, `auction`, `closed`.
    public var market: String?
    /// How far its feed can be trusted: `live`, `quiet`, `stale`, `suspect`.
    public var feed: String?
    /// Since anything was heard of it.
    public var age: Nanoseconds?

    public init(
        symbol: String, quote: QuoteMessage? = nil, stats: StatsMessage? = nil, market: String? = nil,
        feed: String? = nil, age: Nanoseconds? = nil
    ) {
        self.symbol = symbol
        self.quote = quote
        self.stats = stats
        self.market = market
        self.feed = feed
        self.age = age
    }

    /// What a line of text does not tell: two rows that differ in nothing else have the same line.
    public mutating func forgetUnprinted() {
        quote?.version.forget()
        stats = stats.map { stats in
            var told = stats
            told.version.forget()
            (told.high, told.low, told.volumeE8, told.vwap, told.count) = (.zero, .zero, nil, nil, 1)
            return told
        }
        if market == "trading" { market = nil }
        if feed == "live" { feed = nil }
    }

    /// Trading, live, and no price yet: nothing to tell but its name.
    public var isBlank: Bool {
        quote == nil && stats == nil && (market ?? "trading") == "trading" && (feed ?? "live") == "live"
    }

    /// Both words in one: what the market forbids counts first, then how far the feed can be trusted.
    /// `closed`, `halted` (paused, too), or the feed's.
    public var state: String? {
        switch market {
        case "closed": "closed"
        case "halted", "paused": "halted"
        default: feed
        }
    }

    /// Change against the day's first trade in hundredths of a percent, rounded half away from zero.
    public var changeBasisPoints: Int64? {
        guard let stats, let exact = PipeRow.ratio(stats.change.e9, stats.open.e9, by: 10_000) else {
            return nil
        }
        return Int64(exactly: exact)
    }

    /// The change in percent, in units of 1e-9, rounded half away from zero.
    public var percentE9: Int128? {
        guard let stats else { return nil }
        return PipeRow.ratio(stats.change.e9, stats.open.e9, by: 100_000_000_000)
    }

    /// Ask less bid in hundredths of a percent of the middle, in units of 1e-9, rounded as `percentE9`.
    public var spreadE9: Int128? {
        guard let bid = quote?.bid, let ask = quote?.ask else { return nil }
        return PipeRow.ratio(
            Int128(ask.e9) - Int128(bid.e9), Int128(bid.e9) + Int128(ask.e9), by: 20_000_000_000_000)
    }

    private static func ratio(_ part: some BinaryInteger, _ whole: some BinaryInteger, by scale: Int128)
        -> Int128?
    {
        let whole = Int128(whole)
        guard whole != 0 else { return nil }
        let doubled = Int128(part) * scale * 2
        return (doubled + ((doubled < 0) == (whole < 0) ? whole : -whole)) / (2 * whole)
    }
}

extension Version {
    fileprivate mutating func forget() {
        (sequence, previous, isSnapshot, time, received, sent) = (0, 0, false, .zero, nil, nil)
    }
}
