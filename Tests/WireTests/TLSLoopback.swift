// TLS over a real socket in one thread: the tests' certificates, and a peer that speaks it.
import Basics
import COpenSSL
import Glibc
import Testing

@testable import Wire

enum Certificates {
    private static let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    static func path(_ name: String) -> String { "/\(folder)/certificates/\(name)" }

    static func context(_ name: String = "server") throws -> TLSContext {
        try TLSContext(certificate: path("\(name).pem"), key: path("\(name).key"))
    }
    static func trust() throws -> TLSTrust { try TLSTrust.file(path("authority.pem")) }

    /// One version only.
    static func trust(_ version: Int32) throws -> TLSTrust {
        let trust = try trust()
        #expect(tf_ssl_set_versions(trust.context, version, version) == 1)
        return trust
    }
}

/// The client's end.
final class TLSPeer {
    let peer: TestPeer
    let stream: TLSStream
    private(set) var received: [UInt8] = []
    private(set) var error: TLSError?
    private(set) var hasEnded = false
    private var read = 0
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_000_000, alignment: 16)
    var text: String { received.text }

    init(
        _ server: TestServer, trust: TLSTrust? = nil, host: String = "127.0.0.1", ticket: TLSTicket? = nil,
        receiveBytes: Int32? = nil
    ) throws {
        peer = try TestPeer(port: server.port, receiveBytes: receiveBytes)
        stream = try TLSStream(trust: try trust ?? Certificates.trust(), host: host, resuming: ticket)
    }
    deinit { room.deallocate() }

    /// Sends what it has, `atMost` bytes at a time, and decrypts what has come.
    func pump(atMost limit: Int = .max) {
        let bytes = Array(stream.unsent.prefix(limit))
        if !bytes.isEmpty { stream.sent(max(0, peer.send(bytes))) }
        peer.drain()
        decrypt()
    }

    private func decrypt() {
        let fresh = Array(peer.received[read...])
        guard !fresh.isEmpty, error == nil else { return }
        read = peer.received.count
        let memory = Memory(fresh)
        do throws(TLSError) {
            let (count, hasEnded) = try stream.receive(UnsafeRawBufferPointer(memory.bytes), into: room)
            received += room[..<count]
            self.hasEnded = self.hasEnded || hasEnded
        } catch {
            self.error = error
        }
    }

    func send(_ text: String) throws {
        let memory = Memory(Array(text.utf8))
        try stream.write(UnsafeRawBufferPointer(memory.bytes))
    }
}

extension TestServer {
    /// A peer that has come through its handshake.
    func securePeer(
        trust: TLSTrust? = nil, ticket: TLSTicket? = nil, receiveBytes: Int32? = nil
    ) throws -> (peer: TLSPeer, socket: SocketID) {
        let before = reactor.counters.handshakes
        let peer = try TLSPeer(self, trust: trust, ticket: ticket, receiveBytes: receiveBytes)
        try turn(until: {
            peer.pump()
            return reactor.counters.handshakes > before && peer.stream.isEstablished
        })
        let last = log.last { $0.hasPrefix("opened") }!
        return (peer, SocketID(UInt32(last.dropFirst(7))!))
    }
}
