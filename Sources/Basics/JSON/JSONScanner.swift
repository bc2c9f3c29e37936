// JSON (RFC 8259) read where it stands: what asks knows which value comes next, and takes it.
//
//     {"u":17,"b":[["0.35","62.1"]]}      openObject · nextName · integer · nextName · openArray ·
//                                         nextElement · openArray · nextElement · quoted(decimals: 8) · …
//
// Invariants
//   - Nothing is allocated or copied. A fault throws, and the scanner is of no use behind it.
//   - What it takes is what `JSONValue` takes, no more and no less: strict grammar, strict UTF-8,
//     bounded depth. That also holds for values that are skipped.
//   - A whole text was read, and is JSON, only where `end` was reached. Who must not act on half a
//     text acts behind it.
//   - Names that come twice are the caller's: each comes as it stands in the text.

/// Reads one JSON text from front to back. Whoever opens a container reads it until nothing is next.
public struct JSONScanner: ~Copyable, ~Escapable {
    let bytes: RawSpan
    /// Bytes read so far. Where a fault was thrown: about the place of it.
    public internal(set) var offset = 0
    /// Nothing of the innermost container has been read: no comma stands before what is next.
    private var isFirst = true
    private var depthLeft: Int

    /// Arrays and objects inside each other, where nothing else is said.
    public static let depthMax = 64

    /// - Parameter depthMax: arrays and objects inside each other; more is a fault, not a crash.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, depthMax: Int = JSONScanner.depthMax) {
        self.bytes = bytes
        depthLeft = depthMax
    }

    /// What the next value is, by its first byte.
    public mutating func kind() throws(JSONFault) -> JSONKind {
        switch try next() {
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw .noValue
        }
    }

    // MARK: Containers

    public mutating func openObject() throws(JSONFault) { try open(UInt8(ascii: "{")) }
    public mutating func openArray() throws(JSONFault) { try open(UInt8(ascii: "[")) }

    /// The next member's name, behind which its value is next; nil where the object ends.
    @_lifetime(copy self)
    public mutating func nextName() throws(JSONFault) -> JSONString? {
        guard try nextPart(before: UInt8(ascii: "}")) else { return nil }
        guard try next() == UInt8(ascii: "\"") else { throw .noName }
        let name = try string()
        guard try next() == UInt8(ascii: ":") else { throw .noColon }
        offset &+= 1
        return name
    }

    /// Whether one more element is next; false where the array ends.
    public mutating func nextElement() throws(JSONFault) -> Bool {
        try nextPart(before: UInt8(ascii: "]"))
    }

    /// Reads over the next value, whatever it is. It must be JSON all the same.
    public mutating func skip() throws(JSONFault) {
        switch try kind() {
        case .object:
            try openObject()
            while try nextName() != nil { try skip() }
        case .array:
            try openArray()
            while try nextElement() { try skip() }
        case .string: _ = try passString()
        case .number: try skipNumber()
        case .bool: _ = try bool()
        case .null: try null()
        }
    }

    /// The text from the next value on, for a second scanner that looks ahead.
    public var rest: RawSpan {
        @_lifetime(copy self) get { bytes.extracting(offset..<bytes.byteCount) }
    }

    /// Nothing but white space may follow.
    public mutating func end() throws(JSONFault) {
        skipSpace()
        guard offset == bytes.byteCount else { throw .somethingFollows }
    }

    // MARK: Words

    public mutating func bool() throws(JSONFault) -> Bool {
        guard try next() == UInt8(ascii: "t") else {
            try word("false")
            return false
        }
        try word("true")
        return true
    }

    public mutating func null() throws(JSONFault) {
        _ = try next()
        try word("null")
    }

    private mutating func word(_ word: StaticString) throws(JSONFault) {
        let count = word.utf8CodeUnitCount
        guard bytes.byteCount - offset >= count else { throw .endsEarly }
        for place in 0..<count where bytes.u8(at: offset + place) != word.utf8Start[place] {
            throw .wrongKind
        }
        offset += count
        isFirst = false
    }

    // MARK: Structure

    /// The byte that comes next, behind white space. It stays to be read.
    @inline(__always)
    mutating func next() throws(JSONFault) -> UInt8 {
        if offset < bytes.byteCount {
            let byte = bytes.u8(at: offset)
            if byte > 0x20 { return byte }
        }
        skipSpace()
        guard offset < bytes.byteCount else { throw .endsEarly }
        return bytes.u8(at: offset)
    }

    private mutating func skipSpace() {
        while offset < bytes.byteCount {
            let byte = bytes.u8(at: offset)
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            offset &+= 1
        }
    }

    @inline(__always)
    private mutating func open(_ bracket: UInt8) throws(JSONFault) {
        guard try next() == bracket else { throw .wrongKind }
        guard depthLeft > 0 else { throw .tooDeep }
        depthLeft &-= 1
        offset &+= 1
        isFirst = true
    }

    /// Reads the comma, where there must be one, or the bracket that ends the container.
    @inline(__always)
    private mutating func nextPart(before bracket: UInt8) throws(JSONFault) -> Bool {
        let byte = try next()
        if byte == bracket {
            depthLeft &+= 1
            offset &+= 1
            isFirst = false  // the container was a part of the one around it
            return false
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else { throw .noComma }
            offset &+= 1
        }
        return true
    }

    /// What every value that is no container ends with.
    @inline(__always)
    mutating func valueEnds() { isFirst = false }
}

/// What a value is.
public enum JSONKind: Hashable, Sendable {
    case object, array, string, number, bool, null
}

/// Why a text is not JSON, or not what was asked for. `JSONScanner.offset` says about where.
public enum JSONFault: Error, Hashable, Sendable {
    case endsEarly, noValue, noName, noColon, noComma, somethingFollows, tooDeep
    /// JSON, but a value of another kind than asked for.
    case wrongKind
    case badNumber, badEscape, badUTF8, controlCharacter
    /// JSON, but something that must be there isn't, or is there twice. For callers; no scanner says so.
    case missing, repeated
    /// A number with more decimals than asked for: nothing is rounded.
    case inexactNumber
    /// A number that 64 bits do not hold at the scale asked for.
    case numberRange

    public var reason: StaticString {
        switch self {
        case .endsEarly: "the text ends early"
        case .noValue: "no value begins here"
        case .noName: "expected a name"
        case .noColon: "expected :"
        case .noComma: "expected , or the end of the array or object"
        case .somethingFollows: "something follows the value"
        case .tooDeep: "nested too deep"
        case .wrongKind: "a value of another kind is expected"
        case .badNumber: "a number is malformed"
        case .badEscape: "an escape is malformed"
        case .badUTF8: "a string is not UTF-8"
        case .controlCharacter: "a control character stands in a string"
        case .missing: "something is missing"
        case .repeated: "a name comes twice"
        case .inexactNumber: "a number has more decimals than are kept"
        case .numberRange: "a number is out of range"
        }
    }
}
