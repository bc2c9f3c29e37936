// Pauses between tries that grow and differ.
//
// Invariants
//   - The pause before try n is drawn from 0…min(10 s, 0.25 s · 2^n): all clients of a server that
//     restarts do not return in the same instant.
//   - Once reset, the next pause is short again.
import Basics

public struct Backoff: Sendable {
    private var tries = 0
    private var generator: SeededGenerator

    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    public mutating func next() -> Nanoseconds {
        let ceiling = min(10_000, 250 << min(tries, 6))
        tries += 1
        return .milliseconds(generator.below(ceiling) + 1)
    }

    public mutating func reset() { tries = 0 }
}
