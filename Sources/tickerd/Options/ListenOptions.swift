// The port, and the threads and sockets behind it.
import Basics
import CLinux

extension Configuration {
    /// One core is left to ingest.
    static var loopsByDefault: Int { min(64, max(1, Int(tf_usable_cores()) - 1)) }

    static let listenOptions = Group(
        title: "Serving",
        options: [
            Option("listen", "HOST:PORT", "where to serve (default 127.0.0.1:7400)"),
            Option(
                "loops", "N",
                "threads that share the connections, 1 to 64 (default cores less one: \(loopsByDefault) here)"
            ),
            Option("stall-limit", "SECONDS", "close who reads nothing for so long; 0: never (default 30)"),
            Option(
                "congestion", "NAME",
                "the kernel's congestion control for what is sent: reno, cubic, bbr, …"),
            Option(
                "allow-origin", "ORIGIN", "let pages of this origin read the stream; may repeat",
                mayRepeat: true),
            Option(
                "replay-control", nil,
                "let the dashboard pause, move and speed up a replay, for everybody: with tokens whose has \"replay\":true, without them who reaches loopback"
            ),
            Option("no-dashboard", nil, "no page for browsers at /; /tickerfeed.js stays"),
        ])

    mutating func takeListen(_ arguments: Arguments) throws(UsageError) {
        if let text = arguments["listen"] { (host, port) = try Configuration.address("listen", text) }
        if let text = arguments["loops"] {
            guard let number = Int(text), 1...64 ~= number else {
                throw UsageError("--loops \(text): a whole number from 1 to 64")
            }
            loops = number
        }
        if let text = arguments["stall-limit"] {
            limits.stall = try Configuration.seconds("stall-limit", text)
        }
        for text in arguments.all("allow-origin") { allowedOrigins.append(try Configuration.origin(text)) }
        congestion = arguments["congestion"]
        takesReplayCommands = arguments.has("replay-control")
        if takesReplayCommands { limits.http.bodyBytesMax = Configuration.commandBytesMax }
        servesDashboard = !arguments.has("no-dashboard")
    }

    /// The longest command to a replay.
    private static let commandBytesMax = 512

    /// An origin is compared byte for byte with what browsers send (RFC 6454 §6.2): what they never send
    /// would be allowed in vain.
    private static func origin(_ text: String) throws(UsageError) -> String {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[1].hasPrefix("//"), parts[1].utf8.count > 2,
            parts[1].dropFirst(2).utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"/?#@*".utf8.contains($0) }),
            text == text.lowercased()
        else {
            throw UsageError(
                "--allow-origin \(text): as browsers send it, https://www.example.org or "
                    + "http://localhost:3000: in small letters, no path, no *")
        }
        return text
    }

    static func seconds(_ name: String, _ text: String) throws(UsageError) -> Nanoseconds {
        guard let raw = FixedPoint.parse(text.utf8, decimals: 9), raw >= 0 else {
            throw UsageError("--\(name) \(text): seconds, 0 or more")
        }
        return Nanoseconds(raw: raw)
    }

    static func address(_ name: String, _ text: String) throws(UsageError) -> (String, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            colon > text.startIndex
        else { throw UsageError("--\(name) \(text): an address as 127.0.0.1:7400 or [::1]:7400") }
        return (String(text[..<colon]), port)
    }
}
