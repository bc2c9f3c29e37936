// Ingest on a clock that the tests turn by hand.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// A feed of single orders at given times; each message carries its number.
private final class ScriptedFeed: Feed {
    let description = "script"
    private let times: [Int64]
    private let faultAt: Int?
    private let rewinds: Bool
    private var next = 0

    init(_ times: [Int64], faultAt: Int? = nil, rewinds: Bool = true) {
        self.times = times
        self.faultAt = faultAt
        self.rewinds = rewinds
    }

    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        var played = 0
        while played < limit, next < times.count, times[next] <= time.raw {
            if next == faultAt {
                let fault = FeedFault.cut("message", at: next, bytesLeft: 1)
                return FeedStep(played: played, next: .failed(.broken(file: "script", fault)))
            }
            message(received, &builder)
            next += 1
            played += 1
        }
        let due = next < times.count ? FeedStep.Next.due(Timestamp(raw: times[next])) : .end
        return FeedStep(played: played, next: due)
    }

    private func message(_ received: Timestamp, _ builder: inout BookBuilder) {
        let at = Stamp(
            time: Timestamp(raw: times[next]), received: received, source: UInt64(next + 1))
        guard next > 0 else {
            _ = SymbolName("A").map { builder.define(SymbolDefinition(name: $0), at: at) }
            return
        }
        builder.add(
            order: UInt64(next), symbol: SymbolID(0), side: .bid, shares: 100,
            price: Price(e4: UInt32(next)), at: at)
    }

    func rewind() -> Bool {
        if rewinds { next = 0 }
        return rewinds
    }
}

private let millisecond: Int64 = 1_000_000
private let wall: Int64 = 1_700_000_000_000_000_000

/// Turns until the ingest has ended or `until` has passed, sleeping exactly as long as asked.
private func run(
    _ ingest: Ingest, _ end: TapeEnd, from start: Int64 = 5_000_000, until: Int64
) -> [Tick] {
    var now = Instant(raw: start), ticks: [Tick] = []
    while now.raw <= start + until, !ingest.state.hasEnded {
        let next = ingest.turn(now: Moment(instant: now, wall: Timestamp(raw: wall + now.raw - start)))
        ticks += end.drain()
        #expect(next >= now)
        now = next
    }
    return ticks
}

/// When the messages were received, in nanoseconds after the start, by their numbers.
private func received(_ ticks: [Tick]) -> [UInt64: Int64] {
    Dictionary(
        ticks.map { ($0.kind == .symbol ? 1 : $0.source, $0.receiveTime.raw - wall) },
        uniquingKeysWith: { first, _ in first })
}

@Test(
    "every message goes out at its due time, from one anchor",
    arguments: [
        (speed: "1", due: [0, 3, 3, 50, 90]), (speed: "10", due: [0, 0.3, 0.3, 5, 9]),
        (speed: "0.5", due: [0, 6, 6, 100, 180]), (speed: "1000", due: [0, 0.003, 0.003, 0.05, 0.09]),
    ])
func paced(speed: String, due: [Double]) throws {
    let end = TapeEnd()
    let times = [0, 3, 3, 50, 90].map { 77_000 + $0 * millisecond }
    let pace = Pace.recorded(try #require(Speed(speed)))
    let ingest = Ingest(
        feed: ScriptedFeed(times), writer: Tape.Writer(end.tape), options: ReplayOptions(pace: pace))
    let ticks = run(ingest, end, until: 1_000 * millisecond)
    let expected = Dictionary(
        uniqueKeysWithValues: due.enumerated().map { (UInt64($0 + 1), Int64(($1 * 1e6).rounded())) })
    #expect(received(ticks) == expected)
    #expect(ingest.state.hasEnded && ingest.state.messages == 5 && ingest.state.rounds == 1)
    #expect(ingest.state.lastEventTime.raw == 77_000 + 90 * millisecond)
}

@Test("who comes late sends at once what is due, and the rest at its own time")
func late() throws {
    let end = TapeEnd()
    let times = [0, 10, 20, 30].map { $0 * millisecond }
    let ingest = Ingest(feed: ScriptedFeed(times), writer: Tape.Writer(end.tape))
    func turn(_ milliseconds: Int) -> Int64 {
        let now = Instant.zero + .milliseconds(milliseconds)
        return ingest.turn(now: Moment(instant: now, wall: .zero)).raw / millisecond
    }
    #expect(turn(0) == 10)
    #expect(turn(25) == 30)  // two at once, and no attempt to stretch what follows
    #expect(end.drain().last?.source == 3)
    #expect(turn(29) == 30)
    #expect(turn(30) == 30)
    #expect(end.drain().last?.source == 4)
}

@Test("a time that steps back waits for nothing")
func timeBackwards() throws {
    let end = TapeEnd()
    let times = [10, 20, 5, 6, 30].map { $0 * millisecond }
    let ingest = Ingest(feed: ScriptedFeed(times), writer: Tape.Writer(end.tape))
    let at = received(run(ingest, end, until: 100 * millisecond))
    #expect(at == [1: 0, 2: 10 * millisecond, 3: 10 * millisecond, 4: 10 * millisecond, 5: 20 * millisecond])
}

@Test("in a long silence ingest still looks for requests")
func silence() throws {
    let end = TapeEnd()
    let ingest = Ingest(feed: ScriptedFeed([0, 3_600_000 * millisecond]), writer: Tape.Writer(end.tape))
    #expect(ingest.turn(now: Moment(instant: .zero, wall: .zero)) == Instant.zero + Ingest.attention)
}

@Test(
    "each round is like the first but for numbers and receive times",
    arguments: [
        Pace.recorded(.recorded), .unpaced,
    ])
func rounds(pace: Pace) throws {
    let end = TapeEnd()
    let times = [0, 3, 8].map { $0 * millisecond }
    let ingest = Ingest(
        feed: ScriptedFeed(times), writer: Tape.Writer(end.tape),
        options: ReplayOptions(pace: pace, loops: true))
    var stream: [Tick] = []
    var now = Instant.zero
    while ingest.state.rounds < 3 {
        now = ingest.turn(now: Moment(instant: now, wall: Timestamp(raw: now.raw)))
        stream += end.drain()
    }
    let rounds = stream.split { $0.kind == .clear || ($0.kind == .best && $0.size == .zero) }
    #expect(rounds.count == 3)
    for round in rounds {
        #expect(Array(round).fingerprint(timeless: true) == Array(rounds[0]).fingerprint(timeless: true))
    }
    if case .recorded = pace { #expect(now.raw == 3 * 8 * millisecond) }
    expectNumbersWithoutGap(stream)
    #expect(!ingest.state.hasEnded)
}

@Test("a real file's rounds are equal too, paced a million times or not at all")
func realRounds() throws {
    var prints: Set<UInt64> = []
    for pace in [Pace.recorded(Speed(times: 1_000_000)), .recorded(Speed(times: 1_000)), .unpaced] {
        let end = TapeEnd()
        let ingest = Ingest(
            feed: try InputFeed(FeedOptions(path: Fixture.aapl)), writer: Tape.Writer(end.tape),
            options: ReplayOptions(pace: pace, loops: true))
        var now = Instant.zero, stream: [Tick] = []
        while ingest.state.rounds < 2 {
            now = ingest.turn(now: Moment(instant: now, wall: .zero))
            stream += end.drain()
        }
        let rounds = stream.split {
            $0.kind == .clear || ($0.kind == .best && $0.size == .zero && $0.source == 10_000)
        }
        #expect(rounds.count == 2)
        for round in rounds { prints.insert(Array(round).fingerprint(timeless: true)) }
        #expect(ingest.state.messages == 20_000)
    }
    #expect(prints.count == 1)
}

@Test(
    "what cannot be rewound, or has nothing to play, ends in spite of the loop",
    arguments: [
        [0, 1], [],
    ] as [[Int64]])
func loopEnds(times: [Int64]) {
    let end = TapeEnd()
    let feed = ScriptedFeed(times, rewinds: times.isEmpty)
    let ingest = Ingest(
        feed: feed, writer: Tape.Writer(end.tape), options: ReplayOptions(pace: .unpaced, loops: true))
    _ = run(ingest, end, until: 1_000 * millisecond)
    #expect(ingest.state.hasEnded && ingest.state.fault == nil)
}

@Test("a fault ends the feed, keeps what was played, and snapshots are still given")
func faults() throws {
    let end = TapeEnd()
    let feed = ScriptedFeed((0..<10).map { Int64($0) }, faultAt: 6)
    let ingest = Ingest(
        feed: feed, writer: Tape.Writer(end.tape), options: ReplayOptions(pace: .unpaced, loops: true))
    let stream = run(ingest, end, until: 1_000 * millisecond)
    #expect(ingest.state.fault == .broken(file: "script", .cut("message", at: 6, bytesLeft: 1)))
    #expect(ingest.state.messages == 6)
    end.reader.askForSnapshot()
    let now = Instant(raw: 1 << 40)
    let next = ingest.turn(now: Moment(instant: now, wall: .zero))
    #expect(next == now + Ingest.attentionAfterEnd)
    let snapshot = end.drain()
    #expect(snapshot.seen() == stream.seen() && snapshot.last?.flags == [.snapshot, .endOfEvent])
    #expect(ingest.state.snapshots == 1)
}

@Test(
    "unpaced play waits while a reader is far behind; paced play never does",
    arguments: [
        Pace.unpaced, .recorded(Speed(times: 1_000_000)),
    ])
func backpressure(pace: Pace) throws {
    let end = TapeEnd(capacity: 1_024)
    let feed = ScriptedFeed((0..<4_000).map { Int64($0) })
    let ingest = Ingest(feed: feed, writer: Tape.Writer(end.tape), options: ReplayOptions(pace: pace))
    var now = Instant.zero
    for _ in 0..<100 { now = ingest.turn(now: Moment(instant: now, wall: .zero)) }
    let behind = end.tape.head - end.reader.position
    if pace == .unpaced {
        #expect(behind > 512 && behind <= 1_024)
        #expect(ingest.turn(now: Moment(instant: now, wall: .zero)) == now + Ingest.breath)
        let ticks = run(ingest, end, from: now.raw, until: 10_000 * millisecond)
        #expect(ticks.filter { $0.kind == .level }.count + end.drain().count == 3_999)
    } else {
        #expect(behind > 1_024)
    }
}

@Test("a snapshot of many symbols is spread over turns and complete, also asked for twice")
func manySymbols() throws {
    let end = TapeEnd(capacity: 1 << 12)
    let start = Timestamp(raw: wall)
    let ingest = Ingest(feed: Simulator(seed: 5, start: start), writer: Tape.Writer(end.tape))
    var now = Instant.zero, stream: [Tick] = []
    func turn() {
        now = ingest.turn(now: Moment(instant: now, wall: .zero))
        stream += end.drain()
    }
    while ingest.state.messages < 5_000 { turn() }
    end.reader.askForSnapshot()
    turn()
    let firstPart = ingest.state.snapshots
    #expect(firstPart > 0 && firstPart < 24, "\(firstPart)")
    end.reader.askForSnapshot()
    while ingest.state.snapshots < firstPart + 24 { turn() }
    let live = stream.filter { !$0.flags.contains(.snapshot) }.seen()
    // Read in order, snapshots change nothing for a reader that saw everything.
    #expect(stream.seen() == live)
}

@Test(
    "speeds as people write them",
    arguments: [
        ("1", 1_000), ("0.5", 500), ("10", 10_000), ("x0.25", 250), ("1000x", 1_000_000), ("0.001", 1),
        ("1000000", 1_000_000_000), ("0", nil), ("0.0001", nil), ("-1", nil), ("fast", nil), ("", nil),
        ("1000001", nil), ("x", nil), ("1x0", nil),
    ] as [(String, Int64?)])
func speeds(text: String, thousandths: Int64?) {
    #expect(Speed(text)?.thousandths == thousandths)
}

@Test("due and reached agree for every speed and time", arguments: Seed.smoke)
func anchorAgrees(seed: Seed) throws {
    var random = seed.generator()
    for _ in 0..<2_000 {
        let speed = try #require(Speed("\(1 + random.below(3_000)).\(random.below(1_000))"))
        let anchor = Anchor(
            instant: Instant(raw: Int64(random.below(1_000_000))),
            recorded: Timestamp(raw: wall), speed: speed)
        let time = Timestamp(raw: wall + Int64(random.below(1_000_000_000)))
        let due = anchor.due(time)
        #expect(anchor.reached(due) >= time)
        #expect(due == anchor.instant || anchor.reached(Instant(raw: due.raw - 1)) < time)
    }
    let far = Anchor(instant: .zero, recorded: Timestamp(raw: .min), speed: Speed(times: 1))
    #expect(far.due(Timestamp(raw: .max)) == .never)
    #expect(far.reached(.never) < .zero)
}

@Test("unpaced play never waits for a reader that may still sleep", arguments: [1 << 10, 1 << 16, 1 << 18])
func unpacedWakesReaders(capacity: Int) {
    let end = TapeEnd(capacity: capacity)
    let ingest = Ingest(
        feed: ScriptedFeed((0..<30_000).map { Int64($0) }), writer: Tape.Writer(end.tape),
        options: ReplayOptions(pace: .unpaced))
    // Nobody reads: it stops for want of readers, and the one that there is must not sleep then.
    var now = Instant(raw: 1), played: UInt64 = 1
    while played > 0 {
        let before = ingest.state.messages
        now = ingest.turn(now: Moment(instant: now, wall: Timestamp(raw: wall)))
        played = ingest.state.messages - before
    }
    #expect(!ingest.state.hasEnded && !end.reader.willSleep(untilBehindBy: .max))
}
