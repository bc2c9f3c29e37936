// LOBSTER's own files, where they are at hand: our books against golden results and LOBSTER's books.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"]

private func options(_ messages: String, book: String) throws -> FeedOptions {
    let row = try #require(Fixture.lines(book).first)
    return FeedOptions(path: messages, bookRow: Array(row.utf8))
}

private func file(of golden: NSDictionary, _ key: String) throws -> String {
    let entry = try #require(golden[key] as? NSDictionary)
    return try "\(#require(data))/lobster/\(#require(entry["file"] as? String))"
}

@Test(
    "golden results of LOBSTER's files, in one piece or in many", .enabled(if: data != nil),
    arguments: ["hour1.L1", "hour1.depth50_first672", "day.first999"])
func lobsterGolden(name: String) throws {
    let path = try "\(#require(data))/lobster/aapl-20120621-\(name)"
    let golden = try Fixture.json(path + ".golden.json")
    let levels = try #require(golden["method_levels"] as? NSDictionary)
    let options = try options(file(of: golden, "messages"), book: file(of: golden, "first_row"))
    for longest in [1 << 23, 1_000] {
        let memory = InputMemory(
            try Fixture.bytes(options.path), cutBy: Seed(3).generator(), longest: longest)
        var digest = Digest(
            try InputFeed(options, memory: memory),
            checkpointEvery: try #require(levels["checkpoint_every"] as? Int))
        digest.run()
        let ours = try Fixture.json(text: Data(digest.json.utf8))
        for key in ["book_updates", "l1_fnv1a64", "depth5_fnv1a64", "updates_leaving_book_locked"] {
            #expect(ours[key] as? NSObject == levels[key] as? NSObject, "\(key)")
        }
        #expect(ours["types"] as? NSObject == golden["types"] as? NSObject)
        #expect((ours["final"] as? NSDictionary)?["AAPL"] as? NSObject == levels["final"] as? NSObject)
        #expect(
            digest.anomalies[.overReduceLevel]
                == (levels["reductions_larger_than_level"] as? UInt64 ?? .max))
        #expect(digest.anomalies.total == digest.anomalies[.overReduceLevel])
        let checkpoints = try Fixture.lines(path + ".checkpoints.csv")
        #expect(digest.checkpoints == Array(checkpoints.dropFirst()))
        try expectTrades(ours, golden)
    }
}

private func expectTrades(_ ours: NSDictionary, _ golden: NSDictionary) throws {
    let executions = try #require(golden["executions_count_shares_notional"] as? [String: [Int]])
    let sums = executions.values.reduce([0, 0, 0]) { zip($0, $1).map(+) }
    #expect((ours["trades_count_size_notional"] as? [String: [Int]])?["AAPL"] == sums)
}

/// Rows after which our best bid and ask are LOBSTER's, and the first where they are not.
private func agreement(_ options: FeedOptions, with rows: [String]) throws -> (rows: Int, first: Int) {
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let feed = try InputFeed(options)
    var row = 0, agreeing = 0, first = 0
    feed.playAll(limit: 1, into: &builder) { builder in
        builder.publish()
        _ = end.drain()
        guard row < rows.count, builder.symbolCount > 0 else { return }
        let parts = rows[row].split(separator: ",").prefix(4).compactMap { Int64($0) }
        let ask = builder.books.best(SymbolID(0), .ask), bid = builder.books.best(SymbolID(0), .bid)
        let ours = [ask, bid].flatMap { level in
            [level.map { $0.price.e9 / 100_000 }, level.map { Int64($0.shares) }]
        }
        row += 1
        if ours == parts { agreeing += 1 } else if first == 0 { first = row }
    }
    #expect(row == rows.count)
    return (agreeing, first)
}

@Test("our best prices are LOBSTER's in as many rows as they can be", .enabled(if: data != nil))
func lobsterRows() throws {
    let folder = try "\(#require(data))/lobster/aapl-20120621-"
    let hour = try options(
        folder + "hour1.message_50.csv", book: folder + "hour1.orderbook_50_first672.csv")
    let hourRows = try Fixture.lines(folder + "hour1.orderbook_L1.csv")
    #expect(try agreement(hour, with: hourRows) == (91_907, 54_607))
    let day = try options(
        folder + "day.message_10_first999.csv", book: folder + "day.orderbook_10_first999.csv")
    let dayRows = try Fixture.lines(folder + "day.orderbook_10_first999.csv")
    #expect(try agreement(day, with: dayRows) == (955, 441))
}

@Test("malformed LOBSTER files end as the golden results say", .enabled(if: data != nil))
func lobsterBad() throws {
    let golden = try Fixture.json("\(#require(data))/bad/lobster.golden.json")
    for (name, expected) in try #require(golden as? [String: [String: NSObject]]) {
        let path = try "\(#require(data))/bad/\(name)"
        for longest in [1 << 23, 1, 50] {
            let options = FeedOptions(
                path: path, date: CalendarDate(year: 2012, month: 6, day: 21), symbol: SymbolName("AAPL"))
            let memory = InputMemory(
                try Fixture.bytes(path), cutBy: Seed(5).generator(), longest: longest)
            let feed = try InputFeed(options, memory: memory)
            var digest = Digest(feed)
            digest.run()
            // Of the twelve bad rows the first is blank, so none at all, and the last has a time of ten
            // decimals, which are cut.
            let isMalformed = expected["bad_rows_are_lines"] != nil
            let rows = try #require(feed.report?.counts).reduce(0) { $0 + $1.count }
            #expect(rows == (expected["good_rows"] as? UInt64 ?? 0) + (isMalformed ? 1 : 0), "\(name)")
            #expect(digest.anomalies[.malformedLine] == (isMalformed ? 10 : 0), "\(name)")
            // Without an order book file the orders of before are unknown. One inserted row is late.
            let isLate = name != "lobster-crlf-header.csv"
            #expect(digest.anomalies[.timeBackwards] == (isLate ? 1 : 0), "\(name)")
            let others: [Anomaly] = [.malformedLine, .overReduceLevel, .timeBackwards]
            #expect(digest.anomalies.total == others.reduce(0) { $0 + digest.anomalies[$1] }, "\(name)")
        }
    }
}
