// The publisher on a thread of its own, as the server runs it.
import Backplane
import Basics
import CLinux
import Market
import Synchronization

/// Turns, and sleeps between them until tape or engine have something, or time is up.
final class PublisherThread: @unchecked Sendable {
    private let publisher: Publisher
    private let engine: any PublishingEngine
    private let bell: Doorbell
    private let stopping = Atomic<Bool>(false)
    private var thread: Thread?
    let board: ReportBoard

    /// Before the tape's writer is made, as all readers of it.
    init(_ tape: Tape, _ engine: any PublishingEngine, _ options: Publisher.Options, log: Log) throws {
        bell = try Doorbell()
        self.engine = engine
        publisher = Publisher(tape.makeReader(bell: bell), engine, options, log: log)
        board = publisher.board
    }

    func start() throws {
        thread = try Thread("publisher") { [self] in run() }
    }

    private func run() {
        while !stopping.load(ordering: .acquiring) {
            let next = publisher.turn(now: Moment.read())
            let now = Moment.read().instant
            guard next > now, publisher.willSleep() else { continue }
            wait(next - now)
            bell.silence()
        }
        publisher.close(now: Moment.read())
    }

    private func wait(_ span: Nanoseconds) {
        var waiting = [
            pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: engine.descriptor, events: Int16(POLLIN | (engine.wantsWrite ? POLLOUT : 0)), revents: 0),
        ]
        poll(&waiting, engine.descriptor < 0 ? 1 : 2, Int32(clamping: (span.raw + 999_999) / 1_000_000))
    }

    /// Publishes what the tape still has, and gives the lease back.
    func stop() {
        stopping.store(true, ordering: .releasing)
        bell.ring()
        thread?.join()
    }
}
