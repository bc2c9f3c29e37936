// A session of the real file with three clients, one of them stalled, one coming and going: the
// same from the same seed, and every rule of the protocol checked at each of them.
import Basics
import Dialects
import Market
import TestSupport
import Testing
import TickerFeed

@testable import FanOut

enum Repository {
    /// The checkout, from where this file lies.
    static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    static let session = root + "/feeds/aapl-20200130-premarket.itch"
}

/// What a run ended with, for comparing runs.
private struct Outcome: Equatable {
    var quote: QuoteMessage?
    var count: UInt64?
    var messages: UInt64
    var merged: UInt64
    var buffered: Int
    var laps: UInt64
}

private func run(_ seed: Seed, tape: Int = 1 << 14, naps: Bool = false) throws -> Outcome {
    var random = seed.generator()
    let feed = try InputFeed(FeedOptions(path: Repository.session))
    var limits = Limits()
    limits.stall = .seconds(8)
    let world = World(feed, pace: .recorded(Speed(times: 2_000)), seed: seed, limits: limits, tape: tape)
    let honest = SimulatedClient(
        .honest, rate: .standard, symbols: ["AAPL"], seed: seed.raw, lateness: .milliseconds(naps ? 600 : 2))
    let stalled = SimulatedClient(.stalled, rate: .max, symbols: ["AAPL"], seed: seed.raw &+ 1)
    let reconnecting = SimulatedClient(
        .reconnecting, rate: .perThousandSeconds(3_000), symbols: ["AAPL"], seed: seed.raw &+ 2)
    for _ in 0..<5 { world.step() }
    for client in [honest, stalled, reconnecting] { client.connect(world.network, world.handler) }

    var stallEnds = world.now.instant + .milliseconds(1_000)
    var quiet = 0, nap = 0
    while quiet < 3_000 {
        if nap > 0 { nap -= 1 } else if naps, quiet == 0, random.oneIn(400) { nap = random.below(600) }
        world.step(loopSleeps: nap > 0)
        let now = world.now.instant
        honest.read(.max, now)
        // Reads nothing for seconds, then a little, then nothing again.
        if now >= stallEnds {
            stalled.read(random.below(40_000), now)
            if random.oneIn(3) { stallEnds = now + .milliseconds(random.below(6_000)) }
        }
        if !stalled.isConnected { stalled.connect(world.network, world.handler) }
        reconnecting.read(1 + random.below(3_000), now)
        if random.oneIn(700), quiet == 0 { reconnecting.disconnect() }
        if !reconnecting.isConnected, random.oneIn(100) || quiet > 0 {
            reconnecting.connect(world.network, world.handler)
        }
        // At the end everybody reads what there is.
        if world.feedHasEnded {
            quiet += 1
            stallEnds = now
        }
    }
    for client in [honest, stalled, reconnecting] { check(client, seed) }
    #expect(reconnecting.connections > 1, "\(seed): the reconnecting client never did")
    #expect(honest.heartbeats > 5, "\(seed)")
    // One unsent tail each and the answers to their own requests: whatever happens.
    #expect(world.bufferedMax < 3 * (limits.writeBytes + limits.controlBytes), "\(seed)")
    return Outcome(
        quote: honest.quotes["AAPL"], count: honest.stats["AAPL"]?.count, messages: world.handler.messages,
        merged: world.handler.merged, buffered: world.bufferedMax, laps: world.handler.laps)
}

/// The rules held, and the last state is the exchange's own: the golden file's final book.
private func check(_ client: SimulatedClient, _ seed: Seed) {
    #expect(client.faults.isEmpty, "\(seed): \(client.faults.prefix(5))")
    let quote = client.quotes["AAPL"]
    #expect(
        quote?.bid == Price(e4: 3_201_400) && quote?.bidSize == Quantity(shares: 25), "\(seed) \(client.kind)"
    )
    #expect(
        quote?.ask == Price(e4: 3_203_000) && quote?.askSize == Quantity(shares: 100),
        "\(seed) \(client.kind)")
    let day = client.stats["AAPL"]
    #expect((day?.count ?? 0) == 849 + 240, "\(seed) \(client.kind)")
    #expect((day?.volumeE8 ?? 0) == Int64(56_086 + 25_470) * 100_000_000, "\(seed) \(client.kind)")
    #expect((client.trades["AAPL"]?.version.sequence ?? 0) == 849 + 240, "\(seed) \(client.kind)")
}

@Test("three clients through a whole session: chains hold, states end as the book", arguments: Seed.smoke)
func session(seed: Seed) throws {
    _ = try run(seed)
}

@Test(
    "a loop that the tape lapped recovers by snapshots: gaps are declared, states end right",
    arguments: Seed.smoke)
func lapped(seed: Seed) throws {
    let outcome = try run(seed, tape: 1 << 10, naps: true)
    #expect(outcome.laps > 0, "\(seed): it was never lapped")
}

@Test("a run is a function of its seed")
func reruns() throws {
    #expect(try run(Seed(3)) == run(Seed(3)))
}
