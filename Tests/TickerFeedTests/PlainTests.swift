// Plain CSV and NDJSON: what each line says, what lines say together, and what is no line.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let second: Int64 = 1_600_000_000_000_000_000

private let lines = """
    {"t":1600000000000000000,"sym":"AAPL","type":"quote","bid":"270.25","bid_size":"100","ask":"270.29","ask_size":"700"}
    {"t":1600000000000000001,"sym":"AAPL","type":"trade","price":"270.29","size":"50","side":"buy","id":"17"}
    {"t":1600000000000000002,"sym":"AAPL","type":"quote","bid":270.25,"bid_size":1e2,"ask":null,"ask_size":0}
    {"t":1600000000000000003,"sym":"AAPL","type":"status","market":"halted","reason":"LUDP"}
    {"t":1600000000000000004,"sym":"BTC\\/USD","type":"level","side":"bid","price":61737.63,"size":0.00012,"orders":3}
    {"t":1600000000000000005,"sym":"BTC/USD","type":"level","side":"ask","price":"61738","size":"1"}
    {"t":1600000000000000006,"sym":"BTC/USD","type":"level","side":"bid","price":"61737.630","size":0}
    {"t":1600000000000000007,"sym":"BTC/USD","type":"clear"}
    {"t":1600000000000000008,"sym":"BTC/USD","type":"trade","price":0.000000001,"size":0.00000001}

    """

private let story = [
    "AAPL trading live *",
    "AAPL level bid 270.25x100", "AAPL level ask 270.29x700",
    "AAPL best bid 270.25x100", "AAPL best ask 270.29x700 *",
    "AAPL trade bid 270.29x50 #17 *",
    "AAPL level ask 270.29x0", "AAPL best ask 0x0 *",
    "AAPL halted live LUDP *",
    "BTC/USD trading live *",
    "BTC/USD level bid 61737.63x0.00012 of 3", "BTC/USD best bid 61737.63x0.00012 *",
    "BTC/USD level ask 61738x1", "BTC/USD best ask 61738x1 *",
    "BTC/USD level bid 61737.63x0", "BTC/USD best bid 0x0 *",
    "BTC/USD clear", "BTC/USD best ask 0x0 *",
    "BTC/USD trade - 0.000000001x0.00000001 *",
]

@Test("every type of line")
func everyLine() throws {
    let played = try play(lines)
    #expect(played.story == story)
    #expect(played.anomalies == [] && played.events == 9)
    #expect(played.ticks.last?.eventTime.raw == second + 8)
    #expect(played.ticks.last?.source == 9)
    #expect(
        played.counts.map { "\($0.name)=\($0.count)" }
            == ["types.quote=2", "types.trade=2", "types.level=3", "types.clear=1", "types.status=1"])
}

private let table = #"""
    \#u{feff}note,"sym",type,t,side,price,size,bid,bid_size,ask,ask_size,id,market,reason,orders
    ,AAPL,quote,1600000000000000000,,,,270.25,100,270.29,700,,,,
    "a, ""b""",AAPL,trade,1600000000000000001,buy,270.29,50,,,,,17,,,
    ,AAPL,quote,2020-09-13T12:26:40.000000002Z,,,,"270.25",1e2,,0,,,,
    ,AAPL,status,1600000000000000003,,,,,,,,,halted,LUDP,
    ,BTC/USD,level,1600000000000000004,bid,61737.63,0.00012,,,,,,,,3
    ,BTC/USD,level,1600000000000000005,ask,61738,1,,,,,,,,
    ,BTC/USD,level,2020-09-13 14:26:40.000000006+02:00,bid,61737.630,0,,,,,,,,
    ,BTC/USD,clear,1600000000000000007,,,,,,,,,,,
    ,BTC/USD,trade,1600000000000000008,,1e-9,1E-8,,,,,,,,
    """#

@Test("the same as a table: columns in any order, times as text, quotes, numbers of any writing")
func sameAsTable() throws {
    let played = try play(table)
    #expect(played.story == story)
    #expect(played.ticks.map(\.eventTime) == (try play(lines)).ticks.map(\.eventTime))
    #expect(played.anomalies == [])
    #expect(played.ticks.last?.source == 10)
}

@Test("columns that only one type has say the type")
func impliedTypes() throws {
    let quotes = try play("sym,bid,bid_size,ask,ask_size\nA,1,2,3,4\n")
    #expect(quotes.story.suffix(2) == ["A best bid 1x2", "A best ask 3x4 *"])
    #expect(try play("price,size,sym,x\n1,2,A,\n").story.suffix(1) == ["A trade - 1x2 *"])
    let named = FeedOptions(path: "-", symbol: SymbolName("ESZ5"))
    #expect(try play("price,size,note\n1,2,x\n", named).story.last == "ESZ5 trade - 1x2 *")
    #expect(
        try play("{\"type\":\"trade\",\"price\":1,\"size\":2}\n", named).story.last == "ESZ5 trade - 1x2 *")
}

@Test(
    "a header that does not say enough ends it with one clear line",
    arguments: [
        ("t,price,size", "the header names no column sym: add it, or pass --symbol NAME"),
        (
            "sym,price,size,side",
            "the header names no column type, and its columns do not tell quotes from trades"
        ),
        (
            "sym,price,size,bid",
            "the header names no column type, and its columns do not tell quotes from trades"
        ),
        ("sym,type,price,price", "the header names a column twice"),
        ("sym,type" + String(repeating: ",x", count: 255), "the header has too many columns"),
    ])
func badHeader(header: String, reason: String) throws {
    let played = try play(header + "\nA,trade,1,2\n")
    #expect(played.next == .failed(.broken(file: "-", FeedFault(offset: 0, reason: reason))))
    #expect(played.ticks.isEmpty)
}

// MARK: Lines that say nothing

private let good = #"{"t":1,"sym":"A","type":"trade","price":1,"size":1}"#
private func trade(_ members: String) -> String {
    #"{"t":2,"sym":"A","type":"trade",\#(members)}"#
}

@Test(
    "a line that is none is passed over as a whole, with its place and cause",
    arguments: [
        ("{", "malformed_line"), ("[]", "malformed_line"), ("1", "malformed_line"), ("{}x", "malformed_line"),
        ("null", "malformed_line"), ("{}", "malformed_line"), (trade(#""price":1"#), "malformed_line"),
        (trade(#""price":1,"size":0"#), "malformed_line"), (trade(#""price":-1,"size":1"#), "malformed_line"),
        (trade(#""price":1,"size":-1"#), "malformed_line"),
        (trade(#""price":NaN,"size":1"#), "malformed_line"),
        (trade(#""price":"NaN","size":1"#), "malformed_line"),
        (trade(#""price":"","size":1"#), "malformed_line"),
        (trade(#""price":Infinity,"size":1"#), "malformed_line"),
        (trade(#""price":01,"size":1"#), "malformed_line"),
        (trade(#""price":[1],"size":1"#), "malformed_line"),
        (trade(#""price":true,"size":1"#), "malformed_line"),
        (trade(#""price":1,"size":1,"side":"bid""#), "malformed_line"),
        (trade(#""price":1,"size":1,"side":1"#), "malformed_line"),
        (trade(#""price":1,"price":1,"size":1"#), "malformed_line"),
        (trade(#""price":1,"size":1,"id":"x""#), "malformed_line"),
        (trade(#""price":1,"size":1,"id":-1"#), "malformed_line"),
        (trade(#""price":1,"size":1,"seq":1.5"#), "number_range"),
        (trade(#""price":1,"size":0.000000001"#), "number_range"),
        (trade(#""price":0.0000000001,"size":1"#), "number_range"),
        (trade(#""price":1,"size":92233720369"#), "number_range"),
        (trade(#""price":9300000000,"size":1"#), "number_range"),
        (trade(#""price":1e400,"size":1"#), "number_range"),
        (trade(#""price":1,"size":1,"id":18446744073709551616"#), "number_range"),
        (#"{"t":2,"sym":"A","type":"quote","bid":1}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"quote","ask_size":1}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"quote","bid":1,"bid_size":null}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"level","price":1,"size":1}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"level","side":"buy","price":1,"size":1}"#, "malformed_line"),
        (
            #"{"t":2,"sym":"A","type":"level","side":"bid","price":1,"size":1,"orders":4294967296}"#,
            "number_range"
        ),
        (#"{"t":2,"sym":"A","type":"status"}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"status","market":"open"}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"status","market":"halted","reason":"LUDPX"}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","type":"status","market":"halted","reason":"é"}"#, "malformed_line"),
        (#"{"t":2,"sym":"A","price":1,"size":1}"#, "malformed_line"),
        (#"{"t":2,"type":"trade","price":1,"size":1}"#, "malformed_line"),
        (#"{"t":2,"sym":"","type":"trade","price":1,"size":1}"#, "bad_symbol"),
        (#"{"t":2,"sym":"A B","type":"trade","price":1,"size":1}"#, "bad_symbol"),
        (#"{"t":2,"sym":"ABCDEFGHIJKLMNOPQRSTUVWXY","type":"trade","price":1,"size":1}"#, "bad_symbol"),
        (#"{"t":2,"sym":"\u0041\u0020","type":"trade","price":1,"size":1}"#, "bad_symbol"),
        (#"{"t":-1,"sym":"A","type":"clear"}"#, "malformed_line"),
        (#"{"t":"now","sym":"A","type":"clear"}"#, "malformed_line"),
        (#"{"t":1.5,"sym":"A","type":"clear"}"#, "number_range"),
        (#"{"t":9223372036854775807,"sym":"A","type":"clear"}"#, "number_range"),
        (#"{"t":1,"sym":"A","type":"heartbeat"}"#, "unknown_type"),
        (#"{"t":1,"sym":"B","type":"heartbeat","side":"left","price":-1}"#, "unknown_type"),
        (
            trade(
                #""price":1,"size":1,"x":"# + String(repeating: "[", count: 600)
                    + String(repeating: "]", count: 600)),
            "malformed_line"
        ),
        (trade(#""price":1,"size":1,"x":"\#(String(repeating: "x", count: 65_536))""#), "too_long"),
    ])
func badLine(line: String, anomaly: String) throws {
    let played = try play("\(good)\n\(line)\n\(good)\n")
    #expect(played.anomalies == ["\(anomaly) 1"])
    #expect(played.story == ["A trading live *", "A trade - 1x1 *", "A trade - 1x1 *"])
    #expect(played.firsts.first?.message == 2 && played.firsts.first?.cause?.isEmpty == false)
    #expect(played.events == 3)
}

@Test("bytes that are no UTF-8 reject their line")
func badUTF8() throws {
    let bytes =
        Array("\(good)\n".utf8) + Array(#"{"t":1,"sym":"A","type":"clear","x":""#.utf8)
        + [0xff, 0xc0, 0x80] + Array("\"}\n\(good)\n".utf8)
    let played = try play(bytes)
    #expect(played.anomalies == ["malformed_line 1"] && played.events == 3)
}

@Test(
    "a row that is none is passed over",
    arguments: [
        ("A,trade,1,2,3", "malformed_line"), ("A,trade,1", "malformed_line"),
        ("\"A,trade,1,2", "malformed_line"),
        ("A,trade,x,2", "malformed_line"), ("A,trade,0x10,2", "malformed_line"),
        ("A,trade,1,-2", "malformed_line"),
        ("A,trade,1,0.000000001", "number_range"), ("A,trade,1e-10,2", "number_range"),
        ("A,trade,1,1e11", "number_range"), ("A,tick,1,2", "unknown_type"), ("A,,1,2", "malformed_line"),
        (",trade,1,2", "malformed_line"), ("sym,type,price,size", "unknown_type"),
        ("A,trade,,2", "malformed_line"),
        ("A\"\"B,trade,1,2", "bad_symbol"),
    ])
func badTableRow(row: String, anomaly: String) throws {
    let played = try play("sym,type,price,size\nA,trade,1,1\n\(row)\nA,trade,1,1")
    #expect(played.anomalies == ["\(anomaly) 1"])
    #expect(played.story == ["A trading live *", "A trade - 1x1 *", "A trade - 1x1 *"])
}

@Test("the largest and finest numbers, and members of any other name, are accepted")
func extremePlain() throws {
    let played = try play(
        #"""
        {"x":{"price":[1,{"t":2}]},"t":7258118400000000000,"sym":"A","type":"trade","price":9223372036.854775807,"size":"92233720368.54775807","id":9223372036854775807,"y":null}
        { "t" : 0 , "\u0073ym" : "A" , "type" : "tr\u0061de" , "price" : 0 , "size" : 1.00e-8, "side" : null }
        """#)
    #expect(played.anomalies == ["time_backwards 1"])
    #expect(
        played.story.dropFirst() == [
            "A trade - 9223372036.854775807x92233720368.54775807 #9223372036854775807 *",
            "A trade - 0x0.00000001 *",
        ])
}

@Test("a line without a time happens when it comes")
func withoutTime() throws {
    let end = TapeEnd(capacity: 1 << 13)
    var builder = end.makeBuilder()
    let text = #"{"sym":"A","type":"trade","price":1,"size":1}"# + "\n"
    let feed = try InputFeed(FeedOptions(path: "-"), memory: InputMemory(Array((text + text).utf8)))
    let now = Timestamp(raw: second)
    let look = feed.play(upTo: Timestamp(raw: .min), limit: 9, received: now, into: &builder)
    #expect(look == FeedStep(played: 0, next: .due(now)))
    #expect(feed.play(upTo: now, limit: 9, received: now, into: &builder).played == 2)
    builder.publish()
    let trades = end.drain().filter { $0.kind == .trade }
    #expect(trades.map(\.eventTime) == [now, now])
}

// MARK: Lines together

private func level(
    _ side: String, _ price: Int, _ size: Int, t: Int = 1, sym: String = "A", _ rest: String = ""
) -> String {
    #"{"t":\#(t),"sym":"\#(sym)","type":"level","side":"\#(side)","price":\#(price),"size":\#(size)\#(rest)}"#
        + "\n"
}
private let more = #","more":true"#

@Test("levels that more follows are one event with it")
func oneEvent() throws {
    let played = try play(
        #"{"t":1,"sym":"A","type":"clear","more":true}"# + "\n" + level("bid", 10, 1, more)
            + level("ask", 11, 1) + level("bid", 9, 1))
    #expect(
        played.story == [
            "A trading live *",
            "A clear", "A level bid 10x1", "A level ask 11x1", "A best bid 10x1", "A best ask 11x1 *",
            "A level bid 9x1 *",
        ])
    #expect(played.events == 2)
}

@Test(
    "an event ends where something else comes",
    arguments: [
        (level("bid", 9, 1, t: 2), 2), (level("bid", 9, 1, sym: "B"), 2), ("{}\n", 2), ("", 1),
        (#"{"t":1,"sym":"A","type":"clear"}"# + "\n", 2), ("\n", 1), (level("bid", 9, 1), 1),
        (#"{"t":1,"sym":"A","type":"trade","price":1,"size":1,"more":true}"# + "\n", 2),
    ])
func eventEnds(line: String, events: Int) throws {
    let played = try play(level("bid", 10, 1, more) + line)
    #expect(played.events == events)
    #expect(played.story.prefix(2) == ["A trading live *", "A level bid 10x1"])
}

@Test("lines of one event are bounded")
func eventIsBounded() throws {
    let line = level("bid", 10, 1, more)
    let text = String(repeating: line, count: PlainLimits.changesMax + 10)
    let played = try play(text)
    #expect(played.events == 2 && played.anomalies == ["buffer_overflow 1"])
}

@Test("a symbol has quotes or levels, whichever comes first")
func mixedDepth() throws {
    let quote = #"{"t":1,"sym":"A","type":"quote","bid":1,"bid_size":1}"# + "\n"
    let levels = try play(level("bid", 10, 1) + quote + level("bid", 9, 1))
    #expect(levels.story.last == "A level bid 9x1 *" && levels.anomalies == ["mixed_depth 1"])
    let quotes = try play(quote + level("bid", 10, 1) + quote)
    #expect(quotes.story.last == "A best bid 1x1 *" && quotes.anomalies == ["mixed_depth 1"])
}

@Test("a hole in the numbers makes the book suspect until it is told again")
func gaps() throws {
    func numbered(_ number: Int, _ size: Int) -> String { level("bid", 10, size, #","seq":\#(number)"#) }
    let played = try play(
        numbered(7, 1) + numbered(8, 2) + numbered(8, 3) + numbered(7, 4) + numbered(11, 5) + numbered(12, 6)
            + #"{"t":1,"sym":"A","type":"clear","seq":1}"# + "\n" + numbered(2, 7))
    #expect(
        played.story.filter { !$0.contains("best") } == [
            "A trading live *", "A level bid 10x1", "A level bid 10x2",
            "A trading suspect *", "A level bid 10x5", "A level bid 10x6",
            "A clear", "A trading live *", "A level bid 10x7",
        ])
    #expect(played.anomalies == ["sequence_gap 1", "old_sequence 2"])
}

@Test("a quote tells all of the book: no hole lasts behind it")
func gapsOfQuotes() throws {
    func quote(_ number: Int, _ size: Int) -> String {
        #"{"t":1,"sym":"A","type":"quote","bid":1,"bid_size":\#(size),"seq":\#(number)}"# + "\n"
    }
    let trade = #"{"t":1,"sym":"A","type":"trade","price":1,"size":1,"seq":5}"# + "\n"
    let played = try play(quote(1, 1) + quote(3, 2) + trade + quote(6, 3))
    #expect(
        played.story.filter { !$0.contains("best") } == [
            "A trading live *", "A level bid 1x1", "A level bid 1x2", "A trade - 1x1 *",
            "A trading suspect *",
            "A level bid 1x3", "A trading live *",
        ])
    #expect(played.anomalies == ["sequence_gap 2"])
}

@Test("symbols are bounded")
func symbolsAreBounded() throws {
    let text = (0...PlainBooks.symbolsMax).map { "S\($0),1,1\n" }.joined()
    let played = try play("sym,price,size\n" + text)
    #expect(played.anomalies == ["bad_symbol 1"] && played.events == PlainBooks.symbolsMax + 1)
}

@Test("symbols that are not wanted are passed over")
func unwantedPlain() throws {
    let played = try play(Array(lines.utf8), wanted: [try name("BTC/USD")])
    #expect(played.story == story.filter { $0.hasPrefix("BTC") } && played.events == 9)
}

@Test("plain text does not depend on how it was cut", arguments: Seed.smoke)
func plainInPieces(seed: Seed) throws {
    let group = level("bid", 1, 1, more) + level("bid", 2, 1, more) + "{\n" + level("bid", 3, 1, more)
    let text = lines + "\n\r\n{}\n" + group + String(repeating: " ", count: 70_000) + "\n" + lines + "{"
    try expectSameInPieces(Array(text.utf8), seed: seed)
    try expectSameInPieces(Array((table + "\r\n\r\n,,,\r\n" + table).utf8), seed: seed)
}

@Test("plain text cut anywhere plays nothing of its own")
func plainPrefixes() throws {
    try expectPrefixes(of: Array(lines.utf8), sparing: 40)
    try expectPrefixes(of: Array(table.utf8), sparing: 90)
}

@Test("plain text survives any change", arguments: Seed.smoke)
func plainSurvives(seed: Seed) throws {
    try expectSurvival(of: Array(lines.utf8), sparing: 40, seed: seed)
    try expectSurvival(of: Array(table.utf8), sparing: 90, seed: seed)
}
