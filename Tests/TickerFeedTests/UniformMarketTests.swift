// The uniform market: in turn, evenly spaced, one best tick an update, the same however it is cut.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let start = Timestamp(raw: 1_764_167_400_000_000_123)
private let openingTicks = 6

/// Ticks of the openings and of so many updates behind them.
private func ticks(
    symbols: Int, rate: Int, updates: Int, chunk: (inout SeededGenerator) -> Int = { _ in 4_096 }
) throws -> [Tick] {
    let end = TapeEnd()
    var builder = end.makeBuilder(), random = Seed(1).generator(), ticks: [Tick] = []
    let market = UniformMarket(symbols: symbols, rate: rate, start: start)
    var left = symbols * 4 + updates
    while left > 0 {
        let time = market.nextTime
        // What is due then is played, and nothing else: also where a call has room for more.
        left -=
            market.play(
                upTo: time + Nanoseconds(raw: Int64(random.below(2_000))), limit: min(left, chunk(&random)),
                received: .zero, into: &builder
            ).played
        builder.publish()
        ticks += end.drain()
    }
    return ticks
}

@Test("every symbol is there with two sides before the first update")
func uniformOpens() throws {
    let stream = try ticks(symbols: 7, rate: 10, updates: 0)
    #expect(stream.count == 7 * openingTicks && stream.allSatisfy { $0.eventTime == start })
    for (index, symbol) in stream.seen().sorted(by: { $0.key < $1.key }).map(\.value).enumerated() {
        #expect(symbol.definition?.name.description == "S\(index)")
        #expect(symbol.status == MarketStatus(.trading))
        #expect(symbol.bestBid.size > .zero && symbol.bestBid.price < symbol.bestAsk.price)
    }
}

@Test(
    "an update is one level and one best tick, symbols come in turn, times are n / rate",
    arguments: [(1, 1), (3, 7), (5, 1_000_000), (4, 2_000_000), (500, 25_000)])
func uniformUpdates(symbols: Int, rate: Int) throws {
    let updates = 1_000
    let whole = try ticks(symbols: symbols, rate: rate, updates: updates)
    expectNumbersWithoutGap(whole)
    let stream = whole.dropFirst(symbols * openingTicks)
    #expect(stream.count == 2 * updates)
    let (levels, bests) = (stream.filter { $0.kind == .level }, stream.filter { $0.kind == .best })
    #expect(levels.count == updates && bests.count == updates)
    for (n, (level, best)) in zip(levels, bests).enumerated() {
        let wanted = (symbol: SymbolID(n % symbols), time: start.raw + Int64(n * 1_000_000_000 / rate))
        try #require(best.symbol == wanted.symbol && level.symbol == wanted.symbol, "update \(n)")
        try #require(best.eventTime.raw == wanted.time && level.eventTime.raw == wanted.time, "update \(n)")
        try #require(!level.flags.contains(.endOfEvent) && best.flags.contains(.endOfEvent))
    }
}

@Test("each update differs from the best before, both sides move, and bid stays under ask")
func uniformMoves() throws {
    var best: [Side: Level] = [:], prices: [Side: Set<Price>] = [.bid: [], .ask: []]
    for tick in try ticks(symbols: 1, rate: 1_000, updates: 500) where tick.kind == .best {
        let side = try #require(tick.side)
        let level = Level(price: tick.price, size: tick.size)
        try #require(best[side] != level && tick.size > .zero)
        best[side] = level
        prices[side]?.insert(tick.price)
        if let bid = best[.bid], let ask = best[.ask] { try #require(bid.price < ask.price) }
    }
    #expect(prices[.bid]?.count == 2 && prices[.ask]?.count == 2)
}

@Test("how it is cut into calls changes nothing, and a new round is like the first")
func uniformDeterminism() throws {
    let whole = try ticks(symbols: 11, rate: 1_000_000, updates: 3_000).fingerprint()
    for chunk in [{ _ in 1 }, { $0.below(50) + 1 }] as [(inout SeededGenerator) -> Int] {
        #expect(
            try ticks(symbols: 11, rate: 1_000_000, updates: 3_000, chunk: chunk).fingerprint() == whole)
    }
    #expect(try ticks(symbols: 11, rate: 999_999, updates: 3_000).fingerprint() != whole)
    let market = UniformMarket(symbols: 2, rate: 10, start: start)
    var rounds: [UInt64] = []
    for _ in 0..<2 {
        let end = TapeEnd()
        var builder = end.makeBuilder()
        _ = market.play(
            upTo: start + .seconds(5), limit: 1_000, received: .zero, into: &builder)
        builder.publish()
        rounds.append(end.drain().fingerprint(timeless: true))
        #expect(market.rewind())
    }
    #expect(rounds[0] == rounds[1])
}

@Test("times stay exact after months at the highest rate, where a plain product would overflow")
func uniformFarTimes() {
    let update = 20_000_000_000_000 + 1_999_999
    #expect(UniformPlay.due(update: update, rate: 2_000_000).raw == 10_000_000_999_999_500)
    #expect(UniformPlay.due(update: 10, rate: 3).raw == 3_333_333_333)
}

@Test("a live feed's events come when the wall clock says so, and late ones at once")
func livePace() throws {
    let end = TapeEnd()
    let market = UniformMarket(symbols: 1, rate: 1_000, start: start)
    let ingest = Ingest(feed: market, writer: Tape.Writer(end.tape), options: ReplayOptions(pace: .live))
    // Begun 5 ms late: openings and the updates of 0 to 5 ms are due.
    let now = Moment(instant: Instant(raw: 77), wall: start + .milliseconds(5))
    let next = ingest.turn(now: now)
    #expect(ingest.state.messages == 4 + 6)
    #expect(next == now.instant + .milliseconds(1))
    #expect(end.drain().last?.eventTime == start + .milliseconds(5))
    // Begun early: nothing yet.
    let early = Ingest(
        feed: UniformMarket(symbols: 1, rate: 1_000, start: start),
        writer: Tape.Writer(Tape(capacity: 1_024)),
        options: ReplayOptions(pace: .live))
    let before = Moment(instant: Instant(raw: 77), wall: start + Nanoseconds(raw: -3_000_000))
    #expect(early.turn(now: before) == before.instant + .milliseconds(3) && early.state.messages == 0)
}
