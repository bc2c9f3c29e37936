import Basics
import TestSupport
import Testing

@testable import Wire

private enum Outcome: Equatable {
    case request(path: String, query: String, consumed: Int)
    case incomplete
    case fault(Int)
}

private func parse(_ bytes: [UInt8], limits: HTTPLimits = .init()) -> Outcome {
    bytes.withRaw { raw in
        do throws(HTTPFault) {
            guard let (request, consumed) = try HTTPRequestParser(limits: limits).parse(raw) else {
                return .incomplete
            }
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
            return .request(path: request.path, query: query, consumed: consumed)
        } catch {
            return .fault(error.status)
        }
    }
}

private func request(_ text: String) throws(HTTPFault) -> HTTPRequest? {
    let memory = Memory(Array(text.utf8))
    return try HTTPRequestParser().parse(UnsafeRawBufferPointer(memory.bytes))?.request
}

private let host = "Host: tickers.example\r\n"

private let good: [(head: String, path: String, query: String)] = [
    ("GET / HTTP/1.1\r\n\(host)\r\n", "/", ""),
    ("\r\nGET / HTTP/1.1\r\n\(host)\r\n", "/", ""),  // RFC 9112 §2.2
    ("GET / HTTP/1.0\r\n\r\n", "/", ""),  // 1.0 needs no Host
    ("GET /v1/snapshot/AAPL?depth=10 HTTP/1.1\r\n\(host)\r\n", "/v1/snapshot/AAPL", "depth=10"),
    ("GET /a%20b/%C3%A9 HTTP/1.1\r\n\(host)\r\n", "/a b/é", ""),
    ("GET /a+b?c+d=e%2Bf&g&=h&&i=j=k HTTP/1.1\r\n\(host)\r\n", "/a+b", "c d=e+f&g=&=h&i=j=k"),
    ("GET /a//b/.c/..d HTTP/1.1\r\n\(host)\r\n", "/a//b/.c/..d", ""),
    ("GET /?x=%2F..%5C HTTP/1.1\r\n\(host)\r\n", "/", "x=/..\\"),  // a query is no path
    ("GET http://tickers.example/p?q=1 HTTP/1.1\r\n\(host)\r\n", "/p", "q=1"),
    ("GET http://TICKERS.example HTTP/1.1\r\n\(host)\r\n", "/", ""),
    ("OPTIONS * HTTP/1.1\r\n\(host)\r\n", "*", ""),
    ("GET / HTTP/1.1\r\nhOST:[::1]:7400 \t\r\n\r\n", "/", ""),
    ("GET / HTTP/1.1\r\n\(host)X:\r\nY: \t\r\nZ: a\tb \u{e9}\r\n\r\n", "/", ""),
    ("GET / HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", "/", ""),
    ("GET / HTTP/1.1\r\n\(host)Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "/", ""),
]

private let bad: [(head: String, status: Int)] = [
    // The request line
    ("GET /\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n\(host)\r\n", 400), ("GET / HTTP/1.1 \r\n\(host)\r\n", 400),
    (" GET / HTTP/1.1\r\n\(host)\r\n", 400), ("G@T / HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET\t/\tHTTP/1.1\r\n\(host)\r\n", 400), ("\r\n\r\nGET / HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET / http/1.1\r\n\(host)\r\n", 400), ("GET / HTTP/1.10\r\n\(host)\r\n", 400),
    ("GET / HTTP/2.0\r\n\(host)\r\n", 505), ("GET / HTTP/0.9\r\n\(host)\r\n", 505),
    ("PRI * HTTP/2.0\r\n\r\n", 505),
    ("\u{16}\u{03}\u{01}", 400),  // TLS
    // The target
    ("GET tickers HTTP/1.1\r\n\(host)\r\n", 400), ("GET * HTTP/1.1\r\n\(host)\r\n", 400),
    ("CONNECT a:80 HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET https://tickers.example/ HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /a#b HTTP/1.1\r\n\(host)\r\n", 400), ("GET /é HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /../etc HTTP/1.1\r\n\(host)\r\n", 400), ("GET /a/. HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /%2e%2E/etc HTTP/1.1\r\n\(host)\r\n", 400), ("GET /a%2fb HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /a%5cb HTTP/1.1\r\n\(host)\r\n", 400), ("GET /a\\b HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /%00 HTTP/1.1\r\n\(host)\r\n", 400), ("GET /%0a HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /?a=%0d HTTP/1.1\r\n\(host)\r\n", 400), ("GET /%ff HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /% HTTP/1.1\r\n\(host)\r\n", 400), ("GET /%4 HTTP/1.1\r\n\(host)\r\n", 400),
    ("GET /%4g HTTP/1.1\r\n\(host)\r\n", 400),
    // Lines and fields
    ("GET / HTTP/1.1\n\(host)\r\n", 400), ("GET / HTTP/1.1\r\n\(host)\n", 400),
    ("GET / HTTP/1.1\r\(host)\r\n", 400), ("GET / HTTP/1.1\r\n\(host)A: b\rc\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\(host)A: b\u{0}\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\(host)A: b\u{7f}\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\(host)A: b\r\n c\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\(host)A : b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n A: b\r\n\(host)\r\n", 400), ("GET / HTTP/1.1\r\n\(host): b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\(host)A\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\(host)A(: b\r\n\r\n", 400),
    // Host
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\(host)\(host)\r\n", 400),
    ("GET / HTTP/1.0\r\n\(host)\(host)\r\n", 400), ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    ("GET http://other.example/ HTTP/1.1\r\n\(host)\r\n", 400),
    // Bodies, and two ways to see where one ends
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhello", 413),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 413),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 0\r\nContent-Length: 00\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 5, 5\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: +5\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 0x5\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n", 411),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: CHUNKED\r\n\r\n", 411),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding : chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 501),
    ("POST / HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n", 400),
]

@Suite struct HTTPRequestTests {
    @Test("what is understood", arguments: good)
    func understood(head: String, path: String, query: String) {
        let bytes = Array(head.utf8)
        let expected = Outcome.request(path: path, query: query, consumed: bytes.count)
        #expect(parse(bytes) == expected)
        #expect(parse(bytes + Array("GET /next".utf8)) == expected)  // pipelined
        for end in bytes.indices { #expect(parse(Array(bytes[..<end])) == .incomplete, "\(end) bytes") }
    }

    @Test("what is refused", arguments: bad)
    func refused(head: String, status: Int) {
        let bytes = Array(head.utf8)
        #expect(parse(bytes) == .fault(status))
        // Sooner or later, but never taken for a request.
        for end in bytes.indices {
            let outcome = parse(Array(bytes[..<end]))
            #expect(outcome == .incomplete || outcome == .fault(status), "\(end) bytes")
        }
    }

    @Test("limits: the last good and the first bad")
    func limits() {
        func target(_ count: Int) -> [UInt8] {
            Array(("GET /" + String(repeating: "a", count: count - 1) + " HTTP/1.1\r\n\(host)\r\n").utf8)
        }
        func headers(_ count: Int) -> [UInt8] {
            Array(
                ("GET / HTTP/1.1\r\n\(host)" + String(repeating: "A: b\r\n", count: count - 1) + "\r\n").utf8)
        }
        func head(_ count: Int) -> [UInt8] {
            let frame = "GET / HTTP/1.1\r\n\(host)A: \r\n\r\n".utf8.count
            return Array(
                "GET / HTTP/1.1\r\n\(host)A: \(String(repeating: "b", count: count - frame))\r\n\r\n".utf8)
        }
        #expect(
            parse(target(2_048))
                == .request(
                    path: "/" + String(repeating: "a", count: 2_047), query: "", consumed: target(2_048).count
                ))
        #expect(parse(target(2_049)) == .fault(414))
        #expect(parse(Array(target(4_000)[..<3_000])) == .fault(414))
        #expect(parse(headers(64)) == .request(path: "/", query: "", consumed: headers(64).count))
        #expect(parse(headers(65)) == .fault(431))
        #expect(parse(head(8_192)) == .request(path: "/", query: "", consumed: 8_192))
        #expect(parse(Array(head(8_192)[..<8_191])) == .incomplete)
        #expect(parse(head(8_193)) == .fault(431))
        #expect(parse(Array(head(9_000)[..<8_192])) == .fault(431))
    }

    @Test("headers are found in any case, lists in any line")
    func headers() throws {
        let parsed = try request(
            "GET / HTTP/1.1\r\n\(host)Connection: keep-alive, Upgrade\r\nconnection:,x ,\r\nA:  b c \t\r\n\r\n"
        )
        let found = try #require(parsed)
        #expect(found.headers["a"] == "b c")
        #expect(found.headers["b"] == nil)
        #expect(found.headers.values("CONNECTION") == ["keep-alive, Upgrade", ",x ,"])
        #expect(found.headers.elements("Connection") == ["keep-alive", "Upgrade", "x"])
        #expect(found.headers.hasToken("Connection", "upgrade"))
        #expect(!found.headers.hasToken("Connection", "close"))
    }

    @Test(
        "which connections live on",
        arguments: [
            ("GET / HTTP/1.1\r\n\(host)\r\n", true),
            ("GET / HTTP/1.1\r\n\(host)Connection: Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
        ])
    func keepAlive(head: String, expected: Bool) throws {
        #expect(try request(head)?.keepAlive == expected)
    }

    @Test("random bytes are a request, a fault or not enough", arguments: Seed.smoke)
    func fuzz(seed: Seed) {
        var random = seed.generator()
        for _ in 0..<300 {
            var bytes = Array(good[random.below(good.count)].head.utf8)
            for _ in 0..<random.below(4) + 1 {
                let at = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: at)
                default: bytes.insert(Array("\r\n :%\0".utf8)[random.below(6)], at: at)
                }
            }
            _ = parse(bytes)
            _ = parse((0..<random.below(100)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
    }
}

@Suite struct HTTPResponseTests {
    private func written(_ response: HTTPResponse, keepAlive: Bool = true, head: Bool = false) -> String {
        var buffer = ByteBuffer()
        response.write(into: &buffer, keepAlive: keepAlive, head: head)
        return buffer.bytes.text
    }

    @Test("answers as they go out")
    func answers() {
        let start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        #expect(written(.json(200, "{}")) == start + "\r\n{}")
        #expect(written(.json(200, "{}"), head: true) == start + "\r\n")
        #expect(written(.json(200, "{}"), keepAlive: false) == start + "Connection: close\r\n\r\n{}")
        #expect(written(HTTPResponse(status: 404)) == "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(written(HTTPResponse(status: 204)) == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(
            written(HTTPResponse(status: 304, headers: ["ETag": "\"5\""]))
                == "HTTP/1.1 304 Not Modified\r\nETag: \"5\"\r\n\r\n")
    }

    @Test("a value cannot start a header")
    func splitting() {
        let answer = HTTPResponse(status: 204, headers: ["A": "b\r\nSet-Cookie: c"])
        #expect(written(answer) == "HTTP/1.1 204 No Content\r\nA: b  Set-Cookie: c\r\n\r\n")
    }

    @Test("a fault is an answer")
    func fault() {
        let answer = HTTPResponse(HTTPFault(426, "version", headers: ["Sec-WebSocket-Version": "13"]))
        #expect(answer.status == 426)
        #expect(answer.headers["sec-websocket-version"] == "13")
        #expect(answer.body.text == "version\n")
    }
}
