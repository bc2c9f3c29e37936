// One peer: how far its bytes were understood, what it subscribed to, what its socket did not take.
//
// Invariants
//   - No message waits here. Between two turns there are at most the unsent tail of one write and
//     the answers to requests the peer made itself; both are bounded by `Limits`.
//   - An idle connection owns no buffer memory.
import Basics
import Wire

struct Connection: ~Copyable {
    enum Phase: Equatable {
        /// Speaks HTTP/1.1, perhaps for several requests.
        case http
        /// Has subscriptions, and is sent what they bring.
        case streaming
        /// A close frame or a last answer is on its way out; nothing else follows.
        case closing(CloseReason)
    }

    let socket: SocketID
    let peer: PeerAddress
    let opened: Instant
    /// As `welcome` named it; 0 before.
    var session: UInt64 = 0
    /// What it counts as towards limits that many connections share.
    var pass: Pass
    /// Of the page that asked last, where pages of that origin may read the answer.
    var origin: String?
    var phase = Phase.http
    /// The life of the feed that its slots are of: the view's, or an older one until it is told.
    var epoch: UInt32 = 0
    /// How data messages are written; answers are JSON always.
    var encoding = Encoding.json
    /// The connection may carry another request behind the answer to the present one.
    var keepsAlive = true
    /// How messages are framed, once there are any.
    var transport = Transport.http
    /// The window to compress with, as a power of two; 0: compression was not agreed on.
    var deflateBits: UInt8 = 0
    /// Every message is sent back, and there are no others.
    var isEcho = false
    /// The start of a request that has not come whole.
    var inbound = ByteBuffer()
    var reader: WebSocketReader
    /// Answers, pongs, heartbeats: they go ahead of data.
    var control = ByteBuffer()
    /// What the socket did not take of the last write.
    var tail = ByteBuffer()
    /// How much of the tail ends the frame that the peer has the beginning of, with the answers behind
    /// it: where new answers go, so that they overtake data and not each other.
    var tailHead = 0
    /// How long the tail was when the socket stopped taking bytes; what it has more are answers.
    var parkedBytes = 0
    /// Since when there is something that the socket has not taken.
    var blockedSince: Instant?
    /// When a blocked socket took its last bytes.
    var lastProgress = Instant.zero

    var subscriptions: Subscriptions
    /// Classes that were due when nothing could be written, and wait for a pass over the slots.
    var waiting: UInt32 = 0
    /// Classes whose pass was cut short by the size of a write, and what is left of it.
    var unfinished: UInt32 = 0
    /// In the loop's list of those with more to write: once, or it would write more often than others.
    var isListed = false
    var rest = SlotRange(first: 0, last: 0)
    var nextSlot = 0
    /// What the peer wants to be sent at most, in thousands of bits a second; 0: no such limit.
    var kilobits: Int32 = 0
    /// Until then its data waits, so that it is not sent more.
    var heldUntil = Instant.zero
    /// Up to here on the tape it was written everything that is never conflated.
    var safePosition: UInt64 = 0
    /// The earliest cursor of those slots whose past is not here yet.
    var resumesFrom = UInt64.max
    /// Not all of what it asked for is subscribed to: until then its cursor stays.
    var isBeginning = false

    /// What it may read; nil: nothing, until it says who it is.
    var grant: Grant?
    /// When there is something to be done about its token (`TokenLife`).
    var tokenDue = Instant.never
    /// It was told that its token is about to end.
    var isExpiring = false
    /// Tokens tried that were not believed.
    var authFailures = 0

    /// The request's, the long poll's or the closing handshake's deadline; where messages stream, when
    /// the server wants to be rid of it.
    var deadline: Instant
    /// Until when the message that has begun must be whole.
    var messageDue = Instant.never
    /// How much it may send.
    var input = TokenBucket()
    /// When to ask for a sign of life or, having asked, to believe that there is none.
    var life = Instant.never
    var awaitsPong = false
    var nextHeartbeat = Instant.never
    var lastHeartbeat = Instant.zero
    var messages: UInt64 = 0
    var messagesAtHeartbeat: UInt64 = 0
    var merged: UInt64 = 0
    var operations: OperationBudget

    init(_ socket: SocketID, _ peer: PeerAddress, _ pass: Pass, limits: Limits, now: Instant) {
        self.socket = socket
        self.peer = peer
        opened = now
        self.pass = pass
        subscriptions = Subscriptions(dice: (socket.raw &+ 1) &* 2_654_435_761)
        reader = WebSocketReader(role: .server, messageMax: limits.messageBytes)
        reader.fragmentsMax = limits.fragments
        deadline = now + limits.requestDeadline
        operations = OperationBudget(perSecond: limits.operationsPerSecond, now: now)
    }

    /// True from the upgrade to the end.
    var isWebSocket: Bool { transport == .webSocket }

    /// Answers that may wait for a peer that does not read them.
    func answersMax(_ limits: Limits) -> Int { isEcho ? Echo.answersMax : limits.controlBytes }

    /// True from a write that was taken in part until all of it is out.
    var isBlocked: Bool { blockedSince != nil }

    /// Bytes gathered for one write. Under a limit of bandwidth a tenth of a second's worth, so that
    /// what waits meanwhile is replaced by newer versions instead of being sent first.
    func writeMax(_ limits: Limits) -> Int {
        kilobits == 0 ? limits.writeBytes : min(limits.writeBytes, Int(kilobits) * 1_000 / 80)
    }

    /// Writes wait for their time, as `heldUntil` says.
    var isHeld: Bool { kilobits != 0 || transport == .poll }

    /// Something was due and has not been looked at.
    var isOwed: Bool { waiting | unfinished != 0 }

    /// When something has to be done about this connection even if nothing happens.
    func wake(limits: Limits) -> Instant {
        switch phase {
        case .http, .closing: deadline
        case .streaming where isBlocked:
            min(
                min(deadline, messageDue, tokenDue),
                limits.stall == .zero ? .never : lastProgress + limits.stall)
        case .streaming:
            min(
                min(subscriptions.due, nextHeartbeat, life), min(deadline, messageDue, tokenDue),
                isOwed && isHeld ? heldUntil : .never)
        }
    }

    /// Sets when a message that has begun must be whole, from its first byte on.
    mutating func expectMessage(within span: Nanoseconds, _ now: Instant) {
        guard reader.isMidway else { return messageDue = .never }
        messageDue = min(messageDue, now + span)
    }
}

/// How many operations a peer may still make: a bucket that fills with time.
struct OperationBudget {
    private let perSecond: Int
    private var left: Int
    private var counted: Instant
    /// Operations refused since the bucket was full.
    private(set) var refused = 0

    init(perSecond: Int, now: Instant) {
        self.perSecond = perSecond
        left = perSecond
        counted = now
    }

    /// False when the peer is over its rate.
    mutating func take(now: Instant) -> Bool {
        let interval = 1_000_000_000 / Int64(max(1, perSecond))
        let earned = (now - counted).raw / interval
        if earned > 0 {
            left = Int(min(Int64(perSecond), Int64(left) + earned))
            counted = counted + Nanoseconds(raw: earned * interval)
            if left == perSecond { refused = 0 }
        }
        guard left > 0 else {
            refused += 1
            return false
        }
        left -= 1
        return true
    }

    /// What an operation cost besides itself: owed before the next one.
    mutating func charge(_ operations: Int) { left -= operations }
}
