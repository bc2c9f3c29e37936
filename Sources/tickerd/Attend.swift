// What the main thread does while others serve: it hears signals, and once a second it looks around.
import Basics
import FanOut
import Market
import TickerFeed

/// What runs beside the main thread.
struct Served {
    let loops: FanOutLoops
    let admin: AdminServer?
    let ingest: IngestThread
}

extension Server {
    /// How long loops may take to end once a second signal came: then the process goes without them.
    private static let abortTime = Nanoseconds.milliseconds(500)

    /// Until all loops have ended, or a second signal says that they need not.
    ///
    /// - Returns: the process's exit status.
    func attend(_ signals: Signals, _ served: Served) -> Int32 {
        let loops = served.loops
        var rule = SignalRule(), watch = Watch(log)
        var feed = FeedWatch(log, configuration, now: started.instant)
        while !loops.haveEnded {
            for signal in signals.wait(loops.ending, atMost: Int32(clamping: feed.interval.milliseconds)) {
                switch rule.take(signal) {
                case .reload: reload(served)
                case .drain: drain(loops)
                case .abort: return abort(signals, loops)
                case nil: break
                }
            }
            watch.look(at: loops.overview)
            feed.look(at: served.ingest, now: Moment.read().instant)
        }
        feed.close(served.ingest, now: Moment.read().instant)
        return Status.drained
    }

    private func drain(_ loops: FanOutLoops) {
        log.write(
            .info, "drain",
            [
                "connections": LogValue(loops.overview.connections),
                "milliseconds": LogValue(configuration.drain.milliseconds),
            ])
        loops.stop(drain: configuration.drain)
    }

    private func abort(_ signals: Signals, _ loops: FanOutLoops) -> Int32 {
        log.write(.warning, "abort", ["connections": LogValue(loops.overview.connections)])
        loops.abort()
        let end = Moment.read().instant + Server.abortTime
        while !loops.haveEnded, Moment.read().instant < end {
            _ = signals.wait(loops.ending, atMost: 50)
        }
        return Status.aborted
    }
}

/// What is worth a line although nobody who sees it may write one: it is found by comparing counters.
struct Watch {
    private let log: Log
    private var last = LoopsOverview()

    init(_ log: Log) { self.log = log }

    mutating func look(at overview: LoopsOverview) {
        tell("tape_lapped", .warning, overview.laps - last.laps)
        tell("connections_refused", .warning, overview.refused - last.refused)
        tell("out_of_descriptors", .warning, overview.refusedDescriptors - last.refusedDescriptors)
        tell("accept_errors", .warning, overview.acceptErrors - last.acceptErrors)
        if overview.isMemoryTight != last.isMemoryTight {
            log.bounded(.warning, "memory_tight", ["state": overview.isMemoryTight ? "begins" : "ends"])
        }
        last = overview
        log.sayHeldBack()
    }

    /// Strangers cause some of these: bounded, as what they cause directly.
    private func tell(_ event: StaticString, _ level: LogLevel, _ count: UInt64) {
        if count > 0 { log.bounded(level, event, ["count": LogValue(count)]) }
    }
}
