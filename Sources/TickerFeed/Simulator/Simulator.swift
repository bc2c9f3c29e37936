// A market that never was, for demonstrations and load: seeded, endless, the same every time.
//
// Invariants
//   - One seed, one stream: how it is cut into calls of `play`, and the clock, change nothing.
import Basics
import Market

/// Order flow of a scenario: well-known US stocks, and as many more as it wants. Never ends.
public final class Simulator: Feed {
    public let description: String
    let scenario: Scenario
    private let seed: UInt64
    private let start: Timestamp
    /// What nobody is told, too: the truth behind the feed.
    private(set) var market: SimulatedMarket

    /// - Parameters:
    ///   - scenario: not a uniform one.
    ///   - start: the time of the first message; all other times count from it.
    public init(_ scenario: Scenario = .default, seed: UInt64, start: Timestamp) {
        precondition(!scenario.isUniform, "a market without life")
        self.scenario = scenario
        self.seed = seed
        self.start = start
        market = SimulatedMarket(scenario, seed: seed)
        let name = scenario == .default ? "" : ", scenario \(scenario.name)"
        description = "simulated market of \(scenario.symbolCount) symbols, seed \(seed)\(name)"
    }

    var nextTime: Timestamp { start + market.due }

    public func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        var played = 0
        while played < limit, nextTime <= time {
            market.step(from: start, received: received, into: &builder)
            played += 1
        }
        return FeedStep(played: played, next: .due(nextTime))
    }

    public func rewind() -> Bool {
        market = SimulatedMarket(scenario, seed: seed)
        return true
    }
}
