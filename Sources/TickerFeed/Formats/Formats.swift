// The formats that are known: a folder each, a line each.

enum Formats {
    /// In the order in which they are asked. The last ones have the weakest marks.
    static let all: [FeedFormat] = [
        .itchCapture,
        .itch,
        .binance,
        .lobster,
        .csv,
        .ndjson,
    ]

    /// For help and errors.
    static var names: String { all.map(\.name).joined(separator: ", ") }
}
