// How an HTTP connection becomes a WebSocket, from both ends (RFC 6455 §4).
import Basics
import COpenSSL

/// A request that may become a WebSocket, and what the answer says.
public struct WebSocketAcceptance: Hashable, Sendable {
    /// The `Sec-WebSocket-Accept` that proves the request was understood.
    public let accept: String
    /// The sub-protocol chosen; nil when none was asked for.
    public let subprotocol: String?
    /// What was agreed on about compression; nil: nothing is compressed.
    public let deflate: MessageDeflate?

    /// Appends the 101 answer. Frames may follow at once.
    public func write(into buffer: inout ByteBuffer) {
        buffer.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        buffer.append("Sec-WebSocket-Accept: \(accept)\r\n")
        if let subprotocol { buffer.append("Sec-WebSocket-Protocol: \(subprotocol)\r\n") }
        if let deflate { buffer.append("Sec-WebSocket-Extensions: \(deflate.answer)\r\n") }
        buffer.append("\r\n")
    }
}

/// What a server's answer agrees to.
public struct WebSocketAgreement: Hashable, Sendable {
    /// What the server chose of the protocols asked for, nil for none.
    public let subprotocol: String?
    /// The server may compress messages.
    public let deflates: Bool
}

/// A server's answer that is no acceptance of what the client asked.
public struct WebSocketRefusal: Error, Hashable, Sendable {
    public let reason: String
}

public enum WebSocketHandshake {
    // MARK: The server's end (§4.2)

    /// Checks an opening request, chooses a sub-protocol, and agrees on compression.
    ///
    /// - Parameters:
    ///   - protocols: what is spoken here. The client's order of preference decides.
    ///   - deflates: `permessage-deflate` is spoken here.
    /// - Throws: 405 and 426 with the headers that belong to them, 400 for the rest.
    public static func accept(
        _ request: HTTPRequest, protocols: [String], deflates: Bool = false
    ) throws(HTTPFault) -> WebSocketAcceptance {
        guard request.method == "GET" else {
            throw HTTPFault(405, "a WebSocket starts with GET", headers: ["Allow": "GET"])
        }
        try checkUpgrade(request)
        return WebSocketAcceptance(
            accept: acceptValue(for: try key(request.headers)),
            subprotocol: try choose(request.headers, from: protocols),
            deflate: deflates ? try MessageDeflate.agree(request.headers) : nil)
    }

    private static func checkUpgrade(_ request: HTTPRequest) throws(HTTPFault) {
        guard request.minorVersion >= 1 else { throw HTTPFault(400, "a WebSocket wants HTTP/1.1") }
        guard request.headers.hasToken("Upgrade", "websocket"),
            request.headers.hasToken("Connection", "Upgrade")
        else {
            throw HTTPFault(
                426, "this address speaks WebSocket",
                headers: ["Upgrade": "websocket", "Connection": "Upgrade"])
        }
        guard request.headers.values("Sec-WebSocket-Version") == ["13"] else {
            throw HTTPFault(426, "only version 13 is spoken here", headers: ["Sec-WebSocket-Version": "13"])
        }
    }

    private static func key(_ headers: HTTPHeaders) throws(HTTPFault) -> String {
        let keys = headers.values("Sec-WebSocket-Key")
        guard keys.count == 1, Base64.decode(keys[0])?.count == 16 else {
            throw HTTPFault(400, "Sec-WebSocket-Key is not 16 bytes in Base64")
        }
        return keys[0]
    }

    private static func choose(
        _ headers: HTTPHeaders, from protocols: [String]
    ) throws(HTTPFault) -> String? {
        let asked = headers.elements("Sec-WebSocket-Protocol")
        guard !asked.isEmpty else { return nil }
        guard let chosen = asked.first(where: { protocols.contains($0) }) else {
            throw HTTPFault(400, "none of the sub-protocols asked for is spoken here")
        }
        return chosen
    }

    /// Base64 of SHA-1 of the key and a constant (§4.2.2, 5.4). A checksum, not a secret.
    public static func acceptValue(for key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        precondition(tf_sha1(text, text.count, &digest) == 1, "OpenSSL cannot do SHA-1")
        return Base64.encode(digest)
    }

    // MARK: The client's end (§4.1)

    /// The opening request.
    ///
    /// - Parameters:
    ///   - host: as the Host header wants it, with the port where that is not 80.
    ///   - path: with the query.
    ///   - key: 16 random bytes in Base64, see `key(_:_:)`.
    ///   - deflate: the server may compress what it sends.
    public static func request(
        host: String, path: String, key: String, protocols: [String] = [], deflate: Bool = false,
        headers: [(String, String)] = []
    ) -> [UInt8] {
        var lines = [
            "GET \(path) HTTP/1.1", "Host: \(host)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13",
        ]
        if !protocols.isEmpty { lines.append("Sec-WebSocket-Protocol: " + protocols.joined(separator: ", ")) }
        if deflate { lines.append("Sec-WebSocket-Extensions: \(MessageDeflate.offer)") }
        lines += headers.map { "\($0.0): \($0.1)" }
        return Array((lines.map(HTTPResponse.oneLine) + ["", ""]).joined(separator: "\r\n").utf8)
    }

    /// A key of 16 bytes, made of two numbers drawn at random.
    public static func key(_ high: UInt64, _ low: UInt64) -> String {
        let words = [high, low]
        return Base64.encode((0..<16).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8)) })
    }

    /// Checks a 101 answer against the request.
    public static func verify(
        response: HTTPResponseHead, key: String, protocols: [String], deflate: Bool = false
    ) throws(WebSocketRefusal) -> WebSocketAgreement {
        guard response.status == 101 else { throw .init(reason: "status \(response.status)") }
        let headers = response.headers
        guard headers.hasToken("Upgrade", "websocket"), headers.hasToken("Connection", "Upgrade") else {
            throw .init(reason: "the answer does not upgrade to WebSocket")
        }
        guard headers.values("Sec-WebSocket-Accept") == [acceptValue(for: key)] else {
            throw .init(reason: "Sec-WebSocket-Accept does not fit the key")
        }
        let deflates = try MessageDeflate.verify(headers, offered: deflate)
        let chosen = headers.values("Sec-WebSocket-Protocol")
        guard chosen.count <= 1, chosen.allSatisfy(protocols.contains) else {
            throw .init(reason: "a sub-protocol that was not asked for")
        }
        return WebSocketAgreement(subprotocol: chosen.first, deflates: deflates)
    }
}
