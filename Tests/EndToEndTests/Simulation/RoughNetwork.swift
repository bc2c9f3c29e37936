// A network that is as bad as a seed says: delays, bytes cut anywhere, buffers that shrink, resets.
//
// Invariants
//   - Nothing is lost, doubled or reordered in a direction until the link breaks.
//   - To the server it keeps the promises of `Network`: one `writable` for each short send, one
//     `closed` unless the server closed first, no event behind either, ids free a turn later.
//   - Every third link takes a write whole and holds what has no room, as TLS does.
import Basics
import TestSupport
import Wire

/// How a link behaves.
struct LinkManners {
    /// Milliseconds there and back, at most.
    var delayMax = 0
    /// Bytes that both kernels hold for the client.
    var buffer = 1 << 18
    /// The buffer changes now and then.
    var changes = false
    /// Pieces in which the server gets bytes, at most.
    var pieceMax = 1 << 16
}

/// One connection between a client and a loop.
final class Link {
    var manners: LinkManners
    fileprivate let id: Int
    fileprivate var toClient = ByteBuffer()
    fileprivate var toServer = ByteBuffer()
    /// What was taken and not sent, as TLS does it, and when.
    fileprivate var held = ByteBuffer()
    fileprivate var heldSince: Instant?
    /// When what was sent up to a place in the stream arrives, and when it was sent.
    fileprivate var chunks: [(end: Int, arrives: Instant, sent: Instant)] = []
    fileprivate var chunksRead = 0
    fileprivate var requests: [(end: Int, arrives: Instant)] = []
    fileprivate var requestsRead = 0
    fileprivate var written = 0
    /// Bytes of the client that the server was given.
    fileprivate(set) var delivered = 0
    fileprivate var accepted = 0
    fileprivate var taken = 0

    fileprivate var wantsWritable = false
    fileprivate(set) var isClosedByServer = false
    fileprivate var isClosedByClient = false
    fileprivate var isReset = false
    fileprivate var isTold = false
    /// Short sends so far.
    fileprivate(set) var blocks = 0
    /// Since when the server waits to write, and when last it could.
    fileprivate(set) var lastProgress: Instant?
    /// When the server could go on.
    fileprivate(set) var unblocked: [Instant] = []

    fileprivate init(_ id: Int, _ manners: LinkManners) {
        self.id = id
        self.manners = manners
    }

    /// Takes all of a write and keeps what has no room: every third does.
    fileprivate var holds: Bool { id % 3 == 1 }
    /// The server holds bytes that this link did not take.
    var isBlocked: Bool { lastProgress != nil }
    /// There is nothing more to come.
    var isOver: Bool { isReset || (isClosedByServer && toClient.isEmpty) }
    var unread: Int { toClient.count }
}

final class RoughNetwork: Network {
    var now = Instant.zero
    private(set) var links: [Int: Link] = [:]
    private var retired: [Int] = []
    private var free: [Int] = []
    private var next = 0
    private var random: SeededGenerator
    let counters = NetworkCounters()
    /// Bytes the server offered in all, and a sum of them, for telling runs apart.
    private(set) var digest = FNV1a64()
    var isDigesting = false
    private(set) var faults: [String] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Sockets that the server has not let go of.
    var connections: Int { next - free.count }

    // MARK: The server's side

    func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        guard let link = links[socket.index], !link.isClosedByServer else {
            faults.append("the server writes to socket \(socket.index), which it closed")
            return .closed
        }
        if bytes.isEmpty { faults.append("an empty write") }
        if link.wantsWritable { faults.append("a write between a short one and `writable`") }
        guard !link.isReset, !link.isClosedByClient || random.oneIn(2) else { return .closed }
        let room = max(0, link.manners.buffer - link.toClient.count)
        let count = min(bytes.count, room)
        if count > 0 { put(UnsafeRawBufferPointer(rebasing: bytes[..<count]), link, sent: now) }
        if count < bytes.count {
            link.wantsWritable = true
            link.blocks += 1
            if count > 0 || link.lastProgress == nil { link.lastProgress = now }
            if link.holds {
                link.held.append(UnsafeRawBufferPointer(rebasing: bytes[count...]))
                link.heldSince = now
                link.lastProgress = now
                return .buffered
            }
        } else {
            if link.isBlocked { link.unblocked.append(now) }
            link.lastProgress = nil
        }
        return .sent(count)
    }

    private func put(_ piece: UnsafeRawBufferPointer, _ link: Link, sent: Instant) {
        link.toClient.append(piece)
        if isDigesting { digest.add(piece) }
        link.accepted += piece.count
        let arrives = max(now + delay(link), link.chunks.last?.arrives ?? .zero)
        link.chunks.append((link.accepted, arrives, sent))
    }

    /// Sends what is held, as far as there is room. True when the server was told of it.
    private func release(_ link: Link, _ handler: any SocketHandler) -> Bool {
        guard let since = link.heldSince else { return false }
        let count = min(link.held.count, max(0, link.manners.buffer - link.toClient.count))
        guard count > 0 else { return false }
        put(UnsafeRawBufferPointer(rebasing: link.held.readable[..<count]), link, sent: since)
        link.held.consume(count)
        link.lastProgress = now
        guard link.held.isEmpty else {
            handler.progressed(SocketID(UInt32(link.id)))
            return true
        }
        link.heldSince = nil
        link.lastProgress = nil
        link.unblocked.append(now)
        link.wantsWritable = false
        handler.writable(SocketID(UInt32(link.id)))
        return true
    }

    private func delay(_ link: Link) -> Nanoseconds {
        link.manners.delayMax == 0
            ? .zero : .microseconds(random.below(link.manners.delayMax * 1_000 + 1))
    }

    func close(_ socket: SocketID, abort: Bool) {
        guard let link = links[socket.index] else {
            faults.append("the server closes socket \(socket.index) twice")
            return
        }
        link.isClosedByServer = true
        if abort, random.oneIn(2) { link.isReset = true }
        retire(link)
    }

    private func retire(_ link: Link) {
        guard !link.isTold else { return }
        link.isTold = true
        retired.append(link.id)
    }

    /// Tells the server what came, and that there is room: one turn of a reactor.
    ///
    /// - Returns: true where it was told anything.
    func turn(_ handler: any SocketHandler) -> Bool {
        for id in retired {
            links[id] = nil
            free.append(id)
        }
        retired.removeAll(keepingCapacity: true)
        var told = false
        for id in links.keys.sorted() {
            guard let link = links[id], !link.isTold else { continue }
            if link.manners.changes, random.oneIn(40) {
                link.manners.buffer = 200 + random.below(random.oneIn(2) ? 3_000 : 60_000)
            }
            if deliver(link, handler) { told = true }
            if link.heldSince != nil, !link.isTold, !link.isReset {
                if release(link, handler) { told = true }
            } else if link.wantsWritable, !link.isTold, !link.isReset, link.toClient.count < roomMark(link) {
                link.wantsWritable = false
                told = true
                handler.writable(SocketID(UInt32(id)))
            }
            let isGone = link.isReset || (link.isClosedByClient && link.toServer.isEmpty)
            if isGone, !link.isTold {
                retire(link)
                told = true
                handler.closed(SocketID(UInt32(id)))
            }
        }
        return told
    }

    private func roomMark(_ link: Link) -> Int {
        random.oneIn(3) ? link.manners.buffer : max(1, link.manners.buffer / 2)
    }

    private func deliver(_ link: Link, _ handler: any SocketHandler) -> Bool {
        guard !link.toServer.isEmpty, !link.isReset else { return false }
        var there = link.delivered
        while link.requestsRead < link.requests.count, link.requests[link.requestsRead].arrives <= now {
            there = link.requests[link.requestsRead].end
            link.requestsRead += 1
        }
        if link.requestsRead > 0 { there = max(there, link.requests[link.requestsRead - 1].end) }
        let waiting = there - link.delivered
        guard waiting > 0 else { return false }
        let count = min(waiting, 1 + random.below(min(waiting, link.manners.pieceMax)))
        var piece = ByteBuffer()
        piece.append(UnsafeRawBufferPointer(rebasing: link.toServer.readable[..<count]))
        link.toServer.consume(count)
        link.delivered += count
        handler.received(SocketID(UInt32(link.id)), piece.mutable)
        return true
    }

    // MARK: The clients' side

    func connect(_ handler: any SocketHandler, _ manners: LinkManners) -> Link {
        let id = free.popLast() ?? next
        if id == next { next += 1 }
        let link = Link(id, manners)
        links[id] = link
        handler.opened(SocketID(UInt32(id)), peer: PeerAddress(v4: 0x7f00_0001, port: 1))
        return link
    }

    func write(_ link: Link, _ bytes: UnsafeRawBufferPointer) {
        guard !link.isReset, !link.isClosedByClient, bytes.count > 0 else { return }
        link.toServer.append(bytes)
        link.written += bytes.count
        link.requests.append(
            (link.written, max(now + delay(link), link.requests.last?.arrives ?? .zero)))
    }

    /// Takes at most `limit` bytes that have arrived, in pieces that were sent at one time each.
    func read(
        _ link: Link, _ limit: Int, _ take: (UnsafeMutableRawBufferPointer, _ sent: Instant) -> Void
    ) {
        var left = limit
        while left > 0, link.chunksRead < link.chunks.count, !link.isReset {
            let chunk = link.chunks[link.chunksRead]
            guard chunk.arrives <= now else { return }
            let count = min(left, chunk.end - link.taken)
            var piece = ByteBuffer()
            piece.append(UnsafeRawBufferPointer(rebasing: link.toClient.readable[..<count]))
            link.toClient.consume(count)
            link.taken += count
            left -= count
            if link.taken == chunk.end { link.chunksRead += 1 }
            take(piece.mutable, chunk.sent)
        }
    }

    /// Bytes written by the client so far: the place of what it writes next.
    func position(_ link: Link) -> Int { link.written }

    func close(_ link: Link) { link.isClosedByClient = true }

    /// The link breaks: what is on its way is gone in both directions.
    func reset(_ link: Link) { link.isReset = true }

    /// When next something arrives at anybody, for jumping there.
    func nextArrival() -> Instant {
        var next = Instant.never
        for link in links.values where !link.isTold {
            if link.requestsRead < link.requests.count {
                next = min(next, link.requests[link.requestsRead].arrives)
            }
            if !link.toServer.isEmpty || link.wantsWritable || link.isReset || link.isClosedByClient {
                next = now
            }
            if link.chunksRead < link.chunks.count {
                next = min(next, link.chunks[link.chunksRead].arrives)
            }
        }
        return next
    }
}
