// Any file that the server can play, to ticks: what an event of its format costs, and a megabyte.
//
// As the server does it: read in chunks from the kernel's cache, which is timed, and published every
// 4,096 events. The books are emptied between rounds, which is not.
import Basics
import Market
import TickerFeed

struct FeedBenchmark: Benchmark {
    private let path: String
    private let rounds: Int
    private let runs: Int

    init(_ arguments: Arguments) throws(UsageError) {
        guard let path = arguments.operands.dropFirst().first else { throw UsageError("feed: which file?") }
        self.path = path
        rounds = try arguments.number("rounds", 100, 1...1_000_000)
        runs = try arguments.number("runs", 7, 1...1_000)
    }

    func run() throws {
        let feed = try InputFeed(FeedOptions(path: path))
        var outcome = try play(feed)  // the first one finds cold caches and grows the tables
        var perEvent: [Double] = [], rate: [Double] = []
        for _ in 0..<runs {
            outcome = try play(feed)
            let time = Double(outcome.nanoseconds)
            perEvent.append(time / Double(max(1, outcome.messages)))
            rate.append(Double((feed.report?.bytesTotal ?? 0) * rounds) * 1_000 / max(1, time))
        }
        Console.write(
            "\(Measure.machine)\n\(feed.description): \(rounds) rounds a run, median of \(runs) runs ")
        Console.write("[least-greatest], CPU time\n\n")
        Console.write("| events | ns an event | MB/s | checksum |\n| ---: | ---: | ---: | --- |\n")
        Console.write(
            "| \(outcome.messages) | \(Spread(perEvent).text(1)) | \(Spread(rate).text(0)) | \(outcome.checksum.hex) |\n"
        )
    }

    private func play(_ feed: InputFeed) throws -> Outcome {
        let tape = Tape(capacity: 1 << 17)
        var builder = BookBuilder(Tape.Writer(tape)), outcome = Outcome()
        for _ in 0..<rounds {
            let start = Measure.cpu()
            outcome.messages += try playOnce(feed, &builder)
            outcome.nanoseconds += Measure.cpu() - start
            outcome.checksum = outcome.checksum &* 31 &+ builder.tickCount
            guard feed.rewind() else { throw BenchError("\(path): cannot be read twice") }
            builder.clearAll(received: .zero)
        }
        return outcome
    }

    private func playOnce(_ feed: InputFeed, _ builder: inout BookBuilder) throws -> Int {
        var played = 0
        while true {
            let step = feed.play(upTo: Timestamp(raw: .max), limit: 4_096, received: .zero, into: &builder)
            played += step.played
            builder.publish()
            switch step.next {
            case .due, .now: continue
            case .waits: feed.wait(atMost: .seconds(1))
            case .end: return played
            case .failed(let error): throw BenchError("\(error)")
            }
        }
    }
}
