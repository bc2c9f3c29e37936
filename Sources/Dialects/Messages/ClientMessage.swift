// What a client may say, whatever the encoding of the answers.
import Basics
import Market

/// The client's own name for a request; the answer repeats it.
public enum MessageID: Hashable, Sendable {
    case text(String)
    case number(Int64)
}

public struct ClientMessage: Hashable, Sendable {
    public var id: MessageID?
    public var operation: Operation

    public enum Operation: Hashable, Sendable {
        case subscribe(Subscribe)
        case set(Change)
        case unsubscribe(Selection)
        case list
        case ping
        /// Nil where the message had no token.
        case auth(token: String?)
    }

    /// Which subscriptions a message is about: of a channel, of an interval where it is bars, of
    /// symbols by name or by a pattern (`BRK*`, `*`). Nil: of any.
    public struct Selection: Hashable, Sendable {
        public var channel: Channel?
        public var interval: BarInterval?
        public var symbols: [String]
        public init(channel: Channel?, interval: BarInterval? = nil, symbols: [String]) {
            self.channel = channel
            self.interval = interval
            self.symbols = symbols
        }
    }

    /// Changes that keep the chain of versions.
    public enum Change: Hashable, Sendable {
        case rate(Rate, of: Selection)
        /// What the connection may be sent in thousands of bits a second; nil: no such limit.
        case kilobits(Int?)
    }

    public struct Subscribe: Hashable, Sendable {
        public var channel: Channel
        public var symbols: [String]
        /// Nil: the standard, or less where the token allows less. As with `depth`.
        public var rate: Rate?
        public var mode: TradeMode
        /// Levels a side of `book`.
        public var depth: Int?
        /// `book` messages bring the CRC-32 of the book they lead to.
        public var checksum: Bool
        public var interval: BarInterval
        /// Adds `recv` and `sent` to each message.
        public var stamps: Bool
        /// Rather than lose something to a gap, be closed with 4408.
        public var closesWhenSlow: Bool
        /// The cursor to go on from.
        public var resume: Cursor?

        public static let depthStandard = 10
        public static let depthMax = 50

        public init(
            channel: Channel, symbols: [String], rate: Rate? = nil, mode: TradeMode = .every,
            depth: Int? = nil, checksum: Bool = false, interval: BarInterval = .minute,
            stamps: Bool = false, closesWhenSlow: Bool = false, resume: Cursor? = nil
        ) {
            self.channel = channel
            self.symbols = symbols
            self.rate = rate
            self.mode = mode
            self.depth = depth
            self.checksum = checksum
            self.interval = interval
            self.stamps = stamps
            self.closesWhenSlow = closesWhenSlow
            self.resume = resume
        }
    }

    public init(id: MessageID? = nil, _ operation: Operation) {
        self.id = id
        self.operation = operation
    }
}

/// A message that was not understood: what is sent back as `error`.
public struct ClientFault: Error, Hashable, Sendable {
    public let id: MessageID?
    public let code: ErrorCode
    public let message: String
    public init(_ code: ErrorCode, _ message: String, id: MessageID? = nil) {
        self.id = id
        self.code = code
        self.message = message
    }
}
