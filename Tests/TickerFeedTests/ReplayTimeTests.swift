// When what is recorded goes out: from one anchor, without drift, silences cut, in the wall's time.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// Trades of one symbol at given times, as lines.
private func trades(_ times: [Int64]) throws -> InputFeed {
    let text = times.map { "{\"t\":\($0),\"sym\":\"A\",\"type\":\"trade\",\"price\":1,\"size\":1}\n" }
        .joined()
    return try Plain.feed(Array(text.utf8))
}

private let zero: Int64 = 1_600_000_000_000_000_000
private let millisecond: Int64 = 1_000_000

/// When each trade went out, after the first.
private func published(_ stage: ReplayStage) -> [Int64] {
    let times = stage.ticks.filter { $0.kind == .trade }.map(\.receiveTime.raw)
    return times.map { $0 - times[0] }
}

@Test("a hundred thousand events later nothing has drifted", arguments: [1, 10])
func noDrift(speed: Int) throws {
    var random = Seed(3).generator()
    let count = 100_000
    let times = (0..<count).map { zero + Int64($0) * millisecond }
    let stage = ReplayStage(try trades(times), .of(.recorded(Speed(times: speed))))
    // As late as a loaded machine may be: 3 ms on average, again and again.
    stage.run(late: .milliseconds(3), &random)
    let out = published(stage)
    #expect(out.count == count)
    let late = zip(out, times).map { $0 - ($1 - zero) / Int64(speed) }
    #expect(late.allSatisfy { $0 >= 0 && $0 <= 6 * millisecond })
    // As late at the end as at the beginning.
    #expect((late.suffix(1_000).max() ?? 0) <= 6 * millisecond)
}

@Test(
    "a silence that is too long is cut to what is wanted, and nothing else changes",
    arguments: Seed.smoke.prefix(4))
func gapMax(seed: Seed) throws {
    var random = seed.generator(), times = [zero], due: [Int64] = [0]
    for _ in 0..<400 {
        let gap = Int64(random.below(random.oneIn(10) ? 30_000 : 1_500)) * millisecond
        times.append(times[times.count - 1] + gap)
        due.append(due[due.count - 1] + min(gap, 1_000 * millisecond))
    }
    let plain = Plain.ticks(try trades(times)).ticks
    for late in [Nanoseconds.zero, .milliseconds(2)] {
        let stage = ReplayStage(try trades(times), .of(.recorded(.recorded)) { $0.gapMax = .seconds(1) })
        stage.run(late: late, &random)
        #expect(stage.ticks.unreceived.fingerprint() == plain.fingerprint(), "\(seed)")
        let late = zip(published(stage), due).map(-)
        #expect(late.allSatisfy { $0 >= 0 && $0 <= 4 * millisecond }, "\(seed), \(late.max() ?? 0)")
    }
}

@Test(
    "in the wall's time, each round by one constant: what happens first happens now",
    arguments: Seed.smoke.prefix(3))
func retimed(seed: Seed) throws {
    var random = seed.generator()
    for recording in [Recording.twoStocks, .binance, .capture] {
        let options = ReplayOptions.of(.recorded(Speed(times: 1_000))) {
            $0.retimes = true
            $0.loops = true
        }
        let stage = ReplayStage(try recording.feed(), options)
        stage.run(late: .milliseconds(20), &random, rounds: 3)
        let plain = Plain.ticks(try recording.feed()).ticks.filter { $0.kind == .trade || $0.kind == .level }
        let ours = stage.ticks.filter { $0.kind == .trade || $0.kind == .level }
        for round in 0..<2 {
            let part = ours[round * plain.count..<(round + 1) * plain.count]
            let shifts = Set(zip(part, plain).map { $0.eventTime - $1.eventTime })
            #expect(shifts.count == 1, "\(recording), round \(round)")
            let first = try #require(part.first)
            // At a thousand times the pace the wall's time runs behind by less than the round is long.
            #expect(first.eventTime >= first.receiveTime || recording == .binance)
        }
    }
}

// MARK: Silence

/// The feed's word on a symbol, by the seconds of the marks it came at.
private func feedStates(_ ticks: [Tick]) -> [String] {
    ticks.filter { $0.kind == .status }.map {
        "\(SymbolStatus(packed: $0.aux).feed.name) \(($0.eventTime.raw - zero) / 1_000_000_000)"
    }
}

@Test(
    "who falls silent is quiet after 8 times its usual gap, stale after 40, and live with the next word",
    arguments: [
        // Every second a trade for two minutes: its usual gap is a second.
        (every: 1, count: 120, silence: 100, states: ["quiet", "stale", "live"]),
        (1, 120, 25, ["quiet", "live"]), (1, 120, 7, []),
        // Every 20 s: nothing is said of it for 160 s.
        (20, 60, 150, []), (20, 60, 200, ["quiet", "live"]), (20, 60, 900, ["quiet", "stale", "live"]),
    ], Seed.smoke.prefix(2))
func silences(silence: (every: Int, count: Int, silence: Int, states: [String]), seed: Seed) throws {
    var random = seed.generator()
    let half = 500 * millisecond, second = 1_000 * millisecond
    var times = (0..<silence.count).map { zero + half + Int64($0 * silence.every) * second }
    let last = times[times.count - 1]
    times.append(last + Int64(silence.silence) * second)
    let plain = feedStates(Plain.ticks(try trades(times)).ticks)
    #expect(
        plain.map { String($0.split(separator: " ")[0]) }.suffix(silence.states.count) == silence.states[...])
    // The rhythm is known to an eighth after so many gaps; a mark stands at the next whole second.
    let from = (last - zero) / second
    for (state, times) in [("quiet", 8), ("stale", 40)] {
        guard let said = plain.last(where: { $0.hasPrefix(state) })?.split(separator: " ").last,
            let at = Int64(said)
        else { continue }
        let least = max(Int64(state == "quiet" ? 3 : 30), Int64(times * silence.every))
        #expect(at - from > least && at - from <= least * 9 / 8 + 3, "\(state) after \(at - from) s")
    }
    for stride in [Nanoseconds.zero, .milliseconds(700), .seconds(30)] {
        let stage = ReplayStage(try trades(times))
        // On the clock's own time: turns of any length say the same at the same marks.
        stage.run(late: stride, &random)
        #expect(feedStates(stage.ticks) == plain, "\(seed), \(stride)")
    }
}

@Test("in real time the silence is told when it is noticed, not with the next word")
func silenceIsTold() throws {
    let second = 1_000 * millisecond
    let times = (0..<60).map { zero + Int64($0) * second } + [zero + 1_000 * second]
    let stage = ReplayStage(try trades(times))
    stage.turns()
    stage.pass(.seconds(59))
    stage.turns()
    _ = stage.take()
    for _ in 0..<20 {
        stage.pass(.seconds(1))
        stage.turns()
    }
    #expect(feedStates(stage.ticks).first?.hasPrefix("quiet") == true)
    let tick = try #require(stage.ticks.first { $0.kind == .status })
    #expect(tick.receiveTime.raw - ReplayStage.wall - 7_000_000_000 == tick.eventTime.raw - zero)
}
