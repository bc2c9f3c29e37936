import Basics
import COpenSSL
import Glibc
import TestSupport
import Testing

@testable import Wire

@Suite struct TLSTests {
    @Test(
        "a handshake of either version, words both ways, a goodbye",
        arguments: [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")])
    func handshake(version: Int32, name: String) throws {
        let server = try TestServer(tls: Certificates.context())
        server.onReceived = { server, socket, bytes in
            #expect(server.reactor.send(socket, UnsafeRawBufferPointer(bytes)) == .sent(bytes.count))
        }
        let (peer, socket) = try server.securePeer(trust: Certificates.trust(version))
        #expect(peer.stream.version == name)
        try peer.send("hello")
        try server.turn(until: {
            peer.pump()
            return peer.text == "hello"
        })
        server.reactor.close(socket, abort: false)
        try server.turn(until: {
            peer.pump()
            return peer.hasEnded && peer.peer.end == .finished
        })
        #expect(server.log == ["opened 0", "received 0 hello"])
        let counters = server.reactor.counters
        #expect((counters.handshakes, counters.handshakesResumed, counters.handshakesFailed) == (1, 0, 0))
    }

    @Test("older versions are refused", arguments: [TLS1_1_VERSION, TLS1_VERSION])
    func oldVersions(version: Int32) throws {
        let server = try TestServer(tls: Certificates.context())
        let trust = try Certificates.trust(version)
        // OpenSSL's own level forbids them to clients as well.
        SSL_CTX_set_security_level(trust.context, 0)
        SSL_CTX_set_cipher_list(trust.context, "ALL:@SECLEVEL=0")
        let peer = try TLSPeer(server, trust: trust)
        try server.turn(until: {
            peer.pump()
            return peer.peer.end == .finished
        })
        #expect(peer.error?.description.contains("protocol version") == true, "\(peer.error as Any)")
        #expect(server.reactor.counters.handshakesFailed == 1)
        #expect(server.log == ["opened 0", "closed 0"])
    }

    @Test(
        "who comes back with its ticket is resumed, after a reload too",
        arguments: [TLS1_2_VERSION, TLS1_3_VERSION], [false, true])
    func resumption(version: Int32, reloads: Bool) throws {
        let context = try Certificates.context()
        let server = try TestServer(tls: context)
        let trust = try Certificates.trust(version)
        let (first, _) = try server.securePeer(trust: trust)
        try server.turn(until: {
            first.pump()
            return first.stream.ticket != nil
        })
        if reloads { try context.reload() }
        let (second, _) = try server.securePeer(trust: trust, ticket: first.stream.ticket)
        #expect(second.stream.isResumed)
        #expect(server.reactor.counters.handshakesResumed == 1)
        #expect(server.reactor.counters.handshakes == 2)
    }

    @Test("a first message that comes a byte at a time")
    func dribble() throws {
        let server = try TestServer(tls: Certificates.context())
        let peer = try TLSPeer(server)
        try peer.send("hello")
        try server.turn(until: {
            peer.pump(atMost: 1)
            return server.received[SocketID(0)]?.text == "hello"
        })
        #expect(server.count("received") >= 1)
    }

    @Test("no more handshakes than the budget in a turn, and in the end all")
    func budget() throws {
        let server = try TestServer(tls: Certificates.context())
        let peers = try (0..<30).map { _ in try TLSPeer(server) }
        try server.turn(until: { server.count("opened") == 30 })
        for peer in peers { peer.pump() }
        var before: UInt64 = 0
        try server.turn(until: {
            for peer in peers { peer.pump() }
            let now = server.reactor.counters.handshakes
            #expect(now - before <= UInt64(SecureSockets.handshakesPerTurn))
            before = now
            return now == 30
        })
    }

    @Test(
        "bytes that are no TLS end it",
        arguments: [
            [UInt8](repeating: 0, count: 100), [22, 3, 1, 255, 255] + [UInt8](repeating: 7, count: 200),
            [22, 3, 1, 0, 5, 1, 0, 0, 1, 0], [0x80, 0x2e, 1, 3, 1], [21, 3, 3, 0, 2, 2, 40],
            [23, 3, 3, 0, 3, 1, 2, 3],
        ])
    func garbage(bytes: [UInt8]) throws {
        let server = try TestServer(tls: Certificates.context())
        let (peer, _) = try server.peer()
        peer.send(bytes)
        peer.finish()
        try server.turn(until: { peer.drained().end == .finished })
        try server.turn(until: { server.count("closed") == 1 })
        #expect(server.count("received") == 0)
        let (good, _) = try server.securePeer()
        #expect(good.stream.isEstablished)
    }

    @Test("random bytes, and flipped bytes of a true first message", arguments: Seed.smoke)
    func fuzz(seed: Seed) throws {
        var random = seed.generator()
        let server = try TestServer(tls: Certificates.context())
        for _ in 0..<20 {
            let peer = try TLSPeer(server)
            var bytes = Array(peer.stream.unsent)
            for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            bytes.removeLast(random.below(bytes.count))
            let closed = server.count("closed"), opened = server.count("opened")
            peer.peer.send(bytes)
            peer.peer.finish()
            try server.turn(until: { server.count("closed") > closed && server.count("opened") > opened })
        }
        #expect(server.reactor.openCount == 0)
        #expect(server.count("received") == 0)
    }

    @Test("HTTP without TLS is told so in words")
    func plainHTTP() throws {
        let server = try TestServer(tls: Certificates.context())
        let (peer, _) = try server.peer()
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try server.turn(until: { peer.drained().end == .finished })
        #expect(peer.text.hasPrefix("HTTP/1.1 400 "))
        #expect(peer.text.hasSuffix("this port speaks TLS: use https:// or wss://\n"))
        #expect(server.log == ["opened 0", "closed 0"])
    }

    @Test("a write larger than a record arrives whole", arguments: [16_384, 16_385, 100_000, 300_000])
    func large(count: Int) throws {
        let server = try TestServer(tls: Certificates.context())
        let (peer, socket) = try server.securePeer()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var offered = 0
        func offer() {
            while offered < count {
                switch bytes.withRaw({ server.reactor.send(socket, .init(rebasing: $0[offered...])) }) {
                case .sent(let taken):
                    offered += taken
                    if offered < count { return }
                case .buffered: offered = count
                case .closed:
                    Issue.record("closed")
                    return
                }
            }
        }
        server.onWritable = { _, _ in offer() }
        offer()
        try server.turn(until: {
            peer.pump()
            return peer.received.count == count
        })
        server.onWritable = { _, _ in }  // it held the server
        #expect(peer.received == bytes)
    }

    @Test("who does not read holds up one write's worth; then the newest comes behind it, once told")
    func blocked() throws {
        let server = try TestServer(tls: Certificates.context())
        let (peer, socket) = try server.securePeer(receiveBytes: 4_096)
        let block = [UInt8](repeating: 0x41, count: 60_000)
        var sent = 0, outcome = SendOutcome.sent(block.count)
        while outcome == .sent(block.count) {
            outcome = block.withRaw { server.reactor.send(socket, $0) }
            sent += block.count
        }
        #expect(outcome == .buffered)
        let backlog = server.reactor.secure!.session(of: socket).pointee.backlog.count
        #expect(backlog > 0 && backlog < 61_000)
        for _ in 0..<3 { #expect(server.send(socket, "old") == .sent(0)) }
        #expect(server.count("writable") == 0)
        server.onWritable = { server, socket in #expect(server.send(socket, "newest") == .sent(6)) }
        try server.turn(until: {
            peer.pump()
            return peer.received.count == sent + 6
        })
        #expect(server.count("writable") == 1)
        #expect(Array(peer.received.suffix(6)).text == "newest")
        #expect(server.reactor.secure!.session(of: socket).pointee.backlog.capacity == 0)
    }

    @Test("a slow reader of a backlog is seen to go on")
    func progress() throws {
        let server = try TestServer(tls: Certificates.context())
        let (peer, socket) = try server.securePeer(receiveBytes: 4_096)
        let block = [UInt8](repeating: 0x41, count: 120_000)
        while block.withRaw({ server.reactor.send(socket, $0) }) == .sent(block.count) {}
        try server.turn(until: {
            peer.peer.drain(atMost: 5_000)
            return server.count("writable") == 1
        })
        #expect(server.count("progressed") > 0)
    }

    @Test("a reset in the middle of a backlog closes once")
    func resetWithBacklog() throws {
        let server = try TestServer(tls: Certificates.context())
        let (peer, socket) = try server.securePeer(receiveBytes: 4_096)
        let block = [UInt8](repeating: 0x41, count: 60_000)
        while block.withRaw({ server.reactor.send(socket, $0) }) == .sent(block.count) {}
        peer.peer.reset()
        try server.turn(until: { server.count("closed") == 1 })
        server.turn()
        #expect(server.count("closed") == 1)
        #expect(server.reactor.openCount == 0)
    }

    @Test("closing inside of any event", arguments: ["opened", "received"], [false, true])
    func closeInside(event: String, abort: Bool) throws {
        let server = try TestServer(tls: Certificates.context())
        let end = { (server: TestServer, socket: SocketID) in
            server.reactor.close(socket, abort: abort)
            #expect(server.send(socket, "x") == .closed)
        }
        if event == "opened" { server.onOpened = end }
        server.onReceived = { server, socket, _ in end(server, socket) }
        let peer = try TLSPeer(server)
        try peer.send("x")
        try server.turn(until: {
            peer.pump()
            return peer.peer.end != .open
        })
        #expect(server.reactor.openCount == 0)
        #expect(server.log.last!.hasPrefix(event))
    }

    @Test("nothing is taken before the handshake is through; then there is room")
    func earlySend() throws {
        let server = try TestServer(tls: Certificates.context())
        server.onOpened = { server, socket in #expect(server.send(socket, "early") == .sent(0)) }
        server.onWritable = { server, socket in #expect(server.send(socket, "now") == .sent(3)) }
        let (peer, _) = try server.securePeer()
        try server.turn(until: {
            peer.pump()
            return peer.text == "now"
        })
        #expect(server.count("writable") == 1)
    }
}
