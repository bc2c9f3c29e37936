// What strangers do to the one port: bytes in, status or close code out, and nothing left behind.
import Basics
import Dialects
import TestSupport
import Testing
import Wire

@testable import FanOut

private let stranger = PeerAddress(v4: 0xc000_0201, port: 4_711)  // 192.0.2.1
private let proxy = PeerAddress(v4: 0x0a00_0001, port: 1)  // 10.0.0.1

private func get(_ path: String, _ more: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: x\r\n\(more)\r\n"
}

extension Engine {
    /// What a fresh connection is answered, and whether it is closed then.
    func ask(_ text: String, from peer: PeerAddress = stranger) -> (text: String, closed: Bool) {
        open(0, from: peer)
        let answer = say(http: text, 0)
        let closed = network.closed.contains(0)
        leave(0)
        return (answer, closed)
    }

    func say(http text: String, _ index: Int) -> String {
        receive(index, Array(text.utf8))
        return String(decoding: network.take(index), as: UTF8.self)
    }

    func leave(_ index: Int) {
        if !network.closed.contains(index) { close(index) }
        network.reopen(index)
    }

    func status(_ text: String, from peer: PeerAddress = stranger) -> Int {
        Engine.status(ask(text, from: peer).text)
    }

    static func status(_ answer: String) -> Int {
        Int(answer.split(separator: " ").dropFirst().first ?? "") ?? 0
    }

    func refusals(_ limit: Refusal) -> UInt64 { handler.refusals(limit) }
}

private func header(_ name: String, in answer: String) -> String? {
    answer.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
        .map { String($0.dropFirst(name.count + 2)) }
}

/// With `http://good.example` on the list of origins.
private let wrongRequests = malformed + handshakes

private let malformed: [(request: String, status: Int)] = [
    // Malformed
    ("\u{16}\u{3}\u{1}\r\n", 400), ("\0\0\0\0\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: x\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400), ("GET /\r\n\r\n", 400),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    // Smuggling: two readings of where a request ends
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n", 411),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\r\n : chunked\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    ("GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400), ("GET http://x@y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    // Bodies
    (get("/", "Content-Length: 3\r\n") + "abc", 413),
    (get("/", "Content-Length: 3\r\nExpect: 100-continue\r\n"), 413),
    (get("/", "Expect: a-miracle\r\n"), 417), (get("/livez", "Expect: 100-Continue\r\n"), 200),
    // Methods
    ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405), ("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    ("BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501), ("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    // Paths that want out
    (get("/../../etc/passwd"), 400), (get("/v1/snapshot/../../etc/passwd"), 400), (get("/%2e%2e/etc"), 400),
    (get("/v1/snapshot/%2e%2e%2fpasswd"), 400), (get("/v1/snapshot/..%5c..%5cpasswd"), 400),
    (get("/v1/snapshot/A%00.txt"), 400), (get("/v1/snapshot/%c0%ae%c0%ae"), 400),
    (get("//etc/passwd"), 404), (get("/v1/snapshot//etc/passwd"), 404), (get("/v1/snapshot/%252e%252e"), 404),
    (get("/v1/snapshot/"), 404), (get("/LIVEZ"), 404),
    // Sizes
    (get("/" + String(repeating: "a", count: 2_048)), 414),
    (get("/", String(repeating: "A: b\r\n", count: 64)), 431),
    (get("/", "A: \(String(repeating: "b", count: 8_192))\r\n"), 431),
]

private let handshakes: [(request: String, status: Int)] = [
    // Handshakes
    (get("/v1/stream"), 426), (get("/v1/stream", "Upgrade: websocket\r\n"), 426),
    (get("/v1/stream", "Upgrade: h2c\r\nConnection: Upgrade\r\n"), 426),
    (Engine.upgrade().replacing("13\r\n", with: "12\r\n"), 426),
    (Engine.upgrade().replacing("13\r\n", with: "13\r\nSec-WebSocket-Version: 13\r\n"), 426),
    (Engine.upgrade().replacing("dGhl", with: "dGh"), 400),
    (Engine.upgrade().replacing("dGhlIHNh", with: "!"), 400),
    (Engine.upgrade("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
    (Engine.upgrade("Sec-WebSocket-Protocol: soap\r\n"), 400),
    (Engine.upgrade().replacing("GET", with: "POST"), 405),
    (Engine.upgrade().replacing("/1.1", with: "/1.0"), 400),
    (Engine.upgrade().replacing("/v1/stream", with: "/v1/stream?token=secret"), 400),
    // Origins
    (Engine.upgrade("Origin: http://evil.example\r\n"), 403), (Engine.upgrade("Origin: null\r\n"), 403),
    (Engine.upgrade("Origin: http://x.evil.example\r\n"), 403),
    (Engine.upgrade("Origin: http://xx\r\n"), 403),
    (Engine.upgrade("Origin: http://x\r\n"), 101), (Engine.upgrade("Origin: https://x\r\n"), 101),
    (Engine.upgrade("Origin: http://good.example\r\n"), 101),
    (Engine.upgrade("Origin: http://good.example.evil.example\r\n"), 403),
]

@Suite struct HostileHTTPTests {
    @Test(
        "requests that are wrong, and the status of each",
        arguments: wrongRequests)
    func statuses(request: String, status: Int) {
        let engine = Engine { $0.allowedOrigins = ["http://good.example"] }
        let (answer, isClosed) = engine.ask(request)
        #expect(Engine.status(answer) == status, "\(request.prefix(200)) → \(answer.prefix(120))")
        if status >= 400 {
            #expect(!answer.contains("secret") && !answer.lowercased().contains("\r\nserver:"))
        }
        #expect(isClosed == answer.contains("\r\nConnection: close\r\n"), "\(request.prefix(200))")
        #expect(engine.handler.holdings == Holdings())
        #expect(engine.status(get("/livez")) == 200)
    }

    @Test("nothing is done with what follows a request that was refused")
    func pipelinedBehindRefusal() {
        let engine = Engine()
        let answer = engine.ask(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n" + get("/livez")
        ).text
        #expect(Engine.status(answer) == 413)
        #expect(!answer.contains("alive") && answer.contains("Connection: close"))
    }

    @Test("HEAD and OPTIONS wherever GET is; no body with HEAD, 204 and 304")
    func methods() {
        let engine = Engine()
        engine.define("AAPL")
        engine.run()
        for path in [
            "/", "/livez", "/readyz", "/metrics", "/v1/symbols", "/v1/schema.xml", "/v1/snapshot/AAPL",
        ] {
            let whole = engine.ask(get(path)).text,
                head = engine.ask(get(path).replacing("GET", with: "HEAD")).text
            #expect(Engine.status(whole) == 200 && Engine.status(head) == 200, "\(path)")
            #expect(head.hasSuffix("\r\n\r\n"))
            #expect(header("content-type", in: head) == header("content-type", in: whole))
            if path != "/metrics" {
                #expect(header("content-length", in: head) == header("content-length", in: whole), "\(path)")
            }
            let options = engine.ask(get(path).replacing("GET", with: "OPTIONS")).text
            #expect(Engine.status(options) == 204 && header("allow", in: options) == "GET, HEAD, OPTIONS")
            #expect(header("content-length", in: options) == nil && options.hasSuffix("\r\n\r\n"))
        }
        #expect(engine.status("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n") == 204)
        #expect(
            header("allow", in: engine.ask("PUT / HTTP/1.1\r\nHost: x\r\n\r\n").text) == "GET, HEAD, OPTIONS")
    }

    @Test("every answer says when it is from, and that it is what it says it is")
    func dressed() {
        let engine = Engine()
        for request in [
            get("/livez"), get("/nowhere"), "nonsense\r\n\r\n", get("/v1/stream"), get("/metrics"),
        ] {
            let answer = engine.ask(request).text
            #expect(header("date", in: answer) == "Tue, 14 Nov 2023 22:13:20 GMT", "\(answer)")
            #expect(header("x-content-type-options", in: answer) == "nosniff")
            #expect(header("cache-control", in: answer) == "no-store")
            #expect(header("server", in: answer) == nil)
        }
    }

    @Test("streams and long polls say it as well", arguments: ["/v1/events", "/v1/poll"])
    func dressedStreams(path: String) {
        let engine = Engine { $0.allowedOrigins = ["http://good.example"] }
        engine.define("AAPL")
        engine.quote(0, bid: 100)
        engine.run()
        let page = "Origin: http://good.example\r\n"
        let answer = engine.ask(get(path + "?channel=quote&symbols=AAPL", page)).text
        #expect(Engine.status(answer) == 200)
        #expect(header("access-control-allow-origin", in: answer) == "http://good.example")
        #expect(header("vary", in: answer) == "Origin" && header("date", in: answer) != nil)
        #expect(header("cache-control", in: answer) == "no-store")
        let preflight = engine.ask(
            "OPTIONS \(path) HTTP/1.1\r\nHost: x\r\n\(page)Access-Control-Request-Method: GET\r\n\r\n")
        #expect(Engine.status(preflight.text) == 204)
        #expect(header("access-control-allow-headers", in: preflight.text) != nil)
        #expect(engine.handler.holdings == Holdings())
    }

    @Test(
        "a version that the client has is not sent again",
        arguments: ["/v1/snapshot/AAPL", "/v1/symbols", "/v1/schema.xml"])
    func versions(path: String) throws {
        let engine = Engine()
        engine.define("AAPL")
        engine.quote(0, bid: 100)
        engine.run()
        let tag = try #require(header("etag", in: engine.ask(get(path)).text))
        for field in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            let answer = engine.ask(get(path, "If-None-Match: \(field)\r\n")).text
            #expect(Engine.status(answer) == 304, "\(field)")
            #expect(header("etag", in: answer) == tag && answer.hasSuffix("\r\n\r\n"))
            #expect(header("cache-control", in: answer) != "no-store")
        }
        #expect(engine.status(get(path, "If-None-Match: \"x\"\r\n")) == 200)
        engine.quote(0, bid: 101)
        engine.define("MSFT")
        engine.run()
        let after = engine.status(get(path, "If-None-Match: \(tag)\r\n"))
        #expect(after == (path == "/v1/schema.xml" ? 304 : 200))
    }

    @Test("pages of other origins: those that are listed, each by its name, with Vary on every answer")
    func origins() {
        let engine = Engine { $0.allowedOrigins = ["http://good.example"] }
        let ask = "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n"
        for origin in ["http://good.example", "http://evil.example", "null", nil] {
            let field = origin.map { "Origin: \($0)\r\n" } ?? ""
            let isGood = origin == "http://good.example"
            for path in ["/livez", "/nowhere"] {
                let answer = engine.ask(get(path, field)).text
                #expect(header("vary", in: answer) == "Origin")
                #expect(header("access-control-allow-origin", in: answer) == (isGood ? origin : nil))
                #expect(header("access-control-allow-credentials", in: answer) == (isGood ? "true" : nil))
                #expect(!answer.contains("*"))
            }
            let preflight = engine.ask("OPTIONS /v1/symbols HTTP/1.1\r\nHost: x\r\n\(field)\(ask)\r\n").text
            #expect(Engine.status(preflight) == 204)
            #expect(header("access-control-allow-origin", in: preflight) == (isGood ? origin : nil))
            #expect(header("access-control-allow-methods", in: preflight) == (isGood ? Shard.methods : nil))
            let names = header("access-control-allow-headers", in: preflight)
            #expect(names == (isGood ? "Authorization, Content-Type, Last-Event-ID" : nil))
            #expect(header("access-control-max-age", in: preflight) == (isGood ? "600" : nil))
        }
        // Without a list there is nothing that answers could differ by.
        let plain = Engine().ask(get("/livez", "Origin: http://good.example\r\n")).text
        #expect(header("vary", in: plain) == nil && header("access-control-allow-origin", in: plain) == nil)
    }
}

@Suite struct DeadlineTests {
    private func upToTheEnd(_ engine: Engine, _ milliseconds: Int, _ each: (Int) -> Void = { _ in }) -> Int? {
        for step in 0..<milliseconds {
            if engine.network.closed.contains(0) { return step }
            if step % 1_000 == 0 { each(step) }
            engine.run()
        }
        return nil
    }

    @Test("a head a byte a second ends with 408 when its time is over, and so does silence, without a word")
    func slowHead() {
        let engine = Engine()
        engine.open(0, from: stranger)
        let head = Array(get("/livez", "X: \(String(repeating: "y", count: 100))\r\n").utf8)
        let end = upToTheEnd(engine, 20_000) { engine.receive(0, [head[$0 / 1_000]]) }
        #expect(end == 10_000)
        #expect(Engine.status(String(decoding: engine.network.take(0), as: UTF8.self)) == 408)
        #expect(engine.refusals(.requestTime) == 1)
        engine.network.reopen(0)
        engine.open(0, from: stranger)
        #expect(upToTheEnd(engine, 20_000) == 10_000)
        #expect(engine.network.take(0).isEmpty)
        #expect(engine.handler.holdings == Holdings())
    }

    @Test("a served connection may idle for 30 s, but a request that it begins must come whole in 10")
    func keepAlive() {
        let engine = Engine()
        engine.open(0, from: stranger)
        _ = engine.say(http: get("/livez"), 0)
        engine.run(milliseconds: 29_000)
        #expect(Engine.status(engine.say(http: get("/livez") + "GE", 0)) == 200)
        let end = upToTheEnd(engine, 40_000) {
            if $0 > 0, $0 < 6_000 { engine.receive(0, [0x54 + UInt8($0 / 1_000)]) }
        }
        #expect(end == 10_000)
        engine.network.reopen(0)
        engine.open(0, from: stranger)
        _ = engine.say(http: get("/livez"), 0)
        #expect(upToTheEnd(engine, 40_000) == 30_000)
    }

    @Test("an answer that nobody reads does not stay for ever")
    func unread() {
        let engine = Engine()
        engine.open(0, from: stranger)
        engine.network.room[0] = 10
        _ = engine.say(http: get("/") + get("/"), 0)
        #expect(upToTheEnd(engine, 40_000) == 30_000)
        #expect(engine.handler.holdings == Holdings())
    }

    @Test("a message a byte a second is let go; whole ones as slow are not")
    func slowMessage() {
        let engine = Engine()
        engine.connect(0)
        let frame: [UInt8] = [0x81, 0xfe, 0x10, 0x00, 0, 0, 0, 0]
        var sent = 0
        let end = upToTheEnd(engine, 40_000) { _ in
            engine.receive(0, [sent < frame.count ? frame[sent] : 0x20])
            sent += 1
            // A ping in the middle of a frame is no ping.
        }
        #expect(end == 35_000, "30 s for the message, 5 for a closing handshake that never comes")
        #expect(engine.texts(0).contains("close 1008"))
        #expect(engine.refusals(.messageTime) == 1)

        engine.connect(1)
        for _ in 0..<60 {
            engine.run(milliseconds: 1_000)
            engine.say(1, #"{"op":"ping"}"#)
        }
        #expect(!engine.texts(1).contains { $0.hasPrefix("close") })
    }

    @Test("pings between fragments win no time for a message that never ends")
    func pingsBetweenFragments() {
        let engine = Engine()
        engine.connect(0)
        engine.receive(0, [0x01, 0x81, 0, 0, 0, 0, 0x20])
        for _ in 0..<31 {
            engine.run(milliseconds: 1_000)
            engine.receive(0, [0x89, 0x80, 0, 0, 0, 0])
        }
        #expect(engine.texts(0).contains("close 1008"))
    }
}

@Suite struct CrowdTests {
    @Test("one address has so many connections; the next is told 429, and others are let in")
    func perAddress() {
        var limits = Limits()
        limits.connectionsPerAddress = 3
        let engine = Engine(limits: limits)
        for index in 0..<3 { engine.open(index, from: stranger) }
        engine.open(3, from: PeerAddress(v4: 0xc000_0201, port: 9))
        let answer = String(decoding: engine.network.take(3), as: UTF8.self)
        #expect(Engine.status(answer) == 429 && header("retry-after", in: answer) == "5")
        #expect(answer.contains("Connection: close") && engine.network.closed.contains(3))
        #expect(engine.handler.connectionCount == 3 && engine.refusals(.addressConnections) == 1)
        engine.open(4, from: PeerAddress(v4: 0xc000_0202, port: 9))
        for index in 5..<200 { engine.open(index) }  // loopback
        #expect(engine.handler.connectionCount == 199)
        engine.close(0)
        engine.network.reopen(3)
        engine.open(3, from: stranger)
        #expect(!engine.network.closed.contains(3))
    }

    @Test("behind a proxy it is the client's address that counts, and a forged one changes nothing")
    func proxied() throws {
        var limits = Limits()
        limits.connectionsPerAddress = 2
        let block = try #require(AddressBlock("10.0.0.0/8"))
        let engine = Engine(limits: limits) { $0.trustedProxies = [block] }
        func upgrade(_ index: Int, _ field: String) -> Int {
            engine.open(index, from: proxy)
            return Engine.status(engine.say(http: Engine.upgrade("X-Forwarded-For: \(field)\r\n"), index))
        }
        #expect((0..<2).map { upgrade($0, "6.6.6.\($0), 198.51.100.1") } == [101, 101])
        #expect(upgrade(2, "7.7.7.7, 198.51.100.1") == 429)
        #expect((3..<5).map { upgrade($0, "198.51.100.2") } == [101, 101])
        // From anybody else the field is air: the peer's own address counts.
        func forged(_ index: Int) -> Int {
            engine.open(index, from: stranger)
            return Engine.status(
                engine.say(http: Engine.upgrade("X-Forwarded-For: 198.51.100.\(index)\r\n"), index))
        }
        #expect((10..<13).map(forged) == [101, 101, 429])
        for index in 0..<13 where engine.network.sent[index] == nil { engine.close(index) }
        #expect(engine.handler.connectionCount == 0)
        engine.network.reopen(2)
        #expect(upgrade(2, "198.51.100.1") == 101)
    }

    @Test("too many requests of an address: 429 until the bucket has more, the connection is closed")
    func requestRate() {
        var limits = Limits()
        limits.requestsPerAddress = 5
        let engine = Engine(limits: limits)
        #expect((0..<6).map { _ in engine.status(get("/livez")) } == [200, 200, 200, 200, 200, 429])
        let (answer, isClosed) = engine.ask(get("/livez"))
        #expect(header("retry-after", in: answer) == "1" && isClosed)
        #expect(engine.status(get("/livez"), from: PeerAddress(v4: 0xc000_0299, port: 1)) == 200)
        engine.run(milliseconds: 200)
        #expect(engine.status(get("/livez")) == 200)
        // One connection's pipeline is counted request by request.
        engine.run(milliseconds: 1_000)
        let many = engine.ask(String(repeating: get("/livez"), count: 20)).text
        #expect(many.ranges(of: "200 OK").count == 5 && many.ranges(of: "429").count == 1)
        #expect(
            (0..<50).allSatisfy { _ in
                engine.status(get("/livez"), from: PeerAddress(v4: 0x7f00_0001, port: 1)) == 200
            })
    }

    @Test("too many handshakes: 429 for the address, 503 for all; later they are welcome")
    func handshakes() {
        var limits = Limits()
        limits.handshakesPerAddress = 2
        limits.handshakesPerSecond = 6
        let engine = Engine(limits: limits)
        func shake(_ last: UInt32) -> Int {
            engine.status(Engine.upgrade(), from: PeerAddress(v4: 0xc000_0200 + last, port: 1))
        }
        #expect([shake(1), shake(1), shake(1), shake(2), shake(3)] == [101, 101, 429, 101, 503])
        engine.run(milliseconds: 1_000)
        #expect(shake(1) == 101)
        #expect(engine.refusals(.handshakes) == 1 && engine.refusals(.addressHandshakes) == 1)
    }

    @Test("out of memory nobody new is let in, and the old stay")
    func memory() {
        let resident = Resident()
        var limits = Limits()
        limits.memoryBytes = 1_000
        let place = LoopPlace(index: 0, board: Noticeboard(loops: 1), turnstile: Turnstile { resident.bytes })
        let engine = Engine(limits: limits, place: place)
        engine.connect(5)
        engine.open(6)
        resident.bytes = 1_001
        engine.run(milliseconds: 100)
        let (answer, isClosed) = engine.ask(get("/livez"))
        #expect(Engine.status(answer) == 503 && header("retry-after", in: answer) == "5" && isClosed)
        // Who is connected may ask, but not become a stream; a stream goes on.
        #expect(Engine.status(engine.say(http: get("/livez"), 6)) == 200)
        #expect(Engine.status(engine.say(http: Engine.upgrade(), 6)) == 503)
        engine.say(5, #"{"op":"ping"}"#)
        #expect(engine.texts(5).contains { $0.contains("pong") })
        #expect(engine.refusals(.memory) == 2)
        resident.bytes = 940
        engine.run(milliseconds: 100)
        #expect(engine.status(get("/livez")) == 200)
    }

    @Test("a server that stops answers, and lets no stream begin")
    func draining() {
        let engine = Engine()
        engine.handler.drain(over: .seconds(10))
        #expect(engine.status(get("/livez")) == 200)
        for request in [Engine.upgrade(), get("/v1/events?channel=quote&symbols=AAPL")] {
            let answer = engine.ask(request).text
            #expect(Engine.status(answer) == 503 && header("retry-after", in: answer) != nil)
        }
    }
}

private final class Resident: @unchecked Sendable {
    var bytes = 0
}

private let manyNames = Array(repeating: "\"A\"", count: 513).joined(separator: ",")

private let wrongMessages: [(text: String, code: String)] = [
    ("{", "bad_json"), (String(repeating: "[", count: 60_000), "bad_json"),
    (String(repeating: #"{"a":"#, count: 9) + "1" + String(repeating: "}", count: 9), "bad_json"),
    ("[1,2]", "bad_request"), ("null", "bad_request"), (#"{"op":"\u0000"}"#, "unknown_op"),
    (#"{"op":"ping","op":"#, "bad_json"), (#"{"op":1e999999999}"#, "bad_"), ("\u{feff}{}", "bad_json"),
    (#"{"op":"subscribe","channel":"quote","symbols":[\#(manyNames)]}"#, "limit_symbols"),
    (#"{"op":"ping","id":"\#(String(repeating: "x", count: 65))"}"#, "bad_request"),
    (#"{"op":"subscribe","channel":"quote","symbols":["A"],"rate":1e308}"#, "bad_rate"),
    (#"{"op":"subscribe","channel":"book","symbols":["A"],"depth":-9223372036854775808}"#, "bad_depth"),
]

@Suite struct HostileStreamTests {
    @Test(
        "frames that are wrong, and the code each is closed with",
        arguments: [
            ([0x81, 0x02, 0x7b, 0x7d], 1002),  // not masked
            ([0xc1, 0x80, 0, 0, 0, 0], 1002), ([0xa1, 0x80, 0, 0, 0, 0], 1002),
            ([0x91, 0x80, 0, 0, 0, 0], 1002),
            ([0x83, 0x80, 0, 0, 0, 0], 1002), ([0x8b, 0x80, 0, 0, 0, 0], 1002),  // unknown opcodes
            ([0x80, 0x80, 0, 0, 0, 0], 1002), ([0x09, 0x80, 0, 0, 0, 0], 1002), ([0x89, 0xfe, 0, 126], 1002),
            ([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002),  // 2^63
            ([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255], 1009),  // 2^63 - 1
            ([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1], 1009),  // one byte more than allowed
            ([0x81, 0xfe, 0, 5], 1002),  // not the shortest form
            ([0x81, 0x81, 0, 0, 0, 0, 0xff], 1007), ([0x82, 0x80, 0, 0, 0, 0], 1003),
            ([0x88, 0x81, 0, 0, 0, 0, 3], 1002), ([0x88, 0x82, 0, 0, 0, 0, 3, 0xed], 1002),  // 1005
            ([0x88, 0x83, 0, 0, 0, 0, 3, 0xe8, 0xff], 1007),
        ] as [([UInt8], Int)])
    func frames(bytes: [UInt8], code: Int) {
        let engine = Engine()
        engine.connect(0)
        engine.receive(0, bytes)
        #expect(engine.texts(0) == ["close \(code)"])
        engine.run(milliseconds: 6_000)
        #expect(engine.handler.holdings == Holdings() && engine.network.closed.contains(0))
    }

    @Test("a message may come in 1,024 frames, empty ones counted, and not in one more")
    func fragments() {
        for (count, isFine) in [(1_024, true), (1_025, false)] {
            let engine = Engine()
            engine.connect(0)
            let text = Array(#"{"op":"ping"}"#.utf8)
            engine.receive(0, [0x01, 0x80 | UInt8(text.count), 0, 0, 0, 0] + text)
            for _ in 0..<(count - 2) { engine.receive(0, [0x00, 0x80, 0, 0, 0, 0]) }
            engine.receive(0, [0x80, 0x80, 0, 0, 0, 0])
            let said = engine.texts(0)
            #expect(said.contains { $0.contains("pong") } == isFine)
            #expect(said.contains("close 1008") == !isFine, "\(said)")
            #expect(engine.refusals(.fragments) == (isFine ? 0 : 1))
        }
    }

    @Test("more bytes than a connection may send: 4429, after what it may send at once")
    func inputRate() {
        var limits = Limits()
        limits.inputBytesPerSecond = 65_536
        let engine = Engine(limits: limits)
        engine.connect(0)
        // Pongs nobody asked for: cheap to send, and answered by nothing.
        let pong: [UInt8] = [0x8a, 0xfd, 0, 0, 0, 0] + Array(repeating: 0, count: 125)
        let flood = Array(repeatElement(pong, count: 500).joined())
        for _ in 0..<4 { engine.receive(0, flood) }
        #expect(engine.texts(0).isEmpty)
        engine.receive(0, flood)
        #expect(engine.texts(0) == ["close 4429"])
        #expect(engine.refusals(.inputBytes) == 1)
        // At the rate, for as long as it likes.
        engine.connect(1)
        for _ in 0..<30 {
            engine.run(milliseconds: 1_000)
            engine.receive(1, flood.suffix(500 * 131 - 131 * 1))
        }
        #expect(!engine.texts(1).contains { $0.hasPrefix("close") })
    }

    @Test(
        "messages that are wrong are answered, and end nothing",
        arguments: wrongMessages)
    func messages(text: String, code: String) {
        let engine = Engine()
        engine.connect(0)
        engine.say(0, text)
        let said = engine.texts(0)
        #expect(said.count == 1 && said[0].contains("\"code\":\"\(code)"), "\(text.prefix(80)) → \(said)")
        engine.say(0, #"{"op":"ping"}"#)
        #expect(engine.texts(0).contains { $0.contains("pong") })
        if code == "limit_symbols" { #expect(engine.refusals(.symbols) == 1) }
    }

    @Test("one subject too many: 429 before the upgrade, 1013 after it")
    func subjects() {
        var limits = Limits()
        limits.connectionsPerSubject = 1
        let engine = Engine(limits: limits)
        for index in 0..<2 { engine.connect(index) }
        #expect(engine.handler.admits(subject: "ann", 0))
        #expect(!engine.handler.admits(subject: "ann", 1))
        #expect(engine.texts(1) == ["close 1013"])
        engine.close(0)
        engine.connect(2)
        #expect(engine.handler.admits(subject: "ann", 2))
        #expect(engine.refusals(.subjectConnections) == 1)
    }

    @Test("random bytes, before and after the upgrade: nothing stays", arguments: Seed.smoke)
    func garbage(seed: Seed) {
        var random = seed.generator()
        let engine = Engine()
        engine.define("AAPL")
        for round in 0..<60 {
            let isStream = round % 2 == 0
            if isStream { engine.connect(0) } else { engine.open(0, from: stranger) }
            for _ in 0..<(1 + random.below(5)) where !engine.network.closed.contains(0) {
                engine.receive(0, (0..<(1 + random.below(300))).map { _ in UInt8(random.below(256)) })
                engine.run()
            }
            engine.close(0)
            #expect(engine.handler.holdings == Holdings(), "\(seed), round \(round)")
        }
    }
}
