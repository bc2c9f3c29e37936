import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed
private let start = Timestamp(raw: 1_764_167_400_000_000_000)
@Test("print rates") func printRates() throws {
    for (name, set, from, to) in [("default", [], 5, 125), ("quiet-day", ["lull=0s"], 0, 900), ("8000-symbols", ["rate=20000"], 3, 8), ("default", ["rate=100000"], 1, 5), ("opening-auction", [], 5, 55), ("opening-auction", [], 62, 90)] as [(String, [String], Int, Int)] {
        var faults: [UsageError] = []
        let s = Scenario(name, settings: set, faults: &faults)
        for seed in 1...3 {
        let end = TapeEnd(); var builder = end.makeBuilder()
        let sim = Simulator(s, seed: UInt64(seed), start: start)
        func upTo(_ t: Int) throws -> Int {
            var n = 0
            while true { let k = try sim.play(upTo: start + .seconds(t), limit: 4096, received: .zero, into: &builder); builder.publish(); n += k; if k == 0 { break }; _ = end.drain() }
            return n
        }
        _ = try upTo(from)
        let n = try upTo(to)
        print("RATE", name, set, Double(n) / Double(to - from), Double(s[.rate]), Double(n) / Double(to - from) / Double(s[.rate]))
        }
    }
}
