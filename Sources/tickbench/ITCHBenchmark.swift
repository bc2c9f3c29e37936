// From a session file to messages, to books, to ticks: what each step costs a message.
//
// The file is gone through again and again; the books are emptied in between, which is not timed.
// A small file lives in the caches and its branches are learnt: a whole day costs more a message.
import Basics
import Market
import TickerFeed

struct ITCHBenchmark: Benchmark {
    private let path: String
    private let rounds: Int
    private let runs: Int

    init(_ arguments: Arguments) throws(UsageError) {
        path = arguments.operands.dropFirst().first ?? "feeds/aapl-20200130-premarket.itch"
        rounds = try arguments.number("rounds", 100, 1...1_000_000)
        runs = try arguments.number("runs", 7, 1...1_000)
    }

    func run() throws {
        let session = try Session(path: path)
        Console.write("\(Measure.machine)\n")
        Console.write(
            "\(path): \(session.messages) messages, \(session.bytes.readable.count) bytes; "
                + "\(rounds) rounds a run, median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write("| benchmark | messages | ns a message | checksum |\n| --- | ---: | ---: | --- |\n")
        table("ITCH: decode") { session.decode(rounds: rounds) }
        table("ITCH: decode, exact books") { session.books(rounds: rounds) }
        try table("ITCH: decode, books, ticks on a tape") { try Session.ticks(path: path, rounds: rounds) }
    }

    private func table(_ name: String, _ body: () throws -> Outcome) rethrows {
        try Outcome.printRow(name, runs: runs, body)
    }
}

/// What one run did.
struct Outcome {
    var messages = 0
    var nanoseconds: Int64 = 0
    var checksum: UInt64 = 0
    /// Orders at the end, and the bytes of all tables.
    var live = 0
    var bytes = 0
    /// The longest that a short run of messages took while tables grew, in nanoseconds.
    var pause: Int64 = 0

    /// Name, messages, nanoseconds a message, checksum: of so many runs and one before them.
    static func printRow(_ name: String, runs: Int, _ body: () throws -> Outcome) rethrows {
        var last = try body()  // finds cold caches and grows the tables
        var times: [Double] = []
        for _ in 0..<runs {
            last = try body()
            times.append(Double(last.nanoseconds) / Double(max(1, last.messages)))
        }
        Console.write(
            "| \(name) | \(last.messages) | \(Spread(times).text(1)) | \(last.checksum.hex) |\n")
    }
}

/// A session file in memory.
private struct Session: ~Copyable {
    var bytes = ByteBuffer()
    private(set) var messages = 0

    init(path: String) throws {
        do throws(SystemError) {
            let file = try InputFile(path)
            while true {
                let count = try file.read(into: bytes.reserve(1 << 20), atMost: 1 << 20)
                bytes.commit(count, of: 1 << 20)
                if count == 0 { break }
            }
        } catch {
            throw BenchError("\(path): \(error.reason)")
        }
        messages = decode(rounds: 1).messages
        if messages == 0 { throw BenchError("\(path): has no ITCH 5.0 messages") }
    }

    func decode(rounds: Int) -> Outcome {
        var outcome = Outcome()
        let start = Measure.cpu()
        for _ in 0..<rounds {
            let readable = bytes.readable
            var cursor = ITCHCursor(readable.bytes)
            while true {
                do throws(ITCHError) {
                    guard let message = try cursor.next() else { break }
                    outcome.checksum = outcome.checksum &* 31 &+ message.fingerprint
                } catch {
                    outcome.checksum &+= 1
                }
                outcome.messages &+= 1
            }
        }
        outcome.nanoseconds = Measure.cpu() - start
        return outcome
    }

    func books(rounds: Int) -> Outcome {
        var outcome = Outcome(), player = ITCHBooks()
        for _ in 0..<rounds {
            let start = Measure.cpu()
            _ = player.play(bytes.readable.bytes, from: 0, count: .max)
            outcome.nanoseconds += Measure.cpu() - start
            for index in 0..<player.books.symbolCount {
                for side in Side.allCases {
                    let best = player.books.best(SymbolID(index), side)
                    outcome.checksum &+= UInt64(bitPattern: best?.price.e9 ?? 0) &* 31 &+ (best?.shares ?? 0)
                }
            }
            outcome.checksum =
                outcome.checksum &* 31 &+ player.books.updates &+ UInt64(player.books.liveOrders)
            player.removeAll()
        }
        outcome.messages = Int(player.messages)
        return outcome
    }

    /// As the server does it: the feed reads the file in chunks (from the kernel's cache, timed),
    /// the builder writes ticks, and every 4,096 messages are published.
    static func ticks(path: String, rounds: Int) throws -> Outcome {
        let feed = try InputFeed(FeedOptions(path: path))
        let tape = Tape(capacity: 1 << 14)
        var builder = BookBuilder(Tape.Writer(tape))
        var outcome = Outcome()
        for _ in 0..<rounds {
            let start = Measure.cpu()
            while true {
                let step = feed.play(
                    upTo: Timestamp(raw: .max), limit: 4_096, received: .zero, into: &builder)
                outcome.messages += step.played
                builder.publish()
                if step.next == .end { break }
            }
            outcome.nanoseconds += Measure.cpu() - start
            outcome.checksum = outcome.checksum &* 31 &+ builder.tickCount
            guard feed.rewind() else { throw BenchError("\(path): cannot be read twice") }
            builder.clearAll(received: .zero)
        }
        return outcome
    }
}
