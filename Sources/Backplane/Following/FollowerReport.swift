// What a follower says about itself.
import Basics
import Market

extension Follower {
    func report(_ now: Moment) {
        guard now.instant >= reportDue else { return }
        reportDue = now.instant + .milliseconds(100)
        var report = BackplaneReport(role: "follow", engine: engine.description)
        report.fault =
            isSilent || (disconnectedAt.map { now.instant - $0 > Follower.patience } ?? false) ? fault : nil
        report.clock = clock.flatMap(FeedClock.init(rawValue:))
        report.source = source
        let traffic = engine.traffic
        var live = 0, wanted = 0, suspect = 0
        for symbol in symbols where symbol.isWanted {
            wanted += 1
            if symbol.phase == .live { live += 1 }
            if symbol.isSuspect { suspect += 1 }
        }
        report.figures = [
            .gauge("connected", "1 while there is a connection to the engine.", engine.isConnected ? 1 : 0),
            .gauge("symbols_followed", "Symbols that somebody here reads, or did a moment ago.", wanted),
            .gauge("symbols_live", "Those of them whose ticks come without a hole.", live),
            .gauge("symbols_suspect", "Those of them that readers were told not to trust.", suspect),
            .gauge("kept_bytes", "Bytes kept for symbols that are being joined.", keptBytes),
            .counter("connections", "Connections made to the engine.", traffic.connections),
            .counter("bytes_in", "Bytes read from the engine.", traffic.bytesIn),
            .counter("bytes_out", "Bytes written to the engine.", traffic.bytesOut),
            .counter("messages_in", "Messages read from the engine.", traffic.messagesIn),
            .counter("lives", "Publishers' lives that were met.", counts.lives),
            .counter("batches", "Symbols' batches applied.", counts.batches),
            .counter("ticks", "Ticks of these.", counts.ticks),
            .counter("joins", "Symbols joined that nobody here had read before.", counts.joins),
            .counter("gaps", "Holes found in a symbol's batches.", counts.gaps),
            .counter("mended", "Times that nothing was lost in the end.", counts.mended),
            .counter("restated", "Times that a state was put in place of another.", counts.restated),
            .counter("heads_lost", "Holes found in the publisher's heads.", counts.headsLost),
            .counter("refetches", "Pictures that were of no use.", counts.refetches),
            .counter("duplicates", "Batches and heads that came again.", counts.duplicates),
            .counter("strays", "Frames of a life that is not followed.", counts.strays),
            .counter("flaws", "Bytes that were no frame.", counts.flaws),
            .counter(
                "overflows", "Times that too much was kept for a symbol, and dropped.", counts.overflows),
        ]
        board.post(report)
    }
}
