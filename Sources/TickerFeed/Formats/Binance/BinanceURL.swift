// What an address says: whose snapshot a REST answer is, and which streams a connection carries.
//
//     https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000
//     wss://stream.binance.com:9443/stream?streams=nknusdt@depth@100ms/nknusdt@bookTicker
//     wss://stream.binance.com:9443/ws/nknusdt@depth
import Basics
import Market

enum BinanceURL {
    /// A stream that makes a book.
    struct Stream: Equatable {
        let symbol: SymbolName
        /// Its whole depth as differences; else its best prices.
        let isDepth: Bool
    }

    /// The value of `symbol`.
    static func symbol(_ url: [UInt8]) -> SymbolName? {
        guard let query = url.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        let key = Array("symbol=".utf8)
        let field = url[(query + 1)...].split(separator: UInt8(ascii: "&")).first { $0.starts(with: key) }
        return field.flatMap { SymbolName($0.dropFirst(key.count).map(upperCase)) }
    }

    /// - Returns: nil where the address names no streams at all: they were subscribed to later.
    static func bookStreams(_ url: [UInt8]) -> [Stream]? {
        let marks = ["streams=", "/ws/"].map { Array($0.utf8) }
        guard let start = marks.lazy.compactMap({ end(of: $0, in: url) }).first else { return nil }
        let names = url[start...].prefix { $0 != UInt8(ascii: "&") && $0 != UInt8(ascii: "?") }
        guard names.contains(UInt8(ascii: "@")) else { return nil }
        return names.split(separator: UInt8(ascii: "/")).compactMap(stream)
    }

    /// `btcusdt@depth`, `btcusdt@depth@100ms`, `btcusdt@bookTicker`. Not `btcusdt@depth5`: the best five
    /// levels each time, which is another thing.
    private static func stream(_ name: ArraySlice<UInt8>) -> Stream? {
        let parts = name.split(separator: UInt8(ascii: "@"))
        guard parts.count >= 2, let symbol = SymbolName(parts[0].map(upperCase)) else { return nil }
        if parts[1].elementsEqual("depth".utf8) { return Stream(symbol: symbol, isDepth: true) }
        if parts[1].elementsEqual("bookTicker".utf8) { return Stream(symbol: symbol, isDepth: false) }
        return nil
    }

    private static func end(of mark: [UInt8], in url: [UInt8]) -> Int? {
        guard url.count >= mark.count else { return nil }
        return (0...url.count - mark.count).first { url[$0...].starts(with: mark) }.map { $0 + mark.count }
    }

    private static func upperCase(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte - 0x20 : byte
    }
}
