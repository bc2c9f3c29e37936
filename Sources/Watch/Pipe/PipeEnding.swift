// When lines end by themselves, and with which status: -n, --for, --once, --until.
//
// Invariants
//   - What was asked for and came is 0. What was waited for and did not come is 7.
//   - A condition counts first: where it is met in the same turn as the time is up, it was met.
import Basics

public struct PipeEnding: Hashable, Sendable {
    /// What a `--once` without `--for` waits at most: a symbol that has not traded says nothing.
    public static let onceSpan = Nanoseconds.seconds(5)

    /// How things stand in this turn of the loop.
    public struct Facts: Hashable, Sendable {
        /// `-n` lines were made (`PipeQueue.isComplete`).
        public var hasAllLines = false
        /// With `--once`: each symbol has its line, or was refused.
        public var hasAllSymbols = false
        /// `--until` is true.
        public var isMet = false
        /// The replay or the demo is over: nothing more comes.
        public var hasEnded = false
        public init() {}
    }

    private let waitsForCondition: Bool
    private let isOnce: Bool
    /// When the time is up; `.never` where nobody set one.
    public let deadline: Instant

    public init(_ options: WatchOptions, began: Instant) {
        waitsForCondition = options.until != nil
        isOnce = options.isOnce
        let span = options.span ?? (options.isOnce ? PipeEnding.onceSpan : nil)
        deadline = span.map { began + $0 } ?? .never
    }

    /// Nil: it goes on.
    public func status(_ facts: Facts, now: Instant) -> ExitStatus? {
        if waitsForCondition, facts.isMet { return .done }
        if isOnce, facts.hasAllSymbols { return .done }
        guard facts.hasAllLines || facts.hasEnded || now >= deadline else { return nil }
        return waitsForCondition || isOnce ? .notMet : .done
    }
}
