// What a client may say, whatever the encoding of the answers.

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
        /// Changes options of what is subscribed already; nil leaves one as it is.
        case set(channel: Channel?, symbols: [String], rate: Rate)
        case unsubscribe(channel: Channel, symbols: [String])
        case list
        case ping
        case auth
    }

    public struct Subscribe: Hashable, Sendable {
        public var channel: Channel
        public var symbols: [String]
        public var rate: Rate
        public var mode: TradeMode
        /// Adds `recv` and `sent` to each message.
        public var stamps: Bool
        public init(
            channel: Channel, symbols: [String], rate: Rate = .standard, mode: TradeMode = .every,
            stamps: Bool = false
        ) {
            self.channel = channel
            self.symbols = symbols
            self.rate = rate
            self.mode = mode
            self.stamps = stamps
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
