// What a message of a simulated market costs: drawn, and as ticks on a tape.
//
// A run plays one market on from where the last run ended; its opening is not timed. What is only
// drawn is lost in a gap that never ends.
import Basics
import Market
import TickerFeed

struct SimulatorBenchmark: Benchmark {
    private static let messages = 1_000_000
    private static let settings = ["rate=1000000", "spread=0s"]
    private static let lost = ["gap=24h", "gap-at=0s"]
    private let scenarios: [(told: Scenario, drawn: Scenario)]
    private let runs: Int

    init(_ arguments: Arguments) throws(UsageError) {
        runs = try arguments.number("runs", 7, 1...1_000)
        var faults: [UsageError] = []
        scenarios = ["default", "8000-symbols"].map {
            (
                Scenario($0, settings: Self.settings, faults: &faults),
                Scenario($0, settings: Self.settings + Self.lost, faults: &faults)
            )
        }
        if let fault = faults.first { throw fault }
    }

    func run() throws {
        Console.write("\(Measure.machine)\n")
        Console.write(
            "\(Self.messages) messages a run, median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write("| scenario | symbols | ns drawn | ns to ticks | ticks |\n")
        Console.write("| --- | ---: | ---: | ---: | ---: |\n")
        for (told, drawn) in scenarios {
            let (alone, _) = measure(drawn), (whole, ticks) = measure(told)
            Console.write("| \(told.name) | \(told.symbolCount) | \(alone) | \(whole) | \(ticks) |\n")
        }
    }

    /// Nanoseconds a message, and how many ticks there were in the end.
    private func measure(_ scenario: Scenario) -> (spread: String, ticks: UInt64) {
        let feed = Simulator(scenario, seed: 1, start: .zero)
        var builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 14)))
        _ = Self.play(feed, 50 * scenario.symbolCount, &builder)
        let times = (0..<runs)
            .map { _ in Double(Self.play(feed, Self.messages, &builder)) / Double(Self.messages) }
        return (Spread(times).text(1), builder.tickCount)
    }

    /// CPU time of so many messages, in nanoseconds.
    private static func play(
        _ feed: Simulator, _ messages: Int, _ builder: inout BookBuilder
    ) -> Int64 {
        let start = Measure.cpu()
        feed.play(messages, into: &builder)
        return Measure.cpu() - start
    }
}
