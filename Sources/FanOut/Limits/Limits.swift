// Every limit of a server on one page. Reaching one has a name, a counter and a clear message.
import Basics

public struct Limits: Hashable, Sendable {
    /// Connections all loops of a server hold together; the next is closed at once.
    public var connections = 20_000
    /// Symbols a connection may be subscribed to.
    public var symbols = 512
    /// Patterns (`BRK*`) a connection may have; each counts as a symbol too.
    public var patterns = 16
    /// Symbols or subscriptions that an operation may look at before it counts as one more.
    public var comparisonsPerOperation = 4_096
    /// Subscriptions of a connection to a symbol's channel, those by patterns included.
    public var slots = 65_536
    /// Subscriptions of all connections of a loop: 24 bytes each.
    public var slotsOfLoop = 4_000_000
    /// Bytes of one client message, all its fragments together.
    public var messageBytes = 65_536
    /// Operations a connection may make a second; a second's worth may come at once.
    public var operationsPerSecond = 50
    /// Operations above that rate that are answered with `limit_rate` before 4429 closes.
    public var operationsRefusedMax = 200
    /// Answers waiting for a client that does not read them.
    public var controlBytes = 65_536
    /// Bytes gathered for one write; what does not fit goes with the next turn. Less under `max_kbps`.
    public var writeBytes = 65_536
    /// How long a socket may take nothing before 4408 closes it; zero: for ever.
    public var stall = Nanoseconds.seconds(30)
    /// Time between two heartbeats.
    public var heartbeat = Nanoseconds.seconds(1)
    /// Time a connection has for its first complete request, and between requests.
    public var requestDeadline = Nanoseconds.seconds(10)
    /// Time a WebSocket has to say who it is, where that takes a token.
    public var authDeadline = Nanoseconds.seconds(5)
    /// Tokens a connection may try before 1008 closes it.
    public var authFailuresMax = 3
    /// How long before its token ends a connection is told.
    public var expiryNotice = Nanoseconds.seconds(60)
    /// Time a peer has to answer a closing handshake.
    public var closeDeadline = Nanoseconds.seconds(5)
    /// How long a WebSocket may say nothing before it is pinged; zero: it never is.
    public var ping = Nanoseconds.seconds(20)
    /// Time a peer has to answer a ping, with whatever frame.
    public var pong = Nanoseconds.seconds(10)
    /// Time between two comments of an event stream.
    public var comment = Nanoseconds.seconds(15)
    /// Time a long poll waits for something new.
    public var poll = Nanoseconds.seconds(25)
    /// Bytes of one long poll's answer, about; what is left comes with the next.
    public var pollBytes = 262_144
    /// Clients that are to come back each second after a server has sent them away.
    public var reconnectsPerSecond = 500
    /// Ticks applied before a turn looks at its subscribers.
    public var ticksPerTurn = 65_536

    public init() {}
}
