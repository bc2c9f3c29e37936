import Basics
import Glibc
import TestSupport
import Testing

@testable import Wire

/// A small WebSocket server on a reactor: upgrades, says what it is told to, echoes the rest.
private final class WebSocketServer: SocketHandler {
    private final class Connection {
        var input: [UInt8] = []
        var isUpgraded = false
        var reader = WebSocketReader(role: .server, messageMax: 4_000_000)
        var output = ByteBuffer()
    }

    let reactor: Reactor, url: WebSocketURL
    private var connections: [SocketID: Connection] = [:]
    private(set) var seen: [String] = []
    /// Answers instead of upgrading.
    var refusal: [UInt8]?
    /// Bytes sent right behind the handshake.
    var greeting: [UInt8] = []
    /// A byte a send, to see the client put them together.
    var dribbles = false
    /// Ends connections without a word after the handshake.
    var vanishes = false

    init(path: String = "/v1/stream") throws {
        let listener = try Listener.bind(host: "127.0.0.1", port: 0)
        url = WebSocketURL(host: "127.0.0.1", port: listener.localPort, path: path)
        reactor = try Reactor(listener: listener, bell: nil, connectionsMax: 10)
    }

    func opened(_ socket: SocketID, peer: PeerAddress) { connections[socket] = Connection() }
    func closed(_ socket: SocketID) {
        seen.append("gone")
        connections[socket] = nil
    }
    func writable(_ socket: SocketID) { flush(socket) }

    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        let connection = connections[socket]!
        guard !connection.isUpgraded else { return frames(socket, bytes) }
        connection.input += bytes
        let parsed = connection.input.withRaw { try? HTTPRequestParser().parse($0) }
        guard let request = parsed?.request else { return }
        seen.append("\(request.method) \(request.target)")
        if let refusal {
            refusal.withRaw { connection.output.append($0) }
        } else if let acceptance = try? WebSocketHandshake.accept(request, protocols: ["tickerfeed.v1.json"])
        {
            acceptance.write(into: &connection.output)
            greeting.withRaw { connection.output.append($0) }
            connection.isUpgraded = true
        }
        flush(socket)
        if refusal != nil || vanishes { reactor.close(socket, abort: false) }
    }

    private func frames(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        let connection = connections[socket]!
        var offset = 0
        while let event = try? connection.reader.next(bytes, from: &offset) {
            let payload = connection.reader.payload
            switch event {
            case .text: WebSocketFrame.write(into: &connection.output, opcode: .text, payload: payload)
            case .binary: WebSocketFrame.write(into: &connection.output, opcode: .binary, payload: payload)
            case .close(let code):
                seen.append("close \(code.map { "\($0)" } ?? "nil") \(Array(payload).text)")
                WebSocketFrame.writeClose(into: &connection.output, code: code)
            default: seen.append("\(event) \(Array(payload).text)")
            }
        }
        flush(socket)
    }

    private func flush(_ socket: SocketID) {
        guard let connection = connections[socket] else { return }
        let all = connection.output.readable
        var taken = 0
        while taken < all.count {
            let end = dribbles ? taken + 1 : all.count
            guard
                case .sent(let count) = reactor.send(
                    socket, UnsafeRawBufferPointer(rebasing: all[taken..<end])),
                count > 0
            else { break }
            taken += count
            if count < end - taken, !dribbles { break }
        }
        connection.output.consume(taken)
    }
}

/// A client with its transcript.
private final class Watcher {
    let client: WebSocketClient
    private(set) var log: [String] = []
    private(set) var error: ClientError?
    var onEvent: (WebSocketClient, ClientEvent) -> Void = { _, _ in }

    init(_ url: WebSocketURL, protocols: [String] = []) {
        client = WebSocketClient(
            url: url, protocols: protocols, headers: [("Origin", "http://test")],
            random: SeededGenerator(seed: 1))
    }

    func connect() {
        do throws(ClientError) { try client.connect() } catch { self.error = error }
    }

    /// What the owner's poll loop does.
    func poll() {
        guard client.descriptor >= 0 else { return }
        var poll = pollfd(
            fd: client.descriptor, events: Int16(POLLIN) | (client.wantsWrite ? Int16(POLLOUT) : 0),
            revents: 0)
        guard Glibc.poll(&poll, 1, 0) > 0 else { return }
        let readable = poll.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0
        do throws(ClientError) {
            try client.pump(readable: readable, writable: poll.revents & Int16(POLLOUT) != 0) { event in
                log.append(line(event))
                onEvent(client, event)
            }
        } catch {
            self.error = error
        }
    }

    private func line(_ event: ClientEvent) -> String {
        func body(_ bytes: UnsafeRawBufferPointer) -> String {
            bytes.count > 40 ? "\(bytes.count) bytes" : Array(bytes).text
        }
        switch event {
        case .opened: return "opened"
        case .text(let bytes): return "text " + body(bytes)
        case .binary(let bytes): return "binary " + body(bytes)
        case .closed(let code, let reason): return "closed \(code.map { "\($0)" } ?? "nil") \(reason)"
        }
    }
}

private func run(_ server: WebSocketServer, _ watcher: Watcher, until condition: () -> Bool) throws {
    let limit = Moment.read().instant + .seconds(5)
    while !condition() {
        try #require(
            Moment.read().instant < limit,
            "\(watcher.log) \(server.seen) \(String(describing: watcher.error))")
        watcher.poll()
        server.reactor.turn(until: Moment.read().instant + .microseconds(200), handler: server)
    }
}

@Suite struct WebSocketClientTests {
    @Test("opens, talks, closes", arguments: [false, true])
    func talk(dribbles: Bool) throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url, protocols: ["tickerfeed.v1.json"])
        server.dribbles = dribbles
        server.greeting = hex("81 02 6869 89 01 70")  // "hi" and a ping, in the same segment
        watcher.onEvent = { client, event in
            switch event {
            case .opened: client.send(text: "hello")
            case .text(let bytes) where Array(bytes).text == "hello": client.close(reason: "enough")
            default: break
            }
        }
        watcher.connect()
        try run(server, watcher, until: { server.seen.contains("gone") })
        #expect(watcher.log == ["opened", "text hi", "text hello", "closed 1000 "])
        #expect(server.seen == ["GET /v1/stream", "pong p", "close 1000 enough", "gone"])
        #expect(watcher.client.subprotocol == "tickerfeed.v1.json")
        #expect(watcher.client.descriptor == -1 && watcher.error == nil && !watcher.client.wantsWrite)
    }

    @Test("big messages, both ways")
    func big() throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url)
        watcher.connect()
        try run(server, watcher, until: { watcher.log == ["opened"] })
        for _ in 1...4 { watcher.client.send(text: String(repeating: "x", count: 3_000_000)) }
        #expect(watcher.client.wantsWrite && watcher.client.pendingBytes > 0)
        [UInt8](repeating: 0xff, count: 70_000).withRaw { watcher.client.send(binary: $0) }
        try run(server, watcher, until: { watcher.log.last == "binary 70000 bytes" })
        #expect(watcher.log.dropFirst().dropLast() == Array(repeating: "text 3000000 bytes", count: 4)[...])
        #expect(watcher.client.pendingBytes == 0)
    }

    @Test(
        "how a server ends it",
        arguments: [
            (frames: "88 06 1138 736c6f77", closed: "closed 4408 slow", answer: "close 4408 "),
            (frames: "88 00", closed: "closed nil ", answer: "close nil "),
        ])
    func serverCloses(frames: String, closed: String, answer: String) throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url)
        server.greeting = hex(frames)
        watcher.connect()
        try run(server, watcher, until: { server.seen.count == 3 })
        #expect(watcher.log == ["opened", closed])
        #expect(server.seen == ["GET /v1/stream", answer, "gone"])
    }

    @Test(
        "a server that breaks the protocol is told so",
        arguments: [
            ("81 80 01020304", 1002), ("c1 00", 1002), ("81 01 ff", 1007), ("82 7f 0000000010000000", 1009),
        ])
    func violation(frames: String, code: Int) throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url)
        server.greeting = hex(frames)
        watcher.connect()
        try run(server, watcher, until: { server.seen.count == 3 })
        guard case .protocolViolation(UInt16(code), _) = watcher.error else {
            Issue.record("\(String(describing: watcher.error))")
            return
        }
        #expect(server.seen[1].hasPrefix("close \(code) "))
        #expect(watcher.log == ["opened"])
    }

    @Test("a connection that ends without a word")
    func vanishes() throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url)
        server.vanishes = true
        watcher.connect()
        try run(server, watcher, until: { watcher.log.count == 2 })
        #expect(watcher.log == ["opened", "closed nil closed without a close frame"])
    }

    @Test(
        "a refusal says what and why",
        arguments: [
            (
                HTTPResponse(HTTPFault(403, "symbol not entitled")),
                "refused with 403 Forbidden: symbol not entitled"
            ),
            (.text(503, "overloaded\nsee you later"), "refused with 503 Service Unavailable: overloaded"),
            (HTTPResponse(status: 404), "refused with 404 Not Found"),
            (HTTPResponse(status: 204), "refused with 204 No Content"),
        ])
    func refused(answer: HTTPResponse, text: String) throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url)
        var buffer = ByteBuffer()
        answer.write(into: &buffer, keepAlive: false, head: false)
        server.refusal = buffer.bytes
        server.dribbles = true
        watcher.connect()
        try run(server, watcher, until: { watcher.error != nil })
        #expect(watcher.error?.description == text)
        #expect(watcher.client.descriptor == -1)
    }

    @Test(
        "an answer that is none",
        arguments: [
            ("SSH-2.0-OpenSSH_9.6\r\n", "the server's handshake is wrong: the answer is not HTTP/1.1"),
            (
                "HTTP/1.1 101 Fine\r\n\r\n",
                "the server's handshake is wrong: the answer does not upgrade to WebSocket"
            ),
            ("HTTP/1.1 20", "the connection was lost: closed without a close frame during the handshake"),
        ])
    func noAnswer(answer: String, text: String) throws {
        let server = try WebSocketServer(), watcher = Watcher(server.url)
        server.refusal = Array(answer.utf8)
        watcher.connect()
        try run(server, watcher, until: { watcher.error != nil })
        #expect(watcher.error?.description == text)
    }

    @Test("nobody there: which address, and why")
    func nobody() throws {
        let listener = try Listener.bind(host: "127.0.0.1", port: 0)
        listener.close()
        let watcher = Watcher(WebSocketURL(host: "127.0.0.1", port: listener.localPort))
        watcher.connect()
        let server = try WebSocketServer()
        try run(server, watcher, until: { watcher.error != nil })
        #expect(
            watcher.error?.description
                == "cannot connect to 127.0.0.1:\(listener.localPort): Connection refused")
    }

    @Test("a name with several addresses is tried to the end")
    func severalAddresses() throws {
        let server = try WebSocketServer()  // on 127.0.0.1 only; localhost may be ::1 first
        let watcher = Watcher(WebSocketURL(host: "localhost", port: server.url.port))
        watcher.connect()
        try run(server, watcher, until: { watcher.log == ["opened"] })
    }

    @Test("an unknown name")
    func unknownName() {
        let watcher = Watcher(WebSocketURL(host: "no such name"))
        watcher.connect()
        guard case .unresolved("no such name", _) = watcher.error else {
            Issue.record("\(String(describing: watcher.error))")
            return
        }
    }

    @Test("the same seed, the same bytes")
    func repeatable() {
        var one: any RandomNumberGenerator = SeededGenerator(seed: 7), two = SeededGenerator(seed: 7)
        #expect(
            WebSocketHandshake.key(one.next(), one.next()) == WebSocketHandshake.key(two.next(), two.next()))
    }
}
