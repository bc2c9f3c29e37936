// What a publisher says about itself.
import Basics
import Market

extension Publisher {
    func report(_ now: Moment) {
        guard now.instant >= reportDue else { return }
        reportDue = now.instant + .milliseconds(100)
        var report = BackplaneReport(role: "publish", engine: engine.description)
        report.fault = fault
        let traffic = engine.traffic
        report.figures = [
            .gauge("connected", "1 while there is a connection to the engine.", engine.isConnected ? 1 : 0),
            .gauge("active", "1 while this node publishes; 0 on standby.", life == nil ? 0 : 1),
            .gauge("waiting_ticks", "Ticks that wait to be published.", waiting.count),
            .counter("connections", "Connections made to the engine.", traffic.connections),
            .counter("bytes_out", "Bytes written to the engine.", traffic.bytesOut),
            .counter("bytes_in", "Bytes read from the engine.", traffic.bytesIn),
            .counter("lives", "Times that this node became the one that publishes.", counts.lives),
            .counter("flushes", "Flushes published.", counts.flushes),
            .counter("batches", "Symbols' batches published.", counts.batches),
            .counter("ticks", "Ticks published.", counts.ticks),
            .counter("states", "Symbols told from the start.", counts.states),
            .counter("answers", "Questions answered.", counts.answers),
            .counter("laps", "Times that the tape lapped the publisher.", counts.laps),
            .counter(
                "overflows", "Times that too much waited for the engine, and all was told anew.",
                counts.overflows),
            .counter("refusals", "What the engine did not take.", counts.refusals),
        ]
        board.post(report)
    }
}
