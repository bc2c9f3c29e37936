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
    /// The source has nothing yet, and may have something any moment.
    private var isWaiting = false
    /// A round has ended in this turn, and another begins with the next.
    private var isBetweenRounds = false
    /// The next symbol to snapshot, and how many are still to come; around and around.
    private var snapshot = (next: 0, left: 0)

    /// - Parameter loop: at the end, empties all books and begins again.
    public init(
        feed: any Feed, writer: consuming Tape.Writer, pace: Pace = .recorded(.recorded),
        loop: Bool = false
    ) {
        self.feed = feed
        self.pace = pace
        self.loop = loop
        description = feed.description
        builder = BookBuilder(writer)
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
        builder.beginTurn(ticks: builder.tapeCapacity / 4)
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
        // Before the first event nothing is due: we look when it is, and tie the clocks together.
        let reached = pace == .unpaced ? Timestamp(raw: .max) : anchor?.reached(now.instant)
        let step = feed.play(
            upTo: reached ?? Timestamp(raw: .min), limit: messagesPerTurn, received: now.wall,
            into: &builder)
        messagesOfRound += step.played
        state.played(step.played)
        isWaiting = step.next == .waits
        switch step.next {
        case .due(let time): return next(at: time, now)
        case .now: return now.instant
        case .waits: return now.instant + Ingest.attention
        // What was played last is shown before the books are emptied.
        case .end: return step.played > 0 ? now.instant : endRound(now)
        case .failed(let fault):
            builder.endBars(received: now.wall)
            state.end(fault)
            return now.instant + Ingest.attentionAfterEnd
        }
    }

    private func next(at time: Timestamp, _ now: Moment) -> Instant {
        guard pace != .unpaced else { return now.instant }
        guard let anchor else {
            tie(time, to: now)
            return play(now)
        }
        let due = anchor.due(time)
        guard due > now.instant else { return now.instant }
        // What is due is played: up to here the source has nothing more to say.
        builder.advance(to: anchor.reached(now.instant), received: now.wall)
        return due
    }

    /// Sleeps, at most that long: until the source has more, where it is that which ingest waits for.
    public func wait(atMost span: Nanoseconds) {
        if isWaiting { feed.wait(atMost: span) } else { Thread.sleep(span) }
    }

    private func tie(_ time: Timestamp, to now: Moment) {
        switch pace {
        case .unpaced: break
        case .recorded(let speed): anchor = Anchor(instant: now.instant, recorded: time, speed: speed)
        case .live:
            anchor = Anchor(instant: now.instant + (time - now.wall), recorded: time, speed: .recorded)
        }
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
        if builder.takeSnapshotRequest() { snapshot.left = builder.symbolCount }
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
