// What is said of the feed: where the first of each kind of fault was, how far it has come, and at its
// end what was in it.
//
// Invariants
//   - A fault costs a line the first time, and a counter each time: a bad file is no flood.
//   - On a terminal a bar stands below the log while something with an end is read; elsewhere each
//     tenth of it is a line. What is played again and again has neither.
import Basics
import Market
import TickerFeed

/// Looks at ingest from the main thread, several times a second.
struct FeedWatch {
    private let log: Log
    private let path: String
    private let started: Instant
    private var painter: ProgressPainter
    private let isTerminal: Bool
    private let isEndless: Bool
    private var anomaliesTold = 0
    private var tenthsTold = 0
    private var faultTold: String?
    private var isEndTold = false
    private var areMissingTold = false

    init(_ log: Log, _ configuration: Configuration, now: Instant) {
        self.log = log
        path = configuration.feedName
        started = now
        isTerminal = Console.isTerminal(Console.errors)
        painter = ProgressPainter(descriptor: Console.errors, started: now)
        isEndless = configuration.replay.loops || configuration.feedPath == nil
    }

    /// How long until somebody would like to see a change.
    var interval: Nanoseconds { .milliseconds(isTerminal && !isEndless && !isEndTold ? 200 : 1_000) }

    mutating func look(at ingest: IngestThread, now: Instant) {
        tellAnomalies(ingest.state)
        let report = ingest.report()
        if let fault = report.fault, fault != faultTold {
            clearBar()
            log.write(.error, "feed_fault", ["reason": .text(fault)])
        }
        faultTold = report.fault
        if report.rounds > 0, !areMissingTold { tellMissing(ingest.state) }
        if report.hasEnded != isEndTold {
            isEndTold = report.hasEnded
            if isEndTold { tellEnd(ingest, report) }
        }
        if !report.hasEnded, !isEndless, let input = ingest.state.input { show(input, now) }
    }

    /// The process ends: what has not ended by itself is summed up, too.
    mutating func close(_ ingest: IngestThread, now: Instant) {
        look(at: ingest, now: now)
        clearBar()
        if !isEndTold { Console.write(summary(ingest, ingest.report())) }
    }

    // MARK: Lines

    private mutating func tellAnomalies(_ state: IngestState) {
        let firsts = state.firstAnomalies
        guard firsts.count > anomaliesTold else { return }
        clearBar()
        for first in firsts[anomaliesTold...] {
            log.write(
                .warning, "feed_anomaly",
                [
                    "kind": .text(first.anomaly.name), "file": .text(path),
                    "message": LogValue(first.message),
                    "offset": first.offset.map { LogValue($0) } ?? "unknown",
                    "cause": .text(first.reason),
                ])
        }
        anomaliesTold = firsts.count
    }

    /// Asked for by `--symbols`, and not in what was read from its beginning to its end.
    private mutating func tellMissing(_ state: IngestState) {
        areMissingTold = true
        let names = state.missingSymbols
        guard !names.isEmpty else { return }
        clearBar()
        log.write(
            .warning, "symbols_missing",
            ["file": .text(path), "symbols": .text(names.map { "\($0)" }.joined(separator: ","))])
    }

    private mutating func tellEnd(_ ingest: IngestThread, _ report: FeedReport) {
        clearBar()
        if report.fault == nil {
            log.write(
                .info, "feed_ended",
                [
                    "messages": LogValue(report.messages), "ticks": LogValue(report.ticks),
                    "anomalies": LogValue(report.anomalies),
                    "milliseconds": LogValue(ingest.state.elapsed.milliseconds),
                ])
        }
        Console.write(summary(ingest, report))
    }

    private func summary(_ ingest: IngestThread, _ report: FeedReport) -> String {
        FeedSummary(report, ingest.state.input, elapsed: ingest.state.elapsed).text
    }

    // MARK: Progress

    private mutating func show(_ input: InputReport, _ now: Instant) {
        var progress = Progress(
            "playing", of: input.bytesTotal.map { UInt64($0) }, started: started)
        progress.done = UInt64(input.bytesRead)
        if isTerminal {
            if let bar = painter.draw(progress, at: now) { Console.write(bar, to: Console.errors) }
        } else if let permille = progress.permille, permille / 100 > tenthsTold, permille < 1_000 {
            tenthsTold = permille / 100
            log.write(.info, "feed_progress", ["file": .text(path), "read": .text(progress.text(at: now))])
        }
    }

    private mutating func clearBar() {
        if let line = painter.finish() { Console.write(line, to: Console.errors) }
    }
}
