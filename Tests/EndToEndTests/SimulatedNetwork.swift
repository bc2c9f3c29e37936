// A network in memory: the same events a reactor brings, from a seed, on a virtual clock.
//
// Each direction of a link holds a bounded number of bytes, like the buffers of two kernels. What
// arrives is cut at random places. Nothing moves unless the world says so.
import Basics
import TestSupport
import Wire

final class SimulatedNetwork: Network {
    /// Both kernels' buffers together, in bytes.
    static let buffer = 24_000

    private final class Link {
        var toClient: [UInt8] = []
        var toServer: [UInt8] = []
        var isBlocked = false
        var isClosedByServer = false
        var isClosedByClient = false
        var isTold = false
    }

    private var links: [Int: Link] = [:]
    private var retired: [Int] = []
    private var free: [UInt32] = []
    private var next: UInt32 = 0
    private var random: SeededGenerator

    let counters = NetworkCounters()

    init(seed: Seed) { random = seed.generator() }

    // MARK: The server's side

    func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        guard let link = links[socket.index], !link.isClosedByClient else { return .closed }
        let taken = min(bytes.count, SimulatedNetwork.buffer - link.toClient.count)
        link.toClient.append(contentsOf: bytes[..<taken])
        link.isBlocked = taken < bytes.count
        return .sent(taken)
    }

    func close(_ socket: SocketID, abort: Bool) {
        guard let link = links[socket.index] else { return }
        link.isClosedByServer = true
        if abort { link.toClient.removeAll() }
        retire(socket.index)
    }

    private func retire(_ index: Int) {
        guard links[index]?.isTold == false else { return }
        links[index]?.isTold = true
        retired.append(index)
    }

    /// Tells the server what came, and that there is room: one turn of a reactor.
    func turn(_ handler: any SocketHandler) {
        for index in links.keys.sorted() {
            guard let link = links[index], !link.isTold else { continue }
            deliver(link, SocketID(UInt32(index)), handler)
            if link.isBlocked, !link.isClosedByServer,
                link.toClient.count < SimulatedNetwork.buffer / 2
            {
                link.isBlocked = false
                handler.writable(SocketID(UInt32(index)))
            }
            if link.isClosedByClient, link.toServer.isEmpty, !link.isTold {
                retire(index)
                handler.closed(SocketID(UInt32(index)))
            }
        }
        // A client may still read what was sent before the end; the number is free again.
        for index in retired { free.append(UInt32(index)) }
        retired.removeAll()
    }

    private func deliver(_ link: Link, _ socket: SocketID, _ handler: any SocketHandler) {
        guard !link.toServer.isEmpty, !random.oneIn(4) else { return }
        var piece = Array(link.toServer.prefix(1 + random.below(link.toServer.count)))
        link.toServer.removeFirst(piece.count)
        piece.withUnsafeMutableBytes { handler.received(socket, $0) }
    }

    // MARK: The clients' side

    func connect(_ handler: any SocketHandler) -> ClientSocket {
        let id = free.popLast() ?? next
        if id == next { next += 1 }
        let link = Link()
        links[Int(id)] = link
        handler.opened(SocketID(id), peer: PeerAddress(v4: 0x7f00_0001, port: 1))
        return ClientSocket(
            read: { limit in
                let piece = Array(link.toClient.prefix(limit))
                link.toClient.removeFirst(piece.count)
                return piece
            },
            write: { link.toServer += $0 },
            close: { link.isClosedByClient = true },
            isOver: { link.isClosedByServer && link.toClient.isEmpty })
    }

    /// A client's end of a link. Closures, because a link outlives its number.
    struct ClientSocket {
        let read: (Int) -> [UInt8]
        let write: ([UInt8]) -> Void
        let close: () -> Void
        let isOver: () -> Bool
    }
}
