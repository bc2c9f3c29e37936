// What was in a feed, for whoever played it: counts by type, anomalies, rate.
import Basics
import Market
import TickerFeed

/// A few lines of text:
///
///     feed ended: 3226 messages, 3990 ticks in 4.002 s, 806 messages/s
///       types      A 1340, D 1244, E 310, …
///       anomalies  none
struct FeedSummary {
    private let report: FeedReport
    private let input: InputReport?
    private let elapsed: Nanoseconds

    init(_ report: FeedReport, _ input: InputReport?, elapsed: Nanoseconds) {
        self.report = report
        self.input = input
        self.elapsed = elapsed
    }

    var text: String {
        var lines = ["feed \(ending): \(report.messages) messages, \(report.ticks) ticks in \(played)"]
        if report.rounds > 1 { lines.append(row("rounds", "\(report.rounds), and of the last one:")) }
        for (group, counts) in groups { lines.append(row(group, FeedSummary.told(counts))) }
        let anomalies = report.anomaliesByKind.filter { $0.count > 0 }.map { ($0.name, $0.count) }
        lines.append(row("anomalies", anomalies.isEmpty ? "none" : FeedSummary.told(anomalies)))
        return lines.joined(separator: "\n") + "\n"
    }

    private var ending: String {
        report.fault != nil ? "broken off" : report.hasEnded ? "ended" : "stopped"
    }

    private var played: String {
        let milliseconds = max(1, elapsed.raw / 1_000_000)
        let rate = UInt128(report.messages) * 1_000 / UInt128(milliseconds)
        let digits = String(milliseconds % 1_000)
        let thousandths = String(repeating: "0", count: 3 - digits.count) + digits
        return "\(milliseconds / 1_000).\(thousandths) s, \(rate) messages/s"
    }

    /// Counts with one beginning, up to the first dot, are one line.
    private var groups: [(name: String, counts: [(String, UInt64)])] {
        var groups: [(name: String, counts: [(String, UInt64)])] = []
        for count in input?.counts ?? [] where count.count > 0 {
            let parts = count.name.split(separator: ".", maxSplits: 1).map(String.init)
            if groups.last?.name != parts[0] { groups.append((parts[0], [])) }
            groups[groups.count - 1].counts.append((parts.count > 1 ? parts[1] : "all", count.count))
        }
        return groups
    }

    private static func told(_ counts: [(String, UInt64)]) -> String {
        counts.map { "\($0) \($1)" }.joined(separator: ", ")
    }

    private func row(_ name: String, _ text: String) -> String {
        "  \(name)\(String(repeating: " ", count: max(1, 18 - name.count)))\(text)"
    }
}
