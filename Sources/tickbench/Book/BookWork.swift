// What `tickbench book` times: bytes → messages, → books, → ticks on a tape.
import Basics
import CLinux
import Market
import TickerFeed

struct BookWork {
    let name: String
    let play: (borrowing GeneratedStream) throws -> Outcome

    static func all(of stream: borrowing GeneratedStream) throws -> [BookWork] {
        let file = try StreamFile(stream)
        return [
            BookWork(name: "parse") { parse($0) },
            BookWork(name: "parse, books") { books($0) },
            BookWork(name: "parse, books, tape") { try ticks($0, file: file) },
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
        var left = count, ahead = 0, hints = OrderHints()
        while left > 0 {
            if ahead == 0 { ahead = symbols.lookAhead(cursor, books, &hints) }
            ahead -= 1
            guard let message = next(&cursor) else { break }
            if case .stockDirectory = message.body { _ = symbols.symbol(message.locate, in: &books) }
            _ = books.apply(message, &symbols)
            left -= 1
        }
    }

    /// As the server does it: chunks of a file in the kernel's cache, published every 4,096 messages.
    private static func ticks(_ stream: borrowing GeneratedStream, file: StreamFile) throws -> Outcome {
        let feed = try ITCHFileFeed(path: file.path, date: CalendarDate("2026-01-02"))
        var outcome = Outcome(), builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 18)))
        func play(_ count: Int) throws {
            var left = count
            while left > 0 {
                left -= try feed.play(
                    upTo: Timestamp(raw: .max), limit: min(left, 4_096), received: .zero, into: &builder)
                builder.publish()
            }
        }
        try play(stream.openingMessages)
        let start = Measure.cpu()
        try play(stream.messages - stream.openingMessages)
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

/// The stream as a file without a name: gone with this process.
private final class StreamFile {
    private let descriptor: Int32
    var path: String { "/proc/self/fd/\(descriptor)" }

    init(_ stream: borrowing GeneratedStream) throws {
        var name = Array("/tmp/tickbench-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        unlink(name)
        let bytes = stream.bytes.readable
        var written = 0
        while written < bytes.count {
            let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count <= 0 { throw BenchError("no room in /tmp for \(bytes.count) bytes") }
            written += count
        }
    }
    deinit { close(descriptor) }
}
