// The border between a loop and its sockets, as two small protocols.
//
// A loop asks (`Network`) and is told (`SocketHandler`). `Reactor` puts epoll behind it; a simulated
// network puts a seed behind it, and the loop cannot tell the two apart.
//
// Invariants of every implementation
//   - A socket's events are opened, then any of received and writable, then at most one closed.
//   - After `close`, and after `closed`, no event of that socket follows. Its id comes back for
//     another socket, at the earliest in the next turn.
//   - Ids are small and dense, below the number of connections allowed: tables are indexed by them.
//   - Everything happens on the loop's own thread, inside its turn.

/// A socket of one loop: an index into the loop's tables.
public struct SocketID: Hashable, Sendable {
    public let raw: UInt32
    @inlinable public init(_ raw: UInt32) { self.raw = raw }
    @inlinable public var index: Int { Int(raw) }
}

/// What became of bytes offered to a socket.
public enum SendOutcome: Equatable, Sendable {
    /// Bytes the kernel took. Fewer than offered: the socket is blocked until `writable`.
    case sent(Int)
    /// All was taken, and the network itself still holds a part of it, which it may not give back (TLS
    /// has numbered it). The socket is blocked: offer nothing until `writable`.
    case buffered
    /// The connection has failed and takes nothing any more. Unless the caller closes the socket
    /// first, `SocketHandler.closed` follows, once.
    case closed
}

/// What a network counts. Nothing but `UInt64`s.
public struct NetworkCounters: Hashable, Sendable, BitwiseCopyable {
    /// Opened, whoever accepted them.
    public var accepted: UInt64 = 0
    /// Turned away, because `connectionsMax` were open.
    public var refused: UInt64 = 0
    /// Turned away with the spare descriptor, because there were no others.
    public var refusedDescriptors: UInt64 = 0
    /// Failed accepts: out of descriptors or memory, or a connection that was gone already.
    public var acceptErrors: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// TLS handshakes that came to their end, and those of them that resumed an earlier session.
    public var handshakes: UInt64 = 0
    public var handshakesResumed: UInt64 = 0
    /// Bytes on a TLS port that were no TLS, or none that is spoken here.
    public var handshakesFailed: UInt64 = 0
    public init() {}
}

/// What a loop may ask of its sockets. The real one is `Reactor`, tests have a simulated one.
public protocol Network: AnyObject {
    /// Offers bytes without waiting; what is not taken stays the caller's.
    func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome

    /// Ends it; no event follows. `abort`: RST instead of FIN, unsent kernel bytes are dropped.
    func close(_ socket: SocketID, abort: Bool)

    var counters: NetworkCounters { get }
}

/// What sockets tell their loop. All of it may call `Network` back, `close` included.
public protocol SocketHandler: AnyObject {
    func opened(_ socket: SocketID, peer: PeerAddress)

    /// Bytes in the order sent; at least one. They are valid during the call only, and may be
    /// changed in place (unmasking does).
    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer)

    /// There is room again. Comes only after a send that took less than offered, or buffered, once
    /// for it.
    func writable(_ socket: SocketID)

    /// The peer has taken some of what the network holds for it, and there is more: no room yet, but no
    /// stall either.
    func progressed(_ socket: SocketID)

    /// Ended by the peer or by an error; the socket is gone.
    func closed(_ socket: SocketID)
}

extension SocketHandler {
    public func progressed(_ socket: SocketID) {}
}
