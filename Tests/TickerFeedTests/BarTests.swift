// Bars: marks stand where intervals end, numbers count trades and marks, and nothing that ingest
// does between two events moves them.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let second: Int64 = 1_000_000_000
private let noon: Int64 = 1_580_389_200 * second

private func at(_ offset: Int64, _ number: UInt64 = 0) -> Stamp {
    Stamp(time: Timestamp(raw: noon + offset), received: Timestamp(raw: 5), source: number)
}

private struct Trade {
    let offset: Int64
    let shares: UInt32
    let cents: UInt32
    var price: Price { Price(e4: cents * 100) }
}

/// The ticks of these trades of one symbol; the clock is advanced in between as `advance` says.
private func ticks(_ trades: [Trade], advance: (Int) -> Int64? = { _ in nil }) throws -> [Tick] {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let name = try #require(SymbolName("X"))
    let definedId = builder.define(SymbolDefinition(name: name), at: at(0))
    let id = try #require(definedId)
    for (index, trade) in trades.enumerated() {
        if let offset = advance(index) {
            builder.advance(to: Timestamp(raw: noon + offset), received: Timestamp(raw: 5))
        }
        builder.trade(
            id, shares: trade.shares, price: trade.price, match: 1, at: at(trade.offset, UInt64(index)))
    }
    builder.endBars(received: Timestamp(raw: 5))
    builder.publish()
    return end.drain()
}

/// What a reader of the tape makes of them: closed bars with their numbers.
private func closedBars(_ ticks: [Tick], _ interval: BarInterval) -> [(bar: Bar, sequence: UInt64)] {
    var open = OpenBar(), closed: [(bar: Bar, sequence: UInt64)] = [], trades: UInt64 = 0
    for tick in ticks {
        switch tick.kind {
        case .trade:
            trades = tick.sequence
            open.add(price: tick.price, size: tick.size, number: trades, at: tick.eventTime, interval)
        case .barClose where tick.interval == interval:
            closed.append((open.close(interval), tick.sequence))
            #expect(open.sequence(after: trades) == tick.sequence)
            #expect(open.closedTo == tick.eventTime)
        default: break
        }
    }
    #expect(open.isEmpty)
    return closed
}

@Test("three trades, two of them in one second: two bars of a second, one of a minute")
func bars() throws {
    let all = try ticks([
        Trade(offset: 200, shares: 100, cents: 1_000), Trade(offset: 900, shares: 300, cents: 1_100),
        Trade(offset: 2 * second, shares: 50, cents: 900),
    ])
    let seconds = closedBars(all, .second), minutes = closedBars(all, .minute)
    #expect(seconds.map(\.bar.start.raw) == [noon, noon + 2 * second])
    #expect(seconds.map(\.sequence) == [3, 5])
    let first = seconds[0].bar.trades
    #expect(first.open == Price(e4: 100_000) && first.high == Price(e4: 110_000))
    #expect(first.last == Price(e4: 110_000) && first.vwap == Price(e4: 107_500))
    #expect(first.volumeE8 == 400 * 100_000_000 && first.count == 2)
    #expect(minutes.count == 1 && minutes[0].sequence == 4)
    #expect(minutes[0].bar.trades.low == Price(e4: 90_000) && minutes[0].bar.trades.count == 3)
}

@Test("bars agree with trades grouped by hand, wherever the clock was looked at", arguments: Seed.smoke)
func barsAgree(seed: Seed) throws {
    var random = seed.generator()
    var offset: Int64 = 0
    let trades = (0..<400).map { _ in
        offset += Int64(random.below(random.below(8) == 0 ? 40_000 : 300)) * 1_000_000
        return Trade(
            offset: offset, shares: UInt32(1 + random.below(500)), cents: UInt32(900 + random.below(300)))
    }
    let plain = try ticks(trades)
    let looked = try ticks(trades) { index in
        let before = index == 0 ? 0 : trades[index - 1].offset
        return before + Int64(random.below(Int((trades[index].offset - before) / 1_000_000) + 1)) * 1_000_000
    }
    #expect(plain == looked, "\(seed)")
    for interval in BarInterval.allCases {
        let groups = Dictionary(grouping: trades) { $0.offset / interval.length.raw }
        let expected = groups.keys.sorted().map { key in
            var day = DayStatistics()
            for trade in groups[key] ?? [] {
                day.add(price: trade.price, size: Quantity(shares: trade.shares))
            }
            let start = interval.start(of: Timestamp(raw: noon + (groups[key]?[0].offset ?? 0)))
            return Bar(start: start, trades: day)
        }
        let closed = closedBars(plain, interval)
        #expect(closed.map(\.bar) == expected, "\(seed)")
        #expect(closed.map(\.sequence) == closed.map(\.sequence).sorted(), "\(seed)")
    }
}

@Test("a trade that comes late is part of the open bar, and never begins one that is over")
func lateTrades() throws {
    let late = try ticks([
        Trade(offset: 3 * second, shares: 1, cents: 1_000), Trade(offset: second, shares: 2, cents: 1_000),
        Trade(offset: 4 * second, shares: 3, cents: 1_000),
        Trade(offset: 2 * second, shares: 4, cents: 1_000),
    ])
    let closed = closedBars(late, .second)
    #expect(closed.map { ($0.bar.start.raw - noon) / second } == [3, 4])
    #expect(closed.map(\.bar.trades.count) == [2, 2])
}

@Test("an open bar survives a snapshot's two ticks")
func openBarSnapshot() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let defined = builder.define(SymbolDefinition(name: try #require(SymbolName("X"))), at: at(0))
    let id = try #require(defined)
    var whole = OpenBar()
    for index in 0..<9 {
        let offset = Int64(index) * 350_000_000
        builder.trade(id, shares: 5, price: Price(e4: 100), match: 1, at: at(offset))
        if index % 3 == 0, index > 0 { _ = whole.close(.second) }
        whole.add(
            price: Price(e4: 100), size: Quantity(shares: 5), number: UInt64(index) + 1,
            at: at(offset).time, .second)
    }
    builder.writeSnapshot(of: id)
    builder.publish()
    var restored = OpenBar()
    for tick in end.drain() where tick.kind == .bar && tick.interval == .second {
        restored.restore(tick, after: 9, last: Price(e4: 100))
    }
    #expect(restored.bar == whole.bar)
    #expect(restored.first == 7 && restored.sequenceBefore == 8)
    #expect(restored.closes == 2 && restored.sequence(after: 9) == 11)
}
