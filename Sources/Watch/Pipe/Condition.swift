// What `--until` waits for: comparisons of what is known of symbols, exact and in three values.
//
//     AAPL.last > 190 and (MSFT.percent < -1.5 or not BRK.B.state == live)
//     "ES=F".age >= 30s
//
// Invariants
//   - No binary fraction anywhere: numbers are whole units of 1e-9.
//   - What is not known yet is neither true nor false, and neither is its opposite: a condition is met
//     only by what was heard.
import Basics

public struct Condition: Hashable, Sendable, CustomStringConvertible {
    /// What can be asked of a symbol.
    public enum Field: String, Hashable, Sendable, CaseIterable {
        case last, bid, ask
        case bidSize = "bid-size"
        case askSize = "ask-size"
        case change
        /// The change against the day's first trade.
        case percent
        case open, high, low, volume, vwap, trades
        /// In hundredths of a percent of the middle.
        case spread
        /// In seconds since anything was heard of it.
        case age
        case state, market, feed

        /// What a word may be; nil for a number.
        public var words: [String]? {
            switch self {
            case .state: ["live", "quiet", "stale", "suspect", "halted", "closed"]
            case .market: ["trading", "halted", "paused", "auction", "closed"]
            case .feed: ["live", "quiet", "stale", "suspect"]
            default: nil
            }
        }
    }

    public enum Value: Hashable, Sendable {
        /// Units of 1e-9, whatever the field's own scale is.
        case number(Int128)
        case word(String)
    }

    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        case less = "<"
        case atMost = "<="
        case equal = "=="
        case unequal = "!="
        case atLeast = ">="
        case greater = ">"

        func holds(_ a: Int128, _ b: Int128) -> Bool {
            switch self {
            case .less: a < b
            case .atMost: a <= b
            case .equal: a == b
            case .unequal: a != b
            case .atLeast: a >= b
            case .greater: a > b
            }
        }
    }

    indirect enum Term: Hashable, Sendable {
        case compare(symbol: String, Field, Comparison, Value)
        case not(Term)
        case and(Term, Term)
        case or(Term, Term)
    }

    let root: Term
    /// As it was written.
    public let description: String

    /// Every symbol it speaks of, once, in its order.
    public var symbols: [String] {
        var names: [String] = []
        Condition.gather(root, &names)
        return names
    }

    private static func gather(_ term: Term, _ names: inout [String]) {
        switch term {
        case .compare(let symbol, _, _, _): if !names.contains(symbol) { names.append(symbol) }
        case .not(let inner): gather(inner, &names)
        case .and(let a, let b), .or(let a, let b):
            gather(a, &names)
            gather(b, &names)
        }
    }

    /// - Parameter value: what is known; nil for what is not.
    public func isMet(_ value: (_ symbol: String, _ field: Field) -> Value?) -> Bool {
        Condition.truth(root, value) == true
    }

    /// Kleene's three values: nil is "not known".
    private static func truth(_ term: Term, _ value: (String, Field) -> Value?) -> Bool? {
        switch term {
        case .compare(let symbol, let field, let comparison, let wanted):
            guard let known = value(symbol, field) else { return nil }
            return holds(known, comparison, wanted)
        case .not(let inner): return truth(inner, value).map { !$0 }
        case .and(let a, let b):
            let first = truth(a, value)
            if first == false { return false }
            let second = truth(b, value)
            return second == false ? false : first == nil ? nil : second
        case .or(let a, let b):
            let first = truth(a, value)
            if first == true { return true }
            let second = truth(b, value)
            return second == true ? true : first == nil ? nil : second
        }
    }

    private static func holds(_ known: Value, _ comparison: Comparison, _ wanted: Value) -> Bool? {
        switch (known, wanted) {
        case (.number(let a), .number(let b)): comparison.holds(a, b)
        case (.word(let a), .word(let b)): comparison == .equal ? a == b : a != b
        default: nil
        }
    }
}

extension PipeRow {
    /// What is known of a field, for conditions.
    public func value(_ field: Condition.Field) -> Condition.Value? {
        switch field {
        case .state: return state.map(Condition.Value.word)
        case .market: return market.map(Condition.Value.word)
        case .feed: return feed.map(Condition.Value.word)
        default: return number(field).map(Condition.Value.number)
        }
    }

    private func number(_ field: Condition.Field) -> Int128? {
        switch field {
        case .last: stats.map { Int128($0.last.e9) }
        case .bid: quote?.bid.map { Int128($0.e9) }
        case .ask: quote?.ask.map { Int128($0.e9) }
        // Of an empty side nothing is there, and that is known.
        case .bidSize: quote.map { Int128($0.bidSize?.e8 ?? 0) * 10 }
        case .askSize: quote.map { Int128($0.askSize?.e8 ?? 0) * 10 }
        case .change: stats.map { Int128($0.change.e9) }
        case .percent: percentE9
        case .open: stats.map { Int128($0.open.e9) }
        case .high: stats.map { Int128($0.high.e9) }
        case .low: stats.map { Int128($0.low.e9) }
        case .volume: stats?.volumeE8.map { Int128($0) * 10 }
        case .vwap: stats?.vwap.map { Int128($0.e9) }
        case .trades: stats.map { Int128($0.count) * 1_000_000_000 }
        case .spread: spreadE9
        case .age: age.map { Int128($0.raw) }
        case .state, .market, .feed: nil
        }
    }
}
