// Closing so that the last words arrive.
//
// A descriptor closed while the peer's bytes are still unread or on their way sends a reset, and a
// reset destroys what the peer has not read yet: the 413 before the body's end, the close frame
// before the rest of a message. So a close says FIN first and reads on for a while, throwing away
// what comes, until the peer closes as well (RFC 9112 §9.6, RFC 6455 §7.1.1).
//
// Invariants
//   - None lingers longer than a second, and no more than 1,024 do: beyond that the oldest goes.
//   - Their ids are free already: epoll's tag is all that is known of them.
import Basics

struct Lingering {
    static let patience = Nanoseconds.seconds(1)
    static let countMax = 1_024

    private var descriptors: [SocketTag: Int32] = [:]
    /// In the order of their deadlines, since all wait equally long. May name some that have gone.
    private var queue: [(tag: SocketTag, until: Instant)] = []
    private var head = 0

    var count: Int { descriptors.count }
    var nextDeadline: Instant { head < queue.count ? queue[head].until : .never }

    subscript(tag: SocketTag) -> Int32? { descriptors[tag] }

    mutating func add(_ tag: SocketTag, _ descriptor: Int32, now: Instant) {
        shutDownSending(descriptor)
        descriptors[tag] = descriptor
        queue.append((tag, now + Lingering.patience))
        while descriptors.count > Lingering.countMax { dropOldest() }
    }

    mutating func finish(_ tag: SocketTag) {
        guard let descriptor = descriptors.removeValue(forKey: tag) else { return }
        closeDescriptor(descriptor)
    }

    mutating func expire(now: Instant) {
        while nextDeadline <= now { dropOldest() }
    }

    mutating func finishAll() {
        while head < queue.count { dropOldest() }
    }

    private mutating func dropOldest() {
        finish(queue[head].tag)
        head += 1
        // What has gone is forgotten in strides, not by shifting the queue each time.
        guard head == queue.count || head > Lingering.countMax else { return }
        queue.removeFirst(head)
        head = 0
    }
}
