// What people do to a replay while it plays: each of it leaves the state that playing would have left.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// Some of the real file: five hours in 10,000 messages.
private func stage(_ options: ReplayOptions = ReplayOptions(), _ recording: Recording = .itch) throws
    -> ReplayStage
{
    ReplayStage(try recording.feed(), options)
}

private let minute = Nanoseconds.seconds(60)

@Test(
    "while it is paused the source's clock stands still; afterwards it goes on from there",
    arguments: Seed.smoke.prefix(4))
func pauses(seed: Seed) throws {
    var random = seed.generator()
    for recording in [Recording.itch, .binance] {
        let stage = try stage(.of(.recorded(Speed(times: 60))), recording)
        stage.turns()
        let first = try #require(stage.report.from)
        var elapsed: Int64 = 0
        for _ in 0..<5 {
            let played = Nanoseconds(raw: Int64(random.below(recording == .itch ? 2_000_000_000 : 5_000_000)))
            stage.pass(played)
            elapsed += played.raw * 60
            stage.turns()
            stage.ask(.pause)
            stage.turn()
            let before = stage.report
            #expect(before.state == .paused && before.time == first + Nanoseconds(raw: elapsed))
            stage.pass(.seconds(random.below(4_000)))
            _ = stage.take()
            stage.turns()
            #expect(stage.report == before && stage.ticks.isEmpty)
            stage.ask(.resume)
            stage.turns()
            #expect(stage.report.state == .playing && stage.ticks.deltas.isEmpty)
        }
        // Everything so far, and nothing else, was played.
        let time = first + Nanoseconds(raw: elapsed + 1)
        let states = stage.snapshot().states
        let plain = Plain.states(try recording.feed(), at: time)
        #expect(states.fingerprint() == plain.fingerprint(), "\(seed), \(recording)")
    }
}

@Test(
    "a step plays exactly so many events, and it is paused then",
    arguments: [Pace.recorded(.recorded), .unpaced])
func steps(pace: Pace) throws {
    let stage = try stage(.of(pace))
    stage.ask(.pause)
    stage.turns()
    let times = Plain.ticks(try Recording.itch.feed()).times
    var played = 0
    for count in [1, 1, 2, 7, 100, 5_000] {
        stage.ask(.step(count: count))
        stage.turns()
        played += count
        let report = stage.report
        #expect(report.position == played && report.state == .paused && report.time == times[played - 1])
    }
    let plain = Plain.states(try Recording.itch.feed(), at: times[played])
    #expect(stage.snapshot().states.fingerprint() == plain.fingerprint())
    // Resumed, the clock goes on from the last of them.
    stage.ask(.resume)
    stage.turns()
    let due = times.count { $0 <= times[played - 1] }
    #expect(stage.report.position == UInt64(pace == .unpaced ? times.count : due))
}

@Test("another speed counts from where the clock stands")
func speedChanges() throws {
    let stage = try stage()
    stage.turns()
    let first = try #require(stage.report.from)
    var clock = first
    for (speed, seconds) in [(1_000, 10), (100_000, 20), (500, 100), (1_000_000, 3), (60_000, 10)]
        as [(Int64, Int)]
    {
        stage.ask(.speed(.thousandths(speed)))
        stage.turns()
        stage.pass(.seconds(seconds))
        stage.turns()
        clock = clock + Nanoseconds(raw: Int64(seconds) * speed * 1_000_000)
        #expect(stage.report.speed == .thousandths(speed))
        #expect(
            stage.snapshot().states.fingerprint()
                == Plain.states(try Recording.itch.feed(), at: clock + Nanoseconds(raw: 1)).fingerprint())
        // The snapshot took some time.
        stage.ask(.pause)
        stage.turn()
        clock = try #require(stage.report.time)
        stage.ask(.resume)
    }
    stage.ask(.speed(.max))
    stage.turns()
    #expect(stage.state.hasEnded && stage.report.position == 10_000)
    #expect(stage.ticks.deltas.isEmpty == false)
}

@Test(
    "a seek, whereto and whence ever, is a new epoch with the state that playing would have left",
    arguments: Recording.allCases, Seed.smoke.prefix(4))
func seeks(recording: Recording, seed: Seed) throws {
    let times = Plain.ticks(try recording.feed()).times
    var random = seed.generator()
    let pace = seed.raw % 2 == 0 ? Pace.unpaced : .recorded(Speed(times: 100))
    let stage = try stage(.of(pace), recording)
    stage.ask(.pause)
    stage.turns()
    var epoch: UInt32 = 1
    for _ in 0..<6 {
        // To an event, just behind one, before the first, and beyond the last.
        let place = random.below(times.count)
        let time = [
            times[place], times[place] + Nanoseconds(raw: 1), times[0] + .seconds(-5),
            times[times.count - 1] + minute,
        ][random.below(4)]
        _ = stage.take()
        stage.ask(.seek(.time(time)))
        stage.turns()
        epoch += 1
        #expect(stage.report.epoch == epoch && stage.report.state == .paused)
        let epochs = stage.ticks.filter { $0.kind == .epoch }
        #expect(epochs.allSatisfy { $0.aux == UInt64(epoch) } && !epochs.isEmpty)
        let at = max(time, times[0])
        let plain = Plain.states(try recording.feed(), at: at)
        // Symbols are known for good; of those that come later nothing else is.
        let known = Set(plain.map(\.symbol)), states = stage.ticks.states.unreceived
        #expect(states.filter { known.contains($0.symbol) }.fingerprint() == plain.fingerprint(), "\(seed)")
        #expect(!states.contains { !known.contains($0.symbol) && ($0.kind == .level || $0.kind == .trade) })
        #expect(stage.ticks.deltas.isEmpty && stage.report.time == at)
        // And on from there.
        let count = 1 + random.below(50), before = stage.report.position
        stage.ask(.step(count: count))
        stage.turns()
        #expect(stage.report.position == min(before + UInt64(count), UInt64(times.count)))
        #expect(stage.report.from == times[0])
    }
}

@Test("a seek by an offset counts from where the clock stands, and a seek from the end plays again")
func seekOffsets() throws {
    let stage = try stage(.of(.unpaced)), times = Plain.ticks(try Recording.itch.feed()).times
    #expect(stage.report.to == nil)
    stage.turns()
    #expect(stage.report.state == .ended && stage.report.position == 10_000)
    // Where a file ends is known once it was played.
    #expect(stage.report.to == times.last)
    stage.ask(.pause)
    stage.ask(.seek(.offset(Nanoseconds(raw: -600_000_000_000))))
    stage.turns()
    let time = try #require(times.last) + .seconds(-600)
    #expect(stage.report.state == .paused && stage.report.time == time)
    #expect(stage.report.position == UInt64(times.count { $0 < time }))
    stage.ask(.resume)
    stage.turns()
    #expect(stage.report.state == .ended && stage.report.position == 10_000)
    // Two seeks in one turn are one after the other.
    stage.ask(.seek(.time(times[0])))
    stage.ask(.seek(.offset(minute)))
    stage.ask(.pause)
    stage.turns()
    #expect(stage.report.time == times[0] + minute)
}

@Test(
    "back and forth to the same point is the same state, and plays on to the same end",
    arguments: Seed.smoke.prefix(3))
func backAndForth(seed: Seed) throws {
    var random = seed.generator()
    let recording = Recording.twoStocks, whole = Plain.ticks(try recording.feed())
    let point = whole.times[1_000 + random.below(3_000)]
    let stage = try stage(.of(.recorded(Speed(times: 1_000))), recording)
    stage.turns()
    var endings: Set<UInt64> = []
    for _ in 0..<3 {
        stage.ask(.seek(.time(whole.times[random.below(whole.times.count)])))
        stage.turns()
        stage.pass(.milliseconds(random.below(500)))
        stage.turns()
        stage.ask(.seek(.time(point)))
        _ = stage.take()
        stage.turn()
        stage.run(late: .milliseconds(1 + random.below(300)), &random)
        endings.insert(stage.take().filter { $0.kind != .epoch }.unreceived.fingerprint())
    }
    #expect(endings.count == 1, "\(seed)")
}
