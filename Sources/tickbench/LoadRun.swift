// One measurement of a fleet against a server: connect, subscribe, warm up, measure.
//
//     memory ─ connect ─ memory ─ subscribe ─ memory ─ warm up ─┬─ window ─┬─ memory
//                                                          CPU, counts  CPU, counts, ages
//
// ^C while measuring ends the window early and the result says so; before it, there is none.
import Basics
import CLinux

struct LoadRun {
    let plan: FleetPlan
    let warmUp: Nanoseconds
    let window: Nanoseconds
    /// The server's process, where it may be looked at.
    let usage: ProcessUsage?

    /// After the last subscription, until memory is looked at.
    private static let settling = Nanoseconds.milliseconds(300)

    func measure(_ progress: inout Progress) throws -> LoadResult {
        try raiseDescriptorLimit(to: plan.connections + 32)
        var fleet = try Fleet(plan)
        let before = try restingMemory(&fleet)
        progress.say("connecting \(plan.connections)")
        try fleet.connect()
        try fleet.run(for: LoadRun.settling)
        let connected = usage?.resident
        progress.say("subscribing \(plan.connections)")
        try fleet.subscribe()
        try fleet.run(for: LoadRun.settling)
        var result = LoadResult()
        if let before, let connected, let subscribed = usage?.resident {
            result.memory = MemorySteps(before: before, connected: connected, subscribed: subscribed)
        }
        progress.say("warming up")
        let counted = fleet.healthy.messages, start = Moment.read().instant
        try fleet.run(for: warmUp)
        let seconds = max(0.001, Double((Moment.read().instant - start).raw) / 1e9)
        fleet.startMeasuring(rate: Double(fleet.healthy.messages - counted) / seconds)
        try measure(&fleet, &result, &progress)
        return result
    }

    /// Of a server that has just been started too: it listens before it has all its memory.
    private func restingMemory(_ fleet: inout Fleet) throws -> Int? {
        guard let usage else { return nil }
        var last = usage.resident ?? 0
        for _ in 0..<20 {
            try fleet.run(for: LoadRun.settling)
            let now = usage.resident ?? 0
            if now <= last + last / 100 { return now }
            last = now
        }
        return last
    }

    private func measure(
        _ fleet: inout Fleet, _ result: inout LoadResult, _ progress: inout Progress
    ) throws {
        result.memory?.start = usage?.resident ?? 0
        let cpu = try usage?.cpu(), own = try ProcessUsage(getpid()).cpu()
        let start = Moment.read().instant, end = start + window
        var now = start, last = (time: start, messages: UInt64(0), cpu: cpu)
        while now < end, !Interrupt.isPending {
            try fleet.run(until: min(end, now + .seconds(1)))
            now = Moment.read().instant
            let new = (time: now, messages: fleet.healthy.messages, cpu: try usage?.cpu())
            progress.tick(line(from: last, to: new, since: start, Quantiles(fleet.ages)))
            last = new
        }
        if let cpu, let used = last.cpu { result.cpu = used - cpu }
        result.fleet = try ProcessUsage(getpid()).cpu() - own
        result.span = now - start
        result.isPartial = now < end
        result.connections = plan.connections
        fleet.tell(&result)
        result.memory?.end = usage?.resident ?? 0
        progress.clear()
    }

    private typealias Reading = (time: Instant, messages: UInt64, cpu: ProcessUsage.CPU?)

    private func line(
        from last: Reading, to new: Reading, since start: Instant, _ ages: Quantiles?
    ) -> String {
        let span = Double(max(1, (new.time - last.time).raw))
        var text =
            "\((new.time - start).milliseconds / 1_000) of \(window.milliseconds / 1_000) s: "
            + "\(Spread.text(Double(new.messages - last.messages) * 1e9 / span, 0)) messages a second"
        if let ages { text += ", age p50 \(Spread.text(ages.p50, 1)) p99 \(Spread.text(ages.p99, 1)) ms" }
        if let old = last.cpu, let new = new.cpu {
            let used = new - old
            text +=
                ", loop \(Spread.text(Double(used.loops) * 100 / span, 0)) %"
                + ", ingest \(Spread.text(Double(used.ingest) * 100 / span, 0)) %"
        }
        return text
    }
}

extension Fleet {
    /// What it counted since measuring began.
    func tell(_ result: inout LoadResult) {
        result.healthy = healthy
        result.slow = slow
        result.ages = Quantiles(ages)
        result.slowAges = Quantiles(slowAges)
        result.hops = [
            ("event to ingest", Quantiles(hops.arrival)), ("ingest to socket", Quantiles(hops.waiting)),
            ("socket to reader", Quantiles(hops.reading)),
        ]
        result.gaps = gaps
        result.replaced = replaced
        result.closedByServer = closedByServer + cutUnread()
    }
}

/// A line that tells how far it is: over and over on a terminal, now and then in a file.
struct Progress {
    private let isTerminal = isatty(Console.errors) == 1
    /// Nothing where lines would stay.
    private let isBrief: Bool
    private var said = Instant.zero
    /// Between two lines where they stay.
    private static let pause = Nanoseconds.seconds(5)

    init(isBrief: Bool = false) { self.isBrief = isBrief }

    /// What begins now. In a file only the figures count.
    mutating func say(_ text: String) { if isTerminal { tick(text) } }

    mutating func tick(_ text: String) {
        if isTerminal {
            Console.write("\r\u{1b}[K\(text)", to: Console.errors)
        } else if !isBrief, Moment.read().instant - said >= Progress.pause {
            said = Moment.read().instant
            Console.write("\(text)\n", to: Console.errors)
        }
    }

    /// Makes way for what is to stay.
    func clear() { if isTerminal { Console.write("\r\u{1b}[K", to: Console.errors) } }
}
