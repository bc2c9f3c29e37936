// What a scenario can say: each key with its unit, range, default and meaning, in one table.
import Basics
import Market

enum ScenarioKey: Int, CaseIterable {
    case market, symbols, rate, volatility, spread, open
    case lull, lullEvery
    case burst, burstAt, burstEvery, burstFactor
    case crash, crashSymbol, crashAt, crashEvery, crashPercent, pause, reopening, recovery
    case gap, gapSymbol, gapAt, gapEvery, mend

    enum Unit {
        case market
        case number(ClosedRange<Int>)
        /// Nanoseconds; as text `250ms`, `90s`, `5m`, `1h`.
        case span
        /// A symbol's number, or -1 for all of them where that is allowed.
        case symbol(orAll: Bool)
    }

    static let symbolsAllowed = 1...10_000
    static let rateAllowed = 1...2_000_000
    static let uniform = 1
    static let allSymbols = -1
    private static let spanMax = 24 * 3_600_000_000_000

    /// Name, unit, default as text, meaning.
    private var row: (name: String, unit: Unit, standard: String, help: String) {
        switch self {
        case .market: ("market", .market, "lively", "lively, or uniform: S0, S1, … in turn, evenly")
        case .symbols: ("symbols", .number(Self.symbolsAllowed), "24", "how many")
        case .rate: ("rate", .number(Self.rateAllowed), "1640", "messages a second of all together")
        case .volatility: ("volatility", .number(0...1_000), "100", "of prices, in percent of the usual")
        case .spread: ("spread", .span, "0s", "over how long what comes to all symbols reaches them in turn")
        case .open: ("open", .span, "0s", "until then there is an auction, which ends with a cross")
        case .lull: ("lull", .span, "0s", "how long a symbol, drawn each time, is silent")
        case .lullEvery: ("lull-every", .span, "60s", "from one lull to the next")
        case .burst: ("burst", .span, "0s", "how long a burst lasts; 0s: there is none")
        case .burstAt: ("burst-at", .span, "10s", "when the first one begins")
        case .burstEvery: ("burst-every", .span, "0s", "from one to the next; 0s: there is one")
        case .burstFactor: ("burst-factor", .number(1...1_000), "10", "times the rate in a burst")
        case .crash: ("crash", .span, "0s", "how long a symbol falls before it is paused; 0s: none does")
        case .crashSymbol: ("crash-symbol", .symbol(orAll: false), "AAPL", "which one")
        case .crashAt: ("crash-at", .span, "30s", "when it begins to fall")
        case .crashEvery: ("crash-every", .span, "0s", "from one fall to the next; 0s: there is one")
        case .crashPercent: ("crash-percent", .number(1...50), "10", "how far it falls")
        case .pause: ("pause", .span, "5m", "how long it is paused, reason LUDP")
        case .reopening: ("reopening", .span, "10s", "how long the auction behind the pause lasts")
        case .recovery: ("recovery", .span, "60s", "how long until the price is back")
        case .gap: ("gap", .span, "0s", "how long messages are lost; 0s: none are")
        case .gapSymbol: ("gap-symbol", .symbol(orAll: true), "all", "whose messages, or all")
        case .gapAt: ("gap-at", .span, "30s", "when the first one is lost")
        case .gapEvery: ("gap-every", .span, "0s", "from one gap to the next; 0s: there is one")
        case .mend: ("mend", .span, "2s", "how long after it the books are sent anew")
        }
    }

    var name: String { row.name }
    static func named(_ name: String) -> ScenarioKey? { allCases.first { $0.name == name } }

    /// The default: what a text that is silent about it means.
    var standard: Int { ScenarioKey.parse(row.standard, row.unit) ?? 0 }

    /// - Throws: what it should be, beginning with the key.
    func value(_ text: String) throws(UsageError) -> Int {
        guard let value = ScenarioKey.parse(text, row.unit) else {
            throw UsageError("\(name)=\(text): \(name) is \(meaning)")
        }
        return value
    }

    private static func parse(_ text: String, _ unit: Unit) -> Int? {
        switch unit {
        case .market: ["lively", "uniform"].firstIndex(of: text)
        case .number(let range): Int(text).flatMap { range.contains($0) ? $0 : nil }
        case .span: span(text)
        case .symbol(let orAll): orAll && text == "all" ? allSymbols : Listing.number(of: text)
        }
    }

    private static func span(_ text: String) -> Int? {
        let units = [
            ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ]
        guard let unit = units.first(where: { text.hasSuffix($0.0) }),
            let count = Int(text.dropLast(unit.0.count)), (0...spanMax / unit.1).contains(count)
        else { return nil }
        return count * unit.1
    }

    /// What a value looks like.
    private var meaning: String {
        switch row.unit {
        case .market: "lively or uniform"
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .span: "a span as 250ms, 90s, 5m or 1h, at most 24h"
        case .symbol(let orAll): "the name of a symbol" + (orAll ? ", or all" : "")
        }
    }

    /// As a table for a file of options.
    static let options = allCases.map { Option($0.name, $0.meaning, $0.row.help) }

    /// The keys as lines of help.
    static var help: String {
        allCases.map { key in
            let room = String(repeating: " ", count: 16 - key.name.count)
            return "  \(key.name)\(room)\(key.row.help) (\(key.row.standard))\n"
        }
        .joined()
    }
}
