// A loop: a shard with its sockets and a clock. `FanOutLoops` starts each on a thread of its own.
//
// The loop sleeps until a socket speaks, a connection is due, or the tape has enough that is new:
// one tick where somebody follows the market, else an eighth of the tape.
import Basics
import Market
import Synchronization
import Wire

/// A loop on real sockets.
final class FanOutLoop: @unchecked Sendable {
    private let reactor: Reactor
    private let handler: FanOutHandler
    private let bell: Doorbell
    private let errands = Errands()
    /// What the drain is to take in nanoseconds; `serving` and `aborting` are no times.
    private let stopping = Atomic<Int64>(FanOutLoop.serving)
    private static let serving: Int64 = -1, aborting: Int64 = -2
    /// How long the last words may take.
    private static let lastWords = Nanoseconds.seconds(1)

    /// - Parameter options: with this loop's share of the connections.
    init(options: ServerOptions, reactor: Reactor, end: LoopEnd, place: LoopPlace) {
        bell = end.bell
        self.reactor = reactor
        handler = FanOutHandler(
            options: options, network: reactor, tape: end.reader, place: place, clock: Moment.read)
    }

    /// Has it done on the loop's thread, between two turns. A loop that has ended does nothing more.
    func perform(_ errand: @escaping Errand) {
        errands.add(errand)
        bell.ring()
    }

    /// Asks the loop to send its clients away and to end, from any thread.
    func stop(drain: Nanoseconds) {
        stopping.store(drain.raw, ordering: .releasing)
        bell.ring()
    }

    /// Asks the loop to end without another word.
    func abort() {
        stopping.store(FanOutLoop.aborting, ordering: .releasing)
        bell.ring()
    }

    /// Runs until `stop`, then until goodbyes are said.
    func run() {
        while stopping.load(ordering: .acquiring) == FanOutLoop.serving { turn() }
        drain()
        reactor.stopListening()
    }

    private func drain() {
        let span = Nanoseconds(raw: max(0, stopping.load(ordering: .acquiring)))
        handler.drain(over: span)
        let end = Moment.read().instant + span + FanOutLoop.lastWords
        while stopping.load(ordering: .acquiring) != FanOutLoop.aborting, !handler.isDrained {
            guard Moment.read().instant < end else { return }
            turn(until: end)
        }
    }

    private func turn(until end: Instant = .never) {
        for errand in errands.take() { handler.perform(errand) }
        let next = handler.turn()
        let deadline = handler.willSleep() ? min(next, end) : .zero
        reactor.turn(until: deadline, handler: handler)
    }
}
