// One round of one engine: what a second of it costs, how late it makes a tick, how long a symbol takes.
//
//     10 k updates/s     a subscriber at ingest, one at the node       ages, each by its server's stamps
//     100 k updates/s    one at the node that is hardly ever due       CPU, bytes; with a second node: the engine's CPU
//     10 k updates/s     one at the node that asks for more and more   join times, memory
//
// Each on a stage of its own.
import Basics
import Wire

/// Costs while everything is published; an engine's figures are nil where there is none.
struct BackplaneCosts {
    /// Updates that came out at the far end, by those there were.
    var reached = 1.0
    /// CPU µs an update.
    var ingest: Double
    var engine: Double?
    var node: Double?
    /// What the engine costs more with a second node that follows everything, too.
    var furtherNode: Double?
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
    /// Of this market: a level, and the best.
    private static let ticksAnUpdate = 2.0
    static let asGoodAsAll = 0.95
    private static let warmUp = Nanoseconds.seconds(1)

    // MARK: How late

    /// From a tick's receive stamp to its sending.
    func ages(_ stage: borrowing BackplaneStage) throws -> (ingest: Quantiles, node: Quantiles) {
        var near = try Fleet(plan(stage.ingest.address, stage.market, rate: "\"max\"")),
            far = try Fleet(
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
        return (ingest, node)
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
        var fleet = try follow(stage.node, stage.market)
        let start = try reading(of: stage)
        try fleet.run(for: window)
        let end = try reading(of: stage)
        var costs = try costs(of: stage.market, from: start, to: end)
        let further = try stage.furtherNode()
        var second = try follow(further, stage.market)
        let before = (time: Moment.read().instant, cpu: try stage.engine.cpu())
        try run(&fleet, &second, window)
        let used = try stage.engine.cpu() - before.cpu
        let engine = cost(used, of: updates(stage.market, since: before.time))
        costs.furtherNode = engine - (costs.engine ?? 0)
        return costs
    }

    private func follow(_ node: borrowing ServerProcess, _ market: BackplaneMarket) throws -> Fleet {
        var fleet = try Fleet(plan(node.address, market, rate: "0.1"))
        try fleet.connect()
        try fleet.subscribe()
        try fleet.run(for: BackplaneRun.warmUp)
        return fleet
    }

    private func costs(
        of market: BackplaneMarket, from start: Reading, to end: Reading
    ) throws -> BackplaneCosts {
        let published = end.ingest("ticks_total") - start.ingest("ticks_total")
        let followed = end.node("ticks_total") - start.node("ticks_total")
        guard followed > 0, published > 0 else { throw BenchError("nothing came through the engine") }
        let due = updates(market, from: start.time, to: end.time)
        let reached = min(1, followed / BackplaneRun.ticksAnUpdate / due)
        // Figures of metrics are up to 100 ms old: what is as good as all is all.
        let count = reached > BackplaneRun.asGoodAsAll ? due : followed / BackplaneRun.ticksAnUpdate
        var costs = BackplaneCosts(reached: reached, ingest: cost(end.cpu[0] - start.cpu[0], of: count))
        costs.engine = cost(end.cpu[1] - start.cpu[1], of: count)
        costs.node = cost(end.cpu[2] - start.cpu[2], of: count)
        let written = end.ingest("bytes_out_total") - start.ingest("bytes_out_total")
        let read = end.node("bytes_in_total") - start.node("bytes_in_total")
        costs.bytesIn = written / published * BackplaneRun.ticksAnUpdate
        costs.bytesOut = read / followed * BackplaneRun.ticksAnUpdate
        return costs
    }

    private struct Reading {
        let time: Instant
        /// Nanoseconds of ingest, engine and node.
        let cpu: [Int64]
        let ingestFigures, nodeFigures: [String: Double]

        func ingest(_ name: String) -> Double { ingestFigures["backplane_" + name, default: 0] }
        func node(_ name: String) -> Double { nodeFigures["backplane_" + name, default: 0] }
    }

    private func reading(of stage: borrowing BackplaneStage) throws -> Reading {
        let cpu = [try stage.ingest.cpu(), try stage.engine.cpu(), try stage.node.cpu()]
        return Reading(
            time: Moment.read().instant, cpu: cpu,
            ingestFigures: try MetricsReading.read(from: stage.ingest.address),
            nodeFigures: try MetricsReading.read(from: stage.node.address))
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
