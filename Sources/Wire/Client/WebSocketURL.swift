// Where to connect: `ws://host:port/path?query`, or `wss://` with TLS (RFC 6455 §3).

public struct WebSocketURL: Hashable, Sendable, CustomStringConvertible {
    /// A name or a literal, IPv6 without its brackets.
    public let host: String
    public let port: UInt16
    /// Path and query, `/` where the URL has none.
    public let path: String
    /// Speaks TLS.
    public let isSecure: Bool

    /// - Parameter port: 80, or 443 with TLS, unless given.
    public init(host: String, port: UInt16? = nil, path: String = "/", isSecure: Bool = false) {
        self.host = host
        self.port = port ?? WebSocketURL.defaultPort(isSecure)
        self.path = path
        self.isSecure = isSecure
    }

    private static func defaultPort(_ isSecure: Bool) -> UInt16 { isSecure ? 443 : 80 }

    /// Host as it stands in a URL.
    private var bracketed: String { host.contains(":") ? "[\(host)]" : host }
    /// Host and port for people.
    var endpoint: String { "\(bracketed):\(port)" }
    /// What the Host header says.
    public var hostHeader: String { port == WebSocketURL.defaultPort(isSecure) ? bracketed : endpoint }
    /// Where that is.
    var server: ServerEndpoint { ServerEndpoint(host: host, port: port, isSecure: isSecure) }
    public var description: String { "\(isSecure ? "wss" : "ws")://\(hostHeader)\(path)" }

    /// - Throws: `ClientError.unsupportedScheme` or `.badURL`.
    public static func parse(_ text: String) throws(ClientError) -> WebSocketURL {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .badURL(text, "only visible ASCII is allowed")
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasPrefix("//") else {
            throw .badURL(text, "ws://host:port/path or wss://host:port/path is wanted")
        }
        let isSecure = ASCII.equal(parts[0], "wss")
        guard isSecure || ASCII.equal(parts[0], "ws") else { throw .unsupportedScheme(String(parts[0])) }
        let rest = parts[1].dropFirst(2)
        guard !rest.contains("#") else { throw .badURL(text, "a fragment has no meaning here") }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let (host, port) = try authority(rest[..<end], in: text)
        let path = rest[end...]
        return WebSocketURL(
            host: host, port: port, path: path.hasPrefix("/") ? String(path) : "/" + path, isSecure: isSecure)
    }

    private static func authority(
        _ text: Substring, in url: String
    ) throws(ClientError) -> (host: String, port: UInt16?) {
        guard !text.contains("@") else { throw .badURL(url, "credentials do not belong into a URL") }
        var host = text, rest = Substring()
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw .badURL(url, "the bracket is not closed") }
            (host, rest) = (text[..<end].dropFirst(), text[end...].dropFirst())
        } else if let colon = text.firstIndex(of: ":") {
            (host, rest) = (text[..<colon], text[colon...])
        }
        guard !host.isEmpty else { throw .badURL(url, "the host is missing") }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.first == ":", rest.dropFirst().utf8.allSatisfy(ASCII.isDigit),
            let port = UInt16(rest.dropFirst()), port > 0
        else { throw .badURL(url, "the port is not a number of 1 to 65535") }
        return (String(host), port)
    }
}
