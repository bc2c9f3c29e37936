// Which descriptor belongs to which id, and which ids are free.
//
// Invariants
//   - An id that was closed in a turn is given out again only after `recycle`, at the turn's end:
//     an event still waiting in the batch can never hit the socket that came after.
//   - A slot's generation changes with every socket in it, and is part of the tag that epoll hands
//     back. A tag that is not the slot's present one belongs to a socket that has gone.
//   - No id is `maximum` or more.

/// What epoll hands back: a slot and which of the slot's sockets. Generation 0 is no socket's.
struct SocketTag: Hashable {
    let raw: UInt64
    init(raw: UInt64) { self.raw = raw }
    init(_ socket: SocketID, generation: UInt32) { raw = UInt64(generation) << 32 | UInt64(socket.raw) }

    static let listener = SocketTag(raw: 1)
    static let bell = SocketTag(raw: 2)
    /// A connection that no slot was there for, by its number: unlike that of any other in the same second.
    static func refused(_ number: UInt64) -> SocketTag { SocketTag(raw: 1 << 20 | number & 0xf_ffff) }

    var socket: SocketID { SocketID(UInt32(truncatingIfNeeded: raw)) }
    var generation: UInt32 { UInt32(raw >> 32) }
}

/// A class with plain memory behind it: a send looks a socket up without asking who else does.
final class SocketTable {
    /// 16 bytes a socket.
    struct Slot {
        var descriptor: Int32 = -1
        var generation: UInt32 = 0
        /// A send took less than offered; `writable` is owed.
        var isBlocked = false
        /// In the list of sockets that are read on without waiting.
        var isUnfinished = false
        /// The peer sends nothing more: read on until the end shows.
        var isHungUp = false
        /// A send failed; `closed` is owed.
        var hasFailed = false
        /// Speaks TLS: `SecureSockets` has its session.
        var isSecure = false

        var isOpen: Bool { descriptor >= 0 }
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let maximum: Int
    /// Slots that ever held a socket.
    private var used = 0
    private var free: [SocketID] = []
    private var retired: [SocketID] = []

    init(maximum: Int) {
        self.maximum = maximum
        slots = .allocate(capacity: max(1, maximum))
        slots.initialize(repeating: Slot(), count: maximum)
    }
    deinit { slots.deallocate() }

    var openCount: Int { used - free.count - retired.count }
    var hasRoom: Bool { !free.isEmpty || used < maximum }

    subscript(socket: SocketID) -> Slot {
        @inline(__always) get { slots[socket.index] }
        @inline(__always) _modify { yield &slots[socket.index] }
    }

    @inline(__always)
    func isOpen(_ socket: SocketID) -> Bool {
        socket.index < maximum && slots[socket.index].isOpen
    }

    func tag(of socket: SocketID) -> SocketTag {
        SocketTag(socket, generation: slots[socket.index].generation)
    }

    /// The socket a tag was made for, unless it has gone.
    func live(_ tag: SocketTag) -> SocketID? {
        let socket = tag.socket
        return isOpen(socket) && slots[socket.index].generation == tag.generation ? socket : nil
    }

    /// An id for a new socket. The caller has seen that there `hasRoom`.
    func open(_ descriptor: Int32) -> SocketID {
        precondition(hasRoom)
        let socket = free.popLast() ?? SocketID(UInt32(used))
        if socket.index == used { used += 1 }
        let generation = slots[socket.index].generation &+ 1
        slots[socket.index] = Slot(descriptor: descriptor, generation: generation == 0 ? 1 : generation)
        return socket
    }

    /// Takes the descriptor out; the id waits for `recycle`.
    func retire(_ socket: SocketID) -> Int32 {
        let descriptor = slots[socket.index].descriptor
        slots[socket.index].descriptor = -1
        retired.append(socket)
        return descriptor
    }

    /// Makes the ids of the dead free. Returns how many.
    func recycle() -> Int {
        guard !retired.isEmpty else { return 0 }
        defer { retired.removeAll(keepingCapacity: true) }
        free.append(contentsOf: retired)
        return retired.count
    }

    /// Takes every descriptor out, for the end of it all.
    func drain() -> [Int32] {
        let open = (0..<used).filter { slots[$0].isOpen }
        defer { for index in open { slots[index].descriptor = -1 } }
        return open.map { slots[$0].descriptor }
    }
}
