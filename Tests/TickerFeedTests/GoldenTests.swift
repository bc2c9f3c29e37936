// Our digests against the results of programs that share no code with ours.
import Basics
import Foundation
import TestSupport
import Testing

@testable import TickerFeed

/// What a digest doesn't have: hashes of the file, and an order's place in its level's queue.
private let notOurs = ["sha256", "checkpoint_every", "time_priority_check"]

private func expectGolden(_ digest: NSDictionary, _ golden: NSDictionary) {
    for (key, expected) in golden {
        guard let key = key as? String, !notOurs.contains(key) else { continue }
        if key == "input", let input = expected as? NSDictionary {
            let ours = digest["input"] as? NSDictionary
            #expect(ours?["file"] as? String == input["file"] as? String)
            #expect(ours?["bytes"] as? Int == input["bytes"] as? Int)
        } else {
            #expect((digest[key] as? NSObject) == (expected as? NSObject), "\(key)")
        }
    }
}

private func digest(ofFile path: String) throws -> NSDictionary {
    try Fixture.json(text: Data(Digest.report(ofFile: path).utf8))
}

@Test("the digest of a real file is the golden one")
func realFile() throws {
    let golden = try Fixture.json(Fixture.golden("aapl-20200130-premarket.golden.json"))
    expectGolden(try digest(ofFile: Fixture.aapl), golden)
}

@Test("every checkpoint of a real file agrees, however the file is cut", arguments: Seed.smoke)
func checkpoints(seed: Seed) throws {
    let golden = try Fixture.lines(Fixture.golden("aapl-20200130-premarket.checkpoints.csv"))
    var random = seed.generator()
    var digest = ITCHDigest(checkpointEvery: 100)
    // Seed 1 goes byte by byte.
    let longest = seed.raw == 1 ? 1 : 10_000
    digest.take(try Fixture.bytes(Fixture.aapl), cutBy: &random, longest: longest)
    #expect(digest.checkpoints == Array(golden.dropFirst()), "\(seed)")
    let whole = try Fixture.json(Fixture.golden("aapl-20200130-premarket.golden.json"))
    let text = digest.json(file: "aapl-20200130-premarket.itch")
    expectGolden(try Fixture.json(text: Data(text.utf8)), whole)
}

@Test("every malformed file ends as the golden results say, in one piece or in many")
func malformedFiles() throws {
    let golden = try Fixture.json(Fixture.bad("itch.golden.json"))
    let files = try #require(golden["files"] as? [String: NSDictionary])
    #expect(files.count == 21)
    for (name, expected) in files.sorted(by: { $0.key < $1.key }) {
        let ours = try digest(ofFile: Fixture.bad(name))
        var random = Seed(7).generator()
        var cut = ITCHDigest()
        cut.take(try Fixture.bytes(Fixture.bad(name)), cutBy: &random, longest: 50)
        let inPieces = try Fixture.json(text: Data(cut.json(file: name).utf8))
        for (key, value) in expected {
            #expect((ours[key] as? NSObject) == (value as? NSObject), "\(name): \(key)")
        }
        #expect(inPieces == ours, "\(name) in pieces")
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
        var digest = ITCHDigest(checkpointEvery: every)
        digest.take(try Fixture.bytes(file + ".itch"))
        let rows = try Fixture.lines(file + ".checkpoints.csv").dropFirst()
        #expect(digest.checkpoints == Array(rows), "\(name)")
    }
}

@Test("no prefix of a file crashes, and none delivers what the whole file does not hold")
func prefixes() throws {
    let bytes = try Fixture.bytes(Fixture.bad("itch-clean.itch"))
    var whole = ITCHDigest()
    whole.take(bytes)
    for end in stride(from: 0, to: bytes.count, by: 97) {
        var digest = ITCHDigest()
        digest.take(Array(bytes[..<end]))
        #expect(digest.messages <= whole.messages)
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
            bytes[random.below(bytes.count)] = UInt8(random.below(256))
        }
        var digest = ITCHDigest()
        digest.take(bytes)
        digest.books.checkInvariants()
        #expect(digest.bytesLeft <= bytes.count)
    }
}
