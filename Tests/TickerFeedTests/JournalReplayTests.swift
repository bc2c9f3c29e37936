// What was recorded goes out again tick for tick: at any speed, from any point, round after round.
import Basics
import Foundation
import Journal
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// A journal of a recording's ticks, gone when `body` returns.
private func withJournal(
    of recording: Recording, _ body: (_ path: String, _ ticks: [Tick]) throws -> Void
) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let ticks = Plain.ticks(try recording.feed()).ticks
    let options = JournalWriter.Options(source: "test", clock: .replay, epoch: 1)
    let writer = try JournalWriter(try DiskFolder(folder), options, now: .zero)
    try writer.resume(now: .zero)
    try ticks.withUnsafeBufferPointer { try writer.write($0, now: .zero) }
    try writer.close(now: .zero)
    try body(folder, ticks)
}

@Test(
    "a journal gives the recorded ticks, whatever the speed and the turns",
    arguments: [Recording.twoStocks, .capture, .binanceTwo, .lines], Seed.smoke.prefix(2))
func journalTicks(recording: Recording, seed: Seed) throws {
    var random = seed.generator()
    try withJournal(of: recording) { path, ticks in
        for pace in [Pace.unpaced, .recorded(Speed(times: 1_000)), .recorded(Speed(times: 20_000))] {
            let stage = ReplayStage(try JournalFeed(path), .of(pace))
            stage.run(late: .milliseconds(100), &random)
            #expect(
                stage.ticks.unreceived.fingerprint() == ticks.unreceived.fingerprint(), "\(pace), \(seed)")
        }
    }
}

@Test(
    "each round of a journal is a new epoch and the first one again",
    arguments: [Recording.twoStocks, .lines])
func journalRounds(recording: Recording) throws {
    var random = Seed(1).generator()
    try withJournal(of: recording) { path, _ in
        let stage = ReplayStage(try JournalFeed(path), .of(.unpaced) { $0.loops = true })
        stage.run(&random, rounds: 4)
        let epochs = stage.ticks.filter { $0.kind == .epoch }.map(\.aux)
        #expect(epochs == [2, 3, 4])
        let rounds = stage.ticks.unreceived.split { $0.kind == .epoch }.map {
            $0.filter { $0.kind != .symbol }
        }
        for round in rounds.prefix(4) {
            #expect(round.deltas.fingerprint() == rounds[0].deltas.fingerprint())
        }
    }
}

@Test("where a journal ends is known before it is played, and --to is the end where it comes first")
func journalEnd() throws {
    try withJournal(of: .twoStocks) { path, ticks in
        let times = ticks.map(\.eventTime), middle = times[times.count / 2]
        for to in [nil, middle] {
            let options = ReplayOptions.of(.recorded(Speed(times: 1))) { $0.to = to.map { .time($0) } }
            let stage = ReplayStage(try JournalFeed(path), options)
            stage.turns()
            #expect(stage.report.state == .playing && stage.report.from == times.min())
            #expect(stage.report.to == to.map { Timestamp(raw: $0.raw - 1) } ?? times.max())
        }
    }
}

@Test(
    "a seek in a journal leaves the state that playing it would have left",
    arguments: [Recording.twoStocks, .capture, .binanceTwo, .lines], Seed.smoke.prefix(3))
func journalSeeks(recording: Recording, seed: Seed) throws {
    var random = seed.generator()
    try withJournal(of: recording) { path, ticks in
        let stage = ReplayStage(try JournalFeed(path))
        stage.ask(.pause)
        stage.turns()
        for _ in 0..<5 {
            let time = ticks[random.below(ticks.count)].eventTime
            _ = stage.take()
            stage.ask(.seek(.time(time)))
            stage.turns()
            let plain = Plain.states(try JournalFeed(path), at: time)
            let known = Set(plain.map(\.symbol)), states = stage.ticks.states.unreceived
            #expect(
                states.filter { known.contains($0.symbol) }.fingerprint() == plain.fingerprint(), "\(seed)")
        }
    }
}
