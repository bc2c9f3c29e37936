// Seeds for tests that draw at random: a failure names its seed, and the seed reruns it.
import Basics

public struct Seed: Sendable, CustomStringConvertible {
    public let raw: UInt64
    public init(_ raw: UInt64) { self.raw = raw }

    public func generator() -> SeededGenerator { SeededGenerator(seed: raw) }
    public var description: String { "seed \(raw)" }

    /// Enough for every run of the tests.
    public static let smoke: [Seed] = (1...8).map { Seed($0) }
}
