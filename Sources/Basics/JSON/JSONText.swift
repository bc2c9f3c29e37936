// JSON for people and tests: built as text, a member a line where that reads well. Cold path only.

/// Members are added in order; the writer minds commas and escapes.
public struct JSONText {
    public private(set) var text = ""
    private var needsComma = false

    public static func object(_ fill: (inout JSONText) -> Void) -> JSONText {
        var json = JSONText()
        json.enclosed("{", "}", fill)
        return json
    }

    public mutating func member(_ key: String, _ value: JSONText) {
        separate()
        text += JSONText.quoted(key) + ": " + value.text
    }
    public mutating func member(_ key: String, _ value: some BinaryInteger) {
        member(key, JSONText(literal: String(value)))
    }
    public mutating func member(_ key: String, _ value: String) {
        member(key, JSONText(literal: JSONText.quoted(value)))
    }
    public mutating func member(_ key: String, _ fill: (inout JSONText) -> Void) {
        member(key, JSONText.object(fill))
    }

    /// `[a, b, c]`, on one line.
    public static func array(_ elements: [JSONText]) -> JSONText {
        JSONText(literal: "[" + elements.map(\.text).joined(separator: ", ") + "]")
    }
    public static func number(_ value: some BinaryInteger) -> JSONText { JSONText(literal: String(value)) }

    private init(literal: String = "") { text = literal }

    private mutating func enclosed(_ open: String, _ close: String, _ fill: (inout JSONText) -> Void) {
        var inner = JSONText()
        fill(&inner)
        let indented = inner.text.split(separator: "\n").map { "\n " + $0 }.joined()
        text += open + indented + (indented.isEmpty ? "" : "\n") + close
    }

    private mutating func separate() {
        if needsComma { text += ",\n" }
        needsComma = true
    }

    /// As RFC 8259 §7 wants.
    private static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
