// Conditions out of text, by descent: `or` binds least, then `and`, then `not`.
import Basics
import Market

extension Condition {
    /// More is refused: nobody types it, and the parser's depth is bounded.
    static let charactersMax = 4_096
    static let depthMax = 64

    /// - Parameter isExact: symbols are taken as they are written; else small letters are made capitals.
    /// - Throws: `ConditionFault`, with the column.
    public static func parse(_ text: String, isExact: Bool = false) throws(ConditionFault) -> Condition {
        guard text.utf8.count <= charactersMax else {
            throw ConditionFault(reason: "longer than \(charactersMax) bytes", column: 1)
        }
        var parser = ConditionParser(text, isExact: isExact)
        return Condition(root: try parser.whole(), description: text)
    }
}

private struct ConditionParser {
    private var tokens: ConditionTokens
    private var current = ConditionToken(kind: .end, column: 1)
    private var depth = 0
    private let isExact: Bool

    init(_ text: String, isExact: Bool) {
        tokens = ConditionTokens(text)
        self.isExact = isExact
    }

    mutating func whole() throws(ConditionFault) -> Condition.Term {
        try advance()
        let term = try either()
        guard current.kind == .end else { throw fault("`and`, `or` or the end is wanted here") }
        return term
    }

    private mutating func advance() throws(ConditionFault) { current = try tokens.next() }

    private func fault(_ reason: String, at column: Int? = nil) -> ConditionFault {
        ConditionFault(reason: reason, column: column ?? current.column)
    }

    private mutating func either() throws(ConditionFault) -> Condition.Term {
        var term = try both()
        while current.kind == .or {
            try advance()
            term = .or(term, try both())
        }
        return term
    }

    private mutating func both() throws(ConditionFault) -> Condition.Term {
        var term = try single()
        while current.kind == .and {
            try advance()
            term = .and(term, try single())
        }
        return term
    }

    private mutating func single() throws(ConditionFault) -> Condition.Term {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Condition.depthMax else { throw fault("nested too deep") }
        switch current.kind {
        case .not:
            try advance()
            return .not(try single())
        case .open:
            let column = current.column
            try advance()
            let term = try either()
            guard current.kind == .close else {
                throw current.kind == .end
                    ? fault("the parenthesis is not closed", at: column)
                    : fault("`and`, `or` or `)` is wanted here")
            }
            try advance()
            return term
        case .word(let word, let quoted): return try comparison(word, quoted)
        default: throw fault("a comparison is wanted here, such as AAPL.last > 190")
        }
    }

    private mutating func comparison(
        _ word: String, _ quoted: String?
    ) throws(ConditionFault) -> Condition.Term {
        let (symbol, field) = try subject(word, quoted)
        try advance()
        guard case .compare(let comparison) = current.kind else {
            throw fault("one of < <= == != >= > is wanted here")
        }
        if field.words != nil, comparison != .equal, comparison != .unequal {
            throw fault("\(field.rawValue) is a word: == or != is wanted here")
        }
        try advance()
        guard case .word(let text, nil) = current.kind else {
            throw fault("\(field.words == nil ? "a number" : "a word") is wanted here")
        }
        let value = try value(text, field)
        try advance()
        return .compare(symbol: symbol, field, comparison, value)
    }

    /// The last dot separates: `BRK.B.last`.
    private func subject(
        _ word: String, _ quoted: String?
    ) throws(ConditionFault) -> (String, Condition.Field) {
        var name = quoted ?? "", field = word
        if quoted != nil {
            guard word.hasPrefix(".") else {
                throw fault("a dot and a field follow a symbol: \"\(name)\".last")
            }
            field = String(word.dropFirst())
        } else {
            guard let dot = word.lastIndex(of: ".") else {
                throw fault("a symbol and a field are wanted here: \(word).last")
            }
            (name, field) = (String(word[..<dot]), String(word[word.index(after: dot)...]))
        }
        guard SymbolName(name) != nil else { throw fault("\(name) is no symbol's name") }
        guard let known = Condition.Field(rawValue: field) else {
            let all = Condition.Field.allCases.map(\.rawValue).joined(separator: ", ")
            throw fault("no field \(field); there are \(all)")
        }
        return (isExact || quoted != nil ? name : name.uppercased(), known)
    }

    private func value(
        _ text: String, _ field: Condition.Field
    ) throws(ConditionFault) -> Condition.Value {
        if let words = field.words {
            guard words.contains(text) else {
                throw fault("\(field.rawValue) is one of \(words.joined(separator: ", "))")
            }
            return .word(text)
        }
        if field == .age, text.last?.isLetter == true {
            guard let span = Nanoseconds(text: text) else {
                throw fault("\(text) is no time such as 30s or 500ms")
            }
            return .number(Int128(span.raw))
        }
        var digits = Substring(text)
        if field == .percent, digits.last == "%" { digits = digits.dropLast() }
        guard let number = Condition.number(digits) else {
            throw fault("\(text) is no number with at most 9 decimals")
        }
        return .number(number)
    }
}

extension Condition {
    /// `[-]digits[.digits]` in units of 1e-9; at most 18 digits before the point. A `+` may lead.
    static func number(_ text: Substring) -> Int128? {
        let digits = text.hasPrefix("+") && !text.hasPrefix("+-") ? text.dropFirst() : text
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = FixedPoint.parse(parts[0].utf8, decimals: 0) else { return nil }
        guard abs(Int128(whole)) < 1_000_000_000_000_000_000 else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard !parts[1].hasPrefix("-"), let part = FixedPoint.parse("0.\(parts[1])".utf8, decimals: 9)
            else {
                return nil
            }
            fraction = part
        }
        let magnitude = abs(Int128(whole)) * 1_000_000_000 + Int128(fraction)
        return digits.hasPrefix("-") ? -magnitude : magnitude
    }
}
