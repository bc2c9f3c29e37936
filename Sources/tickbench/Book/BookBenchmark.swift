// `tickbench book`: from generated ITCH bytes to messages, to books, to ticks, at the size of a market.
//
// Each run starts with empty books, plays the opening untimed, then times the messages behind it. The
// three measurements take turns, the order rotated. The tables are as large as the live orders make them.
import Basics
import Market
import TickerFeed

struct BookBenchmark: Benchmark {
    private let sizes: [(symbols: Int, live: Int)]
    private let messages: Int
    private let runs: Int
    private let seed: UInt64
    private let checks: Bool
    private let works: [BookWork]

    static let options = [
        Option("symbols", "A,B,…", "book: symbols (default 1,8000)"),
        Option(
            "live", "A,B,…", "book: live orders, one number for each of --symbols (default 20000,1000000)"),
        Option("messages", "N", "book: messages timed (default 12000000), about 31 bytes of memory each"),
        Option("seed", "N", "book: another stream of the same kind (default 1)"),
        Option("work", "A,B,…", "book: which of parse, books, tape (default all)"),
        Option("check", nil, "book: compare with books made of dictionaries"),
    ]

    init(_ arguments: Arguments) throws(UsageError) {
        let symbols = try arguments.numbers("symbols", "1,8000", 1...50_000)
        let live = try arguments.numbers("live", "20000,1000000", 1...20_000_000)
        guard symbols.count == live.count else {
            throw UsageError("--symbols and --live: as many numbers in both, as 1,8000 and 20000,1000000")
        }
        sizes = Array(zip(symbols, live))
        messages = try arguments.number("messages", 12_000_000, 1...100_000_000)
        runs = try arguments.number("runs", 7, 1...1_000)
        seed = UInt64(try arguments.number("seed", 1, 0...Int.max))
        checks = arguments.has("check")
        works = try BookWork.named(arguments["work"])
    }

    func run() throws {
        Console.write("\(Measure.machine)\n")
        Console.write("\(messages) messages a run, median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write(
            "| symbols | live orders | work | ns a message | M messages/s | bytes a live order | checksum |\n"
                + "| ---: | ---: | --- | ---: | ---: | ---: | --- |\n")
        for size in sizes { try measure(symbols: size.symbols, live: size.live) }
    }

    private func measure(symbols: Int, live: Int) throws {
        let stream = GeneratedStream(symbols: symbols, live: live, messages: messages, seed: seed)
        var times = [[Double]](repeating: [], count: works.count)
        var outcomes = [Outcome](repeating: Outcome(), count: works.count)
        for run in 0..<runs {
            for turn in works.indices {
                let index = (run + turn) % works.count
                outcomes[index] = try works[index].play(stream)
                times[index].append(Double(outcomes[index].nanoseconds) / Double(messages))
            }
        }
        for (index, work) in works.enumerated() {
            let spread = Spread(times[index]), outcome = outcomes[index]
            let bytes = outcome.bytes == 0 ? "" : Spread.text(Double(outcome.bytes) / Double(outcome.live), 1)
            Console.write(
                "| \(symbols) | \(outcome.live) | \(work.name) | \(spread.text(1)) "
                    + "| \(Spread.text(1_000 / spread.median, 1)) | \(bytes) | \(outcome.checksum.hex) |\n")
        }
        let pause = outcomes.map(\.pause).max() ?? 0
        if pause > 0 {
            Console.write(
                "the longest 100 messages while the tables grew: \(Spread.text(Double(pause) / 1e6, 2)) ms\n")
        }
        let books = zip(works, outcomes).filter { $0.0.makesBooks }.map(\.1.checksum)
        if checks { try check(stream, against: books) }
    }

    private func check(_ stream: borrowing GeneratedStream, against checksums: [UInt64]) throws {
        let start = Measure.cpu()
        let reference = BookReference(stream.bytes.readable.bytes)
        let spent = Double(Measure.cpu() - start) / Double(stream.messages)
        let digest = reference.digest
        Console.write(
            "dictionaries: \(digest.hex), \(Spread.text(spent, 1)) ns a message, opening included\n")
        if checksums.contains(where: { $0 != digest }) {
            throw BenchError("the books differ from the dictionaries'")
        }
    }
}
