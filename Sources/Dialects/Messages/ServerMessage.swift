// What a server says, as a reader understands it: tickwatch, bench and tests decode into this.
import Basics
import Market

/// What each data message carries besides its own fields.
public struct Version: Hashable, Sendable {
    public var symbol: String
    public var sequence: UInt64
    /// The version this subscription was sent before; 0 on a snapshot.
    public var previous: UInt64
    public var isSnapshot: Bool
    /// The source's time of the event.
    public var time: Timestamp
    /// The server's clock when the bytes went to the socket, where `stamps` was asked for.
    public var sent: Timestamp?
}

public struct QuoteMessage: Hashable, Sendable {
    public var version: Version
    public var bid: Price?
    public var bidSize: Quantity?
    public var ask: Price?
    public var askSize: Quantity?
    public var isCrossed: Bool
}

public struct TradeMessage: Hashable, Sendable {
    public var version: Version
    public var price: Price
    public var size: Quantity
    public var aggressor: Side?
    public var tradeID: String?
    /// What `mode: latest` merged; nil on a single trade.
    public var merged: Merged?

    public struct Merged: Hashable, Sendable {
        public var count: UInt64
        public var high: Price
        public var low: Price
    }
}

/// A trade taken back by its source: a version of the trade channel, and no trade.
public struct BreakMessage: Hashable, Sendable {
    public var version: Version
    /// The `trade_id` it had.
    public var tradeID: String
    /// Nil, both, where the source does not say.
    public var price: Price?
    public var size: Quantity?
}

/// Levels of a book: all of them on a snapshot, else those that changed since `previous`.
public struct BookMessage: Hashable, Sendable {
    public var version: Version
    /// Best first on a snapshot, in no order otherwise; size 0 removes the level.
    public var bids: [Level]
    public var asks: [Level]
    /// CRC-32 of the reader's own book after this message, where `crc` was asked for.
    public var crc: UInt32?
    public var isCrossed: Bool
}

public struct BarMessage: Hashable, Sendable {
    public var version: Version
    public var interval: BarInterval
    /// When the interval began, by the source's clock.
    public var start: Timestamp
    public var open: Price
    public var high: Price
    public var low: Price
    public var close: Price
    /// Units of 1e-8; nil where 64 bits are too few.
    public var volumeE8: Int64?
    public var vwap: Price?
    public var count: UInt64
    /// The interval is over: this bar is final.
    public var isClosed: Bool
}

public struct StatusMessage: Hashable, Sendable {
    public var version: Version
    /// `trading`, `halted`, `paused`, `auction`, `closed`.
    public var market: String
    /// `live`, `quiet`, `stale`, `suspect`.
    public var feed: String
    public var reason: String
}

public struct StatsMessage: Hashable, Sendable {
    public var version: Version
    public var open: Price
    public var high: Price
    public var low: Price
    public var last: Price
    public var change: Price
    /// Units of 1e-8; nil where 64 bits are too few.
    public var volumeE8: Int64?
    public var vwap: Price?
    public var count: UInt64
}

public enum ServerMessage: Hashable, Sendable {
    case welcome(epoch: String, server: String, heartbeat: Nanoseconds)
    /// `resume`: where to go on after a break, as in `heartbeat`.
    case ack(id: MessageID?, symbols: [String], refused: [Refusal], resume: Cursor?)
    case quote(QuoteMessage)
    case trade(TradeMessage)
    case broken(BreakMessage)
    case stats(StatsMessage)
    case book(BookMessage)
    case bar(BarMessage)
    case status(StatusMessage)
    /// Versions `from...to` of a symbol's channel are lost to this subscription.
    case gap(symbol: String, channel: String, from: UInt64, to: UInt64, reason: String)
    /// A new life of the feed: all that was told before is void, and versions count anew.
    case epoch(String, reason: String)
    case heartbeat(lag: Nanoseconds, buffered: Int, merged: UInt64, resume: Cursor?)
    case pong(id: MessageID?)
    case subscriptions([String])
    case error(id: MessageID?, code: String, message: String)
    case goodbye(code: String, reconnectAfter: Nanoseconds?)
    /// A type of a later version of the protocol: to be ignored.
    case unknown(type: String)

    public struct Refusal: Hashable, Sendable {
        public var symbol: String
        public var code: String
    }
}
