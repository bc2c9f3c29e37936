// Who is in the simulated market: well-known names with the manners of late 2025, and behind them as
// many more as are wanted: XAAA, XAAB, … ever quieter.
//
// Prices, spreads and rates are plausible, not anybody's data.
//
// Invariants
//   - A number has the same listing in every market, whatever the seed and however many there are.
import Basics
import Market

/// How one symbol of the simulation behaves. Money in cents.
struct Listing {
    let name: String
    /// What the price reverts to, slowly.
    let cents: Int
    /// From the fair price to the touch, in thousandths of a cent.
    let halfSpread: Int
    /// Cents between levels behind the touch.
    let spacing: Int
    /// Events in a thousand seconds of quiet times, where nobody asks for another rate; bursts come on top.
    let activity: Int
    /// Of a year, in percent.
    let volatility: Int
    /// Orders that rest on a side by and by.
    let depth: Int
    /// Orders that rest on a side at the most.
    var ordersMax: Int { 2 * depth }

    /// Round lot by price, as of November 2025 (17 CFR 242.600, "round lot").
    var lot: UInt32 { cents <= 25_000 ? 100 : cents <= 100_000 ? 40 : 10 }

    private init(
        _ name: String, _ cents: Int, halfSpread: Int, spacing: Int = 1, rate: Int, volatility: Int
    ) {
        self.name = name
        self.cents = cents
        self.halfSpread = halfSpread
        self.spacing = spacing
        self.activity = rate * 1_000
        self.volatility = volatility
        depth = 55
    }

    /// A name that nobody knows. The r-th busiest has 1/r of what the busiest would have (Zipf).
    private init(number: Int) {
        var random = SeededGenerator(seed: UInt64(number))
        name = "X" + Listing.letters(number - Listing.known.count)
        cents = 5_00 + random.below(20_00) * (1 + random.below(10))
        halfSpread = cents * (10 + random.below(30)) / 100
        spacing = 1 + cents / 200_00
        activity = 624_000 / (number + 1)
        volatility = 15 + random.below(45)
        depth = 16
    }

    private static let letterCount = 26
    private static func letters(_ number: Int) -> String {
        String(
            decoding: [number / (letterCount * letterCount), number / letterCount, number]
                .map { UInt8(ascii: "A") + UInt8($0 % letterCount) }, as: UTF8.self)
    }

    /// As the source announces it.
    var definition: SymbolDefinition? {
        SymbolName(name).map { SymbolDefinition(name: $0, priceIncrementE9: 10_000_000, lot: lot) }
    }

    /// The first so many.
    static func first(_ count: Int) -> [Listing] {
        (0..<count).map { $0 < known.count ? known[$0] : Listing(number: $0) }
    }

    /// The number of a name; nil for one that no market has.
    static func number(of name: String) -> Int? {
        if let number = known.firstIndex(where: { $0.name == name }) { return number }
        let digits = name.utf8.dropFirst().map { Int($0) - Int(UInt8(ascii: "A")) }
        guard name.utf8.first == UInt8(ascii: "X"), digits.count == 3,
            digits.allSatisfy({ (0..<letterCount).contains($0) })
        else { return nil }
        return known.count + digits.reduce(0) { $0 * letterCount + $1 }
    }

    /// Events a second that these make of themselves: 1.219 times their quiet rates, by bursts and
    /// orders that trade with several.
    static func rate(of listings: [Listing]) -> Int {
        listings.reduce(0) { $0 + $1.activity } * 1_219 / 1_000_000
    }

    private static let known = [
        Listing("AAPL", 270_40, halfSpread: 300, rate: 90, volatility: 24),
        Listing("MSFT", 481_20, halfSpread: 350, rate: 70, volatility: 22),
        Listing("NVDA", 184_60, halfSpread: 150, rate: 130, volatility: 38),
        Listing("AMZN", 229_80, halfSpread: 400, rate: 80, volatility: 28),
        Listing("GOOGL", 312_10, halfSpread: 600, rate: 70, volatility: 28),
        Listing("META", 652_30, halfSpread: 4_000, spacing: 2, rate: 50, volatility: 30),
        Listing("TSLA", 438_70, halfSpread: 2_500, spacing: 2, rate: 110, volatility: 52),
        Listing("AVGO", 346_90, halfSpread: 4_000, spacing: 2, rate: 50, volatility: 42),
        Listing("JPM", 314_50, halfSpread: 2_000, spacing: 2, rate: 35, volatility: 20),
        Listing("V", 344_20, halfSpread: 2_500, spacing: 2, rate: 28, volatility: 18),
        Listing("MA", 566_40, halfSpread: 6_000, spacing: 3, rate: 26, volatility: 18),
        Listing("UNH", 331_70, halfSpread: 4_000, spacing: 2, rate: 30, volatility: 32),
        Listing("XOM", 118_60, halfSpread: 300, rate: 35, volatility: 22),
        Listing("JNJ", 206_30, halfSpread: 900, rate: 26, volatility: 16),
        Listing("PG", 144_80, halfSpread: 500, rate: 26, volatility: 16),
        Listing("HD", 352_90, halfSpread: 4_500, spacing: 2, rate: 26, volatility: 22),
        Listing("COST", 884_50, halfSpread: 18_000, spacing: 5, rate: 26, volatility: 20),
        Listing("NFLX", 94_70, halfSpread: 300, rate: 60, volatility: 32),
        Listing("AMD", 214_90, halfSpread: 600, rate: 90, volatility: 48),
        Listing("INTC", 37_90, halfSpread: 150, rate: 60, volatility: 45),
        Listing("KO", 70_60, halfSpread: 150, rate: 28, volatility: 14),
        Listing("DIS", 111_80, halfSpread: 300, rate: 30, volatility: 24),
        Listing("BA", 204_30, halfSpread: 2_000, spacing: 2, rate: 30, volatility: 30),
        Listing("SPY", 684_60, halfSpread: 200, rate: 140, volatility: 14),
    ]
}
