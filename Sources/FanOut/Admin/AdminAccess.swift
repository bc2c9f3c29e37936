// Who may ask the admin port: whoever has the token or, where there is none, this machine's own users.
//
// Invariants
//   - Without a token it listens on loopback only; the door sees to that.
//   - A web page open in a browser on this machine is not one of its users: a request that names another
//     host, or says that it comes from a page, is refused (DNS rebinding).
import Basics
import Wire

/// A secret, compared in a time that does not depend on how much of a guess is right.
public struct AdminToken: Sendable {
    /// Fewer bytes could be guessed.
    public static let bytesMin = 16
    /// More do not go into a header.
    public static let bytesMax = 4_096
    private let bytes: [UInt8]

    /// Nil for what is too short, too long, or could not stand in a header (RFC 6750 §2.1).
    ///
    /// - Parameter bytes: a file's content; blanks and line feeds around the token are not part of it.
    public init?(_ bytes: [UInt8]) {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }),
            let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return nil }
        let token = Array(bytes[first...last])
        guard (AdminToken.bytesMin...AdminToken.bytesMax).contains(token.count),
            token.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { return nil }
        self.bytes = token
    }

    func matches(_ guess: some Sequence<UInt8>) -> Bool {
        var difference: UInt8 = 0, count = 0
        for byte in guess {
            difference |= byte ^ bytes[count % bytes.count]
            count += 1
        }
        return difference == 0 && count == bytes.count
    }
}

enum AdminAccess {
    static func check(_ request: HTTPRequest, _ token: AdminToken?) throws(HTTPFault) {
        guard let token else { return try checkLocal(request) }
        let given = request.headers.values("Authorization")
        guard given.count == 1, given[0].prefix(7).lowercased() == "bearer ",
            token.matches(given[0].utf8.dropFirst(7))
        else {
            throw HTTPFault(
                401, "the admin port wants its token: Authorization: Bearer",
                headers: ["WWW-Authenticate": "Bearer"])
        }
    }

    private static func checkLocal(_ request: HTTPRequest) throws(HTTPFault) {
        guard request.headers["Origin"] == nil else {
            throw HTTPFault(403, "the admin port is not for web pages")
        }
        guard isLoopback(host: request.headers["Host"]) else {
            throw HTTPFault(403, "ask for localhost, or 127.0.0.1, or [::1]")
        }
    }

    /// - Parameter host: a `Host` field: a name or an address, with or without a port.
    static func isLoopback(host: String?) -> Bool {
        let host = (host ?? "").lowercased()
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" }.dropFirst() : host.prefix { $0 != ":" }
        return name == "localhost" || name == "::1" || isLoopbackV4(name)
    }

    private static func isLoopbackV4(_ name: Substring) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
