// The same recording and options give the same ticks, at any speed, in any pieces, from any point.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let speeds: [Pace] = [
    .recorded(Speed(thousandths: 500)), .recorded(.recorded), .recorded(Speed(times: 10)),
    .recorded(Speed(times: 1_000)), .unpaced,
]

/// So long that a recording takes a few hundred turns, whatever its speed.
private func stride(_ times: [Timestamp], _ pace: Pace) -> Nanoseconds {
    guard pace != .unpaced, let first = times.first, let last = times.last else { return .milliseconds(1) }
    return Nanoseconds(raw: (last - first).raw / 300 * 1_000 / pace.speed.thousandths)
}

@Test(
    "neither speed, nor how late a turn is, nor how bytes come changes a tick",
    arguments: Recording.allCases, Seed.smoke.prefix(3))
func sameTicks(recording: Recording, seed: Seed) throws {
    let plain = Plain.ticks(try recording.feed())
    var random = seed.generator()
    for pace in speeds {
        let stage = ReplayStage(try recording.feed(cutBy: seed), .of(pace))
        stage.run(late: stride(plain.times, pace), &random)
        let ticks = stage.ticks.unreceived
        #expect(ticks.count == plain.ticks.count, "\(seed), \(pace)")
        try #require(ticks.fingerprint() == plain.ticks.fingerprint(), "\(seed), \(pace)")
    }
}

@Test(
    "each round of a recording is like its first, in the same epoch, and numbers go on",
    arguments: Seed.smoke.prefix(2))
func roundsOfRecordings(seed: Seed) throws {
    var random = seed.generator()
    for recording in [Recording.twoStocks, .capture, .lines, .binanceTwo] {
        let times = Plain.ticks(try recording.feed()).times
        for pace in [Pace.unpaced, .recorded(Speed(times: 100))] {
            let options = ReplayOptions.of(pace) { $0.loops = true }
            let stage = ReplayStage(try recording.feed(cutBy: seed), options)
            stage.run(late: stride(times, pace), &random, rounds: 4)
            expectNumbersWithoutGap(stage.ticks)
            #expect(stage.report.epoch == 1 && !stage.ticks.contains { $0.kind == .epoch })
            // What empties the books, and trusts them again, is no part of a round.
            let parts = stage.ticks.split { $0.kind == .clear && $0.aux == 0 }
                .map { Array($0.drop { $0.kind != .symbol }) }.filter { !$0.isEmpty }
            #expect(parts.count == 4, "\(recording), \(pace)")
            for part in parts.prefix(3) {
                #expect(
                    part.fingerprint(timeless: true) == parts[0].fingerprint(timeless: true), "\(recording)")
            }
        }
    }
}

@Test(
    "each round from a point is a new epoch, and is the first one number by number",
    arguments: Seed.smoke.prefix(3))
func roundsFromAPoint(seed: Seed) throws {
    var random = seed.generator()
    for recording in [Recording.twoStocks, .capture, .lines, .binanceTwo] {
        let times = Plain.ticks(try recording.feed()).times
        let from = times[random.below(times.count / 2)]
        let options = ReplayOptions.of(.recorded(Speed(times: 1_000))) {
            $0.loops = true
            $0.from = .time(from)
        }
        let stage = ReplayStage(try recording.feed(cutBy: seed), options)
        stage.run(late: stride(times, options.pace), &random, rounds: 4)
        let epochs = stage.ticks.filter { $0.kind == .epoch }.map(\.aux)
        #expect(epochs == [1, 2, 3, 4], "\(recording)")
        let rounds = stage.ticks.unreceived.split { $0.kind == .epoch }
        for round in rounds.prefix(3) {
            #expect(Array(round).fingerprint() == Array(rounds[0]).fingerprint(), "\(recording)")
        }
    }
}

// MARK: Ranges

@Test(
    "a range is half open, and at its beginning all is known that playing would have told",
    arguments: Recording.allCases, Seed.smoke)
func ranges(recording: Recording, seed: Seed) throws {
    let plain = Plain.ticks(try recording.feed())
    var random = seed.generator()
    let first = random.below(plain.times.count - 1)
    let from = plain.times[first], to = plain.times[first + random.below(plain.times.count - first)]
    let options = ReplayOptions.of(seed.raw % 2 == 0 ? .unpaced : .recorded(Speed(times: 100))) {
        $0.from = .time(from)
        $0.to = .time(to)
    }
    let stage = ReplayStage(try recording.feed(cutBy: seed), options)
    stage.run(late: stride(plain.times, options.pace), &random)
    let before = Plain.states(try recording.feed(), at: from)
    #expect(stage.ticks.states.unreceived.fingerprint() == before.fingerprint(), "\(seed)")
    // Playing on from there, with the same numbers; `to` itself is the first that is not played.
    let rest = try Recording.ticks(from: from, to: to, of: recording)
    let played = stage.ticks.deltas.unreceived
    #expect(Array(played.withoutLastMarks) == Array(rest.withoutLastMarks), "\(seed)")
    #expect(stage.report.position <= plain.times.count && stage.state.hasEnded)
}

extension Recording {
    /// What plain playing says between two of the source's times.
    fileprivate static func ticks(from: Timestamp, to: Timestamp, of recording: Recording) throws -> [Tick] {
        let end = TapeEnd(), feed = try recording.feed()
        var builder = end.makeBuilder(), ticks: [Tick] = []
        feed.playAll(upTo: Timestamp(raw: from.raw - 1), into: &builder) { builder in
            builder.publish()
            _ = end.drain()
        }
        builder.advance(to: from, received: .zero)
        builder.publish()
        _ = end.drain()
        feed.playAll(upTo: Timestamp(raw: to.raw - 1), into: &builder) { builder in
            builder.publish()
            ticks += end.drain()
        }
        return ticks.unreceived
    }
}

@Test(
    "a range by offsets counts from the first event; beyond the recording it is its nearer end",
    arguments: [
        (from: 0, to: 1 << 40, played: 3_000), (-5, 1 << 40, 3_000), (1 << 50, 1 << 41, 0), (0, 0, 0),
    ])
func rangeOffsets(from: Int, to: Int, played: Int) throws {
    let bytes = try Recording.itch.bytes(),
        options = ReplayOptions.of {
            $0.from = .offset(Nanoseconds(raw: Int64(from)))
            $0.to = .offset(Nanoseconds(raw: Int64(to) &* 1_000))
        }
    // The first 3,000 messages.
    let head = Capture.messages(in: [UInt8](repeating: 0, count: 20) + bytes).prefix(3_000).flatMap(\.framed)
    let stage = ReplayStage(try Plain.feed(head), options)
    var random = Seed(1).generator()
    stage.run(&random)
    let whole = Plain.ticks(try Plain.feed(head)).ticks
    #expect(
        stage.ticks.deltas.filter { $0.kind == .trade }.count
            == (played > 0 ? whole.filter { $0.kind == .trade }.count : 0))
    #expect(stage.state.messages == UInt64(played))
}

// MARK: Symbols

@Test("a symbol that was asked for and never came is told at the end, and not before")
func missingSymbols() throws {
    let feed = try Recording.twoStocks.feed()
    let known = try #require(Plain.ticks(try Recording.twoStocks.feed()).ticks.first { $0.kind == .symbol })
    let zzzz = try #require(SymbolName("ZZZZ")), nope = try #require(SymbolName("NOPE"))
    let options = ReplayOptions.of(.unpaced) {
        $0.symbols = [known.definition.name, zzzz, nope]
    }
    let stage = ReplayStage(feed, options)
    #expect(stage.ingest.state.missingSymbols.isEmpty)
    var random = Seed.smoke[0].generator()
    stage.run(late: .milliseconds(1), &random)
    #expect(stage.ingest.state.missingSymbols == [nope, zzzz])
}

@Test(
    "who asks for one symbol gets its ticks and no others",
    arguments: [Recording.twoStocks, .binanceTwo, .lines], Seed.smoke.prefix(2))
func oneSymbol(recording: Recording, seed: Seed) throws {
    let whole = Plain.ticks(try recording.feed()).ticks
    var random = seed.generator()
    let names = whole.filter { $0.kind == .symbol }.map(\.definition.name)
    for wanted in Set(names) {
        let options = ReplayOptions.of(seed.raw % 2 == 0 ? .unpaced : .recorded(Speed(times: 1_000))) {
            $0.symbols = [wanted]
        }
        let stage = ReplayStage(try recording.feed(cutBy: seed), options)
        stage.run(late: .milliseconds(5), &random)
        let id = try #require(whole.first { $0.kind == .symbol && $0.definition.name == wanted }?.symbol)
        let theirs = whole.filter { $0.symbol == id }.map { tick in
            var tick = tick
            tick.head &= 0xffff_ffff  // alone it has the number 0
            return tick
        }
        let ours = stage.ticks.unreceived
        #expect(ours.count == theirs.count, "\(wanted), \(seed)")
        #expect(ours.fingerprint() == theirs.fingerprint(), "\(wanted), \(seed)")
    }
}
