// `tickbench table`: every workload of docs/BENCHMARKS.md, printed as its tables row by row.
//
// Both servers have core 0, the fleet has core 1.
import Basics
import CLinux

struct TableBenchmark: Benchmark {
    private let rows: [TableRow]
    private let pairs: Int
    private let runs: Int
    private let window: Nanoseconds
    private let warmUp: Nanoseconds
    private let stalledWindow: Nanoseconds
    private let port: UInt16
    private let congestion: String
    private let tickerd: String?
    private let floor: Floor

    /// Until the sockets of those that never read are full: 10 messages of 130 bytes, 10 a second.
    private static let fillingUp = Nanoseconds.seconds(20)

    static let options = [
        Option(
            "only", "TEXT",
            "table, count, backplane: rows whose names hold this, as \"rate 10\", idle or NATS"),
        Option("stalled-seconds", "N", "table: how long half of them never read (default 60)"),
    ]

    init(_ arguments: Arguments) throws(UsageError) {
        let pattern = arguments["only"] ?? ""
        rows = TableRow.all.filter { pattern.isEmpty || $0.name.contains(pattern) }
        guard !rows.isEmpty else {
            let names = TableRow.all.map(\.name).joined(separator: "; ")
            throw UsageError("--only \(pattern): no such row; there are \(names)")
        }
        pairs = try arguments.number("pairs", 7, 1...1_000)
        runs = try arguments.number("runs", 3, 1...1_000)
        window = .seconds(try arguments.number("seconds", 5, 1...3_600))
        warmUp = .seconds(try arguments.number("warm-up", 2, 0...3_600))
        stalledWindow = .seconds(try arguments.number("stalled-seconds", 60, 1...86_400))
        port = UInt16(try arguments.number("port", 7_493, 1...65_535))
        congestion = arguments["congestion"] ?? "reno"
        tickerd = arguments["tickerd"]
        floor = Floor(congestion: congestion)
    }

    func run() throws {
        tf_ignore_broken_pipes()
        Interrupt.hold()
        try raiseDescriptorLimit(to: 32 + (rows.map(\.load.connections).max() ?? 0))
        if rows.contains(where: { $0.kind == .besideFloor }) { try floor.build() }
        Console.write("\(Measure.machine)\n\(setting)\n")
        var head = ""
        for row in rows {
            if row.kind.head != head { Console.write("\n" + row.kind.head) }
            head = row.kind.head
            try measure(row)
        }
    }

    private var setting: String {
        (Measure.cores > 1 ? "servers on core 0, fleet on core 1" : "one core for all")
            + ", \(congestion); \(window.milliseconds / 1_000) s a measurement, \(runs) runs, "
            + "\(pairs) pairs; medians [least-greatest]"
    }

    private func measure(_ row: TableRow) throws {
        switch row.kind {
        case .load:
            let results = try (0..<runs).map { _ in try ours(row.load) }
            print(row.name, "TickerFeed", results, ratio: "—")
        case .besideFloor: try compare(row)
        case .idle: printIdle(row.name, try ours(row.load, row.load.window))
        case .stalled: try measureStalled(row)
        }
    }

    private func compare(_ row: TableRow) throws {
        let (floors, ours) = try Floor.inTurn(
            pairs, floor: { try measureFloor(row.load) }, ours: { try self.ours(row.load) })
        let ratios = Spread(zip(ours, floors).map { $0.loopShare / $1.loopShare })
        print("floor every 100 ms, 10 k", "floor", floors, ratio: "1")
        print(row.name, "TickerFeed", ours, ratio: ratios.text(2))
    }

    private func measureStalled(_ row: TableRow) throws {
        var load = row.load
        load.stalled = 50
        load.warmUp = max(warmUp, Self.fillingUp)
        printStalled(row.name, try ours(load, stalledWindow))
        load.stalled = 0
        load.connections /= 2
        printStalled("\(load.connections) alone, 50 k", try ours(load, stalledWindow))
    }

    // MARK: One measurement

    private func ours(_ load: LoadOptions, _ window: Nanoseconds? = nil) throws -> LoadResult {
        var load = load
        load.window = window ?? self.window
        load.warmUp = max(warmUp, load.stalled > 0 ? load.warmUp : .zero)
        load.port = port
        load.congestion = congestion
        load.tickerd = tickerd
        var progress = Progress(isBrief: true)
        return try whole(try load.measure(&progress))
    }

    private func measureFloor(_ load: LoadOptions) throws -> LoadResult {
        let server = try floor.start(
            port: port, subscribers: load.connections,
            [
                "--pub", "rate", "--symbols", "\(load.universe)", "--rate", "\(TableRow.floorRate)",
                "--flush", "tick", "--flush-ms", "100",
            ])
        try server.waitForPort()
        var plan = load.plan(at: server.address)
        plan.dialect = .plain
        var progress = Progress(isBrief: true)
        let run = LoadRun(plan: plan, warmUp: warmUp, window: window, usage: server.usage)
        var result = try whole(try run.measure(&progress))
        result.expected =
            Double(TableRow.floorRate * load.connections * load.perConnection) / Double(load.universe)
        return result
    }

    /// A window that ^C cut short is no figure for a table.
    private func whole(_ result: LoadResult) throws -> LoadResult {
        if result.isPartial { throw Interrupted() }
        return result
    }

    // MARK: Rows

    private func print(_ name: String, _ server: String, _ results: [LoadResult], ratio: String) {
        func spread(_ value: (LoadResult) -> Double, _ decimals: Int) -> String {
            Spread(results.map(value)).text(decimals)
        }
        func median(_ value: (LoadResult) -> Double, _ decimals: Int) -> String {
            Spread.text(Spread(results.map(value)).median, decimals)
        }
        let cells = [
            name, server, median(\.rate, 0), median({ $0.rate * 100 / ($0.expected ?? $0.rate) }, 0) + " %",
            spread(\.loopCost, 3), spread({ $0.loopShare * 100 }, 1), ratio,
            server == "floor" ? "—" : median({ $0.ingestShare * 100 }, 1),
            "\(median({ $0.fleetShare * 100 }, 0)) + \(median({ $0.fleetWaited * 100 }, 0))",
            median({ $0.ages?.p50 ?? 0 }, 1), spread({ $0.ages?.p99 ?? 0 }, 1),
            median({ $0.ages?.p999 ?? 0 }, 1), median(\.messagesARead, 1), median(\.bytesAMessage, 0),
        ]
        Console.write("| " + cells.joined(separator: " | ") + " |\n")
    }

    private func printIdle(_ name: String, _ result: LoadResult) {
        guard let memory = result.memory else { return }
        let each = memory.perConnection(result.connections)
        let cells =
            [memory.before, memory.connected, memory.subscribed].map(Spread.mebibytes)
            + ["\(each.connected)", "\(each.subscribed)"]
        Console.write("| " + ([name] + cells).joined(separator: " | ") + " |\n")
    }

    private func printStalled(_ name: String, _ result: LoadResult) {
        let cells = [
            name, "\(result.span.milliseconds / 1_000)", Spread.mebibytes(result.memory?.start ?? 0),
            Spread.mebibytes(result.memory?.end ?? 0), Spread.text(result.rate, 0),
            Spread.text(result.ages?.p50 ?? 0, 1), Spread.text(result.ages?.p99 ?? 0, 1),
            Spread.text(result.ages?.p999 ?? 0, 1), Spread.text(result.loopShare * 100, 1),
        ]
        Console.write("| " + cells.joined(separator: " | ") + " |\n")
    }
}
