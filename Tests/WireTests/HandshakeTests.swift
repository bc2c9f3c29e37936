import Basics
import Testing

@testable import Wire

/// A request with some of its headers replaced ("Name: value"), added, or removed ("Name:").
private func opening(_ changes: [String], method: String = "GET", minor: Int = 1) -> HTTPRequest {
    var fields: [(String, String)] = [
        ("Host", "server.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
    ]
    for change in changes {
        let parts = change.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts[1].drop { $0 == " " }
        fields.removeAll { $0.0 == parts[0] }
        if !value.isEmpty { fields.append((String(parts[0]), String(value))) }
    }
    var headers = HTTPHeaders()
    for field in fields { headers.append(field.0, field.1) }
    return HTTPRequest(method: method, target: "/", path: "/", headers: headers, minorVersion: minor)
}

private let spoken = ["tickerfeed.v1.json", "tickerfeed.v1.sbe"]

@Suite struct HandshakeTests {
    @Test("RFC 6455 §1.3's own example")
    func sample() throws {
        let acceptance = try WebSocketHandshake.accept(opening([]), protocols: spoken)
        #expect(acceptance.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        var buffer = ByteBuffer()
        acceptance.write(into: &buffer)
        #expect(
            buffer.bytes.text == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                \r\n
                """)
    }

    @Test(
        "which sub-protocol is chosen",
        arguments: [
            (asked: "", chosen: nil),
            (asked: "tickerfeed.v1.sbe", chosen: "tickerfeed.v1.sbe"),
            // The client's order counts.
            (asked: "tickerfeed.v1.sbe, tickerfeed.v1.json", chosen: "tickerfeed.v1.sbe"),
            (asked: "other,tickerfeed.v1.json", chosen: "tickerfeed.v1.json"),
        ] as [(asked: String, chosen: String?)])
    func negotiation(asked: String, chosen: String?) throws {
        let request = opening(["Sec-WebSocket-Protocol: \(asked)"])
        #expect(try WebSocketHandshake.accept(request, protocols: spoken).subprotocol == chosen)
    }

    @Test(
        "what is accepted",
        arguments: [
            ["Upgrade: WebSocket"], ["Upgrade: h2c, websocket"], ["Connection: keep-alive, upgrade"],
            ["Sec-WebSocket-Extensions: permessage-deflate"],  // an offer nobody has to take
        ])
    func accepted(changes: [String]) throws {
        _ = try WebSocketHandshake.accept(opening(changes), protocols: spoken)
    }

    @Test(
        "what is refused",
        arguments: [
            (["Upgrade:"], 426, "Upgrade: websocket"), (["Upgrade: h2c"], 426, "Upgrade: websocket"),
            (["Connection:"], 426, "Upgrade: websocket"), (["Connection: close"], 426, "Upgrade: websocket"),
            (["Sec-WebSocket-Version:"], 426, "Sec-WebSocket-Version: 13"),
            (["Sec-WebSocket-Version: 8"], 426, "Sec-WebSocket-Version: 13"),
            (["Sec-WebSocket-Key:"], 400, ""), (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"], 400, ""),
            (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"], 400, ""),  // 15 bytes
            (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU="], 400, ""),  // 17
            (["Sec-WebSocket-Key: d=hlIHNhbXBsZSBub25jZQ=="], 400, ""),
            (["Sec-WebSocket-Protocol: soap"], 400, ""),
        ])
    func refused(changes: [String], status: Int, header: String) {
        let fault = #expect(throws: HTTPFault.self) {
            try WebSocketHandshake.accept(opening(changes), protocols: spoken)
        }
        #expect(fault?.status == status)
        if !header.isEmpty {
            #expect(fault?.headers.fields.contains { "\($0.name): \($0.value)" == header } == true)
        }
    }

    @Test("only GET, only HTTP/1.1")
    func methods() {
        let post = #expect(throws: HTTPFault.self) {
            try WebSocketHandshake.accept(opening([], method: "POST"), protocols: [])
        }
        #expect(post?.status == 405 && post?.headers["Allow"] == "GET")
        let old = #expect(throws: HTTPFault.self) {
            try WebSocketHandshake.accept(opening([], minor: 0), protocols: [])
        }
        #expect(old?.status == 400)
    }

    @Test("a client's request is what a server accepts, and its answer what the client does")
    func bothEnds() throws {
        var random = SeededGenerator(seed: 1)
        let key = WebSocketHandshake.key(random.next(), random.next())
        let bytes = WebSocketHandshake.request(
            host: "h:1", path: "/v1/stream?a=b", key: key, protocols: spoken,
            headers: [("Origin", "http://h")])
        let parsed = try bytes.withUnsafeBytes { try HTTPRequestParser().parse($0) }
        let request = try #require(parsed).request
        #expect(request.headers["Origin"] == "http://h")
        let acceptance = try WebSocketHandshake.accept(request, protocols: ["tickerfeed.v1.sbe"])
        var buffer = ByteBuffer()
        acceptance.write(into: &buffer)
        let answer = try #require(try HTTPResponseHead.parse(buffer.readable))
        #expect(answer.consumed == buffer.count)
        #expect(
            try WebSocketHandshake.verify(response: answer.head, key: key, protocols: spoken).subprotocol
                == "tickerfeed.v1.sbe")
        for end in 0..<buffer.count {
            #expect(
                try HTTPResponseHead.parse(UnsafeRawBufferPointer(rebasing: buffer.readable[..<end])) == nil)
        }
    }

    @Test(
        "answers a client does not take",
        arguments: [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: soap\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        ])
    func wrongAnswers(text: String) throws {
        let parsed = try Array(text.utf8).withUnsafeBytes { try HTTPResponseHead.parse($0)?.head }
        let head = try #require(parsed)
        #expect(throws: WebSocketRefusal.self) {
            try WebSocketHandshake.verify(response: head, key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: spoken)
        }
    }

    @Test(
        "Base64, RFC 4648 §10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func base64(plain: String, coded: String) {
        #expect(Base64.encode(plain.utf8) == coded)
        #expect(Base64.decode(coded) == Array(plain.utf8))
    }

    @Test("not Base64", arguments: ["Z", "Zg", "Zg=", "Z===", "====", "Zm9v\n", "Zm-v", "Zg==Zg=="])
    func notBase64(text: String) { #expect(Base64.decode(text) == nil) }
}

@Suite struct WebSocketURLTests {
    @Test(
        "what a URL says",
        arguments: [
            (
                "ws://127.0.0.1:7400/v1/stream",
                WebSocketURL(host: "127.0.0.1", port: 7400, path: "/v1/stream")
            ),
            ("WS://localhost", WebSocketURL(host: "localhost")),
            ("ws://h?a=b", WebSocketURL(host: "h", path: "/?a=b")),
            ("ws://[::1]:1/x", WebSocketURL(host: "::1", port: 1, path: "/x")),
            ("ws://[fe80::1]", WebSocketURL(host: "fe80::1")),
        ])
    func parsed(text: String, url: WebSocketURL) throws { #expect(try WebSocketURL.parse(text) == url) }

    @Test(
        "what is none",
        arguments: [
            "", "localhost:7400", "ws:/h", "ws://", "ws://:80/", "ws://h:0/", "ws://h:65536/", "ws://h:/",
            "ws://h:+1/",
            "ws://u@h/", "ws://h/#f", "ws://[::1", "ws://[::1]x", "ws://h/ x",
        ])
    func malformed(text: String) { #expect(throws: ClientError.self) { try WebSocketURL.parse(text) } }

    @Test("wss is TLS, on a port of its own")
    func tls() throws {
        let url = try WebSocketURL.parse("WSS://h/x")
        #expect(url == WebSocketURL(host: "h", port: 443, path: "/x", isSecure: true))
        #expect(url.hostHeader == "h" && url.description == "wss://h/x")
        #expect(WebSocketURL(host: "h", port: 80, isSecure: true).hostHeader == "h:80")
        let error = #expect(throws: ClientError.self) { try WebSocketURL.parse("http://h/") }
        #expect(error?.description == "http:// is not supported, use ws:// or wss://")
    }

    @Test("what the Host header says")
    func hostHeader() {
        #expect(WebSocketURL(host: "::1", port: 7400).hostHeader == "[::1]:7400")
        #expect(WebSocketURL(host: "h").hostHeader == "h")
    }
}
