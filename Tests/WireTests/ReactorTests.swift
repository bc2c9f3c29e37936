import Basics
import Glibc
import TestSupport
import Testing

@testable import Wire

@Suite struct ReactorTests {
    @Test("what is sent comes back, until the peer has finished")
    func echo() throws {
        let server = try TestServer()
        server.onReceived = { server, socket, bytes in
            #expect(server.reactor.send(socket, UnsafeRawBufferPointer(bytes)) == .sent(bytes.count))
        }
        let (peer, _) = try server.peer()
        peer.send("hello")
        try server.turn(until: { peer.drained().text == "hello" })
        peer.send("bye")
        peer.finish()
        try server.turn(until: { peer.drained().end == .finished })
        #expect(server.log == ["opened 0", "received 0 hello", "received 0 bye", "closed 0"])
        #expect(peer.text == "hellobye")
        #expect(server.reactor.openCount == 0)
        let counters = server.reactor.counters
        #expect((counters.accepted, counters.bytesIn, counters.bytesOut) == (1, 8, 8))
    }

    @Test("a flood is read a buffer a turn, and whole")
    func fairness() throws {
        let server = try TestServer()
        let (peer, socket) = try server.peer()
        let flood = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sent = 0, turnOfLast = -1
        server.onReceived = { server, _, bytes in
            #expect(bytes.count <= 65_536)
            #expect(server.turns > turnOfLast, "twice in a turn")
            turnOfLast = server.turns
        }
        try server.turn(until: {
            sent += max(0, peer.send(Array(flood[sent...])))
            return server.received[socket]!.count == flood.count
        })
        #expect(server.received[socket] == flood)
    }

    @Test("a blocked writer is told once that there is room, each time")
    func blocked() throws {
        let server = try TestServer()
        let block = [UInt8](repeating: 0x41, count: 256 * 1_024)
        let (peer, socket) = try server.peer()
        var offered = 0
        func offer() {
            while true {
                let outcome = block.withRaw { server.reactor.send(socket, $0) }
                guard case .sent(let taken) = outcome else { return }
                offered += taken
                if taken < block.count { return }
            }
        }
        /// Until both kernels are full: then nothing is told any more.
        func fill() -> Int {
            var told = -1
            while told != server.count("writable") {
                told = server.count("writable")
                offer()
                server.turn(.milliseconds(20))
                server.turn(.milliseconds(20))
            }
            return told
        }
        for _ in 1...3 {
            let told = fill()
            try server.turn(until: {
                peer.drain()
                return server.count("writable") == told + 1
            })
            // Drained and not blocked again: silence.
            try server.turn(until: { peer.drained().received.count == offered })
            // An event for what the peer says is no event for room.
            let heard = server.count("received")
            peer.send("x")
            try server.turn(until: { server.count("received") > heard })
            #expect(server.count("writable") == told + 1)
        }
    }

    @Test("a reset closes once; the socket then takes nothing")
    func reset() throws {
        let server = try TestServer()
        let (peer, socket) = try server.peer()
        peer.reset()
        try server.turn(until: { server.count("closed") == 1 })
        #expect(server.send(socket, "x") == .closed)
        server.turn()
        #expect(server.log == ["opened 0", "closed 0"])
    }

    @Test("a failed send is followed by closed, unless it is closed first", arguments: [true, false])
    func failedSend(closesItself: Bool) throws {
        let server = try TestServer()
        let (peer, socket) = try server.peer()
        peer.reset()
        // The first send meets the reset before any event was read.
        try server.turn(until: { server.send(socket, "x") == .closed || server.count("closed") > 0 })
        if closesItself, server.count("closed") == 0 {
            server.reactor.close(socket, abort: false)
            server.turn()
            server.turn()
            #expect(server.count("closed") == 0)
        } else {
            try server.turn(until: { server.count("closed") == 1 })
            server.turn()
            #expect(server.count("closed") == 1)
        }
        #expect(server.reactor.openCount == 0)
    }

    @Test("closing inside of any event", arguments: ["opened", "received", "writable", "closed"])
    func closeInside(event: String) throws {
        let server = try TestServer()
        let end = { (server: TestServer, socket: SocketID) in
            server.reactor.close(socket, abort: false)
            server.reactor.close(socket, abort: true)  // the second one is nothing
            #expect(server.send(socket, "x") == .closed)
        }
        let block = [UInt8](repeating: 0x41, count: 16 * 1_024 * 1_024)
        switch event {
        case "opened": server.onOpened = end
        case "received": server.onReceived = { server, socket, _ in end(server, socket) }
        case "writable":
            server.onOpened = { server, socket in _ = block.withRaw { server.reactor.send(socket, $0) } }
            server.onWritable = end
        default: server.onClosed = end
        }
        let (peer, _) = try server.peer()
        peer.send("x")
        if event == "closed" { peer.finish() }
        try server.turn(until: { peer.drained().end == .finished })
        peer.hangUp()
        server.turn()
        #expect(server.log.last!.hasPrefix(event))
        #expect(server.reactor.openCount == 0)
    }

    @Test("closing a neighbour whose event waits in the same batch")
    func closeNeighbour() throws {
        let server = try TestServer(connectionsMax: 2)
        let (one, first) = try server.peer()
        let (two, second) = try server.peer()
        server.onReceived = { server, socket, _ in
            server.reactor.close(socket == first ? second : first, abort: true)
        }
        one.send("1")
        two.send("2")
        let three = try TestPeer(port: server.port)  // wants an id in the very turn that frees one
        three.send("3")
        server.onOpened = { server, _ in server.onReceived = { _, _, _ in } }
        try server.turn(until: { server.count("received") == 2 })
        #expect(server.count("closed") == 0)
        #expect(server.reactor.openCount == 2)
        #expect([one.drained().end, two.drained().end].contains(.reset))
        withExtendedLifetime(three) {}
    }

    @Test("at connectionsMax the next one is closed at once and counted")
    func connectionsMax() throws {
        let server = try TestServer(connectionsMax: 2)
        let (one, _) = try server.peer()
        let (two, _) = try server.peer()
        let three = try TestPeer(port: server.port)
        try server.turn(until: { three.drained().end == .finished })
        #expect(server.reactor.counters.refused == 1)
        one.hangUp()
        try server.turn(until: { server.count("closed") == 1 })
        let (_, socket) = try server.peer()
        #expect(socket == SocketID(0))  // ids stay below the maximum
        two.send("still here")
        try server.turn(until: { server.log.last == "received 1 still here" })
    }

    @Test("the last words arrive although the peer is still talking")
    func lastWords() throws {
        let server = try TestServer()
        server.onReceived = { server, socket, _ in
            server.send(socket, "too big")
            server.reactor.close(socket, abort: false)
        }
        let (peer, _) = try server.peer()
        peer.send([UInt8](repeating: 0x41, count: 200_000))
        try server.turn(until: { server.count("received") == 1 })
        #expect(server.reactor.openCount == 0)
        for _ in 0..<5 {
            peer.send([UInt8](repeating: 0x41, count: 100_000))
            server.turn()
        }
        peer.drain()
        #expect(peer.text == "too big")
        #expect(peer.end == .finished)
        #expect(server.reactor.lingeringCount == 1)
        peer.hangUp()
        try server.turn(until: { server.reactor.lingeringCount == 0 })
        #expect(server.log.count == 2)
    }

    @Test("who is closed and does not go is gone in a second")
    func lingersNoLonger() throws {
        let server = try TestServer()
        let (peer, socket) = try server.peer()
        server.reactor.close(socket, abort: false)
        #expect(server.reactor.lingeringCount == 1)
        // The reactor wakes for it by itself.
        let start = Moment.read().instant
        while server.reactor.lingeringCount == 1 {
            server.reactor.turn(until: start + .seconds(5), handler: server)
        }
        #expect(Moment.read().instant - start < .seconds(4))
        #expect(peer.drained().end == .finished)
    }

    @Test("an abort is a reset")
    func abort() throws {
        let server = try TestServer()
        let (peer, socket) = try server.peer()
        server.reactor.close(socket, abort: true)
        #expect(peer.drained().end == .reset)
        #expect(server.reactor.lingeringCount == 0)
    }

    @Test("a bell ends a wait that would never end")
    func bell() throws {
        let bell = try Doorbell(), server = try TestServer(bell: bell)
        for _ in 0..<3 {
            bell.ring()
            server.reactor.turn(until: .never, handler: server)
        }
        #expect(server.log.isEmpty)
    }

    @Test("a turn waits until its deadline, to the microsecond")
    func deadline() throws {
        let server = try TestServer()
        server.turn()  // what registering tells
        var spans: [Nanoseconds] = []
        for _ in 0..<20 {
            let start = Moment.read().instant
            server.reactor.turn(until: start + .microseconds(300), handler: server)
            spans.append(Moment.read().instant - start)
        }
        #expect(spans.allSatisfy { $0 >= .microseconds(300) })
        #expect(spans.min()! < .milliseconds(1))
        let start = Moment.read().instant
        server.reactor.turn(until: .zero, handler: server)
        #expect(Moment.read().instant - start < .seconds(1))
    }

    @Test("no more listening: the port is free, the open live on")
    func stopListening() throws {
        let server = try TestServer()
        let (peer, _) = try server.peer()
        server.reactor.stopListening()
        _ = try Listener.bind(host: "127.0.0.1", port: server.port).close()
        peer.send("still here")
        try server.turn(until: { server.log.last == "received 0 still here" })
    }

    @Test("more connections than one turn accepts")
    func crowd() throws {
        let server = try TestServer(connectionsMax: 300)
        let peers = try (0..<200).map { _ in try TestPeer(port: server.port) }
        server.turn()
        #expect(server.count("opened") == 64)
        try server.turn(until: { server.count("opened") == 200 })
        for peer in peers { peer.finish() }
        try server.turn(until: { server.reactor.openCount == 0 })
    }

    @Test("out of descriptors it keeps who is there and tells who comes to come back")
    func outOfDescriptors() async {
        // The limit is the whole process's, so this one gets its own.
        await #expect(processExitsWith: .success) {
            let server = try TestServer()
            let (old, _) = try server.peer()
            let late = try (0..<3).map { _ in try TestPeer(port: server.port) }
            let fillers = fillDescriptors()
            try server.turn(until: { late.allSatisfy { $0.drained().end == .finished } })
            try #require(late.allSatisfy { $0.text.hasPrefix("HTTP/1.1 503 ") })
            try #require(server.reactor.counters.refusedDescriptors == 3)
            old.send("still here")
            try server.turn(until: { server.log.last == "received 0 still here" })
            try #require(server.reactor.counters.acceptErrors == 0)
            for filler in fillers { close(filler) }
            _ = try server.peer()
        }
    }

    @Test("without even the spare descriptor it accepts later")
    func outOfSpares() async {
        await #expect(processExitsWith: .success) {
            let server = try TestServer()
            let late = try TestPeer(port: server.port)
            limitDescriptors(3)
            try server.turn(until: { server.reactor.counters.acceptErrors > 0 })
            let turns = server.turns
            for _ in 0..<20 { server.turn() }
            // 20 turns of a millisecond: asked again at most once, not in each.
            try #require(server.turns == turns + 20 && server.reactor.counters.acceptErrors <= 2)
            limitDescriptors(200)
            try server.turn(until: { server.count("opened") == 1 })
            withExtendedLifetime(late) {}
        }
    }

    @Test("many peers, at random", arguments: Seed.smoke)
    func random(seed: Seed) throws {
        var random = seed.generator()
        let server = try TestServer(connectionsMax: 20)
        var gone: Set<SocketID> = [], sent: [Int: [UInt8]] = [:], peers: [Int: TestPeer] = [:]
        server.onOpened = { _, socket in gone.remove(socket) }
        server.onReceived = { server, socket, bytes in
            #expect(!gone.contains(socket), "\(seed): an event after the end")
            if bytes.contains(0xff) {
                gone.insert(socket)
                server.reactor.close(socket, abort: bytes.count.isMultiple(of: 2))
            } else {
                _ = server.reactor.send(socket, UnsafeRawBufferPointer(bytes))
            }
        }
        server.onClosed = { _, socket in #expect(gone.insert(socket).inserted, "\(seed): closed twice") }
        for step in 0..<400 {
            switch random.below(10) {
            case 0, 1: (peers[step], sent[step]) = (try TestPeer(port: server.port), [])
            case 2:
                peers.keys.min().map {
                    peers[$0]!.reset(); peers[$0] = nil
                }
            case 3:
                peers.keys.max().map {
                    _ = peers[$0]!.send([0xff]); peers[$0] = nil
                }
            default:
                guard let key = peers.keys.sorted().dropFirst(random.below(peers.count + 1)).first else {
                    continue
                }
                let bytes = (0..<random.below(100) + 1).map { UInt8($0) }
                if peers[key]!.send(bytes) == bytes.count { sent[key]! += bytes }
            }
            server.turn(.zero)
            for (key, peer) in peers {
                peer.drain()
                #expect(sent[key]!.starts(with: peer.received), "\(seed), step \(step)")
            }
        }
        for peer in peers.values { peer.finish() }
        try server.turn(until: { server.reactor.openCount == 0 })
        try server.turn(until: { peers.values.allSatisfy { $0.drained().end != .open } })
    }
}

private func limitDescriptors(_ count: UInt) {
    var limit = rlimit(rlim_cur: rlim_t(count), rlim_max: 200)
    setrlimit(__rlimit_resource_t(7), &limit)  // RLIMIT_NOFILE
}

/// Takes every descriptor that is left.
private func fillDescriptors() -> [Int32] {
    limitDescriptors(200)
    var fillers: [Int32] = []
    while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
    return fillers
}

@Suite struct AddressTests {
    @Test(
        "addresses as people write them",
        arguments: [
            (PeerAddress(v4: 0x7f00_0001, port: 5), "127.0.0.1:5", true),
            (PeerAddress(v4: 0x7f01_0203, port: 5), "127.1.2.3:5", true),
            (PeerAddress(v4: 0xc0a8_0001, port: 80), "192.168.0.1:80", false),
            (PeerAddress(high: 0, low: 1, port: 5), "[::1]:5", true),
            (PeerAddress(high: 0, low: 0, port: 0), "[::]:0", false),
            (
                PeerAddress(high: 0x2001_0db8_0000_0000, low: 0x0001_0000_0000_0001, port: 1),
                "[2001:db8::1:0:0:1]:1", false
            ),
            (
                PeerAddress(high: 0x2001_0db8_0000_0001, low: 0x0001_0001_0001_0001, port: 1),
                "[2001:db8:0:1:1:1:1:1]:1", false
            ),
            (PeerAddress(high: 0xfe80_0000_0000_0000, low: 0, port: 1), "[fe80::]:1", false),
        ])
    func descriptions(address: PeerAddress, text: String, isLoopback: Bool) {
        #expect(address.description == text)
        #expect(address.isLoopback == isLoopback)
    }

    @Test("a listener says where it is")
    func listener() throws {
        for (host, text) in [
            ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("[::1]", "::1"), ("localhost", nil),
        ] {
            let listener = try Listener.bind(host: host, port: 0)
            defer { listener.close() }
            #expect(listener.localPort > 0 && listener.isLoopback)
            if let text { #expect(listener.address.host == text) }
        }
        let all = try Listener.bind(host: "0.0.0.0", port: 0)
        defer { all.close() }
        #expect(!all.isLoopback)
    }

    @Test("why a port cannot be had, in one line")
    func cannotListen() throws {
        let first = try Listener.bind(host: "127.0.0.1", port: 0)
        defer { first.close() }
        let error = #expect(throws: ListenError.self) {
            try Listener.bind(host: "127.0.0.1", port: first.localPort)
        }
        #expect(error?.description == "cannot listen on 127.0.0.1:\(first.localPort): Address already in use")
        let wrong = #expect(throws: ListenError.self) { try Listener.bind(host: "256.0.0.1", port: 1) }
        #expect(wrong?.description.hasPrefix("cannot listen on 256.0.0.1:1: ") == true)
    }
}
