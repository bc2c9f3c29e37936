// Two ends of real sockets in one thread: a reactor that is turned, and plain peers that are asked.
import Basics
import Glibc
import Testing

@testable import Wire

/// A reactor with a port of its own, and everything it told, as lines.
final class TestServer: SocketHandler {
    let reactor: Reactor
    let port: UInt16
    /// `opened 0`, `received 0 hello`, `writable 0`, `closed 0`
    private(set) var log: [String] = []
    private(set) var received: [SocketID: [UInt8]] = [:]
    private(set) var turns = 0
    var onOpened: (TestServer, SocketID) -> Void = { _, _ in }
    var onReceived: (TestServer, SocketID, UnsafeMutableRawBufferPointer) -> Void = { _, _, _ in }
    var onWritable: (TestServer, SocketID) -> Void = { _, _ in }
    var onClosed: (TestServer, SocketID) -> Void = { _, _ in }

    init(connectionsMax: Int = 100, bell: Doorbell? = nil, tls: TLSContext? = nil) throws {
        let listener = try Listener.bind(host: "127.0.0.1", port: 0)
        port = listener.localPort
        reactor = try Reactor(listener: listener, bell: bell, connectionsMax: connectionsMax, tls: tls)
    }

    /// One of several loops; the first one listens.
    init(_ reception: Reception, loop: Int) throws {
        let listener = loop == 0 ? try Listener.bind(host: "127.0.0.1", port: 0) : nil
        port = listener?.localPort ?? 0
        reactor = try Reactor(listener: listener, reception: reception, loop: loop)
    }

    func opened(_ socket: SocketID, peer: PeerAddress) {
        #expect(peer.isLoopback)
        log.append("opened \(socket.raw)")
        received[socket] = []
        onOpened(self, socket)
    }
    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        log.append(
            "received \(socket.raw) " + (bytes.count > 40 ? "\(bytes.count) bytes" : Array(bytes).text))
        received[socket]! += bytes
        onReceived(self, socket, bytes)
    }
    func progressed(_ socket: SocketID) { log.append("progressed \(socket.raw)") }
    func writable(_ socket: SocketID) {
        log.append("writable \(socket.raw)")
        onWritable(self, socket)
    }
    func closed(_ socket: SocketID) {
        log.append("closed \(socket.raw)")
        onClosed(self, socket)
    }

    func turn(_ span: Nanoseconds = .milliseconds(1)) {
        turns += 1
        reactor.turn(until: Moment.read().instant + span, handler: self)
    }

    /// Turns until it is so. Five seconds without it are a failure.
    func turn(
        until condition: () -> Bool, _ comment: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let limit = Moment.read().instant + .seconds(5)
        while !condition() {
            try #require(
                Moment.read().instant < limit, "nothing came; \(log.suffix(10))",
                sourceLocation: sourceLocation)
            turn()
        }
    }

    func count(_ event: String) -> Int { log.count { $0.hasPrefix(event) } }

    @discardableResult
    func send(_ socket: SocketID, _ text: String) -> SendOutcome {
        Array(text.utf8).withRaw { reactor.send(socket, $0) }
    }

    /// A peer, connected and accepted.
    func peer() throws -> (peer: TestPeer, socket: SocketID) {
        let before = count("opened"), peer = try TestPeer(port: port)
        try turn(until: { count("opened") > before })
        let last = log.last { $0.hasPrefix("opened") }!
        return (peer, SocketID(UInt32(last.dropFirst(7))!))
    }
}

/// The other end: a plain socket.
final class TestPeer {
    enum End: Equatable { case open, finished, reset }

    private(set) var descriptor: Int32
    private(set) var received: [UInt8] = []
    private(set) var end = End.open
    var text: String { received.text }

    /// - Parameter receiveBytes: a small window makes its server block early.
    init(port: UInt16, receiveBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBytes { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, 16) }
        }
        try #require(code == 0, "errno \(errno)")
    }
    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Bytes taken; fewer when the socket is full.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    @discardableResult
    func send(_ text: String) -> Int { send(Array(text.utf8)) }

    /// Takes what is there.
    func drain(atMost limit: Int = .max) {
        var room = [UInt8](repeating: 0, count: 65_536), left = limit
        while end == .open, left > 0 {
            let count = recv(descriptor, &room, min(left, room.count), Int32(MSG_DONTWAIT))
            if count > 0 {
                received += room[..<count]
                left -= count
            } else if count == 0 {
                end = .finished
            } else {
                if errno == ECONNRESET { end = .reset }
                return
            }
        }
    }

    /// Waits for one byte, five seconds at most; nil at the end.
    func readByte() -> UInt8? {
        var byte: UInt8 = 0, patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return recv(descriptor, &byte, 1, 0) == 1 ? byte : nil
    }

    func drained() -> Self {
        drain()
        return self
    }

    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        hangUp()
    }

    func hangUp() {
        close(descriptor)
        descriptor = -1
    }
}
