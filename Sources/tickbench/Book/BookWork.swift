// What `tickbench book` times: bytes → messages, → books, → ticks on a tape.
import Basics
import Market
import TickerFeed

struct BookWork {
    let name: String
    let play: (borrowing GeneratedStream) throws -> Outcome

    static var all: [BookWork] {
        [
            BookWork(name: "parse") { parse($0) },
            BookWork(name: "parse, books") { books($0) },
            BookWork(name: "parse, books, tape") { try ticks($0) },
        ]
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
        var outcome = Outcome()
        var books = OrderBooks(), symbols = LocateTable()
        let bytes = stream.bytes.readable.bytes
        var cursor = ITCHCursor(bytes)
        apply(&cursor, to: &books, &symbols, count: stream.openingMessages)
        let start = Measure.cpu()
        apply(&cursor, to: &books, &symbols, count: .max)
        outcome.nanoseconds = Measure.cpu() - start
        outcome.checksum = BookDigest.of(books)
        outcome.live = books.liveOrders
        outcome.bytes = books.memoryBytes
        return outcome
    }

    /// Stops before `count` messages only at the end of the bytes.
    @inline(never)
    private static func apply(
        _ cursor: inout ITCHCursor, to books: inout OrderBooks, _ symbols: inout LocateTable, count: Int
    ) {
        var left = count, hints = OrderHints()
        var ahead = books.wantsHints ? 0 : Int.max
        while left > 0 {
            if ahead == 0 { ahead = symbols.lookAhead(cursor, books, &hints) }
            ahead -= 1
            guard let message = next(&cursor) else { break }
            if case .stockDirectory = message.body { _ = symbols.symbol(message.locate, in: &books) }
            _ = books.apply(message, &symbols)
            left -= 1
        }
    }

    /// As the server does it, the file apart: the decoder in turns of 4,096 messages, then published.
    private static func ticks(_ stream: borrowing GeneratedStream) throws -> Outcome {
        let options = FeedOptions(path: "generated", date: CalendarDate("2026-01-02"))
        let decoder = try ITCHDecoder(options)
        var outcome = Outcome(), builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 18)))
        let bytes = stream.bytes.readable.bytes
        var at = 0
        func play(_ count: Int) {
            var left = count
            while left > 0 {
                let progress = decoder.play(
                    bytes.extracting(droppingFirst: at), at: at, isLast: true, upTo: Timestamp(raw: .max),
                    limit: min(left, 4_096), received: .zero, into: &builder)
                at += progress.consumed
                left -= progress.played
                builder.publish()
            }
        }
        play(stream.openingMessages)
        let start = Measure.cpu()
        play(stream.messages - stream.openingMessages)
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
