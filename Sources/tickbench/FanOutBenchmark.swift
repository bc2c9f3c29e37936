// Server CPU for each delivered message, ours beside the floor's, in turn.
//
//     core 0: floor or tickbench serve-trades      core 1: this process, a fleet of subscribers
//
// Over loopback half of a send is the reader's side of TCP, run and charged in the sender.
import Basics
import CLinux

struct FanOutBenchmark: Benchmark {
    private let subscribers: Int
    private let batches: [Int]
    private let pairs: Int
    private let window: Nanoseconds
    private let congestion: String
    private let floor: Floor

    /// From the last subscription to the measurement.
    private static let warmUp = Nanoseconds.milliseconds(600)
    private static let ports: (floor: UInt16, ours: UInt16) = (7_491, 7_492)

    init(_ arguments: Arguments) throws(UsageError) {
        subscribers = try arguments.number("subscribers", 1_000, 1...15_000)
        pairs = try arguments.number("pairs", 3, 1...1_000)
        window = .seconds(try arguments.number("seconds", 2, 1...30))
        congestion = arguments["congestion"] ?? "reno"
        floor = Floor(congestion: congestion)
        batches = try arguments.numbers("messages-per-write", "1,8,32", 1...64)
    }

    func run() throws {
        try raiseDescriptorLimit(to: subscribers + 64)
        try floor.build()
        Console.write("\(Measure.machine)\n")
        Console.write(
            "\(subscribers) subscribers, \(pairs) pairs of \(window.milliseconds) ms, \(congestion); "
                + (Measure.cores > 1 ? "server on core 0, fleet on core 1" : "one core for both")
                + "; medians [least-greatest]\n\n")
        Console.write(
            "| messages a write | server | msg/s | µs a message | × floor | p50 ms | p99 ms "
                + "| messages a read | bytes a message |\n"
                + "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
        for batch in batches {
            let (floor, ours) = try Floor.inTurn(
                pairs, floor: { try measureFloor(batch) }, ours: { try measureOurs(batch) })
            let ratios = Spread(zip(floor, ours).map { $1.loopCost / $0.loopCost })
            row(batch, "floor", floor, "1")
            row(batch, "TickerFeed", ours, ratios.text(2))
        }
    }

    private func row(_ batch: Int, _ name: String, _ samples: [LoadResult], _ ratio: String) {
        func median(_ value: (LoadResult) -> Double, _ decimals: Int) -> String {
            Spread.text(Spread(samples.map(value)).median, decimals)
        }
        Console.write(
            "| \(batch) | \(name) | \(median(\.rate, 0)) | \(Spread(samples.map(\.loopCost)).text(3)) "
                + "| \(ratio) | \(median({ $0.ages?.p50 ?? 0 }, 1)) | \(median({ $0.ages?.p99 ?? 0 }, 1)) "
                + "| \(median(\.messagesARead, 1)) | \(median(\.bytesAMessage, 0)) |\n")
    }

    // MARK: One measurement

    private func measureFloor(_ batch: Int) throws -> LoadResult {
        let server = try floor.start(
            port: Self.ports.floor, subscribers: subscribers, ["--pub", "sat", "--batch", "\(batch)"])
        return try measure(server, .plain)
    }

    private func measureOurs(_ batch: Int) throws -> LoadResult {
        let server = try ServerProcess(
            [
                "/proc/self/exe", "serve-trades", "--port", "\(Self.ports.ours)", "--batch", "\(batch)",
                "--subscribers", "\(subscribers)", "--congestion", congestion,
            ], port: Self.ports.ours)
        return try measure(server, .native(channel: "trade", rate: "\"max\""))
    }

    private func measure(_ server: borrowing ServerProcess, _ dialect: Dialect) throws -> LoadResult {
        try server.waitForPort()
        // Everybody wants S0.
        let plan = FleetPlan(
            connections: subscribers, server: server.address, dialect: dialect,
            picker: SymbolPicker(.round, perConnection: 1, universe: 1))
        var progress = Progress(isBrief: true)
        let run = LoadRun(plan: plan, warmUp: Self.warmUp, window: window, usage: server.usage)
        let result = try run.measure(&progress)
        guard result.healthy.messages > 0 else { throw BenchError("nothing was delivered") }
        return result
    }
}
