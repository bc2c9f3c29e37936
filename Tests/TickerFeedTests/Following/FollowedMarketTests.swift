// One market, published and followed through an engine that does its worst: what a node shows in the end is
// the market, and no cursor of it ever promised too much.
import Backplane
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let start = Timestamp(raw: 1_764_167_400_000_000_000)

/// A tape's ticks as a recorder would keep them.
private final class Reading {
    let reader: TapeReader
    var image = MarketImage(epoch: 1)
    private let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 4_096)

    init(_ tape: Tape) { reader = tape.makeReader() }
    deinit { buffer.deallocate() }

    func read(_ take: (Tick, UInt64) -> Void) {
        while case .ticks(let count) = reader.read(into: buffer) {
            let first = reader.position - UInt64(count)
            for index in 0..<count { take(buffer[index], first + UInt64(index)) }
        }
    }
}

/// An ingest node.
private final class Source {
    let ingest: Ingest
    let publisher: Publisher
    private let reading: Reading
    var image: MarketImage { _read { yield reading.image } }
    /// Each symbol's trades by number, with where they stood.
    var trades: [[(tick: Tick, place: UInt64)]] = []
    let epoch: UInt32

    init(_ bus: FaultyEngine, seed: UInt64, epoch: UInt32, settings: [String]) {
        var faults: [UsageError] = []
        let scenario = Scenario("default", settings: settings, faults: &faults)
        let tape = Tape(capacity: 1 << 16)
        self.epoch = epoch
        reading = Reading(tape)
        publisher = Publisher(
            tape.makeReader(), FaultyPublishing(bus),
            Publisher.Options(epoch: epoch, clock: .simulated, source: "a market", holder: "source-\(epoch)"),
            log: .none)
        ingest = Ingest(
            feed: Simulator(scenario, seed: seed, start: start), writer: Tape.Writer(tape),
            options: ReplayOptions(pace: .recorded(.recorded)), epoch: epoch)
    }

    func turn(_ now: Moment, plays: Bool) {
        if plays { _ = ingest.turn(now: now) }
        reading.read { tick, place in
            _ = reading.image.applyLive(tick)
            guard tick.kind == .trade, !tick.flags.contains(.snapshot) else { return }
            while trades.count <= tick.symbol.index { trades.append([]) }
            trades[tick.symbol.index].append((tick, place))
        }
        _ = publisher.turn(now: now)
    }
}

/// A fan-out node, as far as its tape.
private final class Node {
    let feed: FollowedFeed
    let ingest: Ingest
    private let reading: Reading
    var image: MarketImage { _read { yield reading.image } }
    private(set) var place: Place?
    private(set) var epoch: UInt64 = 0
    /// The number of each symbol's last trade, and of those told, each once.
    private(set) var lastTrade: [UInt64] = []
    private(set) var known: [Bool] = []
    var faults: [String] = []
    private(set) var words: [FeedState] = []
    private(set) var tradesTold = 0
    private(set) var tradesMissed: UInt64 = 0

    init(_ bus: FaultyEngine, seed: UInt64, now: @escaping () -> Moment) throws {
        let tape = Tape(capacity: 1 << 17)
        reading = Reading(tape)
        feed = try FollowedFeed(FaultyFollowing(bus), seed: seed, log: .none, clock: now)
        ingest = Ingest(
            feed: feed, writer: Tape.Writer(tape), options: ReplayOptions(pace: .live), epoch: 7)
    }

    func turn(_ now: Moment, _ source: Source?) {
        _ = ingest.turn(now: now)
        reading.read { tick, _ in self.take(tick, source) }
    }

    private func take(_ tick: Tick, _ source: Source?) {
        _ = reading.image.applyLive(tick)
        let index = tick.symbol.index
        switch tick.kind {
        case .place:
            let told = place?.told
            place = tick.place
            if let source, tick.place.told != told, UInt64(source.epoch) == epoch {
                check(tick.place.told, source)
            }
        case .epoch:
            epoch = tick.aux
            for index in lastTrade.indices { lastTrade[index] = 0 }
        case .symbol where index >= known.count:
            known.append(false)
            lastTrade.append(0)
            words.append(.live)
        case .resync: known[index] = tick.aux == 0
        case .status: words[index] = SymbolStatus(packed: tick.aux).feed
        case .trade: takeTrade(tick, source)
        case .tradeBreak: lastTrade[index] = tick.sequence
        default: break
        }
    }

    private func takeTrade(_ tick: Tick, _ source: Source?) {
        let index = tick.symbol.index, last = lastTrade[index]
        if tick.flags.contains(.snapshot), tick.sequence <= last { return }
        if tick.sequence <= last { faults.append("trade \(tick.sequence) of \(index) behind \(last)") }
        if last > 0 { tradesMissed += tick.sequence - last - 1 }
        lastTrade[index] = tick.sequence
        tradesTold += 1
        guard let source, UInt64(source.epoch) == epoch,
            let first = source.trades[index].first?.tick.sequence, first <= tick.sequence
        else { return }
        // Some of its numbers are taken by trades that were taken back.
        let trades = source.trades[index]
        guard
            let truth = trades[...min(Int(tick.sequence - first), trades.count - 1)]
                .last(where: { $0.tick.sequence <= tick.sequence })?.tick, truth.sequence == tick.sequence
        else { return }
        if (truth.price, truth.size, truth.eventTime) != (tick.price, tick.size, tick.eventTime) {
            faults.append("trade \(tick.sequence) of \(index) is another one")
        }
    }

    /// What is before that place has all come.
    private func check(_ told: UInt64, _ source: Source) {
        for index in known.indices where known[index] && index < source.trades.count {
            guard let due = source.trades[index].last(where: { $0.place < told })?.tick.sequence else {
                continue
            }
            if lastTrade[index] < due {
                faults.append(
                    "told up to \(told), and trade \(due) of \(index) did not come: \(lastTrade[index])")
            }
        }
    }
}

private final class Stage {
    var now = Moment(instant: Instant(raw: 1_000_000_000), wall: start)
    let bus: FaultyEngine
    var sources: [Source]
    private(set) var node: Node!
    var random: SeededGenerator

    init(_ seed: UInt64, stores: Bool, sources count: Int = 1, settings: [String] = ["symbols=6"]) throws {
        bus = FaultyEngine(stores: stores, seed: seed)
        random = SeededGenerator(seed: seed &+ 99)
        let bus = bus
        sources = (0..<count).map { Source(bus, seed: seed, epoch: UInt32(100 + $0), settings: settings) }
        node = try Node(bus, seed: seed) { [unowned self] in now }
    }

    func run(_ span: Nanoseconds, plays: Bool = true, checks: Bool = true) {
        let end = now.instant + span
        while now.instant < end {
            let step = Nanoseconds.microseconds(500 + random.below(4_500))
            now = Moment(instant: now.instant + step, wall: now.wall + step)
            bus.advance(to: now.instant)
            for source in sources { source.turn(now, plays: plays) }
            node.turn(now, checks ? sources.first : nil)
        }
    }

    /// Another node, which knows nothing yet.
    func replaceNode() throws { node = try Node(bus, seed: 1) { [unowned self] in now } }

    /// What is left when nothing happens any more.
    func settle() {
        bus.faults = FaultyEngine.Faults()
        bus.isDown = false
        run(.seconds(3), plays: false)
    }

    /// A symbol's state as ticks, without what only one of two nodes says.
    private func state(_ image: borrowing MarketImage, _ symbol: SymbolID) -> [[UInt64]] {
        var ticks: [[UInt64]] = []
        image.writeSnapshot(of: symbol) { tick in
            guard tick.kind != .symbol else { return }
            var tick = tick
            if tick.kind == .status { tick = Tick(.status, symbol, aux: tick.aux) }
            ticks.append((0..<8).map { tick.words[$0] })
        }
        return ticks
    }

    func isEqual(_ symbol: SymbolID, to source: Source) -> Bool {
        return state(node.image, symbol) == state(source.image, symbol)
    }
}

@Suite("A market that is published and followed")
struct FollowedMarketTests {
    @Test("what is followed equals what was published, tick for tick", arguments: [true, false])
    func plain(stores: Bool) throws {
        let stage = try Stage(1, stores: stores)
        stage.run(.milliseconds(300))
        for index in 0..<6 { stage.node.feed.interest.add(SymbolID(index)) }
        stage.run(.seconds(3))
        stage.settle()
        for index in 0..<6 { #expect(stage.isEqual(SymbolID(index), to: stage.sources[0])) }
        #expect(stage.node.faults == [])
        #expect(stage.node.tradesMissed == 0)
        #expect(stage.node.epoch == 100)
        #expect(stage.node.words.allSatisfy { $0 != .suspect })
    }

    @Test("only what somebody reads is followed, and it is let go half a minute after the last one")
    func interest() throws {
        let stage = try Stage(2, stores: true)
        let followed = { Int(stage.figure("symbols_followed")) }
        stage.run(.milliseconds(300))
        #expect(followed() == 0)
        stage.node.feed.interest.add(SymbolID(1))
        stage.node.feed.interest.touch(SymbolID(2))
        stage.run(.milliseconds(200))
        #expect(followed() == 2)
        stage.node.feed.interest.remove(SymbolID(1))
        stage.run(.seconds(29))
        #expect(followed() == 2)
        stage.run(.seconds(4))
        #expect(followed() == 0)
        #expect(stage.node.known == Array(repeating: false, count: 6))
    }

    @Test(
        "an engine that loses, repeats, reorders, forgets and cuts", arguments: [true, false],
        Seed.smoke.prefix(4))
    func faulty(stores: Bool, seed: Seed) throws {
        let stage = try Stage(seed.raw, stores: stores)
        stage.run(.milliseconds(200))
        stage.bus.faults = FaultyEngine.Faults(loses: 40, repeats: 30, delays: 25, cuts: 700, wipes: 3_000)
        for index in 0..<6 where index != 3 { stage.node.feed.interest.add(SymbolID(index)) }
        stage.run(.seconds(2))
        stage.node.feed.interest.add(SymbolID(3))
        stage.run(.seconds(2))
        stage.settle()
        #expect(stage.node.faults.prefix(3) == [])
        for index in 0..<6 {
            #expect(stage.isEqual(SymbolID(index), to: stage.sources[0]), "symbol \(index)")
        }
        #expect(stage.figure("gaps") > 0)
        #expect(stage.node.words.allSatisfy { $0 != .suspect })
    }

    @Test("an engine that is down and comes back empty", arguments: [true, false], [400, 4_000])
    func down(stores: Bool, milliseconds: Int) throws {
        let stage = try Stage(5, stores: stores)
        for index in 0..<6 { stage.node.feed.interest.add(SymbolID(index)) }
        stage.run(.seconds(2))
        stage.bus.isDown = true
        stage.bus.wipe()
        stage.run(.milliseconds(milliseconds))
        #expect(stage.node.words.contains(.suspect) == (milliseconds > 600))
        stage.bus.isDown = false
        stage.run(.seconds(3))
        stage.settle()
        for index in 0..<6 {
            #expect(stage.isEqual(SymbolID(index), to: stage.sources[0]), "symbol \(index)")
        }
        #expect(stage.node.faults.prefix(3) == [])
        #expect(stage.node.words.allSatisfy { $0 != .suspect })
    }

    @Test("what a dead publisher left behind is shown to nobody")
    func dead() throws {
        let stage = try Stage(7, stores: true)
        stage.run(.seconds(1))
        stage.sources = []
        try stage.replaceNode()
        for index in 0..<6 { stage.node.feed.interest.add(SymbolID(index)) }
        stage.run(.seconds(3))
        #expect(stage.node.known == Array(repeating: false, count: 6))
        #expect(stage.node.words == Array(repeating: .suspect, count: 6))
        #expect(stage.node.feed.board.report.fault != nil)
    }

    @Test("of two publishers one is the one; when it is gone the other takes over within three seconds")
    func takeover() throws {
        let stage = try Stage(6, stores: true, sources: 2)
        for index in 0..<6 { stage.node.feed.interest.add(SymbolID(index)) }
        stage.run(.seconds(2), checks: false)
        let first = stage.node.epoch
        #expect(first == 100)
        let survivor = stage.sources[1]
        stage.sources = [survivor]
        stage.run(.seconds(3), checks: false)
        #expect(stage.node.epoch == 101)
        stage.settle()
        for index in 0..<6 { #expect(stage.isEqual(SymbolID(index), to: survivor), "symbol \(index)") }
    }
}

extension Stage {
    func figure(_ name: String) -> UInt64 {
        node.feed.board.report.figures.first { $0.name == name }?.value ?? .max
    }
}
