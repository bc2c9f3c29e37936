// Whether a client has the present version already (RFC 9110 §8.8.3, §13.1.2).

public enum EntityTag {
    /// Whether `If-None-Match` names this version: one of a list, or `*` for any there is. Compared
    /// weakly, as reading wants it: `W/"a"` is `"a"`.
    ///
    /// - Parameter tag: the present one, with its quotes.
    public static func isNamed(_ tag: String, in headers: HTTPHeaders) -> Bool {
        headers.values("If-None-Match").contains { field in
            var rest = Substring(field)
            while let element = next(&rest) {
                if element == "*" || opaque(element) == opaque(Substring(tag)) { return true }
            }
            return false
        }
    }

    /// The next element of the list. A comma between quotes is part of a tag.
    private static func next(_ rest: inout Substring) -> Substring? {
        let isBetween = { (character: Character) in character == "," || character == " " || character == "\t"
        }
        rest = rest.drop(while: isBetween)
        guard !rest.isEmpty else { return nil }
        var isQuoted = false
        let end = rest.firstIndex {
            if $0 == "\"" { isQuoted.toggle() }
            return !isQuoted && isBetween($0)
        }
        defer { rest = rest[(end ?? rest.endIndex)...] }
        return rest[..<(end ?? rest.endIndex)]
    }

    private static func opaque(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }
}
