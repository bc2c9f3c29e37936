// The file as a feed: dates, cuts, wrong files, and the same ticks whatever the chunk.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let end = Timestamp(raw: .max)

/// All ticks of a file, read in chunks and played in steps of the given sizes.
private func ticks(_ path: String, chunkBytes: Int, limit: Int) throws -> [Tick] {
    let tape = TapeEnd()
    var builder = tape.makeBuilder(), ticks: [Tick] = []
    let feed = try InputFeed(FeedOptions(path: path), chunkBytes: chunkBytes)
    feed.playAll(limit: limit, into: &builder) { builder in
        builder.publish()
        ticks += tape.drain()
    }
    return ticks
}

@Test(
    "neither the size of a read nor of a step changes a tick",
    arguments: [
        (chunk: 1, limit: 1), (chunk: 7, limit: 300), (chunk: 64, limit: 10_000), (chunk: 4_099, limit: 13),
    ])
func chunksChangeNothing(chunk: Int, limit: Int) throws {
    let whole = try ticks(Fixture.aapl, chunkBytes: 1 << 20, limit: 10_000)
    #expect(whole.count > 10_000)
    #expect(try ticks(Fixture.aapl, chunkBytes: chunk, limit: limit).fingerprint() == whole.fingerprint())
}

@Test("what is played is dated: the file's day, US Eastern, in UTC")
func dated() throws {
    let first = try #require(try ticks(Fixture.aapl, chunkBytes: 1 << 16, limit: 100).first)
    // 2020-01-30 05:00 UTC is midnight in New York; the first message is at 11234.909934345 s.
    #expect(first.eventTime.raw == (1_580_360_400 * 1_000_000_000) + 11_234_909_934_345)
    #expect(first.kind == .symbol && first.definition.name.description == "AAPL")
    #expect(first.definition.lot == 100)
}

@Test("the ticks of a real file rebuild the golden final book")
func finalBook() throws {
    let seen = try #require(
        try ticks(Fixture.aapl, chunkBytes: 1 << 16, limit: 500).seen()[SymbolID(0)])
    #expect(seen.bids.levels.count == 79 && seen.asks.levels.count == 63)
    #expect(seen.bids.levels[0] == Level(price: Price(e4: 3_201_400), size: Quantity(shares: 25), orders: 1))
    #expect(seen.bestAsk == Level(price: Price(e4: 3_203_000), size: Quantity(shares: 100), orders: 1))
    // 240 P and 849 E, 25,470 and 56,086 shares.
    #expect(seen.statistics.count == 1_089)
    #expect(seen.statistics.volumeE8 == 81_556 * 100_000_000)
    let notionalE4: Int128 = 81_789_764_800 + 180_077_391_300
    #expect(seen.statistics.notionalE17 == notionalE4 * 10_000_000_000_000)
    #expect(seen.status.state == .trading)
}

@Test("play stops at its time, and at its limit")
func upToTime() throws {
    let tape = TapeEnd()
    var builder = tape.makeBuilder()
    let feed = try InputFeed(FeedOptions(path: Fixture.aapl))
    let look = feed.play(upTo: Timestamp(raw: .min), limit: 10, received: .zero, into: &builder)
    guard case .due(let first) = look.next else { return #expect(Bool(false), "\(look)") }
    #expect(look.played == 0)
    let before = feed.play(
        upTo: first + Nanoseconds(raw: -1), limit: 10, received: .zero, into: &builder)
    #expect(before == FeedStep(played: 0, next: .due(first)))
    #expect(feed.play(upTo: first, limit: 10, received: .zero, into: &builder).played == 1)
    let ten = feed.play(upTo: end, limit: 10, received: .zero, into: &builder)
    guard case .due(let next) = ten.next else { return #expect(Bool(false), "\(ten)") }
    #expect(ten.played == 10 && next > first)
}

@Test(
    "malformed files play to their golden end",
    arguments: [
        ("itch-clean", 2_000, 104), ("itch-end-marker", 2_000, 104),
        ("itch-end-marker-then-data", 1_011, 82), ("itch-unknown-type", 2_001, 104),
        ("itch-short-message", 2_001, 104), ("itch-over-execute", 2_001, 103),
        ("itch-time-backwards", 2_000, 104), ("itch-empty", 0, 0), ("itch-zero-lengths-everywhere", 0, 0),
    ])
func malformedFeeds(name: String, messages: Int, live: Int) throws {
    let tape = TapeEnd()
    var builder = tape.makeBuilder()
    let feed = try InputFeed(
        FeedOptions(path: Fixture.bad(name + ".itch"), date: CalendarDate("2020-01-30")),
        chunkBytes: 1_000)
    let (played, next) = feed.playAll(limit: 100, into: &builder)
    #expect(next == .end)
    let orders = builder.books.liveOrders
    #expect(played == messages && orders == live)
}

@Test(
    "a cut file gives all it has, then says that it is cut",
    arguments: [
        ("itch-cut-in-body", 1_999, 33), ("itch-cut-in-length", 2_000, 1),
        ("itch-length-past-end", 1_011, 29_907),
    ])
func cutFeeds(name: String, messages: Int, left: Int) throws {
    let tape = TapeEnd()
    var builder = tape.makeBuilder()
    let path = Fixture.bad(name + ".itch")
    let feed = try InputFeed(FeedOptions(path: path, date: CalendarDate("2020-01-30")))
    let (played, next) = feed.playAll(limit: 100, into: &builder)
    let bytes = try Fixture.bytes(path).count
    let fault = FeedStep.Next.failed(
        .broken(file: path, .cut("message", at: bytes - left, bytesLeft: left)))
    #expect(played == messages && next == fault)
    let again = feed.play(upTo: end, limit: 1, received: .zero, into: &builder)
    #expect(again == FeedStep(played: 0, next: fault))
    #expect(feed.rewind() && feed.play(upTo: end, limit: 1, received: .zero, into: &builder).played == 1)
}

@Test(
    "a file that is something else is refused in one line that says what it is",
    arguments: [
        ("zstd: decompress first", [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]),
        ("it begins with \"once upon a time\"", [UInt8]("once upon a time\n".utf8)),
        ("it begins with the bytes 00 24 44 00 00 00 00 00", [0, 36, 0x44, 0, 0, 0, 0, 0]),
    ] as [(String, [UInt8])])
func wrongFiles(found: String, bytes: [UInt8]) throws {
    try Fixture.withFile(bytes) { path in
        for open in [
            { _ = try InputFeed(FeedOptions(path: path)) },
            { _ = try Digest.report(of: FeedOptions(path: path)) },
        ] {
            do {
                try open()
                Issue.record("it was taken")
            } catch {
                #expect("\(error)".hasPrefix("\(path): no feed that is known here: \(found)"), "\(error)")
            }
        }
    }
}

@Test("a file without a date, and one that isn't there")
func missing() throws {
    try Fixture.withFile([], name: "today.itch") { path in
        #expect(throws: FeedError.noDate(file: path, format: "ITCH")) {
            try InputFeed(FeedOptions(path: path))
        }
        _ = try InputFeed(FeedOptions(path: path, date: CalendarDate("2020-01-30")))
    }
    #expect(throws: FeedError.cannotOpen(file: "/nowhere/20200130.itch", SystemError("open", code: 2))) {
        try InputFeed(FeedOptions(path: "/nowhere/20200130.itch"))
    }
}

@Test("a file without a directory names its symbols by the first message that does")
func withoutDirectory() throws {
    let whole = try Fixture.bytes(Fixture.aapl)
    // Without R (41 bytes) and H (27).
    try Fixture.withFile(Array(whole[68...])) { path in
        let seen = try ticks(path, chunkBytes: 1 << 16, limit: 1_000).seen()
        #expect(seen.count == 1 && seen[SymbolID(0)]?.definition?.name.description == "AAPL")
        #expect(seen[SymbolID(0)]?.bids.levels.count == 79)
    }
}

@Test("a pipe is played like a file, and cannot be rewound")
func pipes() throws {
    let whole = try ticks(Fixture.aapl, chunkBytes: 1 << 16, limit: 1_000).fingerprint()
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let pipe = folder.appending(path: "20200130.pipe").path
    #expect(mkfifo(pipe, 0o600) == 0)
    let bytes = try Fixture.bytes(Fixture.aapl)
    let writer = try Basics.Thread("pipe") {
        let file = FileHandle(forWritingAtPath: pipe)
        try? file?.write(contentsOf: Data(bytes))
        try? file?.close()
    }
    let tape = TapeEnd()
    var builder = tape.makeBuilder(), stream: [Tick] = []
    let feed = try InputFeed(FeedOptions(path: pipe))
    feed.playAll(limit: 500, into: &builder) { builder in
        builder.publish()
        stream += tape.drain()
    }
    writer.join()
    #expect(stream.fingerprint() == whole)
    #expect(!feed.rewind())
}
