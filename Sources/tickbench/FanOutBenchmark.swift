// Server CPU for each delivered message, ours beside the floor's, in turn.
//
//     core 0: floor or tickbench serve-trades      core 1: this process, a fleet of subscribers
//
// Pairs are rotated (floor, ours, ours, floor, …), so that a machine that drifts drifts for both.
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
        floor = Floor(arguments, congestion: congestion)
        let words = (arguments["messages-per-write"] ?? "1,8,32").split(separator: ",")
        batches = words.compactMap { Int($0) }.filter { (1...64).contains($0) }
        guard batches.count == words.count, !batches.isEmpty else {
            throw UsageError("--messages-per-write: numbers from 1 to 64, as 1,8,32")
        }
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
            let (floor, ours) = try compare(batch: batch)
            let ratios = Spread(zip(floor, ours).map { $1.cpu / $0.cpu })
            row(batch, "floor", floor, "1")
            row(batch, "TickerFeed", ours, ratios.text(2))
        }
    }

    private func compare(batch: Int) throws -> (floor: [Sample], ours: [Sample]) {
        var floor: [Sample] = [], ours: [Sample] = []
        for pair in 0..<pairs {
            if pair % 2 == 0 { floor.append(try measureFloor(batch)) }
            ours.append(try measureOurs(batch))
            if pair % 2 == 1 { floor.append(try measureFloor(batch)) }
        }
        return (floor, ours)
    }

    private func row(_ batch: Int, _ name: String, _ samples: [Sample], _ ratio: String) {
        func median(_ value: (Sample) -> Double, _ decimals: Int) -> String {
            Spread.text(Spread(samples.map(value)).median, decimals)
        }
        Console.write(
            "| \(batch) | \(name) | \(median(\.rate, 0)) | \(Spread(samples.map(\.cpu)).text(3)) "
                + "| \(ratio) | \(median(\.p50, 1)) | \(median(\.p99, 1)) "
                + "| \(median(\.messagesARead, 1)) | \(median(\.size, 0)) |\n")
    }

    // MARK: One measurement

    private struct Sample {
        var rate = 0.0
        /// µs of the server a message.
        var cpu = 0.0
        var p50 = 0.0, p99 = 0.0
        var messagesARead = 0.0, size = 0.0
    }

    private func measureFloor(_ batch: Int) throws -> Sample {
        let server = try floor.start(
            port: Self.ports.floor, subscribers: subscribers, ["--pub", "sat", "--batch", "\(batch)"])
        return try measure(server, .floor)
    }

    private func measureOurs(_ batch: Int) throws -> Sample {
        let server = try ServerProcess(
            [
                "/proc/self/exe", "serve-trades", "--port", "\(Self.ports.ours)", "--batch", "\(batch)",
                "--subscribers", "\(subscribers)", "--congestion", congestion,
            ], port: Self.ports.ours)
        return try measure(server, .native(channel: "trade", rate: "\"max\""))
    }

    private func measure(_ server: borrowing ServerProcess, _ dialect: Dialect) throws -> Sample {
        try server.waitForPort()
        // Everybody wants S0.
        var fleet = try Fleet(
            FleetPlan(
                connections: subscribers, server: server.address, dialect: dialect,
                picker: SymbolPicker(.round, perConnection: 1, universe: 1)))
        try fleet.connect()
        try fleet.subscribe()
        try fleet.run(until: Moment.read().instant + Self.warmUp)
        fleet.startMeasuring(rate: .infinity)
        let cpu = try server.cpu(), start = Moment.read().instant
        try fleet.run(until: start + window)
        let used = try server.cpu() - cpu
        let span = Moment.read().instant - start
        let messages = Double(fleet.healthy.messages)
        guard messages > 0 else { throw BenchError("nothing was delivered") }
        let ages = Quantiles(fleet.ages)
        return Sample(
            rate: messages * 1e9 / Double(span.raw), cpu: Double(used) / 1e3 / messages,
            p50: ages?.p50 ?? 0, p99: ages?.p99 ?? 0,
            messagesARead: messages / Double(max(1, fleet.healthy.receives)),
            size: Double(fleet.healthy.bytes) / messages)
    }
}
