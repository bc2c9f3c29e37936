// What a message of a simulated market costs: drawn, put into the book, and as ticks on a tape.
//
// A run plays one market on from where the last run ended; its opening is not timed.
import Basics
import Market
import TickerFeed

struct SimulatorBenchmark: Benchmark {
    private static let messages = 1_000_000
    private let scenarios: [Scenario]
    private let runs: Int

    init(_ arguments: Arguments) throws(UsageError) {
        runs = try arguments.number("runs", 7, 1...1_000)
        var faults: [UsageError] = []
        let settings = ["rate=1000000", "spread=0s"]
        scenarios = ["default", "opening-auction", "8000-symbols"].map {
            Scenario($0, settings: settings, faults: &faults)
        }
        if let fault = faults.first { throw fault }
    }

    func run() throws {
        Console.write("\(Measure.machine)\n")
        Console.write(
            "\(Self.messages) messages a run, median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write("| scenario | symbols | ns a message | ticks |\n| --- | ---: | ---: | ---: |\n")
        for scenario in scenarios {
            let feed = Simulator(scenario, seed: 1, start: .zero)
            var builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 14)))
            _ = Self.play(feed, 50 * scenario.symbolCount, &builder)
            var times: [Double] = []
            for _ in 0..<runs {
                times.append(Double(Self.play(feed, Self.messages, &builder)) / Double(Self.messages))
            }
            Console.write(
                "| \(scenario.name) | \(scenario.symbolCount) | \(Spread(times).text(1)) | \(builder.tickCount) |\n"
            )
        }
    }

    /// CPU time of so many messages, in nanoseconds.
    private static func play(
        _ feed: Simulator, _ messages: Int, _ builder: inout BookBuilder
    ) -> Int64 {
        let start = Measure.cpu()
        var left = messages
        while left > 0 {
            left -=
                feed.play(
                    upTo: Timestamp(raw: .max), limit: min(left, 4_096), received: .zero, into: &builder
                ).played
            builder.publish()
        }
        return Measure.cpu() - start
    }
}
