// Where a link connects to, and how: one address of a server, whatever is asked of it.
import Basics
import Wire

public enum LinkTransport: String, Hashable, Sendable, CaseIterable {
    case webSocket = "ws"
    /// Server-sent events over plain HTTP, for where WebSockets do not get through.
    case events = "sse"
}

public enum LinkEncoding: String, Hashable, Sendable, CaseIterable {
    case json
    /// Binary messages: of a WebSocket only.
    case sbe

    var subprotocol: String { "tickerfeed.v1.\(rawValue)" }
}

/// A server's address: `http`, `https`, `ws` or `wss`, with the path of the stream or without.
public struct ServerAddress: Hashable, Sendable {
    private static let stream = "/v1/stream"
    private static let events = "/v1/events"

    public let host: String
    public let port: UInt16
    public let isSecure: Bool
    /// What stands before `/v1/…`, where a proxy has put the server somewhere below.
    private let prefix: String
    /// Where the WebSocket is: another path than the server's own, if that was asked for.
    private let streamPath: String

    /// - Throws: `ClientError.unsupportedScheme` or `.badURL`.
    public init(_ text: String) throws(ClientError) {
        let url: WebSocketURL
        do {
            url = try WebSocketURL.parse(ServerAddress.webSocket(text))
        } catch .badURL(_, let reason) {
            throw .badURL(text, reason)
        }
        host = url.host
        port = url.port
        isSecure = url.isSecure
        // Only the path counts: whoever copies `/v1/events?…` from elsewhere means the server.
        let path = String(url.path.prefix { $0 != "?" })
        let known = [ServerAddress.stream, ServerAddress.events].first { path.hasSuffix($0) }
        prefix = known.map { String(path.dropLast($0.count)) } ?? ""
        streamPath = path == "/" || known != nil ? prefix + ServerAddress.stream : url.path
    }

    private static func webSocket(_ text: String) -> String {
        for (other, own) in [("https://", "wss://"), ("http://", "ws://")]
        where text.prefix(other.count).lowercased() == other {
            return own + text.dropFirst(other.count)
        }
        return text
    }

    /// The WebSocket's.
    public var stream: WebSocketURL { url(streamPath) }

    /// Where the same messages come as events.
    ///
    /// - Parameter query: encoded.
    func events(_ query: String) -> WebSocketURL { page(ServerAddress.events + "?" + query) }

    /// A page's.
    ///
    /// - Parameter path: as `/v1/snapshot/AAPL`, with its query.
    public func page(_ path: String) -> WebSocketURL { url(prefix + path) }

    private func url(_ path: String) -> WebSocketURL {
        WebSocketURL(host: host, port: port, path: path, isSecure: isSecure)
    }
}

public struct LinkOptions {
    public var address: ServerAddress
    public var transport = LinkTransport.webSocket
    /// Of a WebSocket; events are JSON.
    public var encoding = LinkEncoding.json
    public var token: TokenSource?
    /// Whom to believe with TLS; the system's authorities unless given.
    public var trust: TLSTrust?
    /// For pauses, mask keys and the handshake's.
    public var seed: UInt64

    public init(_ address: ServerAddress, seed: UInt64) {
        self.address = address
        self.seed = seed
    }
}
