// What is known of one watched symbol, from the stream alone.
import Basics
import Dialects
import Market

public struct Instrument: Hashable, Sendable {
    public let symbol: String
    public internal(set) var quote: QuoteMessage?
    public internal(set) var stats: StatsMessage?
    public internal(set) var status: StatusMessage?
    /// The server's code where it refused the symbol.
    public internal(set) var refusal: String?
    /// When the last message came, on our clock.
    public internal(set) var updated: Instant?
    public internal(set) var spark = Sparkline()
    /// Where the last price went when it moved last, and until when that is shown as new.
    public internal(set) var move = Move.none
    public internal(set) var flashEnd = Instant.zero
    /// The newest version of each channel, by the channel's raw value: what `prev` has to continue.
    var versions: [6 of UInt64] = [0, 0, 0, 0, 0, 0]
    /// An alert's condition holds.
    public internal(set) var alert: String?

    public enum Move: Hashable, Sendable { case none, up, down }

    init(_ symbol: String) { self.symbol = symbol }

    // MARK: Facts

    public var last: Price? { stats.flatMap { $0.count > 0 ? $0.last : nil } }
    public var change: Price? { stats.flatMap { $0.count > 0 ? $0.change : nil } }

    /// Of the day, in hundredths of a percent of the first trade's price, rounded half away from zero.
    public var changeBasisPoints: Int64? {
        guard let stats, stats.count > 0, stats.open.e9 > 0 else { return nil }
        return Instrument.ratio(stats.change.e9, stats.open.e9, times: 10_000)
    }

    /// Ask less bid, in thousandths of a percent of the middle between them; negative where they cross.
    public var spreadTenths: Int64? {
        guard let quote, let bid = quote.bid, let ask = quote.ask, bid.e9 > 0, ask.e9 > 0 else { return nil }
        return Instrument.ratio(ask.e9 - bid.e9, bid.e9 / 2 + ask.e9 / 2, times: 100_000)
    }

    private static func ratio(_ part: Int64, _ whole: Int64, times scale: Int128) -> Int64 {
        let doubled = Int128(part) * scale * 2 / Int128(max(1, whole))
        return Int64(clamping: (doubled + (doubled < 0 ? -1 : 1)) / 2)
    }

    public var state: SymbolState {
        if refusal != nil { return .refused }
        guard let status else { return .unknown }
        switch (status.feed, status.market) {
        case ("suspect", _): return .suspect
        case (_, "halted"): return .halted
        case (_, "paused"): return .paused
        case (_, "auction"): return .auction
        case ("stale", _): return .stale
        case ("quiet", _): return .quiet
        case (_, "closed"): return .closed
        default: return .live
        }
    }

    public enum SymbolState: String, Hashable, Sendable {
        case unknown = ""
        case live, quiet, stale, suspect, halted, paused, auction, closed, refused
    }

    /// Forgets what was told: a new life of the feed.
    mutating func forget() {
        (quote, stats, status, updated, alert) = (nil, nil, nil, nil, nil)
        spark = Sparkline()
        move = .none
        versions = [0, 0, 0, 0, 0, 0]
    }

    public static func == (a: Instrument, b: Instrument) -> Bool {
        a.symbol == b.symbol && a.quote == b.quote && a.stats == b.stats && a.status == b.status
            && a.refusal == b.refusal && a.updated == b.updated && a.spark == b.spark && a.move == b.move
            && a.flashEnd == b.flashEnd && a.alert == b.alert
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(symbol) }
}
