// Names as parts of keys and subjects.
import Market
import Testing

@testable import Backplane

@Suite("Symbols in subjects")
struct SubjectTokenTests {
    @Test(
        "a name with signs stays one token, and comes back",
        arguments: [
            ("AAPL", "AAPL"), ("BRK.B", "BRK%2EB"), ("BTC/USD", "BTC%2FUSD"), ("A>B", "A%3EB"),
            ("X%", "X%25"),
        ])
    func roundTrip(name: String, token: String) throws {
        let symbol = try #require(SymbolName(name))
        #expect(String(decoding: SubjectToken.text(symbol), as: UTF8.self) == token)
        #expect(SubjectToken.symbol(Array(token.utf8)) == symbol)
    }

    @Test("no two tokens are one name", arguments: ["%41", "BRK.B", "%2e", "%2", "%", "", "%ZZ", "A B"])
    func refused(token: String) {
        #expect(SubjectToken.symbol(Array(token.utf8)) == nil)
    }
}
