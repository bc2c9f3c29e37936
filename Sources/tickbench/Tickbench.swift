// `tickbench`: what TickerFeed costs, in numbers that anybody can measure again. Never a test.
import Basics
import CLinux

/// Why a benchmark could not be run. Ends up as one line on stderr, with exit status 1.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

@main
struct Tickbench {
    static let options =
        ownOptions + BookBenchmark.options + LoadOptions.options + TableBenchmark.options + [
            Option("help", nil, "this text"),
            Option("version", nil, "the version"),
        ]

    private static let ownOptions = [
        Option(
            "runs", "N",
            "itch, book, replay, simulator, encode, table, journal, backplane: runs, of which the median is told (default 7; table, journal and backplane 3)"
        ),
        Option(
            "rounds", "N",
            "itch: how often a run goes through the file (default 100); count: milliseconds (300)"),
        Option("megabytes", "N", "journal: how long it is (default 1074, a gibibyte)"),
        Option("dir", "PATH", "journal: where a folder is made for it (default TMPDIR, or /tmp)"),
        Option("from", "SECONDS", "replay: where to begin, from the recording's first event (default 0)"),
        Option("subscribers", "N", "fanout: connections (default 1000)"),
        Option("messages-per-write", "A,B,…", "fanout: what one write carries, 1 to 64 (default 1,8,32)"),
        Option("pairs", "N", "fanout, table: floor and server in turn, so often (default 3, 7)"),
        Option(
            "seconds", "N",
            "fanout, load, table, replay, backplane: how long one measurement lasts (default 2, 10, 5, 60, 3)"
        ),
        Option(
            "congestion", "NAME",
            "fanout, table, load: the servers' congestion control (default reno, reno, the system's)"),
        Option(
            "port", "N",
            "serve-trades, load, table, backplane: where to serve on loopback (default 7490, 7493, 7493, 7496 and the next three)"
        ),
        Option("batch", "N", "serve-trades: trades a write"),
    ]

    private static let names =
        "itch, book, replay, simulator, journal, encode, count, fanout, load, storm, table and backplane"

    static let help = """
        tickbench itch [FILE]    ITCH 5.0 to decoded messages, to books, to ticks
        tickbench book           generated ITCH at the size of a market: messages, books, ticks
        tickbench simulator      a message of a simulated market, to ticks
        tickbench journal        ticks to a journal on disk and back, and seeks in a gigabyte
        tickbench replay [FILE]  a minute of a recording at its own speed: how late its ticks are
        tickbench encode         quotes to JSON, JSON to frames, JSON read back
        tickbench count          the engine without sockets: ns, allocations, retains a message
        tickbench fanout         server CPU for each delivered message, beside the kernel's floor
        tickbench load           many subscribers against a tickerd, its own or a running one: ages,
                                 CPU and memory; an open loop, half of it slow or stalled if you like
        tickbench storm          5,000 clients of a tickerd that is killed and started again
        tickbench table          the workloads of docs/BENCHMARKS.md, as its tables
        tickbench backplane      what an engine between ingest and a node adds: latency, CPU, bytes, joins
        tickbench serve-trades   the server that fanout measures: trades of S0, as fast as they go
        tickbench echo URL       sends back what Autobahn's fuzzing server at URL says: our client, judged

        \(Arguments.help(options))
        Run it from the repository's root, release build, nothing else running.
        ^C ends a load with what was measured so far.
        Exit status: 0 done, 1 could not measure, 2 wrong usage, 130 interrupted.

        """

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do throws(UsageError) {
            let arguments = try Arguments(words, options: options)
            exit(try run(arguments))
        } catch {
            complain(error.description)
            exit(2)
        }
    }

    private static func run(_ arguments: Arguments) throws(UsageError) -> Int32 {
        if arguments.has("help") { return say(help) }
        if arguments.has("version") { return say("tickbench \(Release.number)\n") }
        let benchmark = try benchmark(arguments)
        do {
            try benchmark.run()
            return 0
        } catch is Interrupted {
            return 130
        } catch {
            complain("\(error)")
            return 1
        }
    }

    private static func benchmark(_ arguments: Arguments) throws(UsageError) -> any Benchmark {
        let operands = arguments.operands
        guard let name = operands.first else {
            throw UsageError("which benchmark? \(names); --help tells more")
        }
        if operands.count > (["itch", "replay", "echo"].contains(name) ? 2 : 1) {
            throw UsageError("\(name): \(operands.last ?? "")?")
        }
        return switch name {
        case "itch": try ITCHBenchmark(arguments)
        case "book": try BookBenchmark(arguments)
        case "simulator": try SimulatorBenchmark(arguments)
        case "journal": try JournalBenchmark(arguments)
        case "replay": try ReplayBenchmark(arguments)
        case "encode": try EncodeBenchmark(arguments)
        case "count": try CountBenchmark(arguments)
        case "fanout": try FanOutBenchmark(arguments)
        case "load": try LoadBenchmark(arguments)
        case "table": try TableBenchmark(arguments)
        case "storm": try StormBenchmark(arguments)
        case "backplane": try BackplaneBenchmark(arguments)
        case "echo": try EchoBenchmark(arguments)
        case "serve-trades": try TradeServer(arguments)
        default:
            throw UsageError("no benchmark \(name); there are \(names)")
        }
    }

    private static func say(_ text: String) -> Int32 {
        Console.write(text)
        return 0
    }
    static func complain(_ text: String) { Console.write("tickbench: \(text)\n", to: Console.errors) }
}

/// What a command line asked for, checked and ready to run.
protocol Benchmark {
    func run() throws
}

extension Arguments {
    /// A whole number within bounds, or the default.
    func number(_ name: String, _ standard: Int, _ bounds: ClosedRange<Int>) throws(UsageError) -> Int {
        guard let text = self[name] else { return standard }
        guard let number = Int(text), bounds.contains(number) else {
            throw UsageError(
                "--\(name) \(text): a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    /// Numbers with commas between them, at least one, or the default.
    func numbers(
        _ name: String, _ standard: String, _ bounds: ClosedRange<Int>
    ) throws(UsageError) -> [Int] {
        let text = self[name] ?? standard,
            words = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = words.compactMap { Int($0) }.filter(bounds.contains)
        guard numbers.count == words.count else {
            throw UsageError(
                "--\(name) \(text): numbers from \(bounds.lowerBound) to \(bounds.upperBound), as \(standard)"
            )
        }
        return numbers
    }
}
