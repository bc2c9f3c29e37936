// Feed, loop and clients on one virtual clock in one thread. A step is a millisecond.
import Basics
import Dialects
import FanOut
import Market
import TestSupport
import TickerFeed
import Wire

final class World {
    private(set) var now = Moment(
        instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))
    let network: SimulatedNetwork
    private let ingest: Ingest
    private(set) var handler: FanOutHandler
    private var nextIngest = Instant.zero
    private(set) var bufferedMax = 0
    private let clock: Clock

    /// What the loop's clock reads: the world's time.
    final class Clock {
        var now: Moment
        init(_ now: Moment) { self.now = now }
    }

    init(_ feed: any Feed, pace: Pace, seed: Seed, limits: Limits = Limits(), tape capacity: Int = 1 << 14) {
        network = SimulatedNetwork(seed: seed)
        let tape = Tape(capacity: capacity)
        let reader = tape.makeReader()
        ingest = Ingest(feed: feed, writer: Tape.Writer(tape), pace: pace)
        var options = ServerOptions(server: "sim", epoch: 7) {
            FeedReport(clock: "replay", speedMilli: 1_000, source: "sim")
        }
        options.limits = limits
        options.limits.connections = 64
        let clock = Clock(now)
        self.clock = clock
        handler = FanOutHandler(options: options, network: network, tape: reader, clock: { clock.now })
    }

    var feedHasEnded: Bool { ingest.state.hasEnded }

    /// One millisecond: the feed, then the sockets, then the loop's turn, unless it is kept from it.
    func step(loopSleeps: Bool = false) {
        now = Moment(instant: now.instant + .milliseconds(1), wall: now.wall + .milliseconds(1))
        clock.now = now
        if nextIngest <= now.instant { nextIngest = ingest.turn(now: now) }
        guard !loopSleeps else { return }
        network.turn(handler)
        _ = handler.turn()
        bufferedMax = max(bufferedMax, handler.bufferedBytes)
    }
}
