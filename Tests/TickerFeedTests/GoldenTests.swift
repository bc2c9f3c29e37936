// Our digests against the results of programs that share no code with ours.
import Basics
import Foundation
import TestSupport
import Testing

@testable import TickerFeed

/// What a digest doesn't have: hashes of the file, an order's place in its level's queue, and what
/// the tests of a single format look at.
private let notOurs = [
    "input", "sha256", "format", "checkpoint_every", "time_priority_check", "system_events",
    "trading_state", "symbols", "trades_count_shares_notional", "end",
]

private func expectGolden(_ digest: NSDictionary, _ golden: NSDictionary) {
    for (key, expected) in golden {
        guard let key = key as? String, !notOurs.contains(key) else { continue }
        #expect((digest[key] as? NSObject) == (expected as? NSObject), "\(key)")
    }
    expectEnd(digest, golden["end"] as? NSDictionary ?? [:])
    guard let trades = golden["trades_count_shares_notional"] as? [String: [String: [Int]]] else { return }
    let ours = digest["trades_count_size_notional"] as? [String: [Int]] ?? [:]
    for (symbol, kinds) in trades {
        // What isn't printable is no trade: it comes again in bulk.
        let sums = kinds.filter { $0.key != "CN" }.values.reduce([0, 0, 0]) { zip($0, $1).map(+) }
        #expect(ours[symbol] == sums, "trades of \(symbol)")
    }
}

private func expectEnd(_ digest: NSDictionary, _ golden: NSDictionary) {
    let ours = digest["end"] as? NSDictionary ?? [:]
    for (key, value) in golden { #expect((ours[key] as? NSObject) == (value as? NSObject), "end: \(key)") }
}

private func digest(ofFile path: String) throws -> NSDictionary {
    try Fixture.json(text: Data(Digest.report(of: FeedOptions(path: path)).utf8))
}

@Test("the digest of a real file is the golden one")
func realFile() throws {
    let golden = try Fixture.json(Fixture.golden("aapl-20200130-premarket.golden.json"))
    expectGolden(try digest(ofFile: Fixture.aapl), golden)
}

@Test("every checkpoint of a real file agrees, however the file is cut", arguments: Seed.smoke)
func checkpoints(seed: Seed) throws {
    let golden = try Fixture.lines(Fixture.golden("aapl-20200130-premarket.checkpoints.csv"))
    // Seed 1 goes byte by byte.
    let longest = seed.raw == 1 ? 1 : 10_000
    var digest = try Digest.of(
        Fixture.bytes(Fixture.aapl), cutBy: seed, longest: longest, checkpointEvery: 100)
    digest.run()
    #expect(digest.checkpoints == Array(golden.dropFirst()), "\(seed)")
    let whole = try Fixture.json(Fixture.golden("aapl-20200130-premarket.golden.json"))
    expectGolden(try Fixture.json(text: Data(digest.json.utf8)), whole)
}

@Test("every malformed file ends as the golden results say, in one piece or in many")
func malformedFiles() throws {
    let golden = try Fixture.json(Fixture.bad("itch.golden.json"))
    let files = try #require(golden["files"] as? [String: NSDictionary])
    #expect(files.count == 21)
    for (name, expected) in files.sorted(by: { $0.key < $1.key }) {
        let ours = try digest(ofFile: Fixture.bad(name))
        var cut = try Digest.of(Fixture.bytes(Fixture.bad(name)), cutBy: Seed(7), longest: 50)
        cut.run()
        let inPieces = try Fixture.json(text: Data(cut.json.utf8))
        expectEnd(ours, expected["end"] as? NSDictionary ?? [:])
        for (key, value) in expected where key as? String != "end" {
            #expect((ours[key] as? NSObject) == (value as? NSObject), "\(name): \(key)")
            #expect((inPieces[key] as? NSObject) == (value as? NSObject), "\(name) in pieces: \(key)")
        }
    }
}

@Test("the larger files too, where they are at hand")
func largeFiles() throws {
    guard let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"] else { return }
    for name in ["aapl-20120621-hour1", "simulated-3symbols"] {
        let file = "\(data)/itch5/\(name)"
        let golden = try Fixture.json(file + ".golden.json")
        expectGolden(try digest(ofFile: file + ".itch"), golden)
        let every = try #require(golden["checkpoint_every"] as? Int)
        var digest = try Digest.of(Fixture.bytes(file + ".itch"), checkpointEvery: every)
        digest.run()
        let rows = try Fixture.lines(file + ".checkpoints.csv").dropFirst()
        #expect(digest.checkpoints == Array(rows), "\(name)")
    }
}

@Test("no prefix of a file crashes, and none delivers what the whole file does not hold")
func prefixes() throws {
    let bytes = try Fixture.bytes(Fixture.bad("itch-clean.itch"))
    for end in stride(from: 0, to: bytes.count, by: 997) {
        var digest = try Digest.of(Array(bytes[..<end]))
        digest.run()
        #expect(digest.messages <= 2_000)
        #expect(digest.anomalies.total == 0, "prefix of \(end) bytes")
    }
}

@Test("no change of single bytes crashes, and books stay consistent", arguments: Seed.smoke)
func changedBytes(seed: Seed) throws {
    let clean = try Fixture.bytes(Fixture.bad("itch-clean.itch"))
    var random = seed.generator()
    for _ in 0..<10 {
        var bytes = clean
        for _ in 0...random.below(20) {
            // Not in the first message: by that the format is told.
            bytes[41 + random.below(bytes.count - 41)] = UInt8(random.below(256))
        }
        var digest = try Digest.of(bytes)
        digest.run()
        digest.builder.books.checkInvariants()
    }
}
