// A line of comma-separated values cut into fields, in place.
//
// RFC 4180 but for two things: a field ends with its line, so a quoted one holds no line break; and a
// quote within a quoted field (`""`) is left doubled. Nothing read here has either.

/// A field with text behind its closing quote, or without one.
public struct BadQuotes: Error {
    public init() {}
}

/// The fields of one line, without their quotes. A line has one field at least: an empty one.
public struct FieldCursor: ~Escapable {
    private let line: RawSpan
    private var offset = 0

    @_lifetime(copy line)
    public init(_ line: RawSpan) { self.line = line }

    /// No field is left.
    public var isAtEnd: Bool { offset > line.byteCount }

    /// The next field. Behind the last one: empty.
    @_lifetime(copy self)
    public mutating func next() throws(BadQuotes) -> RawSpan {
        guard offset < line.byteCount else {
            offset = line.byteCount + 1
            return line.extracting(first: 0)
        }
        if line.u8(at: offset) == UInt8(ascii: "\"") { return try quoted() }
        let start = offset
        while offset < line.byteCount, line.u8(at: offset) != UInt8(ascii: ",") { offset += 1 }
        defer { offset += 1 }
        return line.extracting(start..<offset)
    }

    @_lifetime(copy self)
    private mutating func quoted() throws(BadQuotes) -> RawSpan {
        let start = offset + 1
        var end = start
        while true {
            guard end < line.byteCount else { throw BadQuotes() }
            if line.u8(at: end) == UInt8(ascii: "\"") {
                guard end + 1 < line.byteCount, line.u8(at: end + 1) == UInt8(ascii: "\"") else { break }
                end += 1
            }
            end += 1
        }
        guard end + 1 == line.byteCount || line.u8(at: end + 1) == UInt8(ascii: ",") else {
            throw BadQuotes()
        }
        offset = end + 2
        return line.extracting(start..<end)
    }
}
