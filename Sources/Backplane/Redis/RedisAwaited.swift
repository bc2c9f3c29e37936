// What replies are still to come, in the order of their commands: Redis answers in order, and says of no
// answer what it is to. What is pushed is not among them.

/// The replies to one command, or to one transaction.
struct RedisAwaited {
    enum Kind: UInt8 {
        // The connection's own.
        case hello
        case select
        case pong
        // Who publishes: one command; MULTI to EXEC; a mark; the lease.
        case single
        case transaction
        case mark
        case lease
        // Who follows.
        case picture
        // The same without a transaction.
        case length
        case value
        case events
        case directory
        case complaint
    }

    let kind: Kind
    /// Lines that come before the reply itself: `+OK` and `+QUEUED`s.
    var lines: UInt8 = 0
    /// How long the list is that EXEC answers with.
    var elements: UInt8 = 0
    /// A mark's.
    var number: UInt64 = 0
}

/// A ring that grows, since what waits for replies is bounded by what waits for the socket.
struct RedisQueue {
    private var slots: [RedisAwaited] = Array(repeating: RedisAwaited(kind: .pong), count: 64)
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    var first: RedisAwaited {
        get {
            precondition(count > 0)
            return slots[head]
        }
        set {
            precondition(count > 0)
            slots[head] = newValue
        }
    }

    mutating func append(_ awaited: RedisAwaited) {
        if count == slots.count { grow() }
        slots[(head + count) & (slots.count - 1)] = awaited
        count += 1
    }

    mutating func removeFirst() {
        precondition(count > 0)
        head = (head + 1) & (slots.count - 1)
        count -= 1
    }

    mutating func removeAll() {
        head = 0
        count = 0
    }

    private mutating func grow() {
        slots = Array(slots[head...]) + Array(slots[..<head]) + slots
        head = 0
    }
}
