// The columns of a watchlist, by the names that configurations and `--columns` use.

public enum Column: String, Hashable, Sendable, CaseIterable {
    case symbol, last, change, percent, bid, ask
    case bidSize = "bid-size"
    case askSize = "ask-size"
    /// In hundredths of a percent of the middle.
    case spread
    case volume, high, low, open, vwap, trades
    /// Last prices of the past minutes.
    case spark
    /// Since anything was heard of the symbol.
    case age
    case state

    public static let standard: [Column] = [
        .symbol, .last, .change, .percent, .bid, .ask, .bidSize, .askSize, .spread, .volume, .high, .low,
        .vwap,
        .spark, .age, .state,
    ]
}
