// What a load run found, as numbers and as lines for people.
import Basics

/// Milliseconds below which a share of all messages were, by a histogram of nanoseconds.
struct Quantiles {
    let count: UInt64
    let p50, p90, p99, p999, greatest: Double

    /// Nil where nothing was recorded.
    init?(_ histogram: borrowing Histogram) {
        guard histogram.count > 0 else { return nil }
        func milliseconds(_ share: Double, _ histogram: borrowing Histogram) -> Double {
            Double(histogram.quantile(share) ?? 0) / 1e6
        }
        count = histogram.count
        p50 = milliseconds(0.5, histogram)
        p90 = milliseconds(0.9, histogram)
        p99 = milliseconds(0.99, histogram)
        p999 = milliseconds(0.999, histogram)
        greatest = milliseconds(1, histogram)
    }

    var text: String {
        "p50 \(Spread.text(p50, 1)), p90 \(Spread.text(p90, 1)), p99 \(Spread.text(p99, 1)), "
            + "p99.9 \(Spread.text(p999, 1)), max \(Spread.text(greatest, 1)) ms (\(count) samples)"
    }
}

/// Bytes of the server's memory on the way.
struct MemorySteps {
    /// Before anybody connected, after all had, and after all had subscribed.
    var before, connected, subscribed: Int
    /// When measuring began and ended.
    var start = 0, end = 0

    /// Bytes a connection, with and without its subscriptions.
    func perConnection(_ count: Int) -> (connected: Int, subscribed: Int) {
        ((connected - before) / max(1, count), (subscribed - before) / max(1, count))
    }
}

struct LoadResult {
    var connections = 0
    var span = Nanoseconds.zero
    var isPartial = false
    var healthy = Tally()
    var slow = Tally()
    /// Messages a second that healthy subscribers were owed.
    var expected: Double?
    var cpu: ProcessUsage.CPU?
    /// The fleet's own: where it is late, ages are its own too.
    var fleet = ProcessUsage.CPU()
    var memory: MemorySteps?
    var ages: Quantiles?
    var slowAges: Quantiles?
    var hops: [(name: String, ages: Quantiles?)] = []
    var gaps: UInt64 = 0
    var replaced = 0
    var closedByServer = 0

    private var seconds: Double { max(1e-9, Double(span.raw) / 1e9) }
    /// All that the server delivered: what slow subscribers took costs it as much.
    private var messages: Double { Double(healthy.messages + slow.messages) }
    var rate: Double { Double(healthy.messages) / seconds }
    var bytesAMessage: Double { Double(healthy.bytes) / Double(max(1, healthy.messages)) }
    var messagesARead: Double { Double(healthy.messages) / Double(max(1, healthy.receives)) }
    /// Shares of one core.
    var loopShare: Double { Double(cpu?.loops ?? 0) / Double(max(1, span.raw)) }
    var ingestShare: Double { Double(cpu?.ingest ?? 0) / Double(max(1, span.raw)) }
    var fleetShare: Double { Double(fleet.loops) / Double(max(1, span.raw)) }
    var fleetWaited: Double { Double(fleet.loopsWaited) / Double(max(1, span.raw)) }
    /// µs of the loops a message.
    var loopCost: Double { Double(cpu?.loops ?? 0) / 1e3 / max(1, messages) }
    var ingestCost: Double { Double(cpu?.ingest ?? 0) / 1e3 / max(1, messages) }

    /// So busy, or so often without a core, that it reads late.
    var isFleetLate: Bool { fleetShare + fleetWaited > 0.9 }

    /// A line for each thing that is known.
    var lines: [(name: String, value: String)] {
        var lines = [("connections", "\(connections)")]
        if replaced > 0 { lines.append(("replaced", "\(replaced)")) }
        lines.append(("messages a second", "\(Spread.text(rate, 0))\(expectation)"))
        if let cpu, cpu.total > 0 {
            lines.append(
                (
                    "server CPU a message",
                    "loop \(Spread.text(loopCost, 3)) µs, ingest \(Spread.text(ingestCost, 3)) µs"
                ))
            let waited = Double(cpu.loopsWaited) / Double(max(1, span.raw))
            lines.append(
                (
                    "server CPU of a core",
                    "loop \(percent(loopShare)), ingest \(percent(ingestShare)); "
                        + "loop waited for the core \(percent(waited))"
                ))
        }
        lines.append(
            (
                "fleet CPU of a core",
                "\(percent(fleetShare)); waited for the core \(percent(fleetWaited))"
            ))
        lines.append(("bytes a message", Spread.text(bytesAMessage, 1)))
        lines.append(("messages a read", Spread.text(messagesARead, 1)))
        lines += memoryLines
        if let ages { lines.append(("age", ages.text)) }
        for hop in hops { if let ages = hop.ages { lines.append(("  " + hop.name, ages.text)) } }
        if let slowAges { lines.append(("age at slow ones", slowAges.text)) }
        if slow.bytes > 0 {
            lines.append(
                ("slow ones read", "\(Spread.text(Double(slow.messages) / seconds, 0)) messages a second"))
        }
        if gaps > 0 { lines.append(("gaps declared", "\(gaps)")) }
        if closedByServer > 0 { lines.append(("closed by the server", "\(closedByServer)")) }
        if isFleetLate {
            lines.append(
                ("NOTE", "the fleet had too little of a core: ages are more its own than the server's"))
        }
        return lines
    }

    private var expectation: String {
        guard let expected, expected > 0 else { return "" }
        return ", \(percent(rate / expected)) of \(Spread.text(expected, 0))"
    }

    private var memoryLines: [(String, String)] {
        guard let memory else { return [] }
        let each = memory.perConnection(connections)
        return [
            (
                "server memory",
                "\(Spread.mebibytes(memory.before)) MiB before, "
                    + "\(Spread.mebibytes(memory.start)) at the start, \(Spread.mebibytes(memory.end)) at the end"
            ),
            (
                "memory a connection",
                "\(each.connected) bytes, subscribed \(each.subscribed), and a share of what is needed once"
            ),
        ]
    }

    private func percent(_ share: Double) -> String { Spread.text(share * 100, 1) + " %" }

    var text: String {
        let width = 2 + (lines.map(\.name.count).max() ?? 0)
        return lines.map { $0.name.padded(to: width) + $0.value + "\n" }.joined()
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
