// LOBSTER by hand: what each type of row does, and what no row may do.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let aapl = FeedOptions(path: "AAPL_2012-06-21_34200000_57600000_message_2.csv")
private func aapl(book: String?) -> FeedOptions {
    var options = aapl
    options.bookRow = book.map { Array($0.utf8) }
    return options
}

private let session = """
    34200.000000001,1,1,100,1000000,1
    34200.5,1,2,50,1000500,-1
    34200.5,1,3,30,1000000,1
    34201.25,2,3,10,1000000,1
    34201.25,4,2,20,1000500,-1
    34202,5,0,7,1000200,1
    34203,6,-1,500,1000300,-1
    34204,3,2,30,1000500,-1
    34205,7,0,0,-1,-1
    34206,7,0,0,0,-1
    34207,7,0,0,1,-1

    """

@Test("every type of row")
func rows() throws {
    let played = try play(session, aapl)
    #expect(
        played.story == [
            "AAPL trading live *",
            "AAPL level bid 100x100", "AAPL best bid 100x100 *",
            "AAPL level ask 100.05x50", "AAPL best ask 100.05x50 *",
            "AAPL level bid 100x130", "AAPL best bid 100x130 *",
            "AAPL level bid 100x120", "AAPL best bid 100x120 *",
            "AAPL trade bid 100.05x20 *", "AAPL level ask 100.05x30", "AAPL best ask 100.05x30 *",
            "AAPL trade ask 100.02x7 *", "AAPL trade - 100.03x500 *",
            "AAPL level ask 100.05x0", "AAPL best ask 0x0 *",
            "AAPL halted live *", "AAPL auction live *", "AAPL trading live *",
        ])
    #expect(played.anomalies == [])
    #expect(played.events == 11)
    #expect(played.ticks.last?.source == 11)
    let midnight = EasternTime.midnight(of: try #require(CalendarDate("2012-06-21")))
    #expect(played.ticks.first?.eventTime == midnight + Nanoseconds(raw: 34_200_000_000_001))
    #expect(
        played.counts.map { "\($0.name)=\($0.count)" }
            == ["types.1=3", "types.2=1", "types.3=1", "types.4=1", "types.5=1", "types.6=1", "types.7=3"])
}

@Test("a book of before is seeded, and row 1 is in it")
func seeded() throws {
    let book = "1000500,50,1000000,300,9999999999,0,999900,20\r\n1,1,1,1\n"
    let played = try play(
        """
        34200.1,4,1,100,1000000,1
        34200.2,3,9,20,999900,1
        34200.3,3,9,20,999900,1
        """, aapl(book: book))
    #expect(
        played.story == [
            "AAPL trading live *",
            "AAPL level ask 100.05x50", "AAPL level bid 100x300", "AAPL level bid 99.99x20",
            "AAPL best bid 100x300", "AAPL best ask 100.05x50 *",
            "AAPL trade ask 100x100 *",
            "AAPL level bid 99.99x0 *",
        ])
    #expect(played.anomalies == ["over_reduce_level 1"])
    var digest = Digest(
        try InputFeed(aapl(book: book), memory: InputMemory(Array("34200.1,1,1,100,1000000,1\n".utf8))))
    digest.run()
    #expect(digest.bookUpdates == 0, "a book of before is no update")
}

@Test("row 1 is rejected: row 2 is behind the seed all the same")
func seededBehindBadRow() throws {
    let played = try play(
        "34200.1,1,1,1,1,9\n34200.2,1,2,20,1000000,1\n", aapl(book: "1000500,50,1000000,300"))
    #expect(played.story.contains("AAPL level bid 100x320"))
}

@Test(
    "what is no row of an order book",
    arguments: ["", "x", "1,2,3", "1,2,3,x", "1,2,3,-4", "-1,2,3,4", "1.5,2,3,4"])
func badBook(row: String) throws {
    #expect {
        try play("34200.1,1,1,100,1000000,1\n", aapl(book: row))
    } throws: { error in
        "\(error)".contains("its order book file does not begin with a LOBSTER row")
    }
}

private let good = "34200,1,1,100,1000000,1"

@Test(
    "a row that is none is passed over, with its place and cause",
    arguments: [
        (",,,,,", "malformed_line"), ("34200.5,1,5,10,100", "malformed_line"),
        ("abc,1,5,10,100,1", "malformed_line"), ("34200.5,9,5,10,100,1", "malformed_line"),
        ("34200.5,1,5,-10,100,1", "malformed_line"), ("34200.5,1,5,0,100,1", "malformed_line"),
        ("34200.5,1,5,10,100,7", "malformed_line"), ("34200.5,1,5,10,100,1,99", "malformed_line"),
        ("34200.5,1,5,1e3,100,1", "malformed_line"), ("99999.5,1,5,10,100,1", "malformed_line"),
        ("86400,1,5,10,100,1", "malformed_line"), ("-1,1,5,10,100,1", "malformed_line"),
        ("34200.5,1,5,10,-100,1", "malformed_line"), ("34200.5,1,5,10,0,1", "malformed_line"),
        ("34200.5,1,5,10,100,", "malformed_line"), ("34200.5,1,,10,100,1", "malformed_line"),
        ("34200.5,7,0,0,2,-1", "malformed_line"), ("34200.5,11,5,10,100,1", "malformed_line"),
        ("34200.5,1,5,1.5,100,1", "malformed_line"), ("34200.12345678901x,1,5,10,100,1", "malformed_line"),
        ("34200.,1,5,10,100,1", "malformed_line"), ("34200.5,1,5,NaN,100,1", "malformed_line"),
        ("34200.5,1,5,\u{7f},100,1", "malformed_line"), ("34200.5,1,5,10 ,100,1", "malformed_line"),
        ("34200.5,1,5,92233720369,100,1", "number_range"),
        ("34200.5,1,5,10,92233720368548,1", "number_range"),
        ("34200.5,1,5,99999999999999999999,100,1", "number_range"),
        ("34200.5,1,99999999999999999999,1,100,1", "number_range"),
        (String(repeating: "1", count: 1_025), "too_long"),
    ])
func badRow(row: String, anomaly: String) throws {
    let played = try play("\(good)\n\(row)\n34201,1,2,10,1000000,1\n", aapl)
    #expect(played.anomalies == ["\(anomaly) 1"])
    #expect(played.events == 3)
    #expect(played.firsts.first?.offset == 24)
    #expect(played.firsts.first?.message == 2)
    #expect(played.firsts.first?.cause?.isEmpty == false)
    #expect(played.story.last == "AAPL best bid 100x110 *")
    #expect(played.ticks.last?.source == 3)
}

@Test("the largest and finest numbers that a row may have")
func extremes() throws {
    let played = try play(
        """
        0,1,1,92233720368,1,1
        86399.9999999999999,1,-9223372036854775807,1,92233720368547,-1
        86399.999999999,1,1,92233720368,1,1
        """, aapl)
    #expect(
        played.story.filter { $0.contains("level") } == [
            "AAPL level bid 0.0001x92233720368", "AAPL level ask 9223372036.8547x1",
        ])
    #expect(played.anomalies == ["quantity_overflow 1"])
}

@Test("headers, blank lines, carriage returns and a missing last newline are accepted")
func forgiving() throws {
    let plain = try play(session, aapl)
    let text =
        "\r\n\nTime,Type,OrderID,Size,Price,Direction\r\n"
        + session.split(separator: "\n").joined(separator: "\r\n  \r\n")
    #expect(try play(text, aapl).story == plain.story)
    #expect(try play(text, aapl).ticks == plain.ticks, "rows are numbered without them")
}

@Test(
    "symbol and day are in the name, or have to be said",
    arguments: [
        ("AAPL_2012-06-21_34200000_57600000_message_50.csv", "AAPL"), ("aapl-20120621-hour1.csv", "AAPL"),
        ("/a-b/BRK.B_2012-06-21_1_2_message_1.csv", "BRK.B"), ("2012-06-21.csv", nil), ("AAPL.csv", nil),
        ("my-aapl-2012-06-21.csv", nil),
    ])
func symbolsInNames(name: String, symbol: String?) {
    #expect(LOBSTERName.symbol(inFileName: name)?.description == symbol)
}

@Test("without a day or a symbol there is one clear line")
func lobsterWithoutDay() throws {
    func error(_ options: FeedOptions) -> String {
        do {
            _ = try play(session, options)
            return ""
        } catch { return "\(error)" }
    }
    #expect(
        error(FeedOptions(path: "a.csv"))
            == "a.csv: LOBSTER has no date and the file's name has none: pass --date YYYY-MM-DD")
    #expect(
        error(FeedOptions(path: "a.csv", date: CalendarDate("2012-06-21")))
            == "a.csv: LOBSTER names no symbol and the file's name has none: pass --symbol NAME")
    let told = FeedOptions(path: "-", date: CalendarDate("2012-06-21"), symbol: SymbolName("AAPL"))
    #expect(try play(session, told).ticks == play(session, aapl).ticks)
}

@Test("bad rows in front of the first good one take its time")
func leadingFaults() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let feed = try InputFeed(
        aapl, memory: InputMemory(Array("1,1,1,1,1,9\n34200,1\n\(good)\n34199,7\n".utf8)))
    let first = feed.play(upTo: Timestamp(raw: .min), limit: 10, received: .zero, into: &builder)
    let open = EasternTime.midnight(of: try #require(CalendarDate("2012-06-21"))) + .seconds(34_200)
    #expect(first == FeedStep(played: 0, next: .due(open)))
    #expect(feed.play(upTo: open, limit: 10, received: .zero, into: &builder).played == 4)
    #expect(builder.anomalies[.malformedLine] == 3)
}

@Test("a symbol that is not wanted plays to its end and says nothing")
func unwanted() throws {
    let played = try play(Array(session.utf8), aapl, wanted: [try name("MSFT")])
    #expect(played.ticks.isEmpty && played.events == 11 && played.next == .end)
}

@Test("a second round is the first one again")
func lobsterRewinds() throws {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let feed = try InputFeed(aapl, memory: InputMemory(Array(session.utf8)))
    #expect(feed.playAll(into: &builder).played == 11)
    #expect(feed.rewind())
    #expect(feed.playAll(into: &builder).played == 11)
    #expect(builder.anomalies.total == 0)
}

@Test("LOBSTER does not depend on how it was cut", arguments: Seed.smoke)
func lobsterInPieces(seed: Seed) throws {
    let text =
        "1,1,1,1,1,9\n" + session + String(repeating: "9", count: 3_000) + "\r\n" + session + ",,\n34200"
    try expectSameInPieces(Array(text.utf8), aapl, seed: seed)
}

@Test("LOBSTER cut anywhere plays nothing of its own")
func lobsterPrefixes() throws { try expectPrefixes(of: Array(session.utf8), aapl, sparing: 34) }

@Test("LOBSTER survives any change", arguments: Seed.smoke)
func lobsterSurvives(seed: Seed) throws {
    try expectSurvival(of: Array(session.utf8), aapl, sparing: 34, seed: seed)
}

@Test(
    "the order book file is beside the messages",
    arguments: [
        (
            "x/AAPL_2012-06-21_34200000_57600000_message_10.csv",
            "x/AAPL_2012-06-21_34200000_57600000_orderbook_10.csv"
        ),
        ("message.csv", "orderbook.csv"),
        ("messages/AAPL_message_5.csv.gz", "messages/AAPL_orderbook_5.csv.gz"),
        ("trades.csv", nil), ("message/rows.csv", nil), ("message_message.csv", nil), ("-", nil),
    ] as [(String, String?)])
func bookBeside(path: String, book: String?) { #expect(FeedOptions.bookBeside(path) == book) }

@Test("a book that is asked for by name must be there, one that is looked for need not")
func bookMissing() throws {
    var options = FeedOptions(path: "no/such_message_1.csv")
    try options.readBook(nil)
    #expect(options.bookRow == nil)
    #expect(throws: FeedError.self) { try options.readBook("no/such_orderbook_1.csv") }
}
