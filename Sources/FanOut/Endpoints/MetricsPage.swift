// `/metrics`: what all loops counted, as OpenMetrics text (openmetrics.io, 1.0).
import Basics
import Market
import Wire

extension Shard {
    func metrics() -> HTTPResponse {
        place.board.pin(figures, loop: place.index)
        let loops = place.board.read()
        var sum = Figures()
        for figures in loops { sum += figures }
        var page = MetricsPage()
        addConnections(to: &page, sum, loops)
        addMessages(to: &page, sum)
        addTape(to: &page, sum)
        addFeed(to: &page, options.feedReport())
        return HTTPResponse(
            status: 200,
            headers: ["Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8"],
            body: Array((page.text + "# EOF\n").utf8))
    }

    private func addConnections(to page: inout MetricsPage, _ sum: Figures, _ loops: [Figures]) {
        let counters = sum.counters
        page.gauge("connections", "Open connections.", Int64(sum.connections))
        page.family("loop_connections", "gauge", "Open connections, by loop.")
        for (index, figures) in loops.enumerated() {
            page.sample("loop_connections{loop=\"\(index)\"}", figures.connections)
        }
        page.gauge("websockets", "Open WebSocket connections.", Int64(sum.webSockets))
        page.counter("connections_opened", "Connections accepted.", counters.opened)
        page.counter("connections_refused", "Connections closed for being too many.", sum.refused)
        page.counter("accept_errors", "Connections that could not be accepted.", sum.acceptErrors)
        page.counter("tls_handshakes", "TLS handshakes done.", sum.handshakes)
        page.counter(
            "tls_handshakes_resumed", "TLS handshakes that resumed a session.", sum.handshakesResumed)
        page.counter(
            "tls_handshakes_failed", "Connections whose first bytes were no TLS that is spoken here.",
            sum.handshakesFailed)
        page.counter("requests", "HTTP requests answered.", counters.requests)
        page.counter("upgrades", "WebSocket handshakes accepted.", counters.upgrades)
        page.counter("operations", "Client operations performed.", counters.operations)
        page.counter(
            "operations_refused", "Client operations above their rate.", counters.operationsRefused)
        page.family("closes", "counter", "Connections closed, by reason.")
        for reason in CloseReason.allCases {
            page.sample("closes_total{reason=\"\(reason.name)\"}", counters.closed(reason))
        }
    }

    private func addMessages(to page: inout MetricsPage, _ sum: Figures) {
        let counters = sum.counters
        page.counter("messages", "Data messages handed to sockets.", counters.messages)
        page.counter(
            "merged", "Versions replaced by newer ones before they were sent.", counters.merged)
        page.counter("gaps", "Gaps declared to subscribers.", counters.gaps)
        page.counter("encodes", "Bodies encoded; the rest was shared.", sum.encodes)
        page.counter("deflates", "Messages compressed; the rest was shared.", counters.deflates)
        page.counter("writes", "Writes to sockets.", counters.writes)
        page.counter("writes_blocked", "Writes that a full socket took in part.", counters.blocked)
        page.counter("sent_bytes", "Bytes the sockets took.", counters.bytes)
        page.counter("turns", "Turns of all loops.", counters.turns)
    }

    private func addTape(to page: inout MetricsPage, _ sum: Figures) {
        page.gauge("symbols", "Symbols in the directory.", Int64(view.directory.count))
        page.counter("ticks_read", "Ticks read from the tape, by all loops.", sum.ticksRead)
        page.counter("tape_laps", "Times a loop was lapped by the tape.", sum.laps)
        page.counter("tape_ticks_lost", "Ticks skipped by laps, mended by snapshots.", sum.ticksLost)
    }

    private func addFeed(to page: inout MetricsPage, _ report: FeedReport) {
        page.counter("feed_messages", "Messages of the source.", report.messages)
        page.counter("feed_ticks", "Ticks written to the tape.", report.ticks)
        page.counter("feed_anomalies", "Messages the books could not take as they were.", report.anomalies)
        page.counter("feed_rounds", "Rounds of the source played to its end.", report.rounds)
        page.gauge("feed_ended", "1 when the source has no more.", report.hasEnded ? 1 : 0)
        page.gauge("feed_faulty", "1 when the source cannot be read further.", report.fault == nil ? 0 : 1)
    }
}

private struct MetricsPage {
    var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# TYPE tickerfeed_\(name) \(type)\n# HELP tickerfeed_\(name) \(help)\n"
    }
    mutating func sample(_ name: String, _ value: some BinaryInteger) {
        text += "tickerfeed_\(name) \(value)\n"
    }
    mutating func gauge(_ name: String, _ help: String, _ value: Int64) {
        family(name, "gauge", help)
        sample(name, value)
    }
    mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        family(name, "counter", help)
        sample("\(name)_total", value)
    }
}
