// One feed, one tape, one ingest thread, some loop threads, and a main thread that waits for signals.
import Basics
import CLinux
import FanOut
import Market
import Synchronization
import TickerFeed
import Wire

struct Server {
    private let configuration: Configuration
    private let listener: Listener
    private let feed: any Feed
    private let limits: Limits

    /// Ticks between ingest and loops: 16 MiB, a quarter of a second at a million a second.
    private static let tapeCapacity = 1 << 18

    /// Opens the feed and the port: whatever can't be had is said before anything runs.
    init(_ configuration: Configuration) throws {
        self.configuration = configuration
        feed = try Server.open(configuration)
        listener = try Listener.bind(host: configuration.host, port: configuration.port)
        // A name may lead anywhere, whatever it looked like on the command line.
        guard !configuration.isBench || listener.isLoopback else {
            throw UsageError("--bench serves on loopback only, not on \(listener.address)")
        }
        if let name = configuration.congestion {
            do {
                try listener.setCongestionControl(name)
            } catch {
                throw UsageError(
                    "--congestion \(name): \(error.reason); "
                        + "/proc/sys/net/ipv4/tcp_available_congestion_control lists what this kernel has")
            }
        }
        limits = Server.fitted(configuration.limits, loops: configuration.loops)
    }

    private static func open(_ configuration: Configuration) throws -> any Feed {
        switch configuration.source {
        case .simulator(let scenario):
            scenario.makeFeed(seed: configuration.seed, start: Moment.read().wall)
        case .file(let path): try ITCHFileFeed(path: path, date: configuration.date)
        }
    }

    /// As many connections as there are descriptors, some kept back for files and the like, and two
    /// for each loop.
    private static func fitted(_ limits: Limits, loops: Int) -> Limits {
        var descriptors = rlimit()
        tf_get_descriptor_limit(&descriptors)
        descriptors.rlim_cur = descriptors.rlim_max
        tf_set_descriptor_limit(&descriptors)
        tf_get_descriptor_limit(&descriptors)
        var limits = limits
        let left = Int(clamping: descriptors.rlim_cur) - 64 - 2 * loops
        limits.connections = min(limits.connections, max(16, left))
        return limits
    }

    func run() throws {
        let tape = Tape(capacity: Server.tapeCapacity)
        let ends = try (0..<configuration.loops).map { _ in try LoopEnd(of: tape) }
        let ingest = IngestThread(feed: feed, tape: Tape.Writer(tape), configuration)
        var options = ServerOptions(
            server: "tickerd/\(Release.number)",
            epoch: UInt32(truncatingIfNeeded: Moment.read().wall.raw >> 20),
            feedReport: ingest.report)
        options.limits = limits
        options.allowedOrigins = configuration.allowedOrigins
        options.trustedProxies = configuration.trustedProxies
        options.servesMetrics = listener.isLoopback
        let loops = try FanOutLoops(options: options, listener: listener, ends: ends)

        // The first client finds symbols, however early it comes. A pipe may keep this waiting, so
        // signals still end the process here.
        ingest.begin()
        let signals = Server.blockSignals()
        _ = try Thread("ingest") { ingest.run() }
        let threads = try loops.start()
        announce()
        Server.wait(for: signals)
        ingest.stop()
        loops.stop()
        // Ingest owns nothing that has to be put in order, and may be waiting for a pipe.
        for thread in threads { thread.join() }
    }

    private func announce() {
        let address = listener.address
        Console.write("tickerd \(Release.number): \(feed.description)\n")
        Console.write("serving ws://\(address)/v1/stream and http://\(address)/\n")
        if configuration.isBench {
            Console.write(
                "--bench: limits are lifted (\(limits.operationsPerSecond) operations a second, "
                    + "\(limits.symbols) symbols a connection); not for the open internet\n")
        }
        if !listener.isLoopback {
            Tickerd.complain(
                "warning: everyone who reaches \(address) may read everything, unencrypted")
        }
    }

    // Blocked in all threads, so that only the main thread's wait sees them.
    private static func blockSignals() -> sigset_t {
        tf_ignore_broken_pipes()
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        return set
    }

    private static func wait(for signals: sigset_t) {
        var set = signals
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
    }
}

/// Ingest on a thread of its own: turns, and sleeps between them.
final class IngestThread: @unchecked Sendable {
    private let ingest: Ingest
    private let state: IngestState
    private let template: FeedReport
    private let openingTurns: Int
    private let stopping = Atomic<Bool>(false)
    /// The shortest sleep. A source that has something every microsecond would wake this thread as
    /// often as the kernel can: more than half of its CPU at a million updates a second.
    private let rest: Nanoseconds
    /// The longest sleep, so that stopping is prompt.
    private static let nap = Nanoseconds.milliseconds(50)

    init(feed: any Feed, tape: consuming Tape.Writer, _ configuration: Configuration) {
        template = IngestThread.report(feed, configuration)
        rest = configuration.pace == .live ? .microseconds(200) : .zero
        if case .simulator = configuration.source { openingTurns = 16 } else { openingTurns = 1 }
        ingest = Ingest(
            feed: feed, writer: tape, pace: configuration.pace, loop: configuration.repeats)
        state = ingest.state
    }

    private static func report(_ feed: any Feed, _ configuration: Configuration) -> FeedReport {
        let speed: Int64? =
            switch configuration.pace {
            case .recorded(let speed): speed.thousandths
            case .live: Speed.recorded.thousandths
            case .unpaced: nil
            }
        let clock = if case .simulator = configuration.source { "sim" } else { "replay" }
        return FeedReport(clock: clock, speedMilli: speed, source: feed.description)
    }

    /// The first turns, on the caller's thread, before there are others: a simulated market opens
    /// with all its symbols.
    func begin() {
        for _ in 0..<openingTurns {
            let now = Moment.read()
            if ingest.turn(now: now) > now.instant { break }
        }
    }

    func run() {
        while !stopping.load(ordering: .acquiring) {
            let next = ingest.turn(now: Moment.read())
            let now = Moment.read().instant
            guard next > now else { continue }
            IngestThread.sleep(min(max(next - now, rest), IngestThread.nap))
        }
    }

    func stop() { stopping.store(true, ordering: .releasing) }

    private static func sleep(_ span: Nanoseconds) {
        var time = timespec(tv_sec: Int(span.raw / 1_000_000_000), tv_nsec: Int(span.raw % 1_000_000_000))
        nanosleep(&time, nil)
    }

    @Sendable
    func report() -> FeedReport {
        var report = template
        report.messages = state.messages
        report.ticks = state.ticks
        report.anomalies = state.anomalies
        report.rounds = state.rounds
        report.hasEnded = state.hasEnded
        report.fault = state.fault?.description
        return report
    }
}
