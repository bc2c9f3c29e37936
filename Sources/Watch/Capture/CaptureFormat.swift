// A file of the bytes that one client received, so that a bug report is a file.
//
//     {"format":"tickwatch capture","version":1,"url":"ws://…","started":"…",…}\n
//     | "TWr1" 4 | kind 1 | zeros 3 | time 8 | length 4 | CRC-32 4 | length bytes | …
//
// Little-endian. `time` is in nanoseconds since the capture began, by the client's monotonic clock, and
// never falls. The CRC-32 (zlib's) is over kind, zeros, time and length, and then the bytes. Kinds:
//
//     1  a WebSocket's text message
//     2  a WebSocket's binary message
//     3  a piece of a stream of server-sent events, cut anywhere
//     4  the connection's state: {"state":"connecting"}, {"state":"live"} or
//        {"state":"broken","reason":"…","retry_ns":1200000000}, the time until the next try
//     5  what was measured: {"round_trip_ns":81000} or {"clock_offset_ns":-1200}
//     6  what the server is asked for from now on: a subscribe request in JSON a line
//
// Other kinds are of later versions: skipped. What stands before a state `connecting` and what stands
// behind it are of two connections. A file that ends inside of a record was cut: what is whole plays.
//
// Invariants
//   - Of what was sent only subscriptions are in it, so no token is; the URL has neither user nor query.
//   - A length in the file never sizes an allocation.
import Basics
import Dialects

enum CaptureKind {
    static let state: UInt8 = 4
    static let measure: UInt8 = 5
    static let asked: UInt8 = 6
}

enum CaptureFormat {
    static let name = "tickwatch capture"
    static let version: Int64 = 1
    static let mark: [UInt8] = Array("TWr1".utf8)
    static let headerCount = 24
    /// Where what the checksum covers begins, and ends.
    static let checked = 4..<20
    static let headMax = 64 * 1_024
    /// A WebSocket's message at most.
    static let lengthMax = 16 * 1_024 * 1_024
}

/// What a capture says of itself in its first line.
public struct CaptureHead: Hashable, Sendable {
    /// Without user and query.
    public var url: String
    /// By the client's wall clock.
    public var started: Timestamp
    /// `json` or `sbe`.
    public var encoding: String
    /// `websocket` or `events`.
    public var transport: String
    /// What was subscribed to when it began, as requests in JSON.
    public var subscriptions: [String]

    public init(_ options: LinkOptions, started: Timestamp, subscriptions: [ClientMessage.Subscribe]) {
        let stream = options.address.stream
        let path = stream.path.prefix { $0 != "?" }
        url = "\(stream.isSecure ? "wss" : "ws")://\(stream.hostHeader)\(path)"
        self.started = started
        encoding = options.encoding.rawValue
        transport = options.transport == .events ? "events" : "websocket"
        self.subscriptions = subscriptions.map { ClientMessage(.subscribe($0)).json }
    }

    /// The first line, with its end. Subscriptions that are too long for it are in a record alone.
    var line: String {
        let list = subscriptions.joined(separator: ",")
        var message = "{\"format\":\"\(CaptureFormat.name)\",\"version\":\(CaptureFormat.version)"
        for (name, value) in [
            ("url", url), ("started", started.utc), ("encoding", encoding), ("transport", transport),
        ] {
            message += ",\"\(name)\":\(ControlMessage.quoted(value))"
        }
        message += ",\"started_ns\":\(started.raw)"
        return message + ",\"subscriptions\":[\(list.utf8.count <= CaptureFormat.headMax / 2 ? list : "")]}\n"
    }

    /// - Throws: why it is no capture.
    init(line: UnsafeRawBufferPointer) throws(CaptureError) {
        guard let value = try? JSONValue(parsing: line, depthMax: 6),
            value["format"]?.string == CaptureFormat.name
        else { throw .notACapture }
        guard value["version"]?.integer == CaptureFormat.version else {
            throw .laterVersion(value["version"]?.number ?? "?")
        }
        guard let url = value["url"]?.string, let started = value["started"]?.string,
            Timestamp(rfc3339: started) != nil, let time = value["started_ns"]?.integer,
            let encoding = value["encoding"]?.string,
            let transport = value["transport"]?.string
        else { throw .notACapture }
        self.url = url
        self.started = Timestamp(raw: time)
        self.encoding = encoding
        self.transport = transport
        subscriptions = (value["subscriptions"]?.array ?? []).map { CaptureHead.text(of: $0) }
    }

    private static func text(of request: JSONValue) -> String {
        let channel = request["channel"]?.string ?? "?"
        return channel + " " + (request["symbols"]?.array ?? []).compactMap(\.string).joined(separator: ",")
    }
}

public enum CaptureError: Error, Hashable, Sendable, CustomStringConvertible {
    case notACapture
    case laterVersion(String)
    /// A record that was whole once, and is not as it was written. `offset` counts from the file's start.
    case damaged(offset: UInt64)

    public var description: String {
        switch self {
        case .notACapture: "not a capture of tickwatch"
        case .laterVersion(let version): "a capture of version \(version), and this program reads version 1"
        case .damaged(let offset): "the capture is damaged at byte \(offset)"
        }
    }
}
