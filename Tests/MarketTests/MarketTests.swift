// What the numbers mean: exact sums, names, states, and their way through ticks.
import Basics
import Market
import TestSupport
import Testing

@Test(
    "VWAP rounds half to even",
    arguments: [
        ([(1, 1), (2, 1)], 2),  // 1.5
        ([(2, 1), (3, 1)], 2),  // 2.5
        ([(3, 1), (4, 1)], 4),  // 3.5
        ([(1, 1), (2, 2)], 2),  // 1.67
        ([(1, 2), (2, 1)], 1),  // 1.33
        ([(-1, 1), (-2, 1)], -2), ([(-2, 1), (-3, 1)], -2), ([(-1, 2), (-2, 1)], -1), ([(7, 5)], 7),
    ] as [([(Int64, Int64)], Int64)])
func vwap(trades: [(price: Int64, size: Int64)], expected: Int64) {
    var statistics = DayStatistics()
    for trade in trades { statistics.add(price: Price(e9: trade.price), size: Quantity(e8: trade.size)) }
    #expect(statistics.vwap == Price(e9: expected))
}

@Test(
    "sums are exact far beyond any day",
    arguments: [
        (Int64.max, Int64.max, 2),  // the two largest trades there can be
        (200_000_000_000_000, 100_000_000_000_000_000, 10_000),  // ITCH's largest price, a billion shares
    ])
func largestTrades(price: Int64, size: Int64, count: Int) {
    var statistics = DayStatistics()
    for _ in 0..<count { statistics.add(price: Price(e9: price), size: Quantity(e8: size)) }
    #expect(statistics.volumeE8 == Int128(size) * Int128(count))
    #expect(statistics.notionalE17 == Int128(price) * Int128(size) * Int128(count))
    #expect(statistics.vwap == Price(e9: price))
}

@Test("open, high, low, last and change of a day", arguments: Seed.smoke)
func statisticsAgreeWithTrades(seed: Seed) throws {
    var random = seed.generator()
    var statistics = DayStatistics()
    #expect(statistics.vwap == nil && statistics.change == .zero)
    var prices: [Int64] = []
    for _ in 0..<200 {
        prices.append(Int64(random.below(1_000_000)) - 200_000)
        statistics.add(price: Price(e9: prices[prices.count - 1]), size: Quantity(e8: 1))
    }
    #expect(statistics.open.e9 == prices.first && statistics.last.e9 == prices.last)
    #expect(statistics.high.e9 == prices.max() && statistics.low.e9 == prices.min())
    #expect(statistics.count == 200 && statistics.change.e9 == prices[199] - prices[0])
}

@Test("a day survives its two ticks", arguments: Seed.smoke)
func statisticsTicks(seed: Seed) {
    var random = seed.generator()
    var statistics = DayStatistics()
    for _ in 0..<random.below(50) {
        let size = Quantity(e8: Int64(random.next() >> 1))
        statistics.add(price: Price(e9: Int64(bitPattern: random.next())), size: size)
    }
    let ticks = statistics.ticks(
        .statistics, SymbolID(3), sequence: 9, at: Timestamp(raw: 1), received: Timestamp(raw: 2))
    var restored = DayStatistics()
    restored.restore(last: statistics.last)
    for i in 0..<2 {
        #expect(ticks[i].kind == .statistics && ticks[i].flags == .snapshot)
        #expect(ticks[i].symbol == SymbolID(3) && ticks[i].sequence == 9)
        restored.restore(ticks[i])
    }
    #expect(restored == statistics, "\(seed)")
}

@Test(
    "names that are symbols and names that are not",
    arguments: [
        ("A", true), ("BRK.B", true), ("BTC-USDT", true), ("abcdefghijklmnopqrstuvwx", true),
        ("abcdefghijklmnopqrstuvwxy", false), ("", false), ("A B", false), ("A,B", false), ("A\"", false),
        ("A\\", false), ("A*", false), ("é", false), ("A\u{0}", false), ("A\u{7f}", false),
    ])
func symbolNames(text: String, isName: Bool) {
    let name = SymbolName(text)
    #expect((name != nil) == isName)
    if isName { #expect(name?.description == text) }
}

@Test("a definition survives its tick")
func definitionTick() throws {
    for text in ["A", "ABCDEFGH", "ABCDEFGHI", "abcdefghijklmnopqrstuvwx"] {
        let definition = SymbolDefinition(
            name: try #require(SymbolName(text)), priceIncrementE9: .max, lot: 40)
        let tick = Tick.symbol(
            SymbolID(UInt32.max), definition, flags: [.snapshot], at: Timestamp(raw: -1), received: .zero)
        #expect(tick.definition == definition)
        #expect(tick.kind == .symbol && tick.symbol.raw == .max && tick.flags == .snapshot)
    }
}

@Test("a tick's head keeps its parts apart")
func tickHead() {
    var tick = Tick(.trade, SymbolID(UInt32(0xDEAD_BEEF)), side: .ask, flags: .suspect)
    tick.flags.insert(.endOfEvent)
    #expect(tick.kind == .trade && tick.side == .ask && tick.symbol.raw == 0xDEAD_BEEF)
    #expect(tick.flags == [.suspect, .endOfEvent])
    #expect(MemoryLayout<Tick>.size == 64)
    tick.head = 0xFF
    #expect(tick.kind == nil && tick.side == nil)
}

@Test("a status survives its packing, and its reason drops padding", arguments: MarketState.allCases)
func statusPacking(state: MarketState) {
    let status = MarketStatus(state, reason: 0x5431_2020)  // "T1  "
    #expect(MarketStatus(packed: status.packed) == status)
    #expect(status.reasonText == "T1" && MarketStatus(state).reasonText == "")
}

@Test("a directory numbers names in the order they come, each once")
func directory() throws {
    var directory = Directory()
    let a = SymbolDefinition(name: try #require(SymbolName("A")), lot: 1)
    let b = SymbolDefinition(name: try #require(SymbolName("B")))
    #expect(directory.add(a) == SymbolID(0) && directory.add(b) == SymbolID(1))
    let changed = SymbolDefinition(name: a.name, lot: 100)
    #expect(directory.add(changed) == SymbolID(0) && directory.count == 2)
    #expect(directory[SymbolID(0)].lot == 100 && directory.find(b.name) == SymbolID(1))
}

@Test(
    "quantities hold what they can",
    arguments: [
        (92_233_720_368, true), (92_233_720_369, false), (0, true), (-92_233_720_368, true), (.max, false),
    ] as [(Int64, Bool)])
func quantities(shares: Int64, fits: Bool) {
    #expect((Quantity(exactlyShares: shares) != nil) == fits)
    #expect(Quantity(shares: .max).e8 == 4_294_967_295 * 100_000_000)
    #expect(Price(e4: 1_871_500).e9 == 187_150_000_000)
}
