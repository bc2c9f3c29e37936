// What can go wrong at the client's end, each in one line for whoever runs it.

public enum ClientError: Error, Hashable, Sendable, CustomStringConvertible {
    case badURL(String, String)
    case unsupportedScheme(String)
    case unresolved(host: String, reason: String)
    /// `address` is the last of the host's addresses that was tried.
    case connectFailed(address: String, reason: String)
    /// The server is not who it should be, or does not speak TLS as it should.
    case insecure(TLSError)
    /// An HTTP answer other than 101; `line` is the first of its body, possibly empty. `retryAfter` is
    /// in seconds, where the server said when to come back.
    case refused(status: Int, phrase: String, line: String, retryAfter: Int?)
    case badHandshake(String)
    /// The server broke HTTP/1.1, or sent more than is wanted.
    case badAnswer(String)
    /// The server broke RFC 6455; the connection is closed with this code.
    case protocolViolation(code: UInt16, reason: String)
    /// The connection ended before it was open.
    case lost(String)

    public var description: String {
        switch self {
        case .badURL(let url, let reason): "\(url) is not a WebSocket URL: \(reason)"
        case .unsupportedScheme(let scheme): "\(scheme):// is not supported, use ws:// or wss://"
        case .unresolved(let host, let reason): "cannot find \(host): \(reason)"
        case .connectFailed(let address, let reason): "cannot connect to \(address): \(reason)"
        case .insecure(let error): error.description
        case .refused(let status, let phrase, let line, _):
            "refused with \(status) \(phrase)" + (line.isEmpty ? "" : ": \(line)")
        case .badHandshake(let reason): "the server's handshake is wrong: \(reason)"
        case .badAnswer(let reason): "the server's answer is wrong: \(reason)"
        case .protocolViolation(let code, let reason): "the server broke the protocol (\(code)): \(reason)"
        case .lost(let reason): "the connection was lost: \(reason)"
        }
    }
}
