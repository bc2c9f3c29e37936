// From messages to ticks: what goes out, in which order, with which numbers.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private func at(_ n: UInt64) -> Stamp {
    Stamp(time: Timestamp(raw: Int64(n) * 1_000), received: Timestamp(raw: Int64(n)), source: n)
}
private let p10 = Price(e4: 100_000), p11 = Price(e4: 110_000)

/// A tick in the words a trader would use.
private func words(_ tick: Tick) -> String {
    let side = tick.side.map { $0 == .bid ? " bid" : " ask" } ?? ""
    let what =
        switch tick.kind {
        case .level, .best:
            "\(side) \(tick.size.e8 / 100_000_000)@\(tick.price.e9 / 1_000_000_000)/\(tick.aux)"
        case .trade: "\(side) \(tick.size.e8 / 100_000_000)@\(tick.price.e9 / 1_000_000_000) #\(tick.aux)"
        default: ""
        }
    let kind = tick.kind.map { "\($0)" } ?? "?"
    return "\(kind) \(tick.sequence)\(what)\(tick.flags.contains(.endOfEvent) ? " ." : "")"
}

@Test("each message says what it changed, and the last tick that it is done")
func tickStream() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    func ticks() -> [String] {
        builder.publish()
        return end.drain().map(words)
    }
    let definedId = builder.define(SymbolDefinition(name: try name("AAPL"), lot: 100), at: at(1))
    let id = try #require(definedId)
    #expect(ticks() == ["symbol 0 ."])
    builder.status(id, MarketStatus(.trading), at: at(2))
    #expect(ticks() == ["status 1 ."])
    builder.add(order: 1, symbol: id, side: .bid, shares: 100, price: p10, at: at(3))
    #expect(ticks() == ["level 1 bid 100@10/1", "best 1 bid 100@10/1 ."])
    builder.add(order: 2, symbol: id, side: .bid, shares: 50, price: Price(e4: 90_000), at: at(4))
    #expect(ticks() == ["level 2 bid 50@9/1 ."])
    builder.execute(order: 1, shares: 30, match: 77, at: at(5))
    #expect(ticks() == ["trade 1 ask 30@10 #77", "level 3 bid 70@10/1", "best 2 bid 70@10/1 ."])
    builder.executeWithPrice(order: 1, shares: 10, match: 78, printable: false, price: p11, at: at(6))
    #expect(ticks() == ["level 4 bid 60@10/1", "best 3 bid 60@10/1 ."])
    builder.executeWithPrice(order: 1, shares: 10, match: 79, printable: true, price: p11, at: at(7))
    #expect(ticks() == ["trade 2 ask 10@11 #79", "level 5 bid 50@10/1", "best 4 bid 50@10/1 ."])
    builder.replace(order: 1, with: 3, shares: 20, price: Price(e4: 90_000), at: at(8))
    #expect(ticks() == ["level 6 bid 0@10/0", "level 7 bid 70@9/2", "best 5 bid 70@9/2 ."])
    builder.replace(order: 3, with: 4, shares: 30, price: Price(e4: 90_000), at: at(9))
    #expect(ticks() == ["level 8 bid 80@9/2", "best 6 bid 80@9/2 ."])  // one level, one tick
    builder.trade(id, shares: 5, price: p11, match: 80, at: at(10))
    builder.cross(id, shares: 0, price: p11, match: 81, at: at(11))
    builder.cross(id, shares: 9, price: p11, match: 82, at: at(12))
    #expect(ticks() == ["trade 3 5@11 #80 .", "trade 4 9@11 #82 ."])
    builder.delete(order: 2, at: at(13))
    builder.cancel(order: 4, shares: 500, at: at(14))
    #expect(
        ticks() == [
            "level 9 bid 30@9/1", "best 7 bid 30@9/1 .", "level 10 bid 0@9/0", "best 8 bid 0@0/0 .",
        ])
    builder.delete(order: 4, at: at(15))
    builder.add(order: 9, symbol: id, side: .ask, shares: 0, price: p10, at: at(16))
    #expect(ticks() == [])
    #expect(builder.anomalies.named.map(\.name) == ["zero_size_add", "unknown_ref_D", "over_reduce_X"])
}

@Test("stamps and source numbers are on every tick")
func stamps() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let definedId = builder.define(SymbolDefinition(name: try name("X")), at: at(1))
    let id = try #require(definedId)
    builder.add(order: 1, symbol: id, side: .ask, shares: 1, price: p10, at: at(42))
    builder.publish()
    for tick in end.drain().dropFirst() {
        #expect(tick.eventTime == Timestamp(raw: 42_000))
        #expect(tick.receiveTime == Timestamp(raw: 42))
        #expect(tick.source == 42)
    }
}

@Test("the end of a round empties books, keeps numbers, and a trade then starts the day")
func clearing() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let definedA = builder.define(SymbolDefinition(name: try name("A")), at: at(1))
    let a = try #require(definedA)
    _ = builder.define(SymbolDefinition(name: try name("B")), at: at(1))
    builder.add(order: 1, symbol: a, side: .bid, shares: 100, price: p10, at: at(2))
    builder.add(order: 2, symbol: a, side: .ask, shares: 100, price: p11, at: at(3))
    builder.trade(a, shares: 7, price: p11, match: 1, at: at(4))
    builder.publish()
    _ = end.drain()
    builder.clearAll(received: Timestamp(raw: 9))
    builder.publish()
    let ticks = end.drain()
    // The trade's bars of a second and of a minute end with the round.
    #expect(ticks.prefix(2).map(words) == ["barClose 2 .", "barClose 2 ."])
    let cleared = ticks.dropFirst(2)
    #expect(cleared.map(words) == ["clear 3", "best 3 bid 0@0/0", "best 3 ask 0@0/0 .", "clear 1 ."])
    #expect(cleared.allSatisfy { $0.eventTime == Timestamp(raw: 4_000) })
    #expect(builder.books.liveOrders == 0)
    // The old references are free, the numbers go on.
    builder.add(order: 1, symbol: a, side: .bid, shares: 5, price: p10, at: at(1))
    builder.trade(a, shares: 3, price: p10, match: 1, at: at(2))
    builder.publish()
    #expect(end.drain().map(words) == ["level 4 bid 5@10/1", "best 4 bid 5@10/1 .", "trade 2 3@10 #1 ."])
    builder.writeSnapshot(of: a)
    builder.publish()
    let seen = try #require(end.drain().seen()[a])
    #expect(seen.statistics.count == 1 && seen.statistics.open == p10)
}

@Test("more shares than a quantity holds are counted and shown as the most it holds")
func overflow() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let definedId = builder.define(SymbolDefinition(name: try name("X")), at: at(1))
    let id = try #require(definedId)
    builder.cross(id, shares: 92_233_720_368, price: p10, match: 1, at: at(2))
    #expect(builder.anomalies[.quantityOverflow] == 0)
    builder.cross(id, shares: 92_233_720_369, price: p10, match: 2, at: at(3))
    builder.publish()
    let sizes = end.drain().dropFirst().map(\.size.e8)
    #expect(sizes == [9_223_372_036_800_000_000, 9_223_372_036_800_000_000])
    #expect(builder.anomalies[.quantityOverflow] == 1)
}

/// Random messages, right ones and wrong ones, for a few symbols.
private func play(_ random: inout SeededGenerator, steps: Int, _ builder: inout BookBuilder) {
    for _ in 0..<steps {
        let now = at(builder.last.source + 1)
        let id = UInt64(random.below(80)), symbol = SymbolID(random.below(builder.symbolCount))
        let price = Price(e4: UInt32(1 + random.below(30)) * 100), shares = UInt32(random.below(4) * 100)
        switch random.below(12) {
        case 0..<5:
            builder.add(
                order: id, symbol: symbol, side: random.oneIn(2) ? .bid : .ask, shares: shares,
                price: price, at: now)
        case 5: builder.delete(order: id, at: now)
        case 6: builder.cancel(order: id, shares: shares, at: now)
        case 7: builder.execute(order: id, shares: shares, match: now.source, at: now)
        case 8:
            builder.executeWithPrice(
                order: id, shares: shares, match: 1, printable: random.oneIn(2), price: price, at: now)
        case 9:
            builder.replace(
                order: id, with: UInt64(random.below(80)), shares: shares, price: price, at: now)
        case 10: builder.trade(symbol, shares: shares, price: price, match: now.source, at: now)
        default:
            builder.status(symbol, MarketStatus(random.oneIn(2) ? .trading : .halted), at: now)
        }
    }
}

@Test("a reader of ticks knows what the books know, and so does one of snapshots", arguments: Seed.smoke)
func ticksRebuildState(seed: Seed) throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    var random = seed.generator()
    for text in ["A", "B", "C"] {
        _ = builder.define(SymbolDefinition(name: try name(text), lot: 100), at: at(1))
    }
    var stream: [Tick] = []
    for round in 0..<12 {
        play(&random, steps: 150, &builder)
        // Also right after a round has ended, when a day is yet to start.
        if round % 4 == 2 { builder.clearAll(received: .zero) }
        builder.publish()
        stream += end.drain()
        let seen = stream.seen()
        for symbol in 0..<3 {
            let id = SymbolID(symbol), reader = try #require(seen[id])
            #expect(reader.bids.levels == levels(builder, id, .bid), "\(seed), round \(round)")
            #expect(reader.asks.levels == levels(builder, id, .ask), "\(seed), round \(round)")
            expectBest(reader.bestBid, reader.bids.levels)
            expectBest(reader.bestAsk, reader.asks.levels)
            builder.writeSnapshot(of: id)
            builder.publish()
            let snapshot = end.drain()
            #expect(snapshot.allSatisfy { $0.flags.contains(.snapshot) })
            #expect(snapshot.filter { $0.flags.contains(.endOfEvent) }.count == 1)
            #expect(snapshot.last?.flags == [.snapshot, .endOfEvent])
            #expect(snapshot.seen()[id] == reader, "\(seed), round \(round)")
        }
    }
    expectNumbersWithoutGap(stream)
}

private func levels(_ builder: borrowing BookBuilder, _ symbol: SymbolID, _ side: Side) -> [Level] {
    (0..<builder.books.depth(symbol, side)).map {
        let level = builder.books.level(symbol, side, $0)
        return Level(
            price: level.price, size: Quantity(e8: Int64(level.shares) * 100_000_000),
            orders: level.orders)
    }
}

/// Of the order count only price and size are promised to be current.
private func expectBest(_ best: Level, _ levels: [Level]) {
    #expect(best.price == levels.first?.price ?? .zero && best.size == levels.first?.size ?? .zero)
}

/// Numbers of each symbol and kind rise by one a change; both bests of one message share theirs.
func expectNumbersWithoutGap(_ ticks: [Tick]) {
    var last: [String: UInt64] = [:]
    var previous: Tick?
    for tick in ticks {
        let counter: String
        switch tick.kind {
        case .level, .clear: counter = "book"
        case .best: counter = "quote"
        case .trade: counter = "trade"
        case .status: counter = "status"
        default: continue
        }
        let key = "\(tick.symbol.raw) \(counter)"
        let isSecondBest =
            tick.kind == .best && previous?.kind == .best && previous?.sequence == tick.sequence
            && previous?.flags.contains(.endOfEvent) == false
        if !isSecondBest { #expect(tick.sequence == last[key, default: 0] + 1, "\(key)") }
        last[key] = tick.sequence
        previous = tick
    }
}
