// JSON (RFC 8259) as a value, for messages that are small and rare: requests, answers, tests.
//
// Strict: no trailing commas, comments, NaN, lone surrogates or bad UTF-8. Bounded: the caller's
// depth, and never more memory than a small multiple of the text. Numbers keep their digits, so
// that a price is parsed exactly by whoever knows its scale.

public indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The digits as they stood in the text.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the text; of equal names the last counts, as in ECMAScript.
    case object([Member])

    public struct Member: Hashable, Sendable {
        public let name: String
        public let value: JSONValue
    }

    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// True for an object no two of whose members have one name.
    public var isObjectOfUniqueNames: Bool {
        guard case .object(let members) = self else { return false }
        return Set(members.lazy.map(\.name)).count == members.count
    }

    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    public var number: String? { if case .number(let digits) = self { digits } else { nil } }
    public var integer: Int64? { number.flatMap { Int64($0) } }
    /// The number in fixed point, exactly or not at all.
    public func decimal(_ decimals: Int) -> Int64? {
        number.flatMap { FixedPoint.parse($0.utf8, decimals: decimals) }
    }
}

/// Where and why a text is not JSON. `offset` counts bytes from 0.
public struct JSONError: Error, Hashable {
    public let reason: String
    public let offset: Int
}

extension JSONValue {
    /// Parses exactly one value with nothing but white space around it.
    ///
    /// - Parameter depthMax: arrays and objects inside each other; more is an error, not a crash.
    public init(parsing bytes: UnsafeRawBufferPointer, depthMax: Int) throws(JSONError) {
        var parser = JSONParser(bytes: bytes, depthLeft: depthMax)
        self = try parser.document()
    }

    public init(parsing text: String, depthMax: Int = 64) throws(JSONError) {
        let bytes = Array(text.utf8)
        var result: Result<JSONValue, JSONError> = .failure(JSONError(reason: "empty", offset: 0))
        bytes.withUnsafeBytes { raw in
            do throws(JSONError) {
                result = .success(try JSONValue(parsing: raw, depthMax: depthMax))
            } catch {
                result = .failure(error)
            }
        }
        self = try result.get()
    }
}

private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    var at = 0
    var depthLeft: Int

    init(bytes: UnsafeRawBufferPointer, depthLeft: Int) {
        self.bytes = bytes
        self.depthLeft = depthLeft
    }

    private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func fault(_ reason: String) -> JSONError { JSONError(reason: reason, offset: at) }

    mutating func document() throws(JSONError) -> JSONValue {
        skipSpace()
        let value = try self.value()
        skipSpace()
        guard at == bytes.count else { throw fault("something follows the value") }
        return value
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { at += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        at += 1
        return true
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        guard let first = current else { throw fault("the text ends early") }
        switch first {
        case UInt8(ascii: "{"): return try nested { p throws(JSONError) in try p.object() }
        case UInt8(ascii: "["): return try nested { p throws(JSONError) in try p.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("no value begins here")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depthLeft > 0 else { throw fault("nested too deep") }
        depthLeft -= 1
        at += 1
        let value = try body(&self)
        depthLeft += 1
        return value
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let count = text.utf8CodeUnitCount
        guard bytes.count - at >= count,
            (0..<count).allSatisfy({ bytes[at + $0] == text.utf8Start[$0] })
        else { throw fault("no value begins here") }
        at += count
        return value
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            skipSpace()
            values.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else { throw fault("expected , or ]") }
        }
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        var members: [JSONValue.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw fault("expected a name") }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("expected :") }
            skipSpace()
            members.append(.init(name: name, value: try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw fault("expected , or }") }
        }
    }

    /// RFC 8259 §6: no leading zeros, a digit on either side of the point.
    private mutating func number() throws(JSONError) -> JSONValue {
        let start = at
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return .number(String(decoding: bytes[start..<at], as: UTF8.self))
    }

    private mutating func digits() throws(JSONError) {
        let start = at
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { at += 1 }
        guard at > start else { throw fault("expected a digit") }
    }

    private mutating func string() throws(JSONError) -> String {
        at += 1
        var units: [UInt8] = []
        while let byte = current {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else {
                    throw fault("a string is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &units)
            case 0..<0x20: throw fault("a control character stands in a string")
            default: units.append(byte)
            }
        }
        throw fault("a string does not end")
    }

    private mutating func escape(into units: inout [UInt8]) throws(JSONError) {
        guard let byte = current else { throw fault("a string does not end") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0c)
        case UInt8(ascii: "n"): units.append(0x0a)
        case UInt8(ascii: "r"): units.append(0x0d)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "u"): try unicode(into: &units)
        default: throw fault("no such escape")
        }
    }

    private mutating func unicode(into units: inout [UInt8]) throws(JSONError) {
        var code = try hex4()
        if code >= 0xd800, code < 0xdc00 {
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                throw fault("half a surrogate pair")
            }
            let low = try hex4()
            guard low >= 0xdc00, low < 0xe000 else { throw fault("half a surrogate pair") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
        units.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    private mutating func hex4() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault("expected four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        return code
    }
}
