// Whether a recording keeps its time: a minute of it at its own speed, on the real clock, as the server
// plays it.
//
// A thread reads the tape as a loop does, woken by its bell, and looks at the clock for each batch: what
// it finds is a tick's distance from its due time, both threads' sleeps included.
import Basics
import CLinux
import Market
import Synchronization
import TickerFeed

struct ReplayBenchmark: Benchmark {
    private let path: String?
    private let seconds: Int
    private let from: Int
    private let runs: Int

    init(_ arguments: Arguments) throws(UsageError) {
        path = arguments.operands.dropFirst().first
        seconds = try arguments.number("seconds", 60, 1...86_400)
        from = try arguments.number("from", 0, 0...86_400)
        runs = try arguments.number("runs", 1, 1...1_000)
    }

    func run() throws {
        Console.write("\(Measure.machine)\n\n")
        Console.write(
            "| recording | events | ticks | recorded s | took s | due to read, median ms | p99 ms | greatest ms |\n"
        )
        Console.write("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
        for _ in 0..<runs { try playOnce() }
    }

    private func playOnce() throws {
        let feed: any Feed = try path.map { try InputFeed(FeedOptions(path: $0)) } ?? Minute(seconds)
        var options = ReplayOptions(pace: .recorded(.recorded))
        if path != nil {
            options.from = .offset(.seconds(from))
            options.to = .offset(.seconds(from + seconds))
        }
        let tape = Tape(capacity: 1 << 16), bell = try Doorbell()
        let watch = ReplayWatch(tape.makeReader(bell: bell), bell)
        let ingest = Ingest(feed: feed, writer: Tape.Writer(tape), options: options)
        let reader = try Thread("reader") { watch.run() }
        let played = play(ingest)
        watch.stop()
        reader.join()
        if let fault = ingest.state.fault { throw BenchError("\(fault)") }
        tell(feed, ingest.state, watch.seen, played)
    }

    /// When the clocks were tied together, and when the last event was published.
    private struct Played {
        var start = Instant.zero
        var recorded: Timestamp?
        var end = Instant.zero
    }

    /// As the server's thread does it.
    private func play(_ ingest: Ingest) -> Played {
        var played = Played()
        while !ingest.state.hasEnded {
            let turn = Moment.read(), messages = ingest.state.messages
            let next = ingest.turn(now: turn)
            let now = Moment.read().instant
            if played.recorded == nil, let time = ingest.state.replay.time {
                (played.start, played.recorded) = (turn.instant, time)
            }
            if ingest.state.messages > messages { played.end = now }
            guard next > now else { continue }
            ingest.wait(atMost: min(next - now, .milliseconds(50)))
        }
        return played
    }

    private func tell(_ feed: any Feed, _ state: IngestState, _ seen: [ReplayWatch.Seen], _ played: Played) {
        func milliseconds(_ raw: Int64?) -> String { Spread.text(Double(raw ?? 0) / 1_000_000, 3) }
        var late = Histogram()
        let recorded = played.recorded ?? .zero
        for tick in seen { late.record((tick.at - played.start).raw - (tick.due - recorded).raw) }
        let took = played.end - played.start
        let length = (seen.map(\.due).max() ?? recorded) - recorded
        Console.write(
            "| \(feed.description) | \(state.messages) | \(seen.count) "
                + "| \(Spread.text(Double(length.raw) / 1e9, 4)) | \(Spread.text(Double(took.raw) / 1e9, 4)) "
                + "| \(milliseconds(late.quantile(0.5))) | \(milliseconds(late.quantile(0.99))) "
                + "| \(milliseconds(late.greatest)) |\n")
    }
}

/// A simulated market's session of so many seconds, with an end.
private final class Minute: Feed {
    private let market = Simulator(seed: 1, start: Minute.start)
    private let end: Timestamp
    let description: String

    private static let start = Timestamp(raw: 1_600_000_000_000_000_000)

    init(_ seconds: Int) {
        end = Minute.start + .seconds(seconds)
        description = market.description
    }

    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        let step = market.play(upTo: min(time, end), limit: limit, received: received, into: &builder)
        if case .due(let next) = step.next, next > end { return FeedStep(played: step.played, next: .end) }
        return step
    }

    func rewind() -> Bool { market.rewind() }
}

/// Reads the tape like a loop, and looks when each tick comes. Its own thread's until that is joined.
private final class ReplayWatch: @unchecked Sendable {
    struct Seen {
        let due: Timestamp
        let at: Instant
    }
    private(set) var seen: [Seen] = []
    private let reader: TapeReader
    private let bell: Doorbell
    private let stopping = Atomic<Bool>(false)
    private let batch = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 4_096)

    init(_ reader: TapeReader, _ bell: Doorbell) {
        self.reader = reader
        self.bell = bell
        seen.reserveCapacity(1 << 20)
    }
    deinit { batch.deallocate() }

    func run() {
        while !stopping.load(ordering: .acquiring) {
            read()
            guard reader.willSleep(untilBehindBy: 1) else { continue }
            bell.wait(atMost: .milliseconds(50))
            bell.silence()
        }
        read()
    }

    func stop() {
        stopping.store(true, ordering: .releasing)
        bell.ring()
    }

    private func read() {
        while case .ticks(let count) = reader.read(into: batch) {
            let now = Moment.read().instant
            for index in 0..<count { note(batch[index], now) }
        }
    }

    private func note(_ tick: Tick, _ now: Instant) {
        // States tell again what was before; bars that are open at the end are closed before their time.
        guard tick.kind != .epoch, tick.kind != .barClose, !tick.flags.contains(.snapshot) else { return }
        seen.append(Seen(due: tick.eventTime, at: now))
    }
}
