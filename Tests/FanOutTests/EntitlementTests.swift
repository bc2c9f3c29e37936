// What a token's claims allow: tables, and a model that asks the same in the plainest way.
import Basics
import Dialects
import Market
import TestSupport
import Testing

@testable import FanOut

private func entitlements(_ json: String) throws -> Entitlements {
    try Entitlements(try JSONValue(parsing: json))
}

@Test(
    "names and prefixes allow what they say, and nothing else",
    arguments: [
        (#"{}"#, "", "AAPL BRK A"), (#"{"symbols":[]}"#, "", "AAPL"),
        (#"{"symbols":["AAPL"]}"#, "AAPL", "AAP AAPLE MSFT"),
        (#"{"symbols":["BRK*"]}"#, "BRK BRK.A BRKZ", "BR BRA MSFT"),
        (#"{"symbols":["*"]}"#, "AAPL BRK.A X", ""),
        (#"{"symbols":["A*","AA*","B","BA*"]}"#, "A AA AAPL B BA BAX", "BB C"),
        (#"{"symbols":["AAPL ","aapl","A*B","**"," *","AAPL\u0000"]}"#, "aapl", "AAPL A AB"),
        (#"{"symbols":["\u212a"]}"#, "", "K"),
    ])
func symbols(claims: String, allowed: String, refused: String) throws {
    let entitlements = try entitlements(claims)
    for name in allowed.split(separator: " ") {
        #expect(entitlements.allows(try #require(SymbolName(String(name)))), "\(name)")
    }
    for name in refused.split(separator: " ") {
        #expect(!entitlements.allows(try #require(SymbolName(String(name)))), "\(name)")
    }
}

@Test(
    "claims of another shape are refused",
    arguments: [
        #"{"symbols":"AAPL"}"#, #"{"symbols":[1]}"#, #"{"symbols":null}"#, #"{"symbols":{"AAPL":true}}"#,
        #"{"channels":"quote"}"#, #"{"channels":[null]}"#, #"{"max_rate":"10"}"#, #"{"max_rate":0}"#,
        #"{"max_rate":-1}"#, #"{"max_rate":0.05}"#, #"{"max_rate":1.0001}"#, #"{"max_rate":null}"#,
        #"{"max_depth":0}"#, #"{"max_depth":-3}"#, #"{"max_depth":1.5}"#, #"{"max_depth":"5"}"#,
    ])
func malformed(claims: String) { #expect(throws: EntitlementFault.self) { try entitlements(claims) } }

@Test("channels, rate and depth: what is left out is all the server has")
func limits() throws {
    let all = try entitlements("{}")
    #expect(Channel.allCases.allSatisfy { all.allows($0) } && all.allows(.max) && all.depthMax == 50)
    let some = try entitlements(#"{"channels":["quote","later"],"max_rate":2.5,"max_depth":999}"#)
    #expect(Channel.allCases.filter { some.allows($0) } == [.quote])
    #expect(some.allows(.perThousandSeconds(2_500)) && some.depthMax == 50)
    #expect(!some.allows(.perThousandSeconds(2_501)) && !some.allows(.max))
    #expect(try Grant.everybody.rate(asked: nil) == .standard)
}

@Test("random claims agree with asking every one of them", arguments: Seed.smoke)
func agreesWithModel(seed: Seed) throws {
    var random = seed.generator()
    func word(_ most: Int) -> String {
        String((0..<random.below(most + 1)).map { _ in "ABC".randomElement(using: &random)! })
    }
    for _ in 0..<300 {
        let names = (0..<random.below(6)).map { _ in "C" + word(3) },
            prefixes = (0..<random.below(5)).map { _ in word(3) }
        let claimed = names + prefixes.map { $0 + "*" }
        let json = "[\(claimed.map { "\"\($0)\"" }.joined(separator: ","))]"
        let entitlements = try entitlements(#"{"symbols":\#(json)}"#)
        for _ in 0..<20 {
            let asked = word(5),
                isAllowed = names.contains(asked) || prefixes.contains { asked.hasPrefix($0) }
            if let name = SymbolName(asked) {
                #expect(entitlements.allows(name) == isAllowed, "\(claimed) \(asked)")
            }
            let touches = isAllowed || (names + prefixes).contains { $0.hasPrefix(asked) }
            #expect(entitlements.touches(prefix: Array(asked.utf8)) == touches, "\(claimed) \(asked)*")
        }
    }
}
