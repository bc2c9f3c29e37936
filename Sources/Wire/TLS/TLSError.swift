// What can go wrong with certificates, keys and the peer's TLS, each in one line for whoever runs it.
import COpenSSL

public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file or the peer it is about, and why. No key material is ever in it.
    public let description: String
    init(_ description: String) { self.description = description }

    /// OpenSSL's own words for the error that came first, without its numbers.
    static func lastReason(_ otherwise: String) -> String {
        let code = ERR_peek_error()
        defer { ERR_clear_error() }
        guard code != 0, let text = ERR_reason_error_string(code) else { return otherwise }
        return String(cString: text)
    }
}
