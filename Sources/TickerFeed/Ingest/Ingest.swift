// The loop between a feed and its tape, a turn at a time.
//
//     turn(now):  snapshots asked for → what is due, at most so much → publish → when next?
//
// Invariants
//   - No clock and no sleeping in here: the caller passes `now` and waits until the answer.
//   - Paced play never waits for a reader. Unpaced play waits while one is `leadMax` ticks behind.
//   - A turn is bounded, so that snapshots never wait long behind a fast source, nor it behind them.
//   - Late events go out at once; times that step back are late. A new round gets a new anchor.
//   - After an end or a fault nothing is played, and snapshots are still given.
import Basics
import Market

/// Plays one feed onto one tape. Confined to one thread; only `state` may be read from others.
public final class Ingest: @unchecked Sendable {
    public let state = IngestState()
    public let description: String

    private let feed: any Feed
    private let pace: Pace
    private let loop: Bool
    private var builder: BookBuilder
    private var anchor: Anchor?
    private var messagesOfRound = 0
    /// A round has ended in this turn, and another begins with the next.
    private var isBetweenRounds = false
    /// The next symbol to snapshot, and how many are still to come; around and around.
    private var snapshot = (next: 0, left: 0)

    /// - Parameters:
    ///   - epoch: the first one, as the loops that read the tape are told it.
    ///   - loop: at the end, empties all books and begins again.
    public init(
        feed: any Feed, writer: consuming Tape.Writer, epoch: UInt32 = 1,
        pace: Pace = .recorded(.recorded), loop: Bool = false
    ) {
        self.feed = feed
        self.pace = pace
        self.loop = loop
        description = feed.description
        builder = BookBuilder(writer, epoch: epoch)
    }

    static let messagesPerTurn = 4_096
    /// Nobody rings for a snapshot: ingest looks this often.
    static let attention = Nanoseconds.milliseconds(20)
    static let attentionAfterEnd = Nanoseconds.milliseconds(100)
    static let breath = Nanoseconds.microseconds(200)

    /// Plays what is due and publishes it.
    ///
    /// - Returns: when to call again; `now` where more is due already.
    public func turn(now: Moment) -> Instant {
        let snapshotsLeft = answerSnapshots()
        let next = state.hasEnded ? now.instant + Ingest.attentionAfterEnd : play(now)
        // Books that are empty between two rounds are nobody's news: the next events go with them.
        if !isBetweenRounds { builder.publish() }
        isBetweenRounds = false
        state.note(builder)
        return min(next, now.instant + (snapshotsLeft ? Ingest.breath : Ingest.attention(state)))
    }

    private static func attention(_ state: IngestState) -> Nanoseconds {
        state.hasEnded ? attentionAfterEnd : attention
    }

    // MARK: Events

    private func play(_ now: Moment) -> Instant {
        if pace == .unpaced, builder.lag > leadMax { return now.instant + Ingest.breath }
        guard let time = feed.nextTime() else { return endRound(now) }
        let anchor = anchor ?? tie(time, to: now)
        if let anchor, anchor.due(time) > now.instant {
            builder.advance(to: anchor.reached(now.instant), received: now.wall)
            return anchor.due(time)
        }
        do throws(FeedError) {
            let played = try feed.play(
                upTo: anchor?.reached(now.instant) ?? Timestamp(raw: .max), limit: messagesPerTurn,
                received: now.wall, into: &builder)
            messagesOfRound += played
            state.played(played)
            return nextTurn(anchor, now)
        } catch {
            state.end(error)
            return now.instant + Ingest.attentionAfterEnd
        }
    }

    private func nextTurn(_ anchor: Anchor?, _ now: Moment) -> Instant {
        guard let anchor, let time = feed.nextTime() else { return now.instant }
        // What is due is played: up to here the source has nothing more to say.
        if anchor.due(time) > now.instant {
            builder.advance(to: anchor.reached(now.instant), received: now.wall)
        }
        return max(now.instant, anchor.due(time))
    }

    /// Nil where there is no pace to keep.
    private func tie(_ time: Timestamp, to now: Moment) -> Anchor? {
        switch pace {
        case .unpaced: break
        case .recorded(let speed): anchor = Anchor(instant: now.instant, recorded: time, speed: speed)
        case .live:
            anchor = Anchor(instant: now.instant + (time - now.wall), recorded: time, speed: .recorded)
        }
        return anchor
    }

    /// How far ahead of the slowest reader unpaced play runs, in ticks: what a loop takes in a
    /// turn, so that its turns are short, and enough that it never waits.
    private var leadMax: Int { min(8_192, builder.tapeCapacity / 2) }

    /// A message is at most four ticks, so a turn fills half a tape at most.
    private var messagesPerTurn: Int { min(Ingest.messagesPerTurn, builder.tapeCapacity / 8) }

    private func endRound(_ now: Moment) -> Instant {
        state.roundEnded()
        // A feed without a single message would turn for ever.
        let again = loop && messagesOfRound > 0
        builder.endBars(received: now.wall)
        if again { builder.clearAll(received: now.wall) }
        guard again, feed.rewind() else {
            state.end(nil)
            return now.instant + Ingest.attentionAfterEnd
        }
        anchor = nil
        messagesOfRound = 0
        isBetweenRounds = true
        return now.instant
    }

    // MARK: Snapshots

    /// Writes some of what was asked for. A new question begins a new round from where we are.
    ///
    /// - Returns: true where more is to be written.
    private func answerSnapshots() -> Bool {
        if builder.takeSnapshotRequest() {
            builder.repeatEpoch()
            snapshot.left = builder.symbolCount
        }
        let end = builder.tickCount + UInt64(min(4_096, builder.tapeCapacity / 8))
        while snapshot.left > 0, builder.tickCount < end, !wouldLap {
            if snapshot.next >= builder.symbolCount { snapshot.next = 0 }
            builder.writeSnapshot(of: SymbolID(snapshot.next))
            state.snapshotWritten()
            snapshot = (snapshot.next + 1, snapshot.left - 1)
        }
        return snapshot.left > 0
    }

    /// A reader is far behind, and not yet lapped: writing on would lap the one that asked.
    private var wouldLap: Bool {
        let lag = builder.lag
        return lag > builder.tapeCapacity / 2 && lag <= builder.tapeCapacity
    }
}
