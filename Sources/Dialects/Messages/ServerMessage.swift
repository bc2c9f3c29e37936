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
    /// The server's clock when its ingest had it, where `stamps` was asked for.
    public var received: Timestamp?
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

/// What a connection begins with.
public struct WelcomeMessage: Hashable, Sendable {
    public var epoch: String
    /// Name and version, as `tickerd/0.1.0`.
    public var server: String
    /// How often a heartbeat comes.
    public var heartbeat: Nanoseconds
    /// `sim` or `replay`; empty where the server does not say.
    public var clockMode: String
    /// The replay's factor in thousandths; nil: unpaced, or not said.
    public var clockSpeedMilli: Int64?
}

/// The answer to `subscribe`, `set`, `unsubscribe` and `auth`.
public struct AckMessage: Hashable, Sendable {
    public var id: MessageID?
    /// Of what it is the answer to; nil where that was about none.
    public var channel: Channel?
    /// What was granted.
    public var rate: Rate?
    /// For which it was done.
    public var symbols: [String]
    public var refused: [ServerMessage.Refusal]
    /// The cursor asked for was of this epoch; nil where none was.
    public var resumed: Bool?
    /// Where to go on after a break, as in `heartbeat`.
    public var resume: Cursor?
}

/// What a connection is told about itself once a second.
public struct HeartbeatMessage: Hashable, Sendable {
    /// The server's clock.
    public var time: Timestamp
    /// How long there has been something that the socket did not take.
    public var lag: Nanoseconds
    /// Bytes of it that still wait.
    public var buffered: Int
    /// Versions replaced by newer ones since the connection began.
    public var merged: UInt64
    /// Sum of all subscriptions' rates in thousandths of an update a second; nil: `max` is among them.
    public var askedMilli: Int64?
    /// Data messages a second since the heartbeat before, in tenths.
    public var sentTenths: Int64
    public var resume: Cursor?
}

/// Versions `from...to` of a symbol's channel are lost to this subscription.
public struct GapMessage: Hashable, Sendable {
    public var symbol: String
    public var channel: String
    /// Of bars.
    public var interval: BarInterval?
    public var from: UInt64
    public var to: UInt64
    public var reason: String

    /// - Parameter interval: of bars.
    public init(
        symbol: String, channel: String, interval: BarInterval? = nil, from: UInt64, to: UInt64,
        reason: String
    ) {
        self.symbol = symbol
        self.channel = channel
        self.interval = interval
        self.from = from
        self.to = to
        self.reason = reason
    }
}

public enum ServerMessage: Hashable, Sendable {
    case welcome(WelcomeMessage)
    case ack(AckMessage)
    case quote(QuoteMessage)
    case trade(TradeMessage)
    case broken(BreakMessage)
    case stats(StatsMessage)
    case book(BookMessage)
    case bar(BarMessage)
    case status(StatusMessage)
    case gap(GapMessage)
    /// A new life of the feed: all that was told before is void, and versions count anew.
    case epoch(String, reason: String)
    case heartbeat(HeartbeatMessage)
    /// `time`: the server's clock.
    case pong(id: MessageID?, time: Timestamp?)
    case subscriptions([String])
    case error(id: MessageID?, code: String, message: String)
    case goodbye(code: String, reconnectAfter: Nanoseconds?)
    /// The token ends soon.
    case expiring(at: Timestamp)
    /// A type of a later version of the protocol: to be ignored.
    case unknown(type: String)

    public struct Refusal: Hashable, Sendable {
        public var symbol: String
        public var code: String
    }
}

extension ServerMessage {
    /// What data messages have, and no other.
    public var version: Version? {
        switch self {
        case .quote(let message): message.version
        case .trade(let message): message.version
        case .broken(let message): message.version
        case .stats(let message): message.version
        case .book(let message): message.version
        case .bar(let message): message.version
        case .status(let message): message.version
        default: nil
        }
    }

    /// Of data messages: on which channel they come.
    public var channel: Channel? {
        switch self {
        case .quote: .quote
        case .trade, .broken: .trade
        case .stats: .stats
        case .book: .book
        case .bar: .bar
        case .status: .status
        default: nil
        }
    }
}
