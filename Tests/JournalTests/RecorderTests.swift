// The recorder between a tape and a disk, both of which may let it down.
import Basics
import CLinux
import Market
import Synchronization
import TestSupport
import Testing
import TickerFeed

@testable import Journal

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func count(_ word: String) -> Int { all.filter { $0.contains(word) }.count }
    var log: Log {
        Log(
            clock: { Moment(instant: .zero, wall: noon) },
            sink: { line in
                self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
                return true
            })
    }
}

private struct Rig {
    let source: Source
    let folder = MemoryFolder()
    let lines = Lines()
    let recorder: Recorder
    var now = Moment(instant: .zero, wall: noon)
    /// What ingest wrote and was no repetition, read by another reader.
    var ticks: [Tick] = []

    init(_ seed: Seed = Seed(1), sync: Recorder.Sync = .none, options: JournalWriter.Options = someOptions)
        throws
    {
        source = try Source(seed, recorded: true)
        let writer = try JournalWriter(folder, options, now: noon)
        recorder = Recorder(try #require(source.second), writer, sync: sync, log: lines.log)
    }

    mutating func play(_ steps: Int) {
        ticks += source.ticks(steps: steps).filter { !$0.flags.contains(.snapshot) }
    }

    @discardableResult
    mutating func turn(after milliseconds: Int = 0) -> Instant {
        now = Moment(
            instant: now.instant + .milliseconds(milliseconds), wall: now.wall + .milliseconds(milliseconds))
        return recorder.turn(now: now)
    }

    var report: RecorderReport { recorder.state.report("memory") }
}

@Test("what is on the tape is in the journal", arguments: Seed.smoke)
func recordsTheTape(seed: Seed) throws {
    var rig = try Rig(seed)
    for step in 0..<40 {
        rig.play(step * 3)
        rig.turn(after: 20)
    }
    rig.recorder.close(now: rig.now)
    let played = try Playback(rig.folder)
    #expect(played.ticks.map(\.plain) == rig.ticks.map(\.plain))
    #expect(played.isClosed && played.losses.isEmpty)
    #expect(rig.report.ticks == UInt64(rig.ticks.count) && rig.report.lostTicks == 0)
    let segments = rig.folder.files.filter { $0.key.hasSuffix(".tfj") }
    #expect(rig.report.bytes == UInt64(segments.values.reduce(0) { $0 + $1.count }))
}

@Test("a tick waits 50 ms at most, and many do not wait")
func patience() throws {
    var rig = try Rig()
    rig.turn()
    rig.play(10)
    #expect(rig.turn() == rig.now.instant + .milliseconds(50))
    #expect(rig.report.ticks == 0)
    #expect(rig.turn(after: 49) == rig.now.instant + .milliseconds(1))
    rig.turn(after: 1)
    #expect(rig.report.ticks == UInt64(rig.ticks.count))
    rig.play(5_000)
    rig.turn()
    #expect(rig.report.batches > 1)
}

@Test("snapshots that the tape repeats for others are not recorded")
func repeatedState() throws {
    var rig = try Rig()
    rig.play(200)
    rig.turn()
    rig.ticks += rig.source.snapshot().filter { !$0.flags.contains(.snapshot) }
    rig.play(200)
    rig.turn()
    rig.recorder.close(now: rig.now)
    #expect(try Playback(rig.folder).ticks.map(\.plain) == rig.ticks.map(\.plain))
}

@Test("a disk that is full at any call: recording stops and says so, goes on later, and loses what it says")
func fullDisk() throws {
    for call in 0..<40 {
        var rig = try Rig(Seed(UInt64(call)))
        rig.folder.change { $0.failsFrom = call }
        for _ in 0..<8 {
            rig.play(40)
            rig.turn(after: 60)
        }
        let hasStopped = !rig.report.isRecording
        #expect(rig.lines.count("recording_stopped") == (hasStopped ? 1 : 0))
        if hasStopped { #expect(rig.lines.count("No space left on device") == 1) }
        rig.folder.change { $0.failsFrom = nil }
        rig.turn(after: 4_000)
        #expect(rig.report.isRecording == !hasStopped)
        rig.turn(after: 2_000)
        #expect(rig.report.isRecording)
        rig.play(100)
        rig.turn(after: 60)
        rig.recorder.close(now: rig.now)

        let played = try Playback(rig.folder)
        #expect(played.losses.count == (hasStopped ? 1 : 0) && played.isClosed, "call \(call)")
        #expect(played.breaks.isEmpty, "call \(call): \(played.breaks)")
        let lost = Int(played.losses.first?.ticks ?? 0)
        #expect(played.ticks.count + lost == rig.ticks.count && rig.report.lostTicks == UInt64(lost))
        #expect(played.state.map(\.plain) == image(of: rig.ticks).snapshot().map(\.plain))
    }
}

@Test("a disk that fails and cannot even be mended costs a tail that is said")
func stubbornDisk() throws {
    var rig = try Rig()
    rig.play(100)
    rig.turn(after: 60)
    rig.turn(after: 60)
    rig.folder.change {
        $0.isStubborn = true
        $0.writeMax = 1_000
        $0.capacity = $0.files.values.reduce(0) { $0 + $1.count } + 2_500
        $0.code = EIO
    }
    rig.play(200)
    rig.turn(after: 60)
    rig.turn(after: 60)
    #expect(rig.lines.count("Input/output error") == 1)
    rig.folder.change { $0.capacity = .max }
    rig.turn(after: 5_000)
    rig.play(100)
    rig.recorder.close(now: rig.now)
    let played = try Playback(rig.folder)
    #expect(played.breaks.map(\.kind) == [.cut] && played.breaks[0].bytes == 2_500)
    #expect(played.losses.map(\.code) == [EIO] && played.losses.map(\.reason) == [.unwritable])
    #expect(played.state.map(\.plain) == image(of: rig.ticks).snapshot().map(\.plain))
}

@Test("a disk that stays full does not fill up with names")
func namesOfAFullDisk() throws {
    var rig = try Rig()
    rig.folder.change { $0.capacity = 100 }
    for _ in 0..<50 {
        rig.play(10)
        rig.turn(after: 6_000)
    }
    #expect(rig.folder.files.isEmpty)
    #expect(rig.lines.count("recording_stopped") >= 20)
}

@Test("a recorder that is lapped says what it lost and learns the state anew")
func lapped() throws {
    var rig = try Rig()
    rig.play(300)
    rig.turn(after: 60)
    rig.turn(after: 60)
    for _ in 0..<60 { rig.play(2_000) }
    rig.turn(after: 60)
    #expect(rig.lines.count("recorder_lapped") == 1 && !rig.report.isRecording)
    let isAsked = rig.source.builder.takeSnapshotRequest()
    #expect(isAsked)
    rig.ticks += rig.source.snapshot().filter { !$0.flags.contains(.snapshot) }
    rig.turn(after: 20)
    #expect(rig.report.isRecording && rig.report.laps == 1)
    rig.play(300)
    rig.turn(after: 60)
    rig.recorder.close(now: rig.now)
    let played = try Playback(rig.folder)
    #expect(played.losses.map(\.reason) == [.lapped])
    #expect(played.breaks.isEmpty && played.isClosed)
    #expect(played.state.map(\.plain) == rig.source.snapshot().map(\.plain))
}

@Test("once a second the disk is waited for, where that is wanted")
func synchronizes() throws {
    for (sync, times) in [(Recorder.Sync.none, 0), (.second, 3)] {
        var rig = try Rig(sync: sync)
        for _ in 0..<30 {
            rig.play(5)
            rig.turn(after: 100)
        }
        #expect(rig.folder.change { $0.synced } == times)
    }
}

@Test("a feed that tells all states anew in a new epoch is followed")
func newEpochBySnapshots() throws {
    var rig = try Rig()
    rig.play(300)
    rig.turn(after: 60)
    rig.turn(after: 60)
    func epoch(_ number: UInt64) -> Tick {
        Tick(.epoch, SymbolID(0), flags: [.snapshot, .endOfEvent], eventTime: noon, aux: number)
    }
    // Repeating the epoch that it began with is no news.
    rig.source.append(epoch(7))
    rig.turn(after: 60)
    #expect(rig.report.isRecording)
    rig.source.append(epoch(8))
    rig.turn(after: 60)
    #expect(!rig.report.isRecording)
    rig.source.append(epoch(8))
    _ = rig.source.snapshot()
    rig.turn(after: 60)
    #expect(rig.report.isRecording)
    rig.recorder.close(now: rig.now)
    let played = try Playback(rig.folder)
    #expect(played.losses.map(\.reason) == [.restated] && played.breaks.isEmpty)
    #expect(played.state.first?.kind == .epoch && played.state.first?.aux == 8)
    #expect(played.state.dropFirst().map(\.plain) == rig.source.snapshot().map(\.plain))
}
