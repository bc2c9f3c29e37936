// Feed, loops and clients on one virtual clock in one thread. A step is a millisecond.
import Basics
import Dialects
import Market
import TestSupport
import TickerFeed
import Wire

@testable import FanOut

enum Repository {
    /// The checkout, from where this file lies.
    static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    static let session = root + "/feeds/aapl-20200130-premarket.itch"
}

final class World {
    private(set) var now = Moment(
        instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))
    /// One for each loop.
    let networks: [SimulatedNetwork]
    private(set) var handlers: [FanOutHandler] = []
    var network: SimulatedNetwork { networks[0] }
    var handler: FanOutHandler { handlers[0] }
    private let ingest: Ingest
    private var nextIngest = Instant.zero
    private let clock: Clock

    /// What the loop's clock reads: the world's time.
    final class Clock {
        var now: Moment
        init(_ now: Moment) { self.now = now }
    }

    init(
        _ feed: any Feed, pace: Pace, seed: Seed, tape capacity: Int = 1 << 14, loops: Int = 1
    ) {
        networks = (0..<loops).map { SimulatedNetwork(seed: Seed(seed.raw &+ UInt64($0))) }
        let tape = Tape(capacity: capacity)
        let readers = (0..<loops).map { _ in tape.makeReader() }
        ingest = Ingest(feed: feed, writer: Tape.Writer(tape), options: ReplayOptions(pace: pace), epoch: 7)
        var options = ServerOptions(server: "sim", epoch: 7) {
            FeedReport(clock: .replay, speedMilli: 1_000, source: "sim")
        }
        options.limits.connections = 64
        let clock = Clock(now)
        self.clock = clock
        let board = Noticeboard(loops: loops)
        handlers = (0..<loops).map { index in
            FanOutHandler(
                options: options, network: networks[index], tape: readers[index],
                place: LoopPlace(index: index, board: board), clock: { clock.now })
        }
    }

    var feedHasEnded: Bool { ingest.state.hasEnded }

    /// One millisecond: the feed, then each loop's sockets and its turn, unless it is kept from it.
    func step(loopSleeps: Bool = false, loop sleeper: Int = 0) {
        now = Moment(instant: now.instant + .milliseconds(1), wall: now.wall + .milliseconds(1))
        clock.now = now
        if nextIngest <= now.instant { nextIngest = ingest.turn(now: now) }
        for (loop, handler) in handlers.enumerated() where !loopSleeps || loop != sleeper {
            networks[loop].turn(handler)
            _ = handler.turn()
        }
    }
}
