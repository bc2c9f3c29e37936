// Every limit of a server on one page. Reaching one has a name, a counter and a clear message.
//
// Per-address limits take an IPv6 address by its first 64 bits, which is what one customer has, and do not
// hold for loopback unless a trusted proxy says for whom it asks.
import Basics
import Dialects
import Wire

/// What is kept from one client for the sake of the others. A new value has tickerd's defaults.
public struct Limits: Hashable, Sendable {
    // MARK: Who may connect, and how often

    /// Connections all loops of a server hold together; the next is answered 503.
    public var connections = 20_000
    /// Connections of one address; the next is answered 429.
    public var connectionsPerAddress = 256
    /// Streams of one token's subject; the next is closed with 1013, or answered 429.
    public var connectionsPerSubject = 64
    /// WebSocket handshakes and starts of other streams a second, all clients together: half of them may
    /// come at once. Of every other rate a second's worth may.
    public var handshakesPerSecond = 2_000
    /// The same of one address.
    public var handshakesPerAddress = 20
    /// HTTP requests a second of one address.
    public var requestsPerAddress = 50
    /// Resident bytes of the process above which nobody new is let in; 0: as much as there is.
    public var memoryBytes = 0
    /// Addresses and subjects remembered; the one heard of longest ago goes first.
    public var limitTableEntries = 65_536
    /// What `Retry-After` says where no bucket knows better.
    public var retryAfter = Nanoseconds.seconds(5)

    // MARK: What a connection may have

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

    // MARK: What a client may send

    /// A request's head: 8,192 bytes, 64 fields, 2,048 bytes of target.
    public var http = HTTPLimits()
    /// Bytes of one client message, all its fragments together.
    public var messageBytes = 65_536
    /// Frames that one client message may come in.
    public var fragments = 1_024
    /// Operations a connection may make a second; a second's worth may come at once.
    public var operationsPerSecond = 50
    /// Operations above that rate that are answered with `limit_rate` before 4429 closes.
    public var operationsRefusedMax = 200
    /// Bytes a connection may send a second after its upgrade; four seconds' worth may come at once.
    public var inputBytesPerSecond = 262_144

    // MARK: What waits for a client

    /// Answers waiting for a client that does not read them.
    public var controlBytes = 65_536
    /// Bytes gathered for one write; what does not fit goes with the next turn. Less under `max_kbps`.
    public var writeBytes = 65_536

    // MARK: Deadlines

    /// How long a socket may take nothing before 4408 closes it; zero: for ever.
    public var stall = Nanoseconds.seconds(30)
    /// Time between two heartbeats.
    public var heartbeat = Nanoseconds.seconds(1)
    /// Time for a request to come whole, from the first byte or the connection's begin.
    public var requestDeadline = Nanoseconds.seconds(10)
    /// Time a WebSocket has to say who it is, where that takes a token.
    public var authDeadline = Nanoseconds.seconds(5)
    /// Tokens a connection may try before 1008 closes it.
    public var authFailuresMax = 3
    /// How long before its token ends a connection is told.
    public var expiryNotice = Nanoseconds.seconds(60)
    /// Time between an answer and the next request's first byte; the answer is to be read in it, too.
    public var idleDeadline = Nanoseconds.seconds(30)
    /// Time for a message to come whole, from its first byte.
    public var messageDeadline = Nanoseconds.seconds(30)
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

    // MARK: A turn, and the end

    /// Bytes of one long poll's answer, about; what is left comes with the next.
    public var pollBytes = 262_144
    /// Clients that are to come back each second after a server has sent them away.
    public var reconnectsPerSecond = 500
    /// Ticks applied before a turn looks at its subscribers.
    public var ticksPerTurn = 65_536

    public init() {}
}
