// Recorded Binance sessions against the results of programs that share no code with ours.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

enum Session {
    /// What a session comes to, in the words of the golden files.
    static func outcome(
        _ bytes: [UInt8], cutBy seed: Seed? = nil, longest: Int = .max, checkpointEvery: Int = 0
    ) throws -> (json: [String: NSObject], checkpoints: [String]) {
        let memory = InputMemory(bytes, cutBy: seed?.generator(), longest: longest)
        let feed = try InputFeed(FeedOptions(path: "session"), memory: memory)
        var digest = Digest(feed, checkpointEvery: checkpointEvery)
        digest.run()
        digest.builder.books.checkInvariants()
        let decoder = try #require(feed.decoder as? BinanceDecoder)
        var json: [String: NSObject] = [
            "book_updates": digest.bookUpdates as NSNumber, "l1_fnv1a64": digest.level1.hex as NSString,
            "depth5_fnv1a64": digest.depth5.hex as NSString, "events": NSDictionary(),
            "book_handling": NSDictionary(), "clock": NSDictionary(), "book_ticker_check": NSDictionary(),
        ]
        for (name, group) in grouped(decoder.counts) { json[name] = group }
        json["in_sync_at_end"] = decoder.synchronisation.reduce(into: NSMutableDictionary()) {
            $0["\($1.symbol)"] = $1.isInSync
        }
        json["last_update_id"] = decoder.synchronisation.reduce(into: NSMutableDictionary()) {
            $0["\($1.symbol)"] = $1.lastUpdate ?? NSNull() as Any
        }
        return (json, digest.checkpoints)
    }

    private static func grouped(_ counts: [FeedCount]) -> [String: NSObject] {
        var groups: [String: NSObject] = [:]
        for count in counts {
            let parts = count.name.split(separator: ".").map(String.init)
            let group = (groups[parts[0]] as? NSDictionary)?.mutableCopy() as? NSMutableDictionary
            let members = group ?? NSMutableDictionary()
            if parts.count == 2 { members[parts[1]] = count.count }
            groups[parts[0]] = parts.count == 2 ? members : count.count as NSNumber
        }
        return groups
    }

    /// A checkpoint without its time: ours is the exchange's, theirs the recorder's.
    static func timeless(_ row: String) -> [Substring] {
        var fields = row.split(separator: ",")
        fields.remove(at: 2)
        return fields
    }

    static func expect(
        _ ours: [String: NSObject], _ golden: NSDictionary, _ name: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (key, value) in golden {
            guard let key = key as? String, let mine = ours[key] else { continue }
            #expect(mine == value as? NSObject, "\(name): \(key)", sourceLocation: sourceLocation)
        }
    }
}

@Test("the sessions of the repository end as the golden results say, however they are cut")
func sessionsAtHand() throws {
    let files = [Fixture.session, Fixture.golden("binance-made.jsonl")]
    for (file, name) in zip(files, ["btcusdt-20240808-binance", "binance-made"]) {
        let golden = try Fixture.json(Fixture.golden(name + ".golden.json"))
        let bytes = try Fixture.bytes(file)
        for (seed, longest) in [(nil, Int.max), (Seed(1), 1), (Seed(2), 5_000)] {
            Session.expect(try Session.outcome(bytes, cutBy: seed, longest: longest).json, golden, name)
        }
        // The digest as people see it: trades and final books, too.
        let digest = try Fixture.json(text: Data(Digest.report(of: FeedOptions(path: file)).utf8))
        for key in ["events", "book_handling", "book_ticker_check", "final", "book_updates", "l1_fnv1a64"] {
            #expect((digest[key] as? NSObject) == (golden[key] as? NSObject), "\(name): \(key)")
        }
        let trades = digest["trades_count_size_notional"] as? [String: [NSNumber]] ?? [:]
        let expected = golden["trades_count_size_notional1e16"] as? [String: [NSObject]] ?? [:]
        #expect(trades.count == expected.count)
        for (symbol, total) in expected {
            #expect(trades[symbol].map { $0[..<2].map { $0 as NSObject } } == Array(total[..<2]), "\(symbol)")
        }
    }
}

/// The folder of larger recordings, where it is at hand.
private let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"]

@Test("recorded sessions end as the golden results say, to every checkpoint", .enabled(if: data != nil))
func recordedSessions() throws {
    for name in ["spot-20211012-4symbols", "usdm-20210722-4symbols", "spot-20240808-btcusdt"] {
        let file = "\(data ?? "")/ws/binance/\(name)"
        let golden = try Fixture.json(file + ".golden.json")
        let every = try #require(golden["checkpoint_every"] as? Int)
        let bytes = try Fixture.bytes(file + ".jsonl")
        for (seed, longest) in [(nil, Int.max), (Seed(3), 3_000), (Seed(4), 64)] {
            let ours = try Session.outcome(bytes, cutBy: seed, longest: longest, checkpointEvery: every)
            Session.expect(ours.json, golden, name)
            let rows = try Fixture.lines(file + ".checkpoints.csv").dropFirst()
            #expect(ours.checkpoints.map(Session.timeless) == rows.map(Session.timeless), "\(name)")
        }
    }
}

@Test("malformed sessions end as the golden results say", .enabled(if: data != nil))
func malformedSessions() throws {
    let golden = try Fixture.json("\(data ?? "")/bad/binance.golden.json")
    let files = try #require(golden["files"] as? [String: NSDictionary])
    #expect(files.count == 7)
    for (name, expected) in files {
        let bytes = try Fixture.bytes("\(data ?? "")/bad/\(name)")
        for (seed, longest) in [(nil, Int.max), (Seed(5), 200)] {
            Session.expect(try Session.outcome(bytes, cutBy: seed, longest: longest).json, expected, name)
        }
    }
}
