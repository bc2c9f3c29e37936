// A feed that was published elsewhere: an engine's ticks, of the symbols that somebody here reads.
//
// Invariants
//   - Times, numbers, epochs and places are the publisher's. It has no end, and no pace: what comes is played.
//   - An event of the publisher's goes onto the tape whole, however long it is.
import Backplane
import Basics
import CLinux
import Market

package final class FollowedFeed: Feed {
    package let description: String
    package let board: ReportBoard
    /// Told by who reads what is wanted.
    package let interest: Interest
    private let follower: Follower
    private let bell: Doorbell
    private let clock: () -> Moment
    private var index = 0
    private var wake = Instant.zero

    /// - Parameter wanted: other symbols do not come to be; nil takes all.
    package init(
        _ engine: any FollowingEngine, wanted: Set<SymbolName>? = nil, seed: UInt64 = 1, log: Log,
        clock: @escaping () -> Moment = Moment.read
    ) throws(SystemError) {
        self.clock = clock
        bell = try Doorbell()
        interest = Interest(bell: bell)
        follower = Follower(engine, interest: interest, wanted: wanted, seed: seed, log: log)
        board = follower.board
        description = follower.engine.description
    }

    package func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        if index == follower.ticks.count {
            follower.clear()
            index = 0
            wake = follower.turn(now: clock())
        }
        var played = 0
        while index < follower.ticks.count {
            guard played < limit, !builder.isTurnFull else { return FeedStep(played: played, next: .now) }
            repeat {
                builder.follow(follower.ticks[index])
                index += 1
            } while index < follower.ticks.count && !follower.ticks[index - 1].flags.contains(.endOfEvent)
            played += 1
        }
        return FeedStep(played: played, next: played > 0 ? .now : .waits)
    }

    package func wait(atMost span: Nanoseconds) {
        let left = min(span, max(.zero, wake - clock().instant))
        let engine = follower.engine
        var waiting = [
            pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: engine.descriptor, events: Int16(POLLIN | (engine.wantsWrite ? POLLOUT : 0)), revents: 0),
        ]
        let milliseconds = Int32(clamping: (left.raw + 999_999) / 1_000_000)
        poll(&waiting, engine.descriptor < 0 ? 1 : 2, milliseconds)
        bell.silence()
    }
}
