// Who is in the simulated market: well-known names with the manners of late 2025.
//
// Prices, spreads and rates are plausible, not anybody's data.

/// How one symbol of the simulation behaves. Money in cents.
struct Listing {
    let name: String
    /// What the price reverts to, slowly.
    let cents: Int
    /// From the fair price to the touch, in thousandths of a cent.
    let halfSpread: Int
    /// Cents between levels behind the touch.
    let spacing: Int
    /// Events a second in quiet times; bursts come on top.
    let rate: Int
    /// Of a year, in percent.
    let volatility: Int

    /// Round lot by price, as of November 2025 (17 CFR 242.600, "round lot").
    var lot: UInt32 { cents <= 25_000 ? 100 : cents <= 100_000 ? 40 : 10 }

    init(
        _ name: String, _ cents: Int, halfSpread: Int, spacing: Int = 1, rate: Int, volatility: Int
    ) {
        self.name = name
        self.cents = cents
        self.halfSpread = halfSpread
        self.spacing = spacing
        self.rate = rate
        self.volatility = volatility
    }

    static let all = [
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
