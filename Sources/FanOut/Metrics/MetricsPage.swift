// `/metrics`: what all loops counted, as OpenMetrics text (openmetrics.io, 1.0).
//
// Invariant: it is made of what loops share, so that whoever is asked can answer, a loop that is
// busy or not.
import Basics
import Market
import Wire

struct MetricsPage {
    private var text = ""
    private let loops: [Figures]
    private let sum: Figures

    static func response(
        _ figures: [Figures], _ turnstile: Turnstile, _ options: ServerOptions
    ) -> HTTPResponse {
        var page = MetricsPage(figures)
        page.addBuild()
        page.addConnections()
        page.addCloses()
        page.addRefusals()
        page.gauge("memory_tight", "1 while memory keeps new clients out.", turnstile.isMemoryTight ? 1 : 0)
        page.addMessages()
        page.addLags()
        page.addTape()
        page.addFeed(options.feedReport())
        if let report = options.recorderReport?() { page.addRecorder(report) }
        if let report = options.backplaneReport?() { page.addBackplane(report) }
        page.counter("log_lines_lost", "Log lines that nobody took.", options.log.lost)
        if let process = options.processReport?() { page.addProcess(process) }
        return HTTPResponse(
            status: 200,
            headers: ["Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8"],
            body: Array((page.text + "# EOF\n").utf8))
    }

    private init(_ loops: [Figures]) {
        self.loops = loops
        var sum = Figures()
        for figures in loops { sum += figures }
        self.sum = sum
    }

    private mutating func addBuild() {
        family("build", "info", "What runs.")
        sample("build_info{version=\"\(Release.number)\"}", 1)
    }

    private mutating func addConnections() {
        gauge("connections", "Open connections.", sum.connections)
        family("loop_connections", "gauge", "Open connections, by loop.")
        for (index, figures) in loops.enumerated() {
            sample("loop_connections{loop=\"\(index)\"}", figures.connections)
        }
        family("transport_connections", "gauge", "Open connections, by what carries messages there.")
        for transport in Transport.allCases {
            sample("transport_connections{transport=\"\(transport.name)\"}", sum.count(on: transport))
        }
        gauge("websockets", "Open WebSocket connections.", sum.count(on: .webSocket))
        gauge("subscriptions", "Subscriptions to a symbol's channel.", sum.subscriptions)
        counter("connections_opened", "Connections accepted.", sum.counters.opened)
        counter("connections_refused", "Connections closed for being too many.", sum.network.refused)
        counter("accept_errors", "Connections that could not be accepted.", sum.network.acceptErrors)
        counter("tls_handshakes", "TLS handshakes done.", sum.network.handshakes)
        counter(
            "tls_handshakes_resumed", "TLS handshakes that resumed a session.", sum.network.handshakesResumed)
        counter(
            "tls_handshakes_failed", "Connections whose first bytes were no TLS that is spoken here.",
            sum.network.handshakesFailed)
        counter("requests", "HTTP requests answered.", sum.counters.requests)
        counter("upgrades", "WebSocket handshakes accepted.", sum.counters.upgrades)
        counter("operations", "Client operations performed.", sum.counters.operations)
        counter("operations_refused", "Client operations above their rate.", sum.counters.operationsRefused)
        counter("tokens", "Tokens believed.", sum.counters.tokensAccepted)
        family("tokens_refused", "counter", "Tokens not believed, by reason.")
        for fault in TokenFault.allCases {
            sample("tokens_refused_total{reason=\"\(fault.rawValue)\"}", sum.counters.refused(fault))
        }
    }

    private mutating func addBackplane(_ report: BackplaneReport) {
        for figure in report.figures {
            let name = "backplane_\(figure.name)"
            family(name, figure.kind == .counter ? "counter" : "gauge", figure.help)
            let suffix = figure.kind == .counter ? "_total" : ""
            sample("\(name)\(suffix){role=\"\(report.role)\"}", figure.value)
        }
    }

    private mutating func addRefusals() {
        family("refusals", "counter", "What was refused, by the limit that was reached.")
        for limit in Refusal.allCases {
            let count =
                switch limit {
                case .connections: sum.network.refused + sum.counters.refusals(limit)
                case .descriptors: sum.network.refusedDescriptors
                default: sum.counters.refusals(limit)
                }
            sample("refusals_total{limit=\"\(limit.name)\"}", count)
        }
    }

    private mutating func addCloses() {
        family("closes", "counter", "Connections closed, by reason.")
        for reason in CloseReason.allCases {
            sample("closes_total{reason=\"\(reason.name)\"}", sum.counters.closed(reason))
        }
    }

    private mutating func addMessages() {
        let counters = sum.counters
        counter("messages", "Data messages handed to sockets.", counters.messages)
        counter("merged", "Versions replaced by newer ones before they were sent.", counters.merged)
        counter("gaps", "Gaps declared to subscribers.", counters.gaps)
        counter("encodes", "Bodies encoded; the rest was shared.", sum.encodes)
        counter("deflates", "Messages compressed; the rest was shared.", counters.deflates)
        counter("writes", "Writes to sockets.", counters.writes)
        counter("writes_blocked", "Writes that a full socket took in part.", counters.blocked)
        counter("sent_bytes", "Bytes the sockets took.", counters.bytes, unit: "bytes")
        counter("received_bytes", "Bytes that came from sockets.", sum.network.bytesIn, unit: "bytes")
        counter("turns", "Turns of all loops.", counters.turns)
    }

    /// One family, a label for each border that data crosses.
    private mutating func addLags() {
        family("lag_seconds", "histogram", "How long data waited, by hop.", unit: "seconds")
        for (hop, lags) in [
            ("tape", sum.counters.tapeLags), ("loop", sum.counters.loopLags),
            ("socket", sum.counters.socketLags),
        ] {
            for (bucket, bound) in Lags.bounds.enumerated() {
                let le = MetricsPage.seconds(bound)
                sample("lag_seconds_bucket{hop=\"\(hop)\",le=\"\(le)\"}", lags.cumulated(to: bucket))
            }
            sample("lag_seconds_bucket{hop=\"\(hop)\",le=\"+Inf\"}", lags.total)
            sample("lag_seconds_count{hop=\"\(hop)\"}", lags.total)
            line("tickerfeed_lag_seconds_sum{hop=\"\(hop)\"}", MetricsPage.seconds(Int64(clamping: lags.sum)))
        }
    }

    private mutating func addTape() {
        // Every loop has them all, but for one that is a turn late.
        gauge("symbols", "Symbols in the directory.", loops.map(\.symbols).max() ?? 0)
        family("feed_symbols", "gauge", "Symbols, by how far their feed can be trusted.")
        for state in FeedState.allCases {
            let count = loops.map { $0.feeds[Int(state.rawValue)] }.max() ?? 0
            sample("feed_symbols{feed=\"\(state.name)\"}", count)
        }
        counter("epochs", "New lives of the feed since the start.", loops.map(\.epochsBegun).max() ?? 0)
        counter("ticks_read", "Ticks read from the tape, by all loops.", sum.ticksRead)
        counter("tape_laps", "Times a loop was lapped by the tape.", sum.laps)
        counter("tape_ticks_lost", "Ticks skipped by laps, mended by snapshots.", sum.ticksLost)
    }

    private mutating func addFeed(_ report: FeedReport) {
        counter("feed_messages", "Messages of the source.", report.messages)
        counter("feed_ticks", "Ticks written to the tape.", report.ticks)
        family("feed_anomalies", "counter", "Messages the books could not take as they were, by kind.")
        for anomaly in report.anomaliesByKind {
            sample("feed_anomalies_total{kind=\"\(anomaly.name)\"}", anomaly.count)
        }
        counter("feed_rounds", "Rounds of the source played to its end.", report.rounds)
        gauge("feed_ended", "1 when the source has no more.", report.hasEnded ? 1 : 0)
        gauge("feed_faulty", "1 when the source cannot be read further.", report.fault == nil ? 0 : 1)
    }

    private mutating func addRecorder(_ report: RecorderReport) {
        gauge("recording", "1 while ticks are written into the journal.", report.isRecording ? 1 : 0)
        counter("recorded_ticks", "Ticks written into the journal.", report.ticks)
        counter("recorded_bytes", "Bytes written into the journal.", report.bytes, unit: "bytes")
        counter("recorded_batches", "Batches of ticks written into the journal.", report.batches)
        counter("recorded_snapshots", "Snapshots of all symbols in the journal.", report.snapshots)
        counter("recorded_segments", "Files of the journal begun.", report.segments)
        counter("recording_lost_ticks", "Ticks that are missing in the journal.", report.lostTicks)
        counter("recording_stops", "Times that writing the journal failed.", report.stops)
        counter("recording_laps", "Times that the tape lapped the recorder.", report.laps)
    }

    /// Under the names that dashboards know from other servers.
    private mutating func addProcess(_ report: ProcessReport) {
        standard("process_cpu_seconds", "counter", "CPU time of all threads.", unit: "seconds")
        line("process_cpu_seconds_total", MetricsPage.seconds(report.cpu.raw))
        standard("process_resident_memory_bytes", "gauge", "Memory held.", unit: "bytes")
        line("process_resident_memory_bytes", "\(report.residentBytes)")
        standard("process_open_fds", "gauge", "Open descriptors.")
        line("process_open_fds", "\(report.openDescriptors)")
        standard("process_max_fds", "gauge", "Descriptors there may be.")
        line("process_max_fds", "\(report.descriptorsMax)")
        standard("process_start_time_seconds", "gauge", "When it started.", unit: "seconds")
        line("process_start_time_seconds", MetricsPage.seconds(report.started.raw))
    }

    // MARK: Lines

    /// Nanoseconds as seconds, exactly.
    private static func seconds(_ raw: Int64) -> String {
        let digits = String(raw % 1_000_000_000)
        let fraction = String(repeating: "0", count: 9 - digits.count) + digits
        let kept = fraction.lastIndex { $0 != "0" }.map { fraction[...$0] } ?? "0"
        return "\(raw / 1_000_000_000).\(kept)"
    }

    private mutating func standard(_ name: String, _ type: String, _ help: String, unit: String? = nil) {
        line("# TYPE \(name)", type)
        if let unit { line("# UNIT \(name)", unit) }
        line("# HELP \(name)", help)
    }
    private mutating func family(_ name: String, _ type: String, _ help: String, unit: String? = nil) {
        standard("tickerfeed_\(name)", type, help, unit: unit)
    }
    private mutating func line(_ name: String, _ value: String) { text += "\(name) \(value)\n" }
    private mutating func sample(_ name: String, _ value: UInt64) { line("tickerfeed_\(name)", "\(value)") }
    private mutating func gauge(_ name: String, _ help: String, _ value: UInt64) {
        family(name, "gauge", help)
        sample(name, value)
    }
    private mutating func counter(_ name: String, _ help: String, _ value: UInt64, unit: String? = nil) {
        family(name, "counter", help, unit: unit)
        sample("\(name)_total", value)
    }
}
