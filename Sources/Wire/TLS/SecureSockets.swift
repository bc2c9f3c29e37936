// A loop's TLS sessions, beside the table of its sockets, and what they share: a pipe to OpenSSL, room
// for plaintext, and a budget of handshakes.
//
// Invariants
//   - No session has memory of its own for what comes and goes, but for a record that was cut and for
//     ciphertext that its socket did not take.
//   - A turn begins so many handshakes and no more: each takes 200 µs, and a crowd that reconnects must
//     not hold up those that are served. Whoever is beyond that is not even read, and keeps its turn.
import Basics

final class SecureSockets {
    /// Receives of sockets whose handshake is not through, a turn: about 2 ms.
    static let handshakesPerTurn = 8
    /// Plaintext that is encrypted before the socket is asked; so much is held of it at most.
    static let encryptMax = 128 * 1_024
    /// Answers to a peer's own TLS messages (key updates) that may wait for a socket that is full.
    static let chatterMax = 16 * 1_024
    /// What a record may have been cut of in an earlier receive, with room to spare.
    private static let recordMax = 32 * 1_024

    let pipe = TLSPipe()
    let plain: UnsafeMutableRawBufferPointer
    private let context: TLSContext
    private var sessions: Slab<TLSSession>
    private var handshakesLeft = SecureSockets.handshakesPerTurn

    init(_ context: TLSContext, maximum: Int) {
        self.context = context
        sessions = Slab(capacity: maximum)
        plain = .allocate(byteCount: Reactor.receiveBytesMax + SecureSockets.recordMax, alignment: 64)
    }
    deinit { plain.deallocate() }

    /// False when there is no memory for another session.
    func add(_ socket: SocketID) -> Bool {
        guard let session = TLSSession(accepting: context, through: pipe) else { return false }
        sessions.insert(session, at: socket.index)
        return true
    }

    func remove(_ socket: SocketID) { sessions.remove(at: socket.index) }

    @inline(__always)
    func session(of socket: SocketID) -> UnsafeMutablePointer<TLSSession> {
        sessions.address(of: socket.index)
    }

    func beginTurn() { handshakesLeft = SecureSockets.handshakesPerTurn }

    /// False when a socket's handshake has to wait for the next turn.
    func mayRead(_ socket: SocketID) -> Bool {
        guard !session(of: socket).pointee.isEstablished else { return true }
        guard handshakesLeft > 0 else { return false }
        handshakesLeft -= 1
        return true
    }
}
