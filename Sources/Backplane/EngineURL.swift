// Where an engine is, as an option says it: `redis://alice@10.0.0.5:6379/2`, `nats://a:4222,b:4222`.
//
// Invariant: a secret in it is refused, and not repeated: command lines and logs are everybody's.
import Basics
import Wire

public struct EngineURL: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        case redis
        case nats
    }

    public let kind: Kind
    /// One for Redis; for NATS any of them.
    public let servers: [ServerEndpoint]
    public let user: String?
    /// Redis' number of a database.
    public let database: Int
    public var isSecure: Bool { servers.contains { $0.isSecure } }

    public static let serversMax = 16

    /// Whether it looks like one: what else is fed is a file.
    public static func recognises(_ text: String) -> Bool {
        scheme(text).map { schemes[$0] != nil } ?? false
    }

    private static let schemes: [String: (kind: Kind, isSecure: Bool, port: UInt16)] = [
        "redis": (.redis, false, 6_379), "rediss": (.redis, true, 6_379),
        "nats": (.nats, false, 4_222), "tls": (.nats, true, 4_222), "natss": (.nats, true, 4_222),
    ]

    private static func scheme(_ text: String) -> String? {
        text.firstRange(of: "://").map { text[..<$0.lowerBound].lowercased() }
    }

    /// - Parameter option: that it was given to, for what is said of it.
    public init(_ text: String, option: String) throws(UsageError) {
        let wanted = "redis[s]://[USER@]HOST[:PORT][/DATABASE], or nats://[USER@]HOST[:PORT][,HOST[:PORT]…]"
        guard let word = EngineURL.scheme(text), let scheme = EngineURL.schemes[word] else {
            throw UsageError("--\(option): an engine as \(wanted)")
        }
        var rest = text.dropFirst(word.count + 3)
        if let at = rest.lastIndex(of: "@") {
            let user = rest[..<at]
            guard !user.contains(":") else {
                throw UsageError(
                    "--\(option): a password does not belong into a command line: --\(option)-secret FILE")
            }
            guard !user.isEmpty, user.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c })
            else {
                throw UsageError("--\(option): a user's name before the @")
            }
            self.user = String(user)
            rest = rest[rest.index(after: at)...]
        } else {
            user = nil
        }
        var database = 0
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            if !path.isEmpty {
                guard scheme.kind == .redis, let number = Int(path), 0...9_999 ~= number else {
                    throw UsageError("--\(option) \(text): \(wanted)")
                }
                database = number
            }
            rest = rest[..<slash]
        }
        self.database = database
        kind = scheme.kind
        var servers: [ServerEndpoint] = []
        for word in rest.split(separator: ",", omittingEmptySubsequences: false) {
            guard let server = EngineURL.server(word, scheme.port, scheme.isSecure) else {
                throw UsageError("--\(option) \(text): \(wanted)")
            }
            servers.append(server)
        }
        guard kind == .nats || servers.count == 1, servers.count <= EngineURL.serversMax else {
            throw UsageError(
                "--\(option) \(text): "
                    + (kind == .redis ? "one server" : "at most \(EngineURL.serversMax) servers"))
        }
        self.servers = servers
    }

    /// `host`, `host:port`, `[::1]:port`.
    static func server(_ text: Substring, _ port: UInt16, _ isSecure: Bool) -> ServerEndpoint? {
        var host = text, port = port
        let isBracketed = text.hasPrefix("[")
        let end =
            isBracketed ? text.firstIndex(of: "]").map { text.index(after: $0) } : text.firstIndex(of: ":")
        if let end, end < text.endIndex {
            guard text[end] == ":", let number = UInt16(text[text.index(after: end)...]), number > 0 else {
                return nil
            }
            port = number
            host = text[..<end]
        } else if isBracketed, end == nil {
            return nil
        }
        if isBracketed { host = host.dropFirst().dropLast() }
        let isAllowed = host.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7f && (isBracketed || $0 != UInt8(ascii: ":"))
                && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@")
        }
        guard !host.isEmpty, isAllowed else { return nil }
        return ServerEndpoint(host: String(host), port: port, isSecure: isSecure)
    }

    public var description: String {
        let scheme =
            switch (kind, isSecure) {
            case (.redis, false): "redis"
            case (.redis, true): "rediss"
            case (.nats, false): "nats"
            case (.nats, true): "tls"
            }
        let hosts = servers.map { "\($0.host.contains(":") ? "[\($0.host)]" : $0.host):\($0.port)" }
        let path = kind == .redis ? "/\(database)" : ""
        return "\(scheme)://\(user.map { "\($0)@" } ?? "")\(hosts.joined(separator: ","))\(path)"
    }
}
