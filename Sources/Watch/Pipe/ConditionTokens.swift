// The words of a condition, each with the column it stands in.
import Basics

/// Why a text is no condition, and where.
public struct ConditionFault: Error, Hashable, CustomStringConvertible {
    public let reason: String
    /// In characters, from 1.
    public let column: Int
    public var description: String { "column \(column): \(reason)" }

    /// The text with a caret below the fault: two lines, for a terminal.
    public func pointing(into text: String) -> String {
        text + "\n" + String(repeating: " ", count: column - 1) + "^ " + reason
    }
}

struct ConditionToken: Hashable {
    enum Kind: Hashable {
        case open, close, and, or, not
        case compare(Condition.Comparison)
        /// A name or a number; a symbol between quotes comes without them.
        case word(String, quoted: String?)
        case end
    }
    let kind: Kind
    let column: Int
}

struct ConditionTokens {
    private let text: [Character]
    private var at = 0

    init(_ text: String) { self.text = Array(text) }

    mutating func next() throws(ConditionFault) -> ConditionToken {
        while at < text.count, text[at].isWhitespace { at += 1 }
        let column = at + 1
        guard at < text.count else { return ConditionToken(kind: .end, column: column) }
        switch text[at] {
        case "(": return single(.open)
        case ")": return single(.close)
        case "<", ">", "=", "!": return ConditionToken(kind: .compare(try comparison()), column: column)
        default: return ConditionToken(kind: try word(), column: column)
        }
    }

    private mutating func single(_ kind: ConditionToken.Kind) -> ConditionToken {
        at += 1
        return ConditionToken(kind: kind, column: at)
    }

    private mutating func comparison() throws(ConditionFault) -> Condition.Comparison {
        let column = at + 1
        var sign = String(text[at])
        at += 1
        if at < text.count, text[at] == "=" {
            sign += "="
            at += 1
        }
        // One = says the same to most people.
        guard let comparison = Condition.Comparison(rawValue: sign == "=" ? "==" : sign) else {
            throw ConditionFault(reason: "\(sign) is none of < <= == != >= >", column: column)
        }
        return comparison
    }

    private mutating func word() throws(ConditionFault) -> ConditionToken.Kind {
        let quoted = try quoted()
        var word = ""
        while at < text.count, !text[at].isWhitespace, !"()<>=!\"".contains(text[at]) {
            word.append(text[at])
            at += 1
        }
        guard quoted == nil else { return .word(word, quoted: quoted) }
        switch word {
        case "and": return .and
        case "or": return .or
        case "not": return .not
        default: break
        }
        // A quote in the middle of a word is nobody's.
        guard !word.isEmpty else { throw ConditionFault(reason: "no symbol begins here", column: at + 1) }
        return .word(word, quoted: nil)
    }

    /// `"ES=F"`, for symbols with signs of their own.
    private mutating func quoted() throws(ConditionFault) -> String? {
        guard text[at] == "\"" else { return nil }
        let column = at + 1
        guard let end = text[(at + 1)...].firstIndex(of: "\"") else {
            throw ConditionFault(reason: "the quote is not closed", column: column)
        }
        defer { at = end + 1 }
        return String(text[(at + 1)..<end])
    }
}
