// An error that Redis answered with, as one line for whoever runs the node.
//
// Invariant: no secret is in the line. A server that does not know HELLO repeats its arguments.

struct RedisRefusal {
    enum Verdict {
        /// There is no use in the connection.
        case ends
        case told
        /// Whoever asked does without.
        case silent
    }

    /// One line of printable ASCII.
    let line: String
    /// Nothing can be had from this connection; from another one, later, perhaps.
    let endsConnection: Bool
    /// Redis is out of memory.
    let isFull: Bool

    private static let charactersMax = 160

    init(_ text: UnsafeRawBufferPointer, secret: String?) {
        let code = String(decoding: text.prefix { $0 != 0x20 }.prefix(32), as: UTF8.self)
        let (words, ends): (String?, Bool) =
            switch code {
            case "WRONGPASS": ("no user of this name has this password", true)
            case "NOAUTH": ("a password is wanted", true)
            case "NOPROTO": ("RESP3 is wanted, which this server does not speak", true)
            case "LOADING": ("the server is still loading its data", true)
            case "READONLY": ("the server is a replica, where nothing can be published", true)
            case "MASTERDOWN": ("the server is a replica that has lost its master", true)
            case "OOM": ("the server's memory is full (its maxmemory)", false)
            case "MISCONF": ("the server cannot save to its disk, and takes nothing", false)
            default: (nil, false)
            }
        endsConnection = ends
        isFull = code == "OOM"
        line = words.map { "\($0) (\(code))" } ?? RedisRefusal.plain(text, without: secret)
    }

    private static func plain(_ text: UnsafeRawBufferPointer, without secret: String?) -> String {
        let printable = text.prefix(4_096).map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: "?") }
        var line = String(decoding: printable, as: UTF8.self)
        if let secret, !secret.isEmpty { line = line.replacing(secret, with: "(secret)") }
        return String(line.prefix(charactersMax))
    }
}
