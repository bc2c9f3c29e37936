// Sockets that take what the input lets them take; what they are sent is looked at.
import Wire

final class ScriptedNetwork: Network {
    private struct Socket {
        var isOpen = false
        /// Bytes it still takes.
        var room = Int.max
        /// All is taken, and then it is blocked, as a TLS session does.
        var buffers = false
        var fails = false
        var isBlocked = false
        let witness: Witness
    }

    private var sockets: [Socket]
    private var failed: [Int] = []
    var counters: NetworkCounters { NetworkCounters() }

    private let isGuarded: Bool

    init(sockets: Int, isGuarded: Bool) {
        self.isGuarded = isGuarded
        self.sockets = (0..<sockets).map { _ in Socket(witness: Witness(isGuarded: isGuarded)) }
    }

    // MARK: The loop's side

    func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        let index = socket.index
        demand(sockets[index].isOpen, "bytes for a socket that is closed")
        demand(!sockets[index].isBlocked, "bytes for a socket that is blocked")
        if sockets[index].fails {
            if !failed.contains(index) { failed.append(index) }
            return .closed
        }
        if sockets[index].buffers {
            sockets[index].isBlocked = true
            sockets[index].witness.see(bytes)
            return .buffered
        }
        let taken = min(bytes.count, sockets[index].room)
        sockets[index].room -= sockets[index].room == .max ? 0 : taken
        sockets[index].isBlocked = taken < bytes.count
        sockets[index].witness.see(UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        return .sent(taken)
    }

    func close(_ socket: SocketID, abort: Bool) {
        demand(sockets[socket.index].isOpen, "a socket is closed twice")
        left(socket.index)
    }

    // MARK: The script's side

    func isOpen(_ index: Int) -> Bool { sockets[index].isOpen }

    func open(_ index: Int) {
        sockets[index] = Socket(witness: Witness(isGuarded: isGuarded))
        sockets[index].isOpen = true
    }

    func left(_ index: Int) {
        sockets[index].isOpen = false
        failed.removeAll { $0 == index }
    }

    func heard(_ index: Int, _ bytes: UnsafeRawBufferPointer) { sockets[index].witness.hear(bytes) }

    /// - Returns: whether it was blocked, and is not any more.
    func setRoom(_ index: Int, _ choice: UInt8) -> Bool {
        switch choice {
        case 0xff: sockets[index].room = .max
        case 0xfe: sockets[index].fails = true
        case 0xfd: sockets[index].buffers.toggle()
        default: sockets[index].room = Int(choice) * 8
        }
        guard sockets[index].isBlocked, sockets[index].room > 0 || sockets[index].buffers else {
            return false
        }
        sockets[index].isBlocked = false
        return true
    }

    /// Sockets whose failure the loop has yet to be told of.
    func takeFailed() -> [Int] {
        let taken = failed.filter { sockets[$0].isOpen }
        for index in taken { left(index) }
        return taken
    }
}
