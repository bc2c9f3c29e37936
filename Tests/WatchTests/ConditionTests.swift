// What `--until` understands, and when it is met.
import Basics
import TestSupport
import Testing
import Watch

private let rows: [String: PipeRow] = [
    "AAPL": Said.row(
        #"{"type":"quote","sym":"AAPL","seq":1,"bid":200,"bid_size":300,"ask":200.02,"ask_size":500,"ts":1,"prev":0}"#,
        #"{"type":"stats","sym":"AAPL","seq":1,"open":190,"high":201,"low":189.99,"last":200.01,"change":10.01,"volume":92000000000,"vwap":null,"count":12,"ts":1,"prev":0}"#,
        market: "trading", feed: "live", age: .milliseconds(1_500)),
    "BRK.B": PipeRow(symbol: "BRK.B", market: "halted", feed: "suspect"),
    "es=f": PipeRow(symbol: "es=f", feed: "quiet", age: .seconds(40)),
]

private func isMet(_ text: String) throws -> Bool {
    try Condition.parse(text).isMet { symbol, field in rows[symbol]?.value(field) }
}

@Test(
    "a condition is met by what is known, exactly",
    arguments: [
        ("AAPL.last > 200", true), ("AAPL.last > 200.01", false), ("AAPL.last >= 200.01", true),
        ("AAPL.last>=200.010000000", true), ("aapl.last == 200.01", true), ("AAPL.last = 200.01", true),
        ("AAPL.last != 200.01", false), ("AAPL.bid < 200.000000001", true), ("AAPL.bid <= +200", true),
        ("AAPL.bid-size == 300", true), ("AAPL.ask-size > 499.99999999", true), ("AAPL.change > -1.5", true),
        ("AAPL.percent > 5.26%", true), ("AAPL.percent < 5.27", true), ("AAPL.spread > 0.99", true),
        ("AAPL.spread < 1", true), ("AAPL.volume >= 92000000000", true), ("AAPL.volume < 100000000000", true),
        ("AAPL.trades == 12", true), ("AAPL.age > 1s", true), ("AAPL.age > 1.5", false),
        ("AAPL.age >= 1500ms", true),
        ("AAPL.high == 201 and AAPL.low < 190 and AAPL.open == 190", true), ("BRK.B.state == halted", true),
        ("BRK.B.market != trading", true), ("BRK.B.feed == suspect", true), ("AAPL.state == live", true),
        ("\"es=f\".age > 30s", true), ("\"es=f\".state == quiet", true),
        ("AAPL.last > 300 or AAPL.bid == 200", true), ("AAPL.last > 300 or AAPL.bid == 201", false),
        ("not AAPL.last > 300", true), ("not (AAPL.last > 300 or AAPL.bid == 200)", false),
        // `and` binds more than `or`, `not` more than both.
        ("AAPL.bid == 200 or AAPL.bid == 1 and AAPL.bid == 2", true),
        ("(AAPL.bid == 200 or AAPL.bid == 1) and AAPL.bid == 2", false),
        ("not AAPL.bid == 200 or AAPL.ask > 1", true), ("not not AAPL.bid == 200", true),
    ] as [(String, Bool)])
func conditionMet(text: String, met: Bool) throws { #expect(try isMet(text) == met) }

@Test("what is not known makes nothing true, nor its opposite")
func conditionUnknown() throws {
    for text in [
        "BRK.B.last > 1", "not BRK.B.last > 1", "MSFT.last > 0 or MSFT.last <= 0", "AAPL.vwap > 0",
        "AAPL.bid == 200 and MSFT.bid == 1", "MSFT.bid == 1 and AAPL.bid == 1",
    ] { #expect(try !isMet(text), "\(text)") }
    #expect(try isMet("MSFT.bid == 1 or AAPL.bid == 200"))
    #expect(try isMet("not (MSFT.bid == 1 and AAPL.bid == 1)"))
}

@Test("a condition names its symbols once and keeps its text")
func conditionSymbols() throws {
    let condition = try Condition.parse("b.last > 1 and (A.bid < 1 or not B.ask == 1)")
    #expect(condition.symbols == ["B", "A"])
    #expect(condition.description == "b.last > 1 and (A.bid < 1 or not B.ask == 1)")
}

@Test(
    "a fault names its column and what is wanted there",
    arguments: [
        ("", 1, "a comparison"), ("AAPL", 1, "AAPL.last"), ("AAPL.last", 10, "one of <"),
        ("AAPL.last >", 12, "a number"),
        ("AAPL.last > x", 13, "no number"), ("AAPL.last > 1.0000000001", 13, "9 decimals"),
        ("AAPL.lst > 1", 1, "no field lst"), ("AAPL.last > 1 AAPL.bid > 1", 15, "`and`, `or`"),
        ("(AAPL.last > 1", 1, "not closed"), ("AAPL.last > 1)", 14, "or the end"),
        ("AAPL.state > live", 12, "== or !="),
        ("AAPL.state == open", 15, "one of live"), ("AAPL.last ! 1", 11, "! is none"),
        ("AAPL.last > > 1", 13, "a number"),
        ("\"AAPL.last > 1", 1, "not closed"), ("\"AAPL\"last > 1", 1, "a dot"),
        ("A,B.last > 1", 1, "no symbol's name"),
        ("AAPL.age > 3d", 12, "no time"), ("and", 1, "a comparison"), ("AAPL.last > 1.", 13, "no number"),
        ("AAPL.last > 1.-5", 13, "no number"), ("AAPL.last > --5", 13, "no number"),
    ] as [(String, Int, String)])
func conditionFaults(text: String, column: Int, word: String) {
    #expect {
        try Condition.parse(text)
    } throws: {
        let fault = $0 as? ConditionFault
        return fault?.column == column && fault?.reason.contains(word) == true
    }
}

@Test("a caret stands below the fault")
func conditionCaret() {
    #expect {
        try Condition.parse("AAPL.last > x")
    } throws: {
        ($0 as? ConditionFault)?.pointing(into: "AAPL.last > x")
            == "AAPL.last > x\n            ^ x is no number with at most 9 decimals"
    }
}

@Test("depth and length are bounded")
func conditionBounds() {
    let deep = String(repeating: "(", count: 2_000)
    #expect { try Condition.parse(deep) } throws: { "\($0)".contains("nested too deep") }
    let negated = String(repeating: "not ", count: 1_000) + "A.last > 1"
    #expect { try Condition.parse(negated) } throws: { "\($0)".contains("nested too deep") }
    let long = String(repeating: "A", count: 4_097)
    #expect { try Condition.parse(long) } throws: { "\($0)".contains("4096") }
    let wide = (1...250).map { "A.last > \($0)" }.joined(separator: " or ")
    #expect(throws: Never.self) { try Condition.parse(wide) }
}

@Test("text that is nothing never ends the parser", arguments: Seed.smoke)
func conditionNoise(seed: Seed) {
    var generator = seed.generator()
    let words = [
        "AAPL.last", ">", "<=", "1", "and", "or", "not", "(", ")", "\"", ".", "==", "live", "B.state", " ",
        "é",
    ]
    for _ in 0..<2_000 {
        let text = (0..<generator.below(12)).map { _ in words[generator.below(words.count)] }.joined(
            separator: " ")
        do {
            let condition = try Condition.parse(text)
            #expect(!condition.symbols.isEmpty)
        } catch { #expect(1...(text.count + 1) ~= error.column, "\(text)") }
    }
}
