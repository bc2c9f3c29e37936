// One feed, one tape, one ingest thread, some loop threads, and a main thread that waits for signals.
import Backplane
import Basics
import CLinux
import FanOut
import Journal
import Market
import TickerFeed
import Wire

final class Server {
    let log: Log
    /// What holds now: as it was started, with what could be changed since.
    var configuration: Configuration
    let settings: Settings
    /// What the process was started with, and what holds now.
    let startArguments: Arguments
    var arguments: Arguments

    let started = Moment.read()
    private let listener: Listener
    let adminListener: Listener?
    private let adminToken: AdminToken?
    private let feed: any Feed
    /// Nil: nothing is recorded.
    private let journal: JournalWriter?
    /// Nil: nothing is published.
    private let publishing: (any PublishingEngine)?
    private let epoch = Moment.read().newEpoch
    private let limits: Limits
    /// Read anew by `reload()`, for the connections to come.
    let tls: TLSContext?

    /// Ticks between ingest and loops: 16 MiB, a quarter of a second at a million a second.
    private static let tapeCapacity = 1 << 18

    /// Opens the feed and the ports: whatever can't be had is said before anything runs.
    init(_ settings: Settings, _ arguments: Arguments, _ configuration: Configuration, log: Log) throws {
        self.settings = settings
        self.configuration = configuration
        self.log = log
        startArguments = arguments
        self.arguments = arguments
        tls = try configuration.loadTLS()
        feed = try Server.open(configuration, log)
        publishing = try configuration.publishing?.publishing()
        listener = try Server.listen(configuration)
        journal = try configuration.recording?.open(
            source: feed.description, clock: configuration.clock, epoch: epoch)
        adminToken = try Server.adminToken(configuration)
        adminListener = try Server.listenForAdmin(configuration, adminToken)
        limits = Server.fitted(configuration.limits, loops: configuration.loops)
    }

    /// - Throws: what the feed has to say against it.
    static func open(_ configuration: Configuration, _ log: Log = .none) throws -> any Feed {
        switch configuration.source {
        case .engine(let place):
            return try FollowedFeed(
                try place.following(), wanted: configuration.replay.symbols,
                seed: UInt64(truncatingIfNeeded: Moment.read().wall.raw), log: log)
        case .simulator(let scenario):
            return scenario.makeFeed(seed: configuration.seed, start: Moment.read().wall)
        case .file(let path): return try open(path, configuration)
        }
    }

    /// A journal's folder or segment, or an input in any format.
    static func open(_ path: String, _ configuration: Configuration) throws(FeedError) -> any Feed {
        if JournalFeed.recognises(path) { return try JournalFeed(path) }
        return try InputFeed(configuration.inputOptions(path))
    }

    static func listen(_ configuration: Configuration) throws -> Listener {
        let listener = try Listener.bind(host: configuration.host, port: configuration.port)
        // A name may lead anywhere, whatever it looked like on the command line.
        try configuration.checkExposure(listener)
        guard !configuration.isBench && !configuration.isEcho || listener.isLoopback else {
            let option = configuration.isBench ? "--bench" : "--test-echo"
            throw UsageError("\(option) serves on loopback only, not on \(listener.address)")
        }
        guard !configuration.takesReplayCommands || configuration.verifier != nil || listener.isLoopback
        else {
            throw UsageError(
                "--replay-control wants --token-key, or to listen on loopback only, not on \(listener.address)"
            )
        }
        guard let name = configuration.congestion else { return listener }
        do {
            try listener.setCongestionControl(name)
        } catch {
            throw UsageError(
                "--congestion \(name): \(error.reason); "
                    + "/proc/sys/net/ipv4/tcp_available_congestion_control lists what this kernel has")
        }
        return listener
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

    /// - Returns: the process's exit status.
    func run() throws -> Int32 {
        let tape = Tape(capacity: Server.tapeCapacity)
        let ends = try (0..<configuration.loops).map { _ in try LoopEnd(of: tape) }
        let recorder = try makeRecorder(tape)
        let publisher = try makePublisher(tape)
        let ingest = IngestThread(
            feed: feed, tape: Tape.Writer(tape), options: configuration.replay, clock: configuration.clock,
            epoch: epoch)
        let options = options(ingest, recorder, publisher)
        let loops = try FanOutLoops(options: options, listener: listener, ends: ends, tls: tls)

        // The first client finds symbols, however early it comes. A pipe may keep this waiting, so
        // signals still end the process here.
        ingest.begin()
        let signals = try Signals()
        try recorder?.start()
        try publisher?.start()
        try ingest.start()
        let threads = try loops.start()
        let admin = try startAdmin(loops, options)
        announce()
        let status = attend(signals, Served(loops: loops, admin: admin, ingest: ingest))
        ingest.stop()
        publisher?.stop()
        recorder?.stop()
        // Ingest owns nothing that has to be put in order, and may be waiting for a pipe.
        if status == Status.drained { for thread in threads { thread.join() } }
        log.write(.info, "stopped", ["status": LogValue(status)])
        return status
    }

    private func makeRecorder(_ tape: Tape) throws -> RecorderThread? {
        guard let journal, let recording = configuration.recording else { return nil }
        return try RecorderThread(tape, journal, recording, log: log)
    }

    private func makePublisher(_ tape: Tape) throws -> PublisherThread? {
        guard let publishing, let place = configuration.publishing else { return nil }
        var options = Publisher.Options(
            epoch: epoch, clock: configuration.clock, source: feed.description,
            holder: "\(String(epoch, radix: 16))-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        options.interval = place.interval
        return try PublisherThread(tape, publishing, options, log: log)
    }

    private func startAdmin(_ loops: FanOutLoops, _ options: ServerOptions) throws -> AdminServer? {
        guard let adminListener else { return nil }
        let admin = try AdminServer(
            listener: adminListener, loops: loops, options: options, token: adminToken, tls: adminTLS)
        _ = try Thread("admin") { admin.run() }
        return admin
    }

    /// On loopback nobody listens in, and whoever scrapes there need not know the certificate.
    private var adminTLS: TLSContext? { adminListener?.isLoopback == false ? tls : nil }

    private func options(
        _ ingest: IngestThread, _ recorder: RecorderThread?, _ publisher: PublisherThread?
    ) -> ServerOptions {
        var options = ServerOptions(
            server: "tickerd/\(Release.number)", epoch: epoch, feedReport: ingest.report)
        if let recorder { options.recorderReport = recorder.report }
        if let board = publisher?.board ?? (feed as? FollowedFeed)?.board {
            options.backplaneReport = { board.report }
        }
        options.interest = (feed as? FollowedFeed)?.interest
        options.processReport = { [started] in ProcessReport.read(started: started.wall) }
        if configuration.replay.pace != .live { options.replay = ingest.control }
        options.limits = limits
        options.allowedOrigins = configuration.allowedOrigins
        options.trustedProxies = configuration.trustedProxies
        options.verifier = configuration.verifier
        options.takesReplayCommands = configuration.takesReplayCommands
        options.servesDashboard = configuration.servesDashboard
        options.servesMetrics = listener.isLoopback
        options.servesEcho = configuration.isEcho
        options.log = log
        return options
    }

    private func announce() {
        let address = listener.address
        Console.write("tickerd \(Release.number): \(feed.description)\n")
        let s = tls == nil ? "" : "s"
        Console.write("serving ws\(s)://\(address)/v1/stream and http\(s)://\(address)/\n")
        if let folder = configuration.recording?.folder { Console.write("recording into \(folder)\n") }
        if let publishing { Console.write("publishing to \(publishing.description)\n") }
        if let adminListener {
            Console.write("admin http\(adminTLS == nil ? "" : "s")://\(adminListener.address)/\n")
        }
        log.write(
            .info, "start",
            [
                "version": "\(Release.number)", "feed": .text(feed.description), "listen": "\(address)",
                "admin": .text(adminListener?.address.description ?? "none"),
                "loops": LogValue(configuration.loops), "connections_max": LogValue(limits.connections),
                "readers": configuration.readers,
            ])
        if let tls {
            Console.write("TLS 1.2 and 1.3 with \(tls.certificate)\n")
            tellTLSWarnings()
        }
        if configuration.isBench {
            log.write(
                .warning, "bench",
                [
                    "operations_per_second": LogValue(limits.operationsPerSecond),
                    "symbols": LogValue(limits.symbols),
                    "note": "limits are lifted; not for the open internet",
                ])
        }
        if configuration.takesReplayCommands {
            log.write(
                .info, "replay-control",
                [
                    "movers": configuration.verifier == nil ? "everybody" : "tokens with \"replay\":true",
                    "note": "who may, moves the replay for all clients",
                ])
        }
        tellExposedEngines()
        if configuration.isEcho {
            log.write(
                .warning, "test-echo",
                [
                    "url": "ws://\(address)/echo",
                    "note": "everything is sent back, at any rate; not for the open internet",
                ])
        }
        if !listener.isLoopback, tls == nil {
            log.write(
                .warning, "exposed",
                [
                    "listen": "\(address)",
                    "note":
                        "--insecure: all that passes, tokens too, can be read and changed on its way; without --token-key everyone who reaches this address may read everything",
                ])
        }
    }

    private func tellExposedEngines() {
        var places = configuration.publishing.map { [$0] } ?? []
        if case .engine(let place) = configuration.source { places.append(place) }
        for place in places where place.isExposed {
            log.write(
                .warning, "engine_exposed",
                [
                    "engine": .text(place.url.description),
                    "note": "not encrypted: who is between can read and change prices, and read the secret",
                ])
        }
    }
}
