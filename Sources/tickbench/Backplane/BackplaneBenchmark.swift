// `tickbench backplane`: what goes through an engine between ingest and a fan-out node, and what that costs.
//
// Engines are measured in turn, round by round, so that a machine that drifts drifts for both. Two minutes.
import Basics
import CLinux

struct BackplaneBenchmark: Benchmark {
    private let engines: [(kind: BackplaneEngine, program: String)]
    private let missing: [BackplaneEngine]
    private let rounds: Int
    private let single: BackplaneRun
    private let folder: String
    private let tickerd: String?

    init(_ arguments: Arguments) throws(UsageError) {
        let pattern = arguments["only"] ?? ""
        let wanted = BackplaneEngine.allCases.filter { pattern.isEmpty || $0.rawValue.contains(pattern) }
        guard !wanted.isEmpty else { throw UsageError("--only \(pattern): Redis or NATS") }
        engines = wanted.compactMap { kind in kind.program.map { (kind, $0) } }
        missing = wanted.filter { $0.program == nil }
        rounds = try arguments.number("runs", 3, 1...1_000)
        let port = try arguments.number("port", 7_496, 1...65_532)
        let window = Nanoseconds.seconds(try arguments.number("seconds", 3, 1...3_600))
        tickerd = arguments["tickerd"]
        single = BackplaneRun(port: UInt16(port), window: window)
        folder = arguments["dir"] ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }

    func run() throws {
        tf_ignore_broken_pipes()
        Interrupt.hold()
        for kind in missing { Tickbench.complain(kind.advice) }
        guard !engines.isEmpty else { throw BenchError("there is no engine to measure") }
        Console.write("\(Measure.machine)\n\(setting)\n\n")
        var progress = Progress(isBrief: true)
        var alone = BackplaneRow(name: "none"), rows = engines.map { BackplaneRow(name: $0.kind.rawValue) }
        for round in 1...rounds {
            progress.say("round \(round) of \(rounds): ingest alone")
            alone.costs.append(try measureAlone())
            for index in engines.indices {
                let name = engines[index].kind.rawValue
                try measure(engines[index], into: &rows[index]) {
                    progress.say("round \(round) of \(rounds): \(name), \($0)")
                }
            }
        }
        progress.clear()
        Console.write(BackplaneRow.head + alone.text + rows.map(\.text).joined())
        Console.write("\n" + rows.map(\.notes).joined())
    }

    private var setting: String {
        "\(single.window.milliseconds / 1_000) s a measurement, \(rounds) runs; medians [least-greatest]"
    }

    private func measureAlone() throws -> BackplaneCosts {
        let market = BackplaneRun.busy
        let server = try ServerProcess(
            market.ingestWords(try LoadOptions.tickerdPath(tickerd), port: single.port + 1),
            port: single.port + 1,
            isPinned: false)
        try server.waitForPort()
        return try single.costsAlone(server, market)
    }

    private func measure(
        _ engine: (kind: BackplaneEngine, program: String), into row: inout BackplaneRow,
        _ tell: (String) -> Void
    ) throws {
        tell("ages")
        row.ages.append(try onStage(engine, BackplaneRun.quiet, single.ages))
        tell("costs")
        row.costs.append(try onStage(engine, BackplaneRun.busy, single.costs))
        tell("joins")
        row.joins.append(try onStage(engine, BackplaneRun.wide, single.joins))
    }

    private func onStage<Result>(
        _ engine: (kind: BackplaneEngine, program: String), _ market: BackplaneMarket,
        _ measure: (borrowing BackplaneStage) throws -> Result
    ) throws -> Result {
        let folder = try TemporaryFolder(in: folder)
        defer { _ = folder.path }
        let stage = try BackplaneStage(
            engine.kind, engine.program, tickerd: try LoadOptions.tickerdPath(tickerd), market,
            port: single.port,
            folder: folder.path)
        return try measure(stage)
    }
}
