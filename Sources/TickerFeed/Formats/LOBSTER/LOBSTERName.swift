// What LOBSTER says by the names of its files: `AAPL_2012-06-21_34200000_57600000_message_50.csv`.
import Market

enum LOBSTERName {
    /// What stands in front of the date, where that is one word: in capitals, as tickers are.
    static func symbol(inFileName path: String) -> SymbolName? {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
        let words = name.split(maxSplits: 2) { $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
        // The second word begins with the date, or the name has nothing in front of it.
        guard words.count > 1, words[1].count >= 4, words[1].prefix(4).allSatisfy(isDigit) else {
            return nil
        }
        return SymbolName(words[0].map { isSmall($0) ? $0 - 0x20 : $0 })
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
    private static func isSmall(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }
}
