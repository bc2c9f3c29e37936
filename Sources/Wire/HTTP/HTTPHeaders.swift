// Header fields in the order they came, found without regard to case (RFC 9110 §5.1).

public struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    public struct Field: Hashable, Sendable {
        public let name: String
        public let value: String
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public private(set) var fields: [Field] = []

    public init() {}
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// The first value under this name.
    public subscript(name: String) -> String? {
        fields.first { ASCII.equal($0.name, name) }?.value
    }

    public func values(_ name: String) -> [String] {
        fields.filter { ASCII.equal($0.name, name) }.map(\.value)
    }

    /// The elements of a comma-separated field, over all its lines (RFC 9110 §5.6.1).
    public func elements(_ name: String) -> [String] {
        values(name).flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
            .map { ASCII.trimmed($0) }
            .filter { !$0.isEmpty }
    }

    /// Whether a comma-separated field names `token`, in any case.
    public func hasToken(_ name: String, _ token: String) -> Bool {
        elements(name).contains { ASCII.equal($0, token) }
    }
}

/// Text as protocols see it: bytes, of which 26 come in two cases.
enum ASCII {
    static func lower(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    static func equal(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
        a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lower($0) == lower($1) }
    }

    /// Without the blanks and tabs around it (OWS, RFC 9110 §5.6.3).
    static func trimmed(_ text: Substring.UTF8View) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard let first = text.firstIndex(where: { !isBlank($0) }),
            let last = text.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(Substring(text[first...last]))
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (lower(byte) >= UInt8(ascii: "a") && lower(byte) <= UInt8(ascii: "z"))
    }

    /// What a method or a field name is made of (tchar, RFC 9110 §5.6.2).
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
            UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: isAlphanumeric(byte)
        }
    }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch lower(byte) {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): lower(byte) - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
