// One log line: a time, a level, an event, fields. As text or as JSON, always one line of plain ASCII.
//
//     2026-11-21T10:04:30.123Z info closed reason=stalled address=192.0.2.7:51234 session=3f
//     {"time":"2026-11-21T10:04:30.123Z","level":"info","event":"closed","reason":"stalled",…}
//
// Invariants
//   - Whatever a stranger put into a value stays in it: control characters, quotes and everything that
//     is not ASCII is escaped, so nobody begins a line of his own or speaks to the reader's terminal.
//   - A value is cut at `valueMax` bytes and a line at `LogLine.bytesMax`: one write(2) takes it whole,
//     from a pipe too (PIPE_BUF).

public enum LogLevel: Int, CaseIterable, Comparable, Sendable {
    case error, warning, info, debug

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    /// As the option and the lines have it.
    public var name: String { "\(self)" }
    public init?(_ name: String) {
        guard let level = LogLevel.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }
}

public enum LogFormat: String, Sendable {
    case text, json
}

/// What stands behind a field's name. Never a header, a query or a token: those have no field.
public enum LogValue: Sendable, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
    /// May come from a stranger: escaped, and cut where it is long.
    case text(String)
    case number(Int64)

    public init(stringLiteral text: String) { self = .text(text) }
    public init(integerLiteral number: Int64) { self = .number(number) }
    public init(_ number: some BinaryInteger) { self = .number(Int64(clamping: number)) }
}

public typealias LogFields = KeyValuePairs<StaticString, LogValue>

/// Builds one line. Cold path: some microseconds and a few allocations.
struct LogLine: ~Copyable {
    /// Below PIPE_BUF, 4096.
    static let bytesMax = 2_048
    /// Bytes of a value that are shown, before they are escaped.
    static let valueMax = 256

    private(set) var bytes: [UInt8] = []
    private let format: LogFormat

    init(_ level: LogLevel, _ event: StaticString, at time: Timestamp, _ format: LogFormat) {
        self.format = format
        bytes.reserveCapacity(256)
        switch format {
        case .text: put("\(time.utc) \(level.name) \(event)")
        case .json: put("{\"time\":\"\(time.utc)\",\"level\":\"\(level.name)\",\"event\":\"\(event)\"")
        }
    }

    /// A field that would make the line too long is left out, and so is all behind it.
    mutating func add(_ fields: LogFields) {
        for (name, value) in fields {
            let before = bytes.count
            add(name, value)
            // Room for the line's end, and for a count of what was held back.
            if bytes.count > LogLine.bytesMax - 64 {
                bytes.removeLast(bytes.count - before)
                return
            }
        }
    }

    private mutating func add(_ name: StaticString, _ value: LogValue) {
        put(format == .text ? " \(name)=" : ",\"\(name)\":")
        switch value {
        case .number(let number): put("\(number)")
        case .text(let text):
            if format == .text, LogLine.isBare(text) { put(text) } else { quote(text) }
        }
    }

    /// The whole line with its line feed.
    consuming func end() -> [UInt8] {
        put(format == .text ? "\n" : "}\n")
        return bytes
    }

    private mutating func put(_ text: String) { bytes += text.utf8 }

    /// Needs no quotes: nothing in it could be taken for the end of the value.
    private static func isBare(_ text: String) -> Bool {
        let special = Array("\"\\=".utf8)
        return !text.isEmpty && text.utf8.count <= valueMax
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !special.contains($0) }
    }

    /// A JSON string of ASCII alone (RFC 8259 §7), in both formats.
    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var shown = 0
        for scalar in text.unicodeScalars {
            shown += UTF8.width(scalar)
            guard shown <= LogLine.valueMax else {
                put("...")
                break
            }
            escape(scalar)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": put("\\\"")
        case "\\": put("\\\\")
        case "\n": put("\\n")
        case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
        default:
            for unit in UTF16.encode(scalar).unsafelyUnwrapped {
                let digits = String(unit, radix: 16)
                put("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            }
        }
    }
}

extension Timestamp {
    /// As RFC 3339 has it, in UTC with milliseconds: `2026-11-21T10:04:30.123Z`. From 1970 on.
    public var utc: String {
        let milliseconds = max(0, raw) / 1_000_000
        let (days, ofDay) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let (hours, minutes) = (ofDay / 3_600_000, ofDay / 60_000 % 60)
        let time = "\(padded(hours, 2)):\(padded(minutes, 2)):\(padded(ofDay / 1_000 % 60, 2))"
        return "\(CivilDate(daysSince1970: Int(days)))T\(time).\(padded(ofDay % 1_000, 3))Z"
    }
}
