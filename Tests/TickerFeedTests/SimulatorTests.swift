// The simulated market: the same from the same seed, alive, bounded and sane.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let start = Timestamp(raw: 1_764_167_400_000_000_000)

private func ticks(seed: UInt64, seconds: Int, chunk: (inout SeededGenerator) -> Int) throws -> [Tick] {
    let end = TapeEnd()
    var builder = end.makeBuilder(), random = Seed(seed).generator(), ticks: [Tick] = []
    let simulator = Simulator(seed: seed, start: start)
    let last = start + .seconds(seconds)
    while simulator.nextTime <= last {
        _ = simulator.play(
            upTo: last, limit: chunk(&random), received: .zero, into: &builder)
        builder.publish()
        ticks += end.drain()
    }
    return ticks
}

@Test("one seed is one stream, however it is cut; another seed is another")
func determinism() throws {
    let whole = try ticks(seed: 1, seconds: 4) { _ in 4_096 }.fingerprint()
    #expect(try ticks(seed: 1, seconds: 4) { _ in 1 }.fingerprint() == whole)
    #expect(try ticks(seed: 1, seconds: 4) { $0.below(300) + 1 }.fingerprint() == whole)
    #expect(try ticks(seed: 2, seconds: 4) { _ in 4_096 }.fingerprint() != whole)
}

@Test("a round begins like the one before")
func simulatorRewinds() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let simulator = Simulator(seed: 3, start: start)
    func round() throws -> [Tick] {
        _ = simulator.play(
            upTo: start + .seconds(2), limit: 10_000, received: .zero, into: &builder)
        builder.publish()
        return end.drain()
    }
    let first = try round()
    builder.clearAll(received: .zero)
    builder.publish()
    _ = end.drain()
    #expect(simulator.rewind())
    #expect(try round().fingerprint(timeless: true) == first.fingerprint(timeless: true))
}

@Test("for a minute every symbol quotes and trades, and no book is ever crossed", arguments: [1, 2, 3])
func aliveAndUncrossed(seed: UInt64) throws {
    let stream = try ticks(seed: seed, seconds: 60) { _ in 4_096 }
    var sides: [SymbolID: (bid: Price, ask: Price)] = [:]
    var quotes: [SymbolID: Int] = [:], trades: [SymbolID: Int] = [:], silent: [SymbolID: Int64] = [:]
    var longest: Int64 = 0
    for tick in stream {
        switch tick.kind {
        case .best:
            #expect(tick.size > .zero || sides[tick.symbol] == nil)
            var best = sides[tick.symbol] ?? (.zero, Price(e9: .max))
            if tick.side == .bid { best.bid = tick.price } else { best.ask = tick.price }
            if best.bid >= best.ask { Issue.record("\(tick.symbol) crossed, seed \(seed)") }
            sides[tick.symbol] = best
            quotes[tick.symbol, default: 0] += 1
            let since = tick.eventTime.raw - (silent[tick.symbol] ?? start.raw)
            longest = max(longest, since)
            silent[tick.symbol] = tick.eventTime.raw
        case .trade: trades[tick.symbol, default: 0] += 1
        default: break
        }
    }
    #expect(quotes.count == 24 && trades.count == 24)
    #expect(quotes.values.allSatisfy { $0 >= 60 }, "\(quotes.values.sorted().prefix(3))")
    #expect(trades.values.allSatisfy { $0 >= 10 }, "\(trades.values.sorted().prefix(3))")
    #expect(longest < 5_000_000_000, "a symbol was silent for \(longest) ns")
    let messages = stream.filter { $0.flags.contains(.endOfEvent) }.count
    #expect((60 * 1_000...60 * 2_500).contains(messages), "\(messages / 60) messages a second")
    expectNumbersWithoutGap(stream)
}

/// Five minutes; with TICKERFEED_LONG set, an hour (40 s without optimisation).
private let minutes = ProcessInfo.processInfo.environment["TICKERFEED_LONG"] == nil ? 5 : 60

@Test("in the long run prices are plausible, spreads too, and books have kept their size")
func longRun() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let simulator = Simulator(seed: 11, start: start)
    for minute in 1...minutes {
        let until = start + .seconds(minute * 60)
        while simulator.nextTime <= until {
            _ = simulator.play(upTo: until, limit: 2_000, received: .zero, into: &builder)
            builder.publish()
            _ = end.drain()
        }
        for (index, listing) in Listing.first(24).enumerated() {
            let symbol = SymbolID(index)
            let bid = builder.books.best(symbol, .bid), ask = builder.books.best(symbol, .ask)
            let cents = try #require(bid).price.e9 / 10_000_000
            let spread = try #require(ask).price.e9 / 10_000_000 - cents
            let reference = Int64(listing.cents)
            #expect(abs(cents - reference) < reference / 25, "\(listing.name) at \(cents)")
            #expect(
                spread >= 1 && spread <= 15 + reference / 500,
                "\(listing.name) at \(cents): \(spread) in minute \(minute)")
            for side in Side.allCases {
                let depth = builder.books.depth(symbol, side)
                #expect((4...SimulatedSymbol.levelsMax + 1).contains(depth), "\(listing.name) \(depth)")
            }
        }
        let live = builder.books.liveOrders
        #expect(live <= 24 * 2 * (110 + 1))
    }
    let crossed = builder.books.updatesLeavingCrossed + builder.books.updatesLeavingLocked
    #expect(crossed == 0 && builder.anomalies.total == 0)
}

@Test(
    "the default market is what it always was",
    arguments: [
        (1, 13_037_044_431_175_769_801), (7, 12_284_565_261_878_868_748),
    ] as [(UInt64, UInt64)])
func defaultIsUnchanged(seed: UInt64, hash: UInt64) throws {
    #expect(try ticks(seed: seed, seconds: 10) { _ in 4_096 }.fingerprint() == hash)
}
