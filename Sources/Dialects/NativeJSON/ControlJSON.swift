// Answers, heartbeats and errors as JSON: one for a request or a second, so clarity goes first.
import Basics
import Market

/// A control message under construction: `{"type":"…"` and then members in order.
///
/// Cold path: built as text, at most as long as the request it answers and a constant.
public struct ControlMessage: ~Copyable {
    public private(set) var text: String

    public init(_ type: String) { text = "{\"type\":\"\(type)\"" }

    public mutating func add(_ name: String, _ value: Int64) { text += ",\"\(name)\":\(value)" }
    public mutating func add(_ name: String, unsigned value: UInt64) { text += ",\"\(name)\":\(value)" }
    public mutating func add(_ name: String, _ value: String) {
        text += ",\"\(name)\":\(Self.quoted(value))"
    }
    public mutating func add(_ name: String, _ values: [String]) {
        text += ",\"\(name)\":[\(values.map(Self.quoted).joined(separator: ","))]"
    }
    public mutating func add(_ name: String, _ value: Int64, decimals: Int) {
        text += ",\"\(name)\":\(FixedPoint.text(value, decimals: decimals))"
    }
    public mutating func add(_ name: String, _ rate: Rate) {
        switch rate {
        case .max: text += ",\"\(name)\":\"max\""
        case .perThousandSeconds(let n): add(name, Int64(n), decimals: 3)
        }
    }
    /// `json` is put in as it stands.
    public mutating func add(_ name: String, json: String) { text += ",\"\(name)\":\(json)" }
    public mutating func add(_ id: MessageID?) {
        switch id {
        case .text(let name): add("id", name)
        case .number(let number): add("id", number)
        case nil: break
        }
    }

    /// The finished message.
    public consuming func end() -> String { text + "}" }

    public static func quoted(_ value: String) -> String {
        var buffer = ByteBuffer()
        buffer.write(atMost: value.utf8.count * 6 + 2) { $0.quoted(value) }
        return String(decoding: buffer.readable, as: UTF8.self)
    }
}

extension ClientFault {
    /// The `error` message that tells the client.
    public var json: String {
        var message = ControlMessage("error")
        message.add(id)
        message.add("code", code.rawValue)
        message.add("message", self.message)
        return message.end()
    }
}

/// What a connection is told about itself once a second, before slowness hurts.
public struct Heartbeat: Hashable, Sendable {
    public var time: Timestamp
    /// How long the oldest update that is due has waited for the socket.
    public var lag: Nanoseconds
    /// Bytes written but not taken by the kernel yet.
    public var buffered: Int
    /// Versions replaced by newer ones before they were sent, since the connection began.
    public var merged: UInt64
    /// Updates a second this connection asked for, in thousandths; nil with a "max" among them.
    public var askedMilli: Int64?
    /// Data messages a second since the last heartbeat, in tenths.
    public var sentTenths: Int64
    public var cursor: Cursor

    public init(
        time: Timestamp, lag: Nanoseconds, buffered: Int, merged: UInt64, askedMilli: Int64?,
        sentTenths: Int64, cursor: Cursor
    ) {
        self.time = time
        self.lag = lag
        self.buffered = buffered
        self.merged = merged
        self.askedMilli = askedMilli
        self.sentTenths = sentTenths
        self.cursor = cursor
    }

    public var json: String {
        var message = ControlMessage("heartbeat")
        message.add("ts", time.raw)
        message.add("lag_ms", lag.milliseconds)
        message.add("buffered", Int64(buffered))
        message.add("merged", unsigned: merged)
        let asked = askedMilli.map { FixedPoint.text($0, decimals: 3) } ?? "\"max\""
        message.add(
            "rates", json: "{\"asked\":\(asked),\"sent\":\(FixedPoint.text(sentTenths, decimals: 1))}")
        message.add("resume", cursor.text)
        return message.end()
    }
}
