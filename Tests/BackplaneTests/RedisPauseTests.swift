// Waiting times before another attempt, and how often a refusal is repeated.
import Basics
import TestSupport
import Testing

@testable import Backplane

@Suite("How often Redis is tried, and its refusals told")
struct RedisPauseTests {
    @Test("waiting times are random below a bound that doubles up to two seconds", arguments: Seed.smoke)
    func bounds(seed: Seed) {
        var pause = RedisPause(seed: seed.raw)
        for bound in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let span = pause.next()
            #expect(span > .zero && span <= .milliseconds(bound), "\(seed)")
        }
        pause.reset()
        #expect(pause.next() <= .milliseconds(50))
    }

    @Test(
        "of what is refused each line is told at once, and again when a second is over",
        arguments: [
            // A character is a tenth of a second; what is told is what was refused last, of what is kept.
            (refused: "a---------------", told: "a---------------"),
            (refused: "aaaaaaaaaaaaaaaa", told: "a---------a-----"),
            (refused: "abababababababab", told: "ab--------a-----"),
            (refused: "aa-------------a", told: "a---------a-----"),
            (refused: "a-----------a---", told: "a-----------a---"),
        ])
    func refusals(refused: String, told: String) {
        var refusals = RedisRefusals(), seen = ""
        for (tenth, line) in refused.enumerated() {
            let now = Instant.zero + .milliseconds(100 * tenth + 1)
            var said = "-"
            refusals.tell(now) { if case .refused(let line) = $0 { said = line } }
            if line != "-" {
                refusals.add(String(line), now) { if case .refused(let line) = $0 { said = line } }
            }
            seen += said
        }
        #expect(seen == told)
    }
}
