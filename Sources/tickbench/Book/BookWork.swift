// What `tickbench book` times: bytes → messages, → books, → ticks on a tape.
import Basics
import Market
import TickerFeed

struct BookWork {
    let name: String
    var makesBooks = true
    let play: (borrowing GeneratedStream) throws -> Outcome

    private static var all: [(key: String, work: BookWork)] {
        [
            ("parse", BookWork(name: "parse", makesBooks: false) { parse($0) }),
            ("books", BookWork(name: "parse, books") { books($0) }),
            ("tape", BookWork(name: "parse, books, tape") { try ticks($0) }),
        ]
    }

    /// - Parameter keys: with commas between; nil for all.
    static func named(_ keys: String?) throws(UsageError) -> [BookWork] {
        guard let keys else { return all.map(\.work) }
        var works: [BookWork] = []
        for key in keys.split(separator: ",") {
            guard let (_, work) = all.first(where: { $0.key == key }) else {
                throw UsageError("--work \(key): there are \(all.map(\.key).joined(separator: ", "))")
            }
            works.append(work)
        }
        return works
    }

    private static func parse(_ stream: borrowing GeneratedStream) -> Outcome {
        var outcome = Outcome()
        let bytes = stream.bytes.readable.bytes
        var cursor = ITCHCursor(bytes)
        for _ in 0..<stream.openingMessages { _ = next(&cursor) }
        let start = Measure.cpu()
        while let message = next(&cursor) {
            outcome.checksum = outcome.checksum &* 31 &+ message.fingerprint
        }
        outcome.nanoseconds = Measure.cpu() - start
        return outcome
    }

    private static func books(_ stream: borrowing GeneratedStream) -> Outcome {
        var outcome = Outcome(), player = ITCHBooks()
        let bytes = stream.bytes.readable.bytes
        var at = 0
        while player.messages < stream.openingMessages {
            let start = Measure.cpu(), left = stream.openingMessages - Int(player.messages)
            at = player.play(bytes, from: at, count: min(left, 100))
            outcome.pause = max(outcome.pause, Measure.cpu() - start)
        }
        let start = Measure.cpu()
        _ = player.play(bytes, from: at, count: .max)
        outcome.nanoseconds = Measure.cpu() - start
        outcome.checksum = BookDigest.of(player.books)
        outcome.live = player.books.liveOrders
        outcome.bytes = player.books.memoryBytes
        return outcome
    }

    /// As the server does it, from bytes at hand instead of a file: the input read in chunks, decoded in
    /// turns of 4,096 messages, each published.
    private static func ticks(_ stream: borrowing GeneratedStream) throws -> Outcome {
        let options = FeedOptions(path: "generated", date: CalendarDate("2026-01-02"))
        let feed = try InputFeed(options, memory: InputMemory(Array(stream.bytes.readable)))
        var outcome = Outcome(), builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 18)))
        feed.play(stream.openingMessages, into: &builder)
        let start = Measure.cpu()
        feed.play(stream.messages - stream.openingMessages, into: &builder)
        outcome.nanoseconds = Measure.cpu() - start
        outcome.checksum = BookDigest.of(builder.books)
        outcome.live = builder.books.liveOrders
        outcome.bytes = builder.books.memoryBytes
        return outcome
    }

    /// A generated stream has no faults.
    @inline(__always)
    private static func next(_ cursor: inout ITCHCursor) -> ITCHMessage? { try? cursor.next() }
}

extension Feed {
    /// So many messages, which there have to be, published as the server does: every 4,096.
    func play(_ count: Int, into builder: inout BookBuilder) {
        var left = count
        while left > 0 {
            let limit = min(left, 4_096)
            left -= play(upTo: Timestamp(raw: .max), limit: limit, received: .zero, into: &builder).played
            builder.publish()
        }
    }
}
