// Record, and replay: what clients were shown once they are shown again, tick for tick.
import Basics
import Market
import TestSupport
import Testing

@testable import Journal
@testable import TickerFeed

/// Ticks in order, but for those that repeat state for a reader that lost its place, and for when they came.
private struct Stream: Equatable {
    var ticks: [[UInt64]] = []

    mutating func take(_ tick: Tick) {
        guard !tick.flags.contains(.snapshot) else { return }
        var tick = tick
        tick.receiveTime = .zero
        ticks.append(tick.plain)
    }

    func hasPrefix(_ other: Stream) -> Bool { ticks.starts(with: other.ticks) }
    /// From the first event of that time or later on.
    func tail(from time: Timestamp) -> Stream {
        var beginsEvent = true
        for (index, tick) in ticks.enumerated() {
            if beginsEvent, Int64(bitPattern: tick[2]) >= time.raw {
                return Stream(ticks: Array(ticks[index...]))
            }
            beginsEvent = tick[0] >> 8 & UInt64(Tick.Flags.endOfEvent.rawValue) != 0
        }
        return Stream()
    }
}

/// A server without clients: ingest and its tape, and perhaps a recorder.
private final class Server {
    let ingest: Ingest
    private(set) var stream = Stream()
    private var image = MarketImage()
    /// Lives of the feed that were told.
    private(set) var epochs: [UInt64] = []
    private let reader: TapeReader
    private let recorder: Recorder?
    private let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 12)
    private var now = Moment(instant: .zero, wall: noon)

    init(
        _ feed: any Feed, from: ReplayTarget? = nil, recordingTo folder: MemoryFolder? = nil,
        segmentBytes: UInt64 = JournalWriter.segmentBytesStandard
    ) throws {
        let tape = Tape(capacity: 1 << 16)
        reader = tape.makeReader()
        var options = JournalWriter.Options(source: feed.description, clock: .replay, epoch: 1)
        options.segmentBytes = segmentBytes
        recorder = try folder.map { [now] folder in
            Recorder(tape.makeReader(), try JournalWriter(folder, options, now: now.wall), log: .silent)
        }
        var replay = ReplayOptions(pace: .unpaced)
        replay.from = from
        ingest = Ingest(feed: feed, writer: Tape.Writer(tape), options: replay)
    }
    deinit { buffer.deallocate() }

    func turn() {
        now = Moment(instant: now.instant + .milliseconds(7), wall: now.wall + .milliseconds(7))
        _ = ingest.turn(now: now)
        while case .ticks(let count) = reader.read(into: buffer) {
            for tick in buffer[..<count] { take(tick) }
        }
        _ = recorder?.turn(now: now)
    }

    private func take(_ tick: Tick) {
        stream.take(tick)
        image.apply(tick)
        if tick.kind == .epoch, epochs.last != tick.aux { epochs.append(tick.aux) }
    }

    /// Plays to the end, or for so many turns.
    func run(turns: Int = .max) {
        var left = turns
        while left > 0, !ingest.state.hasEnded {
            turn()
            left -= 1
        }
    }

    /// What all ticks came to, but for when they came, and which life of the feed it is.
    var state: [[UInt64]] {
        image.snapshot().filter { $0.kind != .epoch }.map { tick in
            var tick = tick
            tick.receiveTime = .zero
            return tick.plain
        }
    }

    func close() { recorder?.close(now: now) }
    func seek(to time: Timestamp) throws {
        try #require(ingest.control.ask(.seek(.time(time))).ticket != nil)
    }
}

extension Log {
    fileprivate static let silent = Log(clock: { Moment(instant: .zero, wall: noon) }, sink: { _ in true })
}

private func replay(_ folder: MemoryFolder) throws -> JournalFeed {
    try JournalFeed(JournalPlace(folder), description: "a test")
}

/// What there is to record.
private enum Session: CaseIterable, CustomTestStringConvertible {
    case itch, binance, gaps, halts

    var testDescription: String { "\(self)" }
    var turns: Int { self == .gaps || self == .halts ? 6 : .max }

    func feed() throws -> any Feed {
        switch self {
        case .itch: try InputFeed(FeedOptions(path: recordingPath("aapl-20200130-premarket.itch")))
        case .binance: try InputFeed(FeedOptions(path: recordingPath("btcusdt-20240808-binance.jsonl")))
        case .gaps:
            try simulator(
                "feed-gap", ["rate=9000", "gap=200ms", "gap-at=500ms", "gap-every=2s", "mend=500ms"])
        case .halts: try simulator("flash-crash", ["rate=200", "symbols=5"])
        }
    }

    private func simulator(_ name: String, _ settings: [String]) throws -> Simulator {
        var faults: [UsageError] = []
        let scenario = Scenario(name, settings: settings, faults: &faults)
        try #require(faults.isEmpty)
        return Simulator(scenario, seed: 3, start: noon)
    }
}

private func recordingPath(_ name: String) -> String {
    let folders = #filePath.split(separator: "/").dropLast(3)
    return "/" + folders.joined(separator: "/") + "/feeds/" + name
}

@Test(
    "what was recorded is replayed tick for tick", arguments: Session.allCases,
    [1 << 30, 150_000] as [UInt64])
private func identical(session: Session, segmentBytes: UInt64) throws {
    let folder = MemoryFolder()
    let live = try Server(session.feed(), recordingTo: folder, segmentBytes: segmentBytes)
    live.run(turns: session.turns)
    live.close()
    #expect(live.stream.ticks.count > 3_000)
    let segments = folder.files.keys.filter { $0.hasSuffix(".tfj") }.count
    // The shortest session fits into one record.
    #expect(segmentBytes > 1 << 20 ? segments == 1 : segments > (session == .binance ? 0 : 2))

    let again = try Server(try replay(folder))
    again.run()
    #expect(again.stream == live.stream)
    #expect(again.state == live.state)
    #expect(again.epochs.count <= 1)

    let audit = try JournalAudit(JournalPlace(folder))
    while try audit.step() {}
    #expect(audit.takeFaults() == [] && audit.counts.ticks == UInt64(live.stream.ticks.count))
}

@Test("how replay is cut into calls changes nothing", arguments: [1, 3, 700])
func chunks(limit: Int) throws {
    let folder = MemoryFolder()
    let live = try Server(Session.itch.feed(), recordingTo: folder, segmentBytes: 150_000)
    live.run()
    live.close()
    let tape = Tape(capacity: 1 << 16), reader = tape.makeReader(), feed = try replay(folder)
    var builder = BookBuilder(Tape.Writer(tape)), stream = Stream(), upTo = noon.raw % 1_000
    let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 12)
    defer { buffer.deallocate() }
    while true {
        let step = feed.play(upTo: Timestamp(raw: upTo), limit: limit, received: .zero, into: &builder)
        builder.publish()
        while case .ticks(let count) = reader.read(into: buffer) {
            buffer[..<count].forEach { stream.take($0) }
        }
        if step.next == .end { break }
        // Now and then up to a time at which nothing is due.
        if case .due(let due) = step.next { upTo = max(upTo, due.raw) }
    }
    #expect(stream == live.stream)
}

@Test("a journal that is still being written is replayed as far as it is")
func unfinished() throws {
    let folder = MemoryFolder()
    let live = try Server(Session.gaps.feed(), recordingTo: folder, segmentBytes: 300_000)
    var before = 0
    for _ in 0..<4 {
        live.turn()
        let again = try Server(try replay(folder))
        again.run()
        #expect(live.stream.hasPrefix(again.stream))
        #expect(again.stream.ticks.count >= before)
        before = again.stream.ticks.count
    }
    #expect(before > 5_000)
}

@Test("from any time on it is the tail of what was played from the start", arguments: Seed.smoke.prefix(3))
func fromAnyTime(seed: Seed) throws {
    var random = seed.generator()
    let folder = MemoryFolder()
    let live = try Server(Session.itch.feed(), recordingTo: folder, segmentBytes: 150_000)
    live.run()
    live.close()
    let times = live.stream.ticks.map { Int64(bitPattern: $0[2]) }
    for step in 0..<4 {
        // A tick's own time, or one between two.
        let time = Timestamp(raw: times[random.below(times.count)] + Int64(step % 2))
        let again = try Server(try replay(folder), from: .time(time))
        again.run()
        #expect(again.stream == live.stream.tail(from: time), "\(seed), \(time.utc)")
        #expect(again.state == live.state)
    }
}

@Test(
    "a recording that went back and forth is replayed with every life of the feed",
    arguments: Seed.smoke.prefix(3))
func epochs(seed: Seed) throws {
    var random = seed.generator()
    let folder = MemoryFolder(), feed = try Session.itch.feed()
    let whole = try Server(try Session.itch.feed())
    whole.run()
    let times = whole.stream.ticks.map { Int64(bitPattern: $0[2]) }
    let live = try Server(feed, recordingTo: folder, segmentBytes: 400_000)
    for _ in 0..<4 {
        live.run(turns: 1 + random.below(2))
        try live.seek(to: Timestamp(raw: times[random.below(times.count)]))
        live.turn()
    }
    live.run()
    live.close()
    #expect(live.epochs.count == 4)

    let played = try Playback(folder)
    #expect(played.losses.map(\.reason) == Array(repeating: .restated, count: 4))
    #expect(played.losses.allSatisfy { $0.ticks == 0 }, "states were told anew, and nothing was missed")
    let again = try Server(try replay(folder))
    again.run()
    #expect(again.stream == live.stream)
    #expect(again.epochs.count == 4)
    #expect(again.state == live.state)
}
