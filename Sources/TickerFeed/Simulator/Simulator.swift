// A market that never was, for demonstrations and load: seeded, endless, the same every time.
//
// Invariants
//   - One seed, one stream: how it is cut into calls of `play`, and the clock, change nothing.
//   - Messages come in the order of their times; at the same time the earlier listing comes first.
//   - It speaks to the builder in the words of a real feed and has no other way to a book.
import Basics
import Market

/// Order flow of 24 well-known US stocks, about 1,700 messages a second. Never ends.
public final class Simulator: Feed {
    public let description: String
    private let seed: UInt64
    private let start: Timestamp
    private var market: SimulatedMarket

    /// - Parameter start: the time of the opening; all other times count from it.
    public init(seed: UInt64, start: Timestamp) {
        self.seed = seed
        self.start = start
        market = SimulatedMarket(seed: seed)
        description = "simulated market of \(Listing.all.count) symbols, seed \(seed)"
    }

    var nextTime: Timestamp { start + market.due }

    public func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        let played =
            time < start
            ? 0 : market.play(from: start, upTo: time - start, limit: limit, received: received, &builder)
        return FeedStep(played: played, next: .due(nextTime))
    }

    public func rewind() -> Bool {
        market = SimulatedMarket(seed: seed)
        return true
    }
}

private struct SimulatedMarket {
    private var symbols: [SimulatedSymbol]
    private var numbers = SimulatedNumbers()
    private var messages: UInt64 = 0
    /// The symbol whose message comes next.
    private var next = 0

    init(seed: UInt64) {
        // Seeds one after the other would overlap; draws of one generator don't.
        var seeds = SeededGenerator(seed: seed)
        symbols = Listing.all.map { SimulatedSymbol($0, seed: seeds.next()) }
    }

    var due: Nanoseconds { symbols[next].due }

    mutating func play(
        from start: Timestamp, upTo time: Nanoseconds, limit: Int, received: Timestamp,
        _ builder: inout BookBuilder
    ) -> Int {
        var played = 0
        while played < limit, due <= time {
            messages += 1
            let stamp = Stamp(time: start + due, received: received, source: messages)
            symbols[next].step(&numbers, at: stamp, into: &builder)
            next = earliest()
            played += 1
        }
        return played
    }

    private func earliest() -> Int {
        var first = 0
        for index in symbols.indices where symbols[index].due < symbols[first].due { first = index }
        return first
    }
}
