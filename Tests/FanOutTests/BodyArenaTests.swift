// Bodies in the ring: what is still readable is what was written, whatever was written beside it.
import Basics
import TestSupport
import Testing

@testable import FanOut

@Test("a body is as it was written for as long as it is readable", arguments: Seed.smoke)
func bodiesStay(seed: Seed) throws {
    var random = seed.generator()
    var arena = BodyArena(capacity: 1_024)
    var written: [(body: SharedBody, text: String)] = []
    for version in 1...3_000 as ClosedRange<UInt64> {
        // A short body after others of all lengths: its number scribbles behind its end.
        let text = String(repeating: "x", count: random.below(60)) + "7"
        let body = arena.encode(version: version, atMost: 64) { pen in
            pen.text(String(text.dropLast()))
            pen.unsigned(7)
        }
        written.append((body, text))
        var readable = 0
        for (body, text) in written.suffix(80) {
            guard let bytes = arena.bytes(of: body, version: body.version) else { continue }
            readable += 1
            try #require(String(decoding: bytes, as: UTF8.self) == text, "\(seed), version \(version)")
        }
        try #require(readable > 0)
    }
}
