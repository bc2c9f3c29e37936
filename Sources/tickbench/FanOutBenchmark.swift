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
    private let floor: String

    /// From the last subscription to the measurement.
    private static let warmUp = Nanoseconds.milliseconds(600)
    private static let ports: (floor: UInt16, ours: UInt16) = (7_491, 7_492)

    init(_ arguments: Arguments) throws(UsageError) {
        subscribers = try arguments.number("subscribers", 1_000, 1...15_000)
        pairs = try arguments.number("pairs", 3, 1...1_000)
        window = .seconds(try arguments.number("seconds", 2, 1...30))
        congestion = arguments["congestion"] ?? "reno"
        floor = arguments["floor"] ?? ".build/floor"
        batches = try arguments.numbers("messages-per-write", "1,8,32", 1...64)
    }

    func run() throws {
        try raiseDescriptorLimit(to: subscribers + 64)
        try buildFloor()
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
        let server = try ServerProcess(
            [
                floor, "--port", "\(Self.ports.floor)", "--pub", "sat", "--mode", "send", "--cc", congestion,
                "--start", "\(subscribers)", "--batch", "\(batch)", "--life", "120",
            ], port: Self.ports.floor)
        return try measure(server, Dialect(path: "/", subscription: "SUB S0", prefix: "{\"sym\":"))
    }

    private func measureOurs(_ batch: Int) throws -> Sample {
        let server = try ServerProcess(
            [
                "/proc/self/exe", "serve-trades", "--port", "\(Self.ports.ours)", "--batch", "\(batch)",
                "--subscribers", "\(subscribers)", "--congestion", congestion,
            ], port: Self.ports.ours)
        let subscription =
            "{\"op\":\"subscribe\",\"channel\":\"trade\",\"symbols\":[\"S0\"],\"rate\":\"max\"}"
        return try measure(
            server,
            Dialect(path: "/v1/stream", subscription: subscription, prefix: "{\"type\":\"t"))
    }

    private func measure(_ server: borrowing ServerProcess, _ dialect: Dialect) throws -> Sample {
        try Self.waitForPort(server.port)
        var fleet = try Fleet(subscribers, port: server.port, dialect)
        let limit = Moment.read().instant + .seconds(20)
        while fleet.subscribed < subscribers {
            guard Moment.read().instant < limit else { throw BenchError("not all could subscribe in 20 s") }
            try fleet.run(until: Moment.read().instant + .milliseconds(10))
        }
        try fleet.run(until: Moment.read().instant + Self.warmUp)
        fleet.startSampling()
        let before = (fleet.messages, fleet.bytes, fleet.receives)
        let cpu = try server.cpu()
        let start = Moment.read().instant
        try fleet.run(until: start + window)
        let used = try server.cpu() - cpu
        let span = Moment.read().instant - start
        let messages = Double(fleet.messages - before.0)
        guard messages > 0 else { throw BenchError("nothing was delivered") }
        let ages = fleet.ages.sorted()
        func age(_ share: Int) -> Double {
            ages.isEmpty ? 0 : Double(ages[min(ages.count - 1, ages.count * share / 100)]) / 1e6
        }
        return Sample(
            rate: messages * 1e9 / Double(span.raw), cpu: Double(used) / 1e3 / messages,
            p50: age(50), p99: age(99),
            messagesARead: messages / Double(max(1, fleet.receives - before.2)),
            size: Double(fleet.bytes - before.1) / messages)
    }

    // MARK: Getting ready

    private func buildFloor() throws(BenchError) {
        if access(floor, X_OK) == 0 { return }
        let command = ["cc", "-O2", "-o", floor, "bench/floor.c"]
        guard succeeds(command) else {
            throw BenchError("\(floor) is missing, and this failed: \(command.joined(separator: " "))")
        }
    }

    private static func waitForPort(_ port: UInt16) throws(BenchError) {
        let limit = Moment.read().instant + .seconds(5)
        while Moment.read().instant < limit {
            if Fleet.answers(port: port) { return }
            var time = timespec(tv_sec: 0, tv_nsec: 10_000_000)
            nanosleep(&time, nil)
        }
        throw BenchError("the server does not listen on port \(port)")
    }
}
