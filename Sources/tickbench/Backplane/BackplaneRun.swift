// One round of one engine: what a second of it costs, how late it makes a tick, how long a symbol takes.
//
//     10 k updates/s     a subscriber at ingest, one at the node       ages, each by its server's stamps
//     100 k updates/s    one at the node that is hardly ever due       CPU, bytes
//     10 k updates/s     one at the node that asks for more and more   join times, memory
//
// Each on a stage of its own.
import Basics
import Wire

/// Milliseconds from a tick's receive stamp to its sending.
struct StampedAges {
    let p50, p99: Double
}

/// Costs while everything is published; an engine's figures are nil where there is none.
struct BackplaneCosts {
    /// Updates that came out at the far end, by those there were.
    var reached = 1.0
    /// CPU µs an update.
    var ingest: Double
    var engine: Double?
    var node: Double?
    /// Bytes an update.
    var bytesIn: Double?
    var bytesOut: Double?
}

struct JoinFigures {
    /// Milliseconds, for 1, 500 and 5,000 symbols.
    var joins: [Double] = []
    /// Bytes resident: of the node before, of both with all of them joined.
    var nodeBefore = 0
    var engine = 0
    var node = 0
}

struct BackplaneRun {
    let port: UInt16
    let window: Nanoseconds

    static let quiet = BackplaneMarket(symbols: 500, rate: 10_000)
    static let busy = BackplaneMarket(symbols: 500, rate: 100_000)
    static let joined = [1, 500, 5_000]
    static let wide = BackplaneMarket(symbols: joined.reduce(0, +), rate: 10_000)
    private static let warmUp = Nanoseconds.seconds(1)

    // MARK: How late

    func ages(_ stage: borrowing BackplaneStage) throws -> (ingest: StampedAges, node: StampedAges) {
        var near = try Fleet(plan(stage.ingest.address, stage.market, rate: "\"max\"")), far = try Fleet(
            plan(stage.node.address, stage.market, rate: "\"max\""))
        try near.connect()
        try near.subscribe()
        try far.connect()
        try far.subscribe()
        try run(&near, &far, BackplaneRun.warmUp)
        near.startMeasuring(rate: 0)
        far.startMeasuring(rate: 0)
        try run(&near, &far, window)
        guard let ingest = Quantiles(near.hops.waiting), let node = Quantiles(far.hops.waiting) else {
            throw BenchError("no stamped message came")
        }
        return (StampedAges(p50: ingest.p50, p99: ingest.p99), StampedAges(p50: node.p50, p99: node.p99))
    }

    /// Reads both in turn. Times are the servers', so a message may wait to be read.
    private func run(_ near: inout Fleet, _ far: inout Fleet, _ span: Nanoseconds) throws {
        let end = Moment.read().instant + span
        while Moment.read().instant < end {
            try near.run(until: Moment.read().instant + .milliseconds(5))
            try far.run(until: Moment.read().instant + .milliseconds(5))
            if Interrupt.isPending { throw Interrupted() }
        }
    }

    /// One subscriber of everything.
    private func plan(_ server: ServerAddress, _ market: BackplaneMarket, rate: String) -> FleetPlan {
        var plan = FleetPlan(
            connections: 1, server: server, dialect: .native(channel: "quote", rate: rate),
            picker: SymbolPicker(.round, perConnection: market.symbols, universe: market.symbols))
        plan.stamped = 100
        return plan
    }

    // MARK: What it costs

    /// Of a server that publishes nothing.
    func costsAlone(_ server: borrowing ServerProcess, _ market: BackplaneMarket) throws -> BackplaneCosts {
        try pause(BackplaneRun.warmUp)
        let start = Moment.read().instant, before = try server.cpu()
        try pause(window)
        let used = try server.cpu() - before
        return BackplaneCosts(ingest: cost(used, of: updates(market, since: start)))
    }

    /// One subscriber follows everything and is sent it once in ten seconds.
    func costs(_ stage: borrowing BackplaneStage) throws -> BackplaneCosts {
        var fleet = try Fleet(plan(stage.node.address, stage.market, rate: "0.1"))
        try fleet.connect()
        try fleet.subscribe()
        try run(&fleet, BackplaneRun.warmUp)
        let start = try reading(of: stage)
        try run(&fleet, window)
        let end = try reading(of: stage)
        let followed = (end.node["backplane_ticks_total", default: 0]
            - start.node["backplane_ticks_total", default: 0]) / 2
        let published = (end.ingest["backplane_ticks_total", default: 0]
            - start.ingest["backplane_ticks_total", default: 0]) / 2
        guard followed > 0, published > 0 else { throw BenchError("nothing came through the engine") }
        let due = updates(stage.market, from: start.time, to: end.time)
        let reached = min(1, followed / due)
        // Figures of metrics are up to 100 ms old: what is as good as all is all.
        let count = reached > 0.95 ? due : followed
        var costs = BackplaneCosts(reached: reached, ingest: cost(end.cpu[0] - start.cpu[0], of: count))
        costs.engine = cost(end.cpu[1] - start.cpu[1], of: count)
        costs.node = cost(end.cpu[2] - start.cpu[2], of: count)
        let written = end.ingest["backplane_bytes_out_total", default: 0]
            - start.ingest["backplane_bytes_out_total", default: 0]
        let read = end.node["backplane_bytes_in_total", default: 0]
            - start.node["backplane_bytes_in_total", default: 0]
        (costs.bytesIn, costs.bytesOut) = (written / published, read / followed)
        return costs
    }

    private struct Reading {
        let time: Instant
        /// Nanoseconds of ingest, engine and node.
        let cpu: [Int64]
        let ingest, node: [String: Double]
    }

    private func reading(of stage: borrowing BackplaneStage) throws -> Reading {
        let cpu = [try stage.ingest.cpu(), try stage.engine.cpu(), try stage.node.cpu()]
        return Reading(
            time: Moment.read().instant, cpu: cpu, ingest: try MetricsReading.read(from: stage.ingest.address),
            node: try MetricsReading.read(from: stage.node.address))
    }

    private func run(_ fleet: inout Fleet, _ span: Nanoseconds) throws {
        try fleet.run(until: Moment.read().instant + span)
        if Interrupt.isPending { throw Interrupted() }
    }

    private func updates(_ market: BackplaneMarket, since start: Instant) -> Double {
        updates(market, from: start, to: Moment.read().instant)
    }
    private func updates(_ market: BackplaneMarket, from start: Instant, to end: Instant) -> Double {
        Double((end - start).raw) / 1e9 * Double(market.rate)
    }
    private func cost(_ nanoseconds: Int64, of count: Double) -> Double { Double(nanoseconds) / 1e3 / count }

    // MARK: How soon

    func joins(_ stage: borrowing BackplaneStage) throws -> JoinFigures {
        var figures = JoinFigures()
        var probe = try JoinProbe(stage.node.address)
        figures.nodeBefore = stage.node.usage.resident ?? 0
        var next = 0
        for count in BackplaneRun.joined {
            let span = try probe.join(next..<next + count)
            figures.joins.append(Double(span.raw) / 1e6)
            next += count
        }
        figures.engine = stage.engine.usage.resident ?? 0
        figures.node = stage.node.usage.resident ?? 0
        return figures
    }
}
