// Several loops behind one port, on real sockets: each is turned by hand, so that who does what when
// is the test's to say.
import Basics
import Synchronization
import TestSupport
import Testing

@testable import Wire

/// Reactors of one server; the first one accepts.
private final class TestServers {
    let loops: [TestServer]
    let reception: Reception
    var port: UInt16 { loops[0].port }
    var opened: Int { loops.reduce(0) { $0 + $1.count("opened") } }
    var shares: [Int] { loops.map(\.reactor.openCount) }
    var refused: UInt64 { loops[0].reactor.counters.refused }

    init(_ count: Int, connectionsMax: Int = 100) throws {
        let bells = try (0..<count).map { _ in try Doorbell() }
        let reception = Reception(connectionsMax: connectionsMax, bells: bells)
        self.reception = reception
        loops = try (0..<count).map { try TestServer(reception, loop: $0) }
    }

    func turn() { for loop in loops { loop.turn(.zero) } }

    /// Turns until it is so. Five seconds without it are a failure.
    func turn(until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let limit = Moment.read().instant + .seconds(5)
        while !condition() {
            try #require(Moment.read().instant < limit, "it never came", sourceLocation: sourceLocation)
            turn()
        }
    }

    /// Peers, connected and opened.
    func peers(_ count: Int) throws -> [TestPeer] {
        let before = opened
        let peers = try (0..<count).map { _ in try TestPeer(port: port) }
        try turn(until: { opened == before + count })
        return peers
    }
}

@Suite struct ReceptionTests {
    @Test("every loop gets its share, to one connection", arguments: 1...4, [1, 3, 9, 100])
    func balance(loops: Int, count: Int) throws {
        let servers = try TestServers(loops)
        let peers = try servers.peers(count)
        #expect(servers.shares.max()! - servers.shares.min()! <= 1, "\(servers.shares)")
        #expect(servers.shares.reduce(0, +) == count)
        withExtendedLifetime(peers) {}
    }

    @Test("who lost connections gets the next ones")
    func refill() throws {
        let servers = try TestServers(3)
        var peers = try servers.peers(9)
        #expect(servers.shares == [3, 3, 3])
        // The second loop's connections are every third; they came in order.
        for index in [7, 4, 1] { peers.remove(at: index).hangUp() }
        try servers.turn(until: { servers.shares == [3, 0, 3] })
        peers += try servers.peers(2)
        #expect(servers.shares == [3, 2, 3])
    }

    @Test("what is handed over is opened, told and answered by its loop alone")
    func handedOver() throws {
        let servers = try TestServers(2)
        let other = servers.loops[1]
        other.onReceived = { server, socket, bytes in
            #expect(server.reactor.send(socket, UnsafeRawBufferPointer(bytes)) == .sent(bytes.count))
        }
        let first = try servers.peers(1)
        let second = try TestPeer(port: servers.port)
        second.send("early")  // bytes that wait in the inbox with the socket
        try servers.turn(until: { second.drained().text == "early" })
        second.finish()
        try servers.turn(until: { second.drained().end == .finished })
        #expect(other.log == ["opened 0", "received 0 early", "closed 0"])
        #expect(servers.loops[0].log == ["opened 0"])
        #expect(other.reactor.counters.accepted == 1)
        withExtendedLifetime(first) {}
    }

    @Test("a loop that would sleep for ever is rung for")
    func bell() throws {
        let servers = try TestServers(2)
        let accepting = servers.loops[0], sleeping = servers.loops[1]
        let peers = try (0..<20).map { _ in try TestPeer(port: servers.port) }
        // It takes what it finds when it wakes; the bell rings again for what came after.
        while sleeping.count("opened") < 10 {
            while !servers.reception.desk(of: 1).hasArrivals { accepting.turn(.zero) }
            sleeping.reactor.turn(until: .never, handler: sleeping)
        }
        #expect(servers.shares == [10, 10])
        withExtendedLifetime(peers) {}
    }

    @Test("a full inbox is emptied 64 a turn, without sleeping in between")
    func bounded() throws {
        let servers = try TestServers(2, connectionsMax: 400)
        let accepting = servers.loops[0], other = servers.loops[1]
        let peers = try (0..<300).map { _ in try TestPeer(port: servers.port) }
        accepting.turn(.zero)
        // 64 accepted, the half of them its own.
        #expect(accepting.reactor.openCount == 32)
        try accepting.turn(until: { accepting.reactor.openCount == 150 })
        var opened = 0
        for most in [64, 128, 150] {
            other.reactor.turn(until: .never, handler: other)
            opened = other.reactor.openCount
            #expect(opened == most)
        }
        #expect(!servers.reception.desk(of: 1).hasArrivals)
        withExtendedLifetime(peers) {}
    }

    @Test("the limit holds for all together, and no loop has more than its share of it")
    func connectionsMax() throws {
        let servers = try TestServers(2, connectionsMax: 5)
        #expect(servers.reception.share == 3)
        var peers = try servers.peers(5)
        #expect(servers.shares == [3, 2])
        let sixth = try TestPeer(port: servers.port)
        try servers.turn(until: { sixth.drained().end == .finished })
        #expect(sixth.text.hasPrefix("HTTP/1.1 503 ") && sixth.text.contains("\r\nRetry-After: 5\r\n"))
        #expect(servers.refused == 1)
        // Waiting in an inbox counts as well.
        peers.remove(at: 3).hangUp()
        try servers.turn(until: { servers.shares == [3, 1] })
        let late = try (0..<3).map { _ in try TestPeer(port: servers.port) }
        try servers.loops[0].turn(until: { servers.refused == 3 })
        #expect(servers.shares == [3, 1])
        try servers.turn(until: { servers.shares == [3, 2] })
        #expect(late.count { $0.drained().end == .open } == 1)
        #expect(servers.loops[1].log.allSatisfy { !$0.hasSuffix(" 3") }, "ids stay below the share")
        withExtendedLifetime(peers) {}
    }

    @Test("an id that is not free yet is a place that is not free yet")
    func sameTurn() throws {
        let servers = try TestServers(1, connectionsMax: 1)
        let server = servers.loops[0]
        server.onOpened = { server, socket in server.reactor.close(socket, abort: true) }
        let two = try [TestPeer(port: servers.port), TestPeer(port: servers.port)]
        try servers.turn(until: { two.allSatisfy { $0.drained().end != .open } })
        #expect(server.count("opened") + Int(servers.refused) == 2)
        try servers.turn(until: { servers.reception.desk(of: 0).count == 0 })
    }

    @Test("who waits in the inbox of a loop that stops is closed; the others take the next")
    func stops() throws {
        let servers = try TestServers(2)
        let accepting = servers.loops[0], stopping = servers.loops[1]
        let peers = try (0..<6).map { _ in try TestPeer(port: servers.port) }
        try accepting.turn(until: { accepting.reactor.openCount == 3 })
        stopping.reactor.stopListening()
        try accepting.turn(until: { peers.count { $0.drained().end != .open } == 3 })
        stopping.turn()
        #expect(stopping.log.isEmpty)
        let next = try servers.peers(4)
        #expect(servers.shares == [7, 0])
        withExtendedLifetime((peers, next)) {}
    }

    @Test("a reactor that ends closes what waits for it")
    func ends() throws {
        let bells = [try Doorbell(), try Doorbell()]
        let reception = Reception(connectionsMax: 10, bells: bells)
        let accepting = try TestServer(reception, loop: 0)
        var other: TestServer? = try TestServer(reception, loop: 1)
        let peers = try (0..<2).map { _ in try TestPeer(port: accepting.port) }
        try accepting.turn(until: { reception.desk(of: 1).hasArrivals })
        #expect(peers.allSatisfy { $0.drained().end == .open })
        withExtendedLifetime(other) {}
        other = nil
        #expect(peers.count { $0.drained().end != .open } == 1)
    }

    @Test("threads that take what another one accepts")
    func threads() throws {
        let bells = try (0..<3).map { _ in try Doorbell() }
        let reception = Reception(connectionsMax: 1_000, bells: bells)
        let done = Atomic<Bool>(false)
        let runners = try (0..<3).map { Runner(try TestServer(reception, loop: $0)) }
        let port = runners[0].server.port
        let threads = try runners.map { runner in
            try Thread("loop") {
                while !done.load(ordering: .acquiring) {
                    runner.server.reactor.turn(until: .never, handler: runner.server)
                }
            }
        }
        // Each is told by its own loop that it has arrived, and half of them leave again.
        var staying: [TestPeer] = []
        for round in 0..<300 {
            let peer = try TestPeer(port: port)
            #expect(peer.readByte() == UInt8(ascii: "!"))
            if round.isMultiple(of: 2) { staying.append(peer) }
        }
        done.store(true, ordering: .releasing)
        for bell in bells { bell.ring() }
        for thread in threads { thread.join() }
        let opened = runners.map { $0.server.count("opened") }
        #expect(opened.reduce(0, +) == 300 && opened.allSatisfy { $0 > 50 }, "\(opened)")
    }

    @Test("arrivals and departures at random: never more than the limit, nobody lost", arguments: Seed.smoke)
    func random(seed: Seed) throws {
        var random = seed.generator()
        let servers = try TestServers(3, connectionsMax: 20)
        var peers: [TestPeer] = []
        for step in 0..<400 {
            if random.oneIn(2) { peers.append(try TestPeer(port: servers.port)) }
            if random.oneIn(3), !peers.isEmpty {
                let peer = peers.remove(at: random.below(peers.count))
                random.oneIn(2) ? peer.reset() : peer.hangUp()
            }
            servers.loops[random.below(3)].turn(.zero)
            #expect(servers.shares.allSatisfy { $0 <= 7 }, "\(seed), step \(step)")
            #expect(servers.shares.reduce(0, +) <= 20, "\(seed), step \(step)")
        }
        try servers.turn(until: {
            peers.removeAll { $0.drained().end != .open }
            return servers.shares.reduce(0, +) == peers.count
        })
        for peer in peers { peer.hangUp() }
        try servers.turn(until: { servers.shares == [0, 0, 0] })
        #expect((0..<3).allSatisfy { servers.reception.desk(of: $0).count == 0 }, "\(seed)")
    }
}

/// Confined to its thread until that is joined.
private final class Runner: @unchecked Sendable {
    let server: TestServer
    init(_ server: TestServer) {
        self.server = server
        server.onOpened = { server, socket in server.send(socket, "!") }
    }
}

@Test("who is refused has time to read why, sent or not sent; a crowd of them takes few descriptors")
func refusedLinger() throws {
    let server = try TestServer(connectionsMax: 1)
    let (only, _) = try server.peer()
    let late = try (0..<40).map { _ in try TestPeer(port: server.port) }
    for peer in late { peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
    try server.turn(until: { server.reactor.counters.refused == 40 })
    #expect(server.reactor.lingeringCount == Reactor.refusedLingeringMax)
    // The first ones said all they had and are read on: no reset reaches them.
    for peer in late.prefix(Reactor.refusedLingeringMax) {
        try server.turn(until: { peer.drained().end != .open })
        #expect(peer.end == .finished && peer.text.hasPrefix("HTTP/1.1 503 "))
    }
    for peer in late { peer.hangUp() }
    try server.turn(until: { server.reactor.lingeringCount == 0 })
    only.send("still here")
    try server.turn(until: { server.log.last == "received 0 still here" })
}
