// The one real file of the repository, cut and changed in every way: the same result, or no crash.
import Basics
import Foundation
import TestSupport
import Testing

@testable import TickerFeed

@Test("every checkpoint of a real file agrees, however the file is cut", arguments: Seed.smoke)
func checkpoints(seed: Seed) throws {
    let rows = try Fixture.lines(Fixture.golden("aapl-20200130-premarket.checkpoints.csv"))
    // Seed 1 goes byte by byte.
    let longest = seed.raw == 1 ? 1 : 10_000
    var digest = try Digest.of(
        Fixture.bytes(Fixture.aapl), cutBy: seed, longest: longest, checkpointEvery: 100)
    digest.run()
    #expect(digest.checkpoints == Array(rows.dropFirst()), "\(seed)")
    let golden = try Fixture.json(Fixture.golden("aapl-20200130-premarket.golden.json"))
    #expect(digest.depth5.hex == golden["depth5_fnv1a64"] as? String)
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
