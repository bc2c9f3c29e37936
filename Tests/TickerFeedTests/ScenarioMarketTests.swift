// What each scenario promises, as somebody who trades in it would check it.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let start = Timestamp(raw: 1_764_167_400_000_000_000)

/// A scenario that is played, and what a reader of its tape has seen.
private final class Play {
    let simulator: Simulator
    private let end = TapeEnd()
    private var builder: BookBuilder
    private var random: SeededGenerator
    /// Messages so far; those that were lost count, too.
    private(set) var messages = 0

    init(_ name: String, _ settings: [String] = [], seed: UInt64 = 1) throws {
        var faults: [UsageError] = []
        let scenario = Scenario(name, settings: settings, faults: &faults)
        if let fault = faults.first { throw fault }
        simulator = Simulator(scenario, seed: seed, start: start)
        builder = end.makeBuilder()
        random = SeededGenerator(seed: seed)
    }

    /// Plays on, in random pieces, to so long after the start; the ticks of it.
    func play(to time: Nanoseconds) -> [Tick] {
        var ticks: [Tick] = [], played = 0
        repeat {
            played =
                simulator.play(
                    upTo: start + time, limit: 1 + random.below(4_096), received: .zero, into: &builder
                ).played
            messages += played
            builder.publish()
            ticks += end.drain()
        } while played > 0
        return ticks
    }
    func play(to seconds: Int) -> [Tick] { play(to: .seconds(seconds)) }

    func depth(_ symbol: Int, _ side: Side) -> [BookLevel] {
        let id = SymbolID(symbol)
        return (0..<builder.books.depth(id, side)).map { builder.books.level(id, side, $0) }
    }

    /// The book of what really rests there has the same levels.
    func isTrue(_ symbol: Int) -> Bool {
        Side.allCases.allSatisfy { side in
            let orders = simulator.market.symbols[symbol][side]
            var levels: [Int: UInt64] = [:]
            for index in 0..<orders.count {
                levels[orders[index].price, default: 0] += UInt64(orders[index].shares)
            }
            let seen = depth(symbol, side).map { (Int($0.price.e9 / 10_000_000), $0.shares) }
            return Dictionary(uniqueKeysWithValues: seen) == levels
        }
    }

    var crossings: UInt64 { builder.books.updatesLeavingCrossed + builder.books.updatesLeavingLocked }
    var anomalies: UInt64 { builder.anomalies.total }
    func bid(_ symbol: Int) -> Int64 { depth(symbol, .bid).first?.price.e9 ?? 0 }
}

extension [Tick] {
    fileprivate func states(of symbol: Int) -> [(time: Nanoseconds, status: MarketStatus)] {
        filter { $0.kind == .status && $0.symbol == SymbolID(symbol) }
            .map { ($0.eventTime - start, MarketStatus(packed: $0.aux)) }
    }
    fileprivate func feedStates(of symbol: Int) -> [FeedState] {
        filter { $0.kind == .status && $0.symbol == SymbolID(symbol) }.map {
            SymbolStatus(packed: $0.aux).feed
        }
    }
    fileprivate func trades(of symbol: Int) -> [Tick] {
        filter { $0.kind == .trade && $0.symbol == SymbolID(symbol) }
    }
}

@Test(
    "the rate is the one asked for, within 5 %",
    arguments: [
        ("default", [], 5, 125), ("quiet-day", ["lull=0s"], 0, 1_200), ("opening-auction", [], 5, 55),
        ("opening-auction", [], 65, 125), ("8000-symbols", ["symbols=2000", "rate=10000"], 3, 13),
        ("default", ["rate=50000"], 1, 6), ("default", ["rate=900", "symbols=3"], 10, 200),
    ] as [(String, [String], Int, Int)])
func rates(name: String, settings: [String], from: Int, to: Int) throws {
    let play = try Play(name, settings)
    _ = play.play(to: from)
    let before = play.messages
    _ = play.play(to: to)
    let wanted = play.simulator.scenario[.rate] * (to - from), got = play.messages - before
    #expect(abs(got - wanted) * 20 <= wanted, "\(got) instead of \(wanted)")
}

@Test("a burst has a hundred times the rate, for five seconds of each minute")
func burst() throws {
    let play = try Play("burst", ["rate=100"])
    var counts: [Int] = []
    for second in [5, 10, 15, 70, 75, 130] {
        let before = play.messages
        _ = play.play(to: second)
        counts.append(play.messages - before)
    }
    for (count, wanted) in zip(counts.dropFirst(), [500, 50_000, 5_500, 50_000, 5_500]) {
        #expect(abs(count - wanted) * 10 <= wanted * 2, "\(counts)")
    }
    #expect(play.crossings == 0 && play.anomalies == 0)
}

@Test(
    "one seed is one stream, however it is cut; another seed is another",
    arguments: Scenario.builtInNames)
func scenarioDeterminism(name: String) throws {
    guard name != "uniform" else { return }
    let settings = [
        "rate=1000", "symbols=30", "crash=2s", "crash-at=3s", "gap-at=2s", "mend=1s", "burst-at=3s",
        "burst-factor=5",
        "pause=1s", "reopening=1s", "recovery=2s",
    ]
    let opening = name == "opening-auction" ? ["open=2s", "spread=100ms"] : []
    func hash(_ seed: UInt64, limit: Int) throws -> UInt64 {
        var faults: [UsageError] = []
        let scenario = Scenario(name, settings: settings + opening, faults: &faults)
        let simulator = Simulator(scenario, seed: seed, start: start), end = TapeEnd()
        var builder = end.makeBuilder(), hash = FNV1a64(), random = SeededGenerator(seed: 3)
        let last = start + .seconds(10)
        while true {
            let step = simulator.play(
                upTo: last, limit: 1 + random.below(limit), received: .zero, into: &builder)
            guard step.played > 0 else { break }
            builder.publish()
            for tick in end.drain() { tick.hash(into: &hash) }
        }
        return hash.value
    }
    let whole = try hash(1, limit: 4_096)
    #expect(try hash(1, limit: 1) == whole && hash(1, limit: 50) == whole)
    #expect(try hash(2, limit: 4_096) != whole)
}

@Test("on a quiet day symbols are silent for minutes, and come back")
func quietDay() throws {
    let play = try Play("quiet-day")
    let ticks = play.play(to: 1_800)
    var last: [SymbolID: Timestamp] = [:], silences: [Int64] = []
    for tick in ticks where tick.kind != .status {
        if let before = last[tick.symbol] { silences.append((tick.eventTime - before).raw / 1_000_000_000) }
        last[tick.symbol] = tick.eventTime
    }
    #expect(silences.count(where: { $0 >= 180 }) >= 20, "\(silences.sorted().suffix(30))")
    #expect(last.count == 24 && play.crossings == 0)
}

@Test(
    "an opening auction crosses, ends with one trade at one price and a state, and then trades",
    arguments: 1...10)
func openingAuction(seed: UInt64) throws {
    let play = try Play("opening-auction", [], seed: seed)
    let auction = play.play(to: .milliseconds(59_999))
    #expect(auction.filter { $0.kind == .trade }.isEmpty && play.crossings > 0)
    let ticks = play.play(to: 62)
    for symbol in 0..<24 {
        #expect(auction.states(of: symbol).map(\.status.state) == [.auction])
        let states = ticks.states(of: symbol), trades = ticks.trades(of: symbol)
        #expect(states.map(\.status.state) == [.trading])
        let opened = try #require(states.first).time
        #expect((Nanoseconds.seconds(60)...Nanoseconds.seconds(61)).contains(opened))
        // The cross comes at the time of the state, before it, and is the symbol's first trade.
        let cross = try #require(trades.first)
        #expect(cross.side == nil && cross.eventTime - start == opened)
        #expect(
            cross.size >= Quantity(shares: 500)
                && trades.count(where: { $0.eventTime - start == opened }) == 1)
        #expect(play.isTrue(symbol))
    }
    let crossings = play.crossings
    _ = play.play(to: 75)
    #expect(play.crossings == crossings && play.anomalies == 0, "crossed after the auction")
}

@Test(
    "a flash crash falls 10 % with a thin book, is paused, reopens with a cross and recovers",
    arguments: 1...10)
func flashCrash(seed: UInt64) throws {
    let play = try Play(
        "flash-crash", ["symbols=5", "rate=300", "crash-at=10s", "pause=5s", "reopening=5s", "recovery=20s"],
        seed: seed)
    _ = play.play(to: 10)
    let before = play.bid(0)
    #expect(play.crossings == 0)
    let fall = play.play(to: .milliseconds(17_999))
    let bottom = play.bid(0)
    #expect((87...92).contains(bottom * 100 / before), "\(bottom) of \(before)")
    let thin = play.depth(0, .bid).reduce(0) { $0 + Int($1.orders) }
    #expect(thin * 2 < 55 && play.crossings == 0, "\(thin) orders of the usual 55")
    #expect(fall.trades(of: 0).count > 50)
    let pause = play.play(to: .milliseconds(22_999))
    #expect(pause.states(of: 0).map(\.time) == [.seconds(18)])
    #expect(
        pause.states(of: 0).map(\.status.state) == [.paused]
            && pause.states(of: 0)[0].status.reasonText == "LUDP")
    let paused = pause.filter { $0.symbol == SymbolID(0) && $0.eventTime - start >= .seconds(18) }
    #expect(paused.allSatisfy { $0.kind == .status || $0.kind == .barClose })
    let auction = play.play(to: .milliseconds(27_999))
    #expect(auction.states(of: 0).map(\.status.state) == [.auction] && auction.trades(of: 0).isEmpty)
    let reopening = play.play(to: 28)
    #expect(reopening.states(of: 0).map(\.status.state) == [.trading])
    #expect(reopening.trades(of: 0).first?.side == nil && reopening.trades(of: 0).count >= 1)
    let crossings = play.crossings
    _ = play.play(to: 60)
    #expect((98...102).contains(play.bid(0) * 100 / before) && play.crossings == crossings)
    #expect(play.isTrue(0) && play.anomalies == 0)
}

@Test("after a gap every book is suspect, is sent anew, and is the truth again", arguments: 1...10)
func feedGap(seed: UInt64) throws {
    let play = try Play("feed-gap", [], seed: seed)
    let before = play.play(to: 20), lost = play.play(to: .milliseconds(20_500))
    #expect(lost.allSatisfy { $0.kind == .barClose } && play.anomalies == 0)
    let after = play.play(to: .milliseconds(23_499))
    var wrong = 0
    for symbol in 0..<24 {
        #expect(before.states(of: symbol).count == 1)
        let status = after.feedStates(of: symbol)
        #expect(status == [.suspect])
        wrong += play.isTrue(symbol) ? 0 : 1
    }
    #expect(wrong > 12 && play.anomalies > 1, "what was lost should be missed")
    let mended = play.play(to: .milliseconds(23_700)), anomalies = play.anomalies
    for symbol in 0..<24 {
        #expect(mended.feedStates(of: symbol) == [.suspect, .live] && play.isTrue(symbol))
        let clears = mended.filter { $0.kind == .clear && $0.symbol == SymbolID(symbol) }
        #expect(clears.map(\.aux) == [1])
    }
    let crossings = play.crossings
    let later = play.play(to: 79)
    #expect(play.anomalies == anomalies && play.crossings == crossings && (0..<24).allSatisfy(play.isTrue))
    #expect(later.allSatisfy { $0.kind != .clear && $0.kind != .status })
    expectNumbersWithoutGap(before + lost + after + mended + later)
    // The next gap is another one.
    let second = play.play(to: 84)
    #expect(
        (0..<24).allSatisfy { second.feedStates(of: $0) == [.suspect, .suspect, .live] && play.isTrue($0) })
}

@Test("a gap of one symbol leaves the others alone")
func gapOfOne() throws {
    let play = try Play("feed-gap", ["gap-symbol=MSFT", "gap=3s"])
    let ticks = play.play(to: 40)
    #expect(ticks.feedStates(of: 1) == [.live, .suspect, .suspect, .live])
    #expect((0..<24).allSatisfy { play.isTrue($0) && ($0 == 1 || ticks.feedStates(of: $0) == [.live]) })
}

@Test("8,000 symbols: each has a name and two sides; the busiest is heard most, and none is crossed")
func wholeMarket() throws {
    let play = try Play("8000-symbols", ["rate=20000"])
    let opening = play.play(to: 2).seen()
    #expect(opening.count == 8_000 && Set(opening.values.compactMap(\.definition?.name)).count == 8_000)
    #expect(opening.values.allSatisfy { $0.bestBid.size > .zero && $0.bestBid.price < $0.bestAsk.price })
    var heard = [Int](repeating: 0, count: 8_000)
    for tick in play.play(to: 4) where tick.flags.contains(.endOfEvent) { heard[tick.symbol.index] += 1 }
    let busy = heard[..<80].reduce(0, +), all = heard.reduce(0, +)
    #expect(busy * 10 > all * 3)
    #expect(play.crossings == 0 && play.anomalies == 0)
}

@Test("whoever is not wanted is never heard of", arguments: ["feed-gap", "uniform"])
func unwanted(name: String) throws {
    var faults: [UsageError] = []
    let scenario = Scenario(name, settings: [], faults: &faults)
    let feed = scenario.makeFeed(seed: 1, start: start), end = TapeEnd(capacity: 1 << 18)
    let wanted = try ["MSFT", "S1"].map { try #require(SymbolName($0)) }
    var builder = BookBuilder(Tape.Writer(end.tape), wanted: Set(wanted))
    var played = 0
    while played < 100_000 {
        played +=
            feed.play(
                upTo: Timestamp(raw: .max), limit: 4_096, received: .zero, into: &builder
            ).played
    }
    #expect(builder.symbolCount == 1 && builder.tickCount > 300)
}
