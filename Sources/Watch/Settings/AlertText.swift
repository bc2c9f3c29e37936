// Alerts as lines: `AAPL last > 190 bell`, `* change > 5% highlight`, `MSFT stale > 30s`.
import Basics
import Market

extension AlertRule {
    static let shape =
        "write `alert AAPL last > 190 bell`, `alert * change > 5%` or `alert MSFT stale > 30s highlight`"

    /// What stands behind the word `alert`.
    static func read(_ text: Substring) -> Reading<AlertRule> {
        var words = text.split { $0 == " " || $0 == "\t" }
        var rings = false
        if let last = words.last, last == "bell" || last == "highlight" {
            rings = last == "bell"
            words.removeLast()
        }
        guard words.count == 4 else { return .wrong(advice: shape) }
        guard words[0] == "*" || SymbolName(String(words[0])) != nil else {
            return .wrong(advice: "\(words[0]) is no symbol's name; a name, or * for all")
        }
        switch condition(words[1], words[2], words[3]) {
        case .wrong(let advice): return .wrong(advice: advice)
        case .value(let condition):
            return .value(
                AlertRule(symbol: words[0] == "*" ? nil : String(words[0]), condition, rings: rings))
        }
    }

    private static func condition(
        _ field: Substring, _ sign: Substring, _ value: Substring
    ) -> Reading<Condition> {
        guard sign == ">" || sign == "<" && field == "last" else {
            return .wrong(
                advice: field == "last" ? "> or < is wanted behind last" : "> is wanted behind \(field)")
        }
        switch field {
        case "last":
            guard let price = FixedPoint.parse(value.utf8, decimals: Price.decimals).map(Price.init(e9:))
            else {
                return .wrong(advice: "\(value) is no price with at most 9 decimals")
            }
            return .value(sign == ">" ? .lastAbove(price) : .lastBelow(price))
        case "change":
            let digits = value.last == "%" ? value.dropLast() : value
            guard let points = FixedPoint.parse(digits.utf8, decimals: 2), points > 0 else {
                return .wrong(advice: "\(value) is no percentage above 0 with at most 2 decimals, such as 5%")
            }
            return .value(.changeBeyond(points))
        case "stale":
            guard let span = Nanoseconds(text: String(value)), span > .zero else {
                return .wrong(advice: "\(value) is no time such as 30s, 500ms or 5m")
            }
            return .value(.staleFor(span))
        default: return .wrong(advice: "\(field) is none of last, change, stale; " + shape)
        }
    }

    /// As a file has it behind the word `alert`.
    public var text: String {
        let words: String
        switch condition {
        case .lastAbove(let price): words = "last > \(Numbers.price(price))"
        case .lastBelow(let price): words = "last < \(Numbers.price(price))"
        case .changeBeyond(let points): words = "change > \(PipeLine.decimal(points, 2))%"
        case .staleFor(let span): words = "stale > \(span.text)"
        }
        return "\(symbol ?? "*") \(words) \(rings ? "bell" : "highlight")"
    }
}

extension Nanoseconds {
    /// `90s`, `1500ms`: in the largest unit that has no fraction. What `init(text:)` reads.
    var text: String {
        let units: [(name: String, raw: Int64)] = [
            ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
            ("us", 1_000),
        ]
        guard let unit = units.first(where: { raw % $0.raw == 0 }) else { return "\(raw)ns" }
        return "\(raw / unit.raw)\(unit.name)"
    }
}
