// Messages that stay what they are, to the byte: `Golden/messages.json`, for readers in other languages.
//
// Tests/clients/test_decoders.py reads the same file with a decoder of its own.
import Basics
import Foundation
import Market
import Testing

@testable import Dialects

/// One frame, and what it says in JSON.
private struct Entry {
    let what: String
    var symbols: [SymbolDefinition] = []
    var frame: [UInt8] = []
    var messages: [String] = []

    init(_ what: String, _ symbol: SymbolDefinition, _ sample: Sample, _ own: Own) {
        self.what = what
        bind(symbol)
        add(symbol, sample, own)
    }

    mutating func bind(_ symbol: SymbolDefinition) {
        symbols.append(symbol)
        frame += Sample.symbol(symbol)
    }

    mutating func add(_ symbol: SymbolDefinition, _ sample: Sample, _ own: Own) {
        frame += sample.bytes(own)
        messages.append(sample.text(symbol.name, own))
    }

    var line: String {
        let symbols = self.symbols.map { symbol in
            let step = symbol.priceIncrementE9, lot = symbol.lot
            let increment = step == 0 ? "null" : FixedPoint.text(Int64(step), decimals: 9)
            return
                "{\"symbol\":\"\(symbol.name)\",\"price_increment\":\(increment),\"lot\":\(lot == 0 ? "null" : "\(lot)")}"
        }
        let hex = frame.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "{\"what\":\"\(what)\",\"symbols\":[\(symbols.joined(separator: ","))],"
            + "\"json\":[\(messages.joined(separator: ","))],\"sbe\":\"\(hex)\"}"
    }
}

private func level(_ e9: Int64, _ e8: Int64) -> Level { Level(price: Price(e9: e9), size: Quantity(e8: e8)) }

private func day(_ trades: [(e9: Int64, e8: Int64)]) -> DayStatistics {
    var day = DayStatistics()
    for trade in trades { day.add(price: Price(e9: trade.e9), size: Quantity(e8: trade.e8)) }
    return day
}

private let first = Own(previous: 0, isSnapshot: true)
private let later = Own(previous: 8_812, isSnapshot: false)
private let time = Timestamp(raw: 1_340_285_400_004_241_176)

private func entries() throws -> [Entry] {
    let apple = SymbolDefinition(
        name: try #require(SymbolName("AAPL")), priceIncrementE9: 10_000_000, lot: 100)
    let long = SymbolDefinition(name: try #require(SymbolName("ABCDEFGHIJKLMNOPQRSTUVW/")))
    let bid = level(585_330_000_000, 10_000_000_000), ask = level(585_440_000_000, 1)
    return quotes(apple, long, bid, ask) + trades(apple) + books(apple, bid, ask) + bars(apple)
        + days(apple) + statuses(apple, long) + [together(apple, long, bid)]
}

private func quotes(
    _ apple: SymbolDefinition, _ long: SymbolDefinition, _ bid: Level, _ ask: Level
) -> [Entry] {
    let stamped = Own(
        previous: 8_812, isSnapshot: false,
        stamps: (Timestamp(raw: 1_795_240_188_913_323_941), Timestamp(raw: 1_795_240_188_923_392_777)))
    return [
        Entry("quote: snapshot", apple, .quote(bid, ask, seq: 8_812, at: time), first),
        Entry("quote: later", apple, .quote(bid, ask, seq: 8_840, at: time), later),
        Entry("quote: stamps", apple, .quote(bid, ask, seq: 8_840, at: time), stamped),
        Entry("quote: no bid", apple, .quote(nil, ask, seq: 8_840, at: time), later),
        Entry("quote: no ask", apple, .quote(bid, nil, seq: 8_840, at: time), later),
        Entry("quote: nobody", apple, .quote(nil, nil, seq: 8_840, at: time), later),
        Entry("quote: crossed", apple, .quote(ask, bid, seq: 8_840, at: time), later),
        Entry(
            "quote: negative", apple, .quote(level(-37_630_000_000, 100), level(-1, 1), seq: 1, at: .zero),
            first),
        Entry(
            "quote: extremes, name of 24 bytes", long,
            .quote(level(.min + 1, .max), level(.max, .min + 1), seq: .max, at: Timestamp(raw: .max)),
            Own(previous: .max, isSnapshot: true)),
    ]
}

private func trades(_ apple: SymbolDefinition) -> [Entry] {
    let price = Price(e9: 585_400_000_000), size = Quantity(shares: 50)
    let several = day([(586_000_000_000, 1_000_000_000), (-1, 1), (585_400_000_000, 5_000_000_000)])
    return [
        Entry("trade: buy", apple, .trade(price, size, .bid, tradeID: 1_065, seq: 311, at: time), later),
        Entry(
            "trade: sell, greatest number", apple,
            .trade(price, size, .ask, tradeID: .max, seq: 311, at: time), later),
        Entry("trade: nobody's, without number", apple, .trade(price, size, nil, seq: 311, at: time), first),
        Entry(
            "trade: least", apple,
            .trade(Price(e9: .min), Quantity(e8: .min + 1), nil, seq: 0, at: Timestamp(raw: .min)), first),
        Entry(
            "trade: merged", apple,
            .trade(price, size, .bid, tradeID: 7, merging: several, seq: 313, at: time), later),
        Entry(
            "trade: merged, a single one", apple,
            .trade(price, size, nil, merging: day([(585_400_000_000, 5)]), seq: 313, at: time), later),
        Entry(
            "trade: merged, beyond 64 bits", apple,
            .trade(price, size, .ask, merging: day([(1, .max), (1, .max)]), seq: 313, at: time), later),
        Entry("trade: broken", apple, .tradeBreak(price, size, tradeID: 1_065, seq: 314, at: time), later),
        Entry(
            "trade: broken, of which nothing is known", apple,
            .tradeBreak(.zero, .zero, tradeID: .max, seq: 314, at: time), first),
    ]
}

private func books(_ apple: SymbolDefinition, _ bid: Level, _ ask: Level) -> [Entry] {
    let deep = (1...10).map { level(585_330_000_000 - Int64($0) * 10_000_000, Int64($0) * 100_000_000) }
    let high = (1...10).map { level(585_340_000_000 + Int64($0) * 10_000_000, Int64($0) * 12_345_678) }
    return [
        Entry("book: empty", apple, .book([], [], seq: 1, at: time), first),
        Entry("book: empty, checksum 0", apple, .book([], [], crc: 0, seq: 1, at: time), first),
        Entry(
            "book: changes", apple,
            .book([level(585_330_000_000, 0), bid], [ask], crc: 0xdead_beef, seq: 9_001, at: time), later),
        Entry("book: one side", apple, .book([], [ask], crc: .max, seq: 9_002, at: time), later),
        Entry("book: crossed", apple, .book([ask], [bid], isCrossed: true, seq: 9_003, at: time), later),
        Entry("book: ten levels", apple, .book(deep, high, crc: 1, seq: 9_004, at: time), first),
        Entry(
            "book: extremes", apple, .book([level(.min, .max)], [level(.max, .min)], seq: .max, at: .zero),
            first),
    ]
}

private func bars(_ apple: SymbolDefinition) -> [Entry] {
    let start = Timestamp(raw: 1_340_285_400_000_000_000)
    let bar = Bar(
        start: start, trades: day([(585_400_000_000, 300), (586_000_000_000, 100), (585_300_000_001, 7)]))
    let empty = Bar(start: start, trades: day([(585_400_000_000, 0)]))
    let huge = Bar(start: start, trades: day([(-5, .max), (-7, .max)]))
    return [
        Entry("bar: open", apple, .bar(bar, .second, isClosed: false, seq: 12, at: time), first),
        Entry("bar: closed", apple, .bar(bar, .minute, isClosed: true, seq: 13, at: time), later),
        Entry("bar: no volume", apple, .bar(empty, .second, isClosed: true, seq: 13, at: time), later),
        Entry("bar: beyond 64 bits", apple, .bar(huge, .minute, isClosed: false, seq: 13, at: time), later),
    ]
}

private func days(_ apple: SymbolDefinition) -> [Entry] {
    let usual = day([(270_400_000_000, 1_300_000_000), (270_250_000_000, 700), (270_330_000_000, 1)])
    return [
        Entry("stats: falling", apple, .stats(usual, seq: 63, at: time), later),
        Entry("stats: no volume", apple, .stats(day([(.max, 0)]), seq: 1, at: time), first),
        Entry(
            "stats: least", apple, .stats(day([(.min + 1, 1), (.min + 1, .max - 1)]), seq: 2, at: time), first
        ),
        Entry("stats: beyond 64 bits", apple, .stats(day([(1, .max), (4, .max)]), seq: 2, at: time), later),
    ]
}

private func statuses(_ apple: SymbolDefinition, _ long: SymbolDefinition) -> [Entry] {
    let feeds = FeedState.allCases
    let states = MarketState.allCases.enumerated()
        .map { index, state in
            Entry(
                "status: \(state.name)", apple,
                .status(MarketStatus(state), feeds[index % feeds.count], seq: UInt64(index), at: time), later)
        }
    return states + [
        Entry(
            "status: four letters", long,
            .status(MarketStatus(.halted, reason: 0x4c55_4450), .suspect, seq: 4, at: time), first),
        Entry(
            "status: two letters and blanks", apple,
            .status(MarketStatus(.halted, reason: 0x5431_2020), .live, seq: 5, at: time), later),
    ]
}

private func together(_ apple: SymbolDefinition, _ long: SymbolDefinition, _ bid: Level) -> Entry {
    var entry = Entry(
        "several in one frame, and a number that is bound anew", apple,
        .quote(bid, nil, seq: 1, at: time),
        Own(previous: 0, isSnapshot: true, stamps: (Timestamp(raw: -1), Timestamp(raw: 0))))
    entry.add(apple, .book([bid], [], seq: 2, at: time), later)
    entry.bind(long)
    entry.add(long, .trade(bid.price, bid.size, .bid, seq: 3, at: time), later)
    entry.add(long, .status(MarketStatus(.trading), .quiet, seq: 4, at: time), first)
    return entry
}

@Test("the golden messages are what the encoders write, byte for byte")
func goldenMessages() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/messages.json")
    let text = try #require(String(bytes: Data(contentsOf: file), encoding: .utf8))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let entries = try entries().map(\.line)
    let expected = ["["] + entries.dropLast().map { $0 + "," } + entries.suffix(1) + ["]", ""]
    // If a message is meant to change, the line that this prints is its new one.
    for (line, right) in zip(lines, expected) where line != right {
        Issue.record("the golden line differs from what is written now: \(right)")
    }
    #expect(lines.count == expected.count)
}

@Test("readers of both encodings understand every golden message alike, where 64 bits suffice")
func goldenMessagesAreRead() throws {
    for entry in try entries() where !entry.what.hasPrefix("trade: merged, beyond") {
        var reader = SBEReader(), offset = 0, binary: [ServerMessage] = []
        try entry.frame.withUnsafeBytes { bytes in
            while let message = try reader.next(in: bytes, from: &offset) { binary.append(message) }
        }
        let texts = try entry.messages.map { text in
            try Array(text.utf8).withUnsafeBytes { try ServerMessage(json: $0) }
        }
        #expect(binary == texts, "\(entry.what)")
    }
}
