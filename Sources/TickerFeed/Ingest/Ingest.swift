// The loop between a feed and its tape, a turn at a time.
//
//     turn(now):  commands → snapshots asked for → what is due, at most so much → publish → when next?
//
// Invariants
//   - No clock and no sleeping in here: the caller passes `now` and waits until the answer.
//   - Paced play never waits for a reader. Unpaced play waits while one is `leadMax` ticks behind.
//   - A turn is bounded, so that snapshots never wait long behind a fast source, nor it behind them.
//   - Late events go out at once; times that step back are late. A new round gets a new anchor.
//   - After an end or a fault nothing is played, and snapshots are still given.
//   - What goes out depends on the source and the options; the pace decides only when.
import Basics
import Market

/// Plays one feed onto one tape. Confined to one thread; only `state` and `control` are for others.
public final class Ingest: @unchecked Sendable {
    /// Counters, for any thread.
    public let state = IngestState()
    /// Commands, from any thread.
    public let control: IngestControl

    private let feed: any Feed
    private let options: ReplayOptions
    private var pace: Pace
    private var builder: BookBuilder
    private var anchor: Anchor?
    private var position = ReplayPosition()
    private var phase = Phase.playing
    /// The source has nothing yet, and may have something any moment.
    private var isWaiting = false
    /// A round has ended in this turn, and another begins with the next.
    private var isBetweenRounds = false
    /// The next symbol to snapshot, and how many are still to come; around and around.
    private var snapshot = (next: 0, left: 0)
    private var reportDue = Instant.zero

    private enum Phase: Equatable {
        case playing
        /// Played in silence up to a time, to be shown from there.
        case forwarding(Timestamp)
        /// All states are being shown: nothing else happens until they are.
        case showing
    }

    /// - Parameter epoch: the number of the feed's first life, as the readers of the tape know it.
    public init(
        feed: any Feed, writer: consuming Tape.Writer, options: ReplayOptions = ReplayOptions(),
        epoch: UInt32 = 1
    ) {
        self.feed = feed
        self.options = options
        pace = options.pace
        builder = BookBuilder(writer, epoch: epoch, wanted: options.symbols)
        control = IngestControl(state, isSeekable: feed.isSeekable, canPace: options.pace != .live)
        if options.from != nil { builder.writer.isMuted = true }
    }

    static let messagesPerTurn = 4_096
    /// In silence: nobody waits for its ticks, somebody for its end.
    static let messagesPerSilentTurn = 65_536
    /// Nobody rings for a snapshot: ingest looks this often.
    static let attention = Nanoseconds.milliseconds(20)
    static let attentionAfterEnd = Nanoseconds.milliseconds(100)
    static let breath = Nanoseconds.microseconds(200)

    /// Plays what is due and publishes it.
    ///
    /// - Returns: when to call again; `now` where more is due already.
    public func turn(now: Moment) -> Instant {
        state.note(turn: now.instant)
        obey(now)
        let snapshotsLeft = answerSnapshots(now)
        builder.beginTurn(ticks: builder.tapeCapacity / 4)
        isWaiting = false
        let next = step(now, snapshotsLeft)
        // Books that are empty between two rounds are nobody's news: the next events go with them.
        if !isBetweenRounds { builder.publish() }
        isBetweenRounds = false
        note(now)
        return min(next, now.instant + (snapshotsLeft ? Ingest.breath : Ingest.attention(state)))
    }

    private static func attention(_ state: IngestState) -> Nanoseconds {
        state.hasEnded ? attentionAfterEnd : attention
    }

    /// Sleeps, at most that long: until the source has more, where it is that which ingest waits for.
    public func wait(atMost span: Nanoseconds) {
        if isWaiting { feed.wait(atMost: span) } else { Thread.sleep(span) }
    }

    /// Nothing is known yet, and the source has nothing yet: who subscribes now is refused.
    public var awaitsFirstSymbol: Bool { isWaiting && builder.symbolCount == 0 }

    private func step(_ now: Moment, _ snapshotsLeft: Bool) -> Instant {
        switch phase {
        case .forwarding(let time): return forward(to: time, now)
        case .showing:
            guard !snapshotsLeft else { return now.instant + Ingest.breath }
            phase = .playing
            return now.instant
        case .playing:
            if state.hasEnded { return now.instant + Ingest.attentionAfterEnd }
            if position.isPaused, position.stepsLeft == 0 { return now.instant + Ingest.attention }
            return play(now)
        }
    }

    // MARK: Events

    private func play(_ now: Moment) -> Instant {
        let isFree = pace == .unpaced || position.stepsLeft > 0
        if isFree, builder.lag > leadMax { return now.instant + Ingest.breath }
        // Before the first event nothing is due: we look when it is, and tie the clocks together.
        let reached = isFree ? Timestamp(raw: .max) : anchor?.reached(now.instant)
        let isTied = anchor != nil || pace == .unpaced && position.first != nil
        let step = feed.play(
            upTo: isTied ? min(reached ?? Timestamp(raw: .min), lastTime) : Timestamp(raw: .min),
            limit: position.stepsLeft > 0 ? min(position.stepsLeft, messagesPerTurn) : messagesPerTurn,
            received: now.wall, into: &builder)
        played(step.played)
        if builder.isReplaced { show() }
        switch step.next {
        case .due(let time): return next(at: time, now)
        case .now: return now.instant
        case .waits:
            isWaiting = true
            return now.instant + Ingest.attention
        // What was played last is shown before the books are emptied.
        case .end: return step.played > 0 ? now.instant : endRound(now)
        case .failed(let fault):
            builder.endBars(received: now.wall)
            state.end(fault)
            return now.instant + Ingest.attentionAfterEnd
        }
    }

    private func next(at time: Timestamp, _ now: Moment) -> Instant {
        if position.first == nil {
            position.first = time
            position.last = position.last ?? feed.lastTime.map { min($0, lastTime) }
            if let from = options.from?.time(since: time), from > time { return begin(at: from, now) }
            builder.writer.isMuted = false
        }
        guard time <= lastTime else { return endRound(now) }
        if anchor == nil {
            tie(time, to: now)
            retime(time, now)
            return position.isPaused && position.stepsLeft == 0 ? now.instant : play(now)
        }
        guard pace != .unpaced, let anchor, !position.isPaused else { return now.instant }
        let due = skipSilence(before: time, anchor).due(time)
        guard due > now.instant else { return now.instant }
        // What is due is played: up to here the source has nothing more to say.
        builder.advance(to: anchor.reached(now.instant), received: now.wall)
        return due
    }

    /// The last time that is played.
    private var lastTime: Timestamp {
        guard let to = options.to, let first = position.first else { return Timestamp(raw: .max) }
        return Timestamp(raw: to.time(since: first).raw - 1)
    }

    private func played(_ count: Int) {
        position.events += count
        position.stepsLeft = max(0, position.stepsLeft - count)
        state.played(count)
        if count > 0 { position.clock = max(position.clock ?? sourceTime, sourceTime) }
    }

    /// When the event played last was due, unshifted.
    private var sourceTime: Timestamp {
        builder.dueTime ?? Timestamp(raw: builder.last.time.raw - builder.shift.raw)
    }

    private func tie(_ time: Timestamp, to now: Moment) {
        switch pace {
        // As of now, for when a pace is asked for.
        case .unpaced: anchor = Anchor(instant: now.instant, recorded: time, speed: .recorded)
        case .recorded(let speed): anchor = Anchor(instant: now.instant, recorded: time, speed: speed)
        case .live:
            anchor = Anchor(instant: now.instant + (time - now.wall), recorded: time, speed: .recorded)
        }
    }

    /// What has that time by the source's clock happens now.
    private func retime(_ time: Timestamp, _ now: Moment) {
        if options.retimes { builder.shift = now.wall - time }
    }

    /// What is longer silent than wanted is anchored anew, behind the silence that is.
    private func skipSilence(before time: Timestamp, _ anchor: Anchor) -> Anchor {
        guard let gapMax = options.gapMax, let clock = position.clock, position.events > 0,
            clock >= anchor.recorded, time - clock > gapMax
        else { return anchor }
        let speed = anchor.speed
        let pause = Anchor(instant: anchor.due(clock), recorded: .zero, speed: speed)
        let new = Anchor(
            instant: pause.due(Timestamp(raw: gapMax.raw)), recorded: time, speed: speed)
        self.anchor = new
        return new
    }

    /// How far ahead of the slowest reader unpaced play runs, in ticks: what a loop takes in a
    /// turn, so that its turns are short, and enough that it never waits. Twice what readers may
    /// be behind in their sleep.
    private var leadMax: Int { min(8_192, builder.tapeCapacity / 2) }

    /// A message is at most four ticks, so a turn fills half a tape at most.
    private var messagesPerTurn: Int { min(Ingest.messagesPerTurn, builder.tapeCapacity / 8) }

    // MARK: Rounds

    private func endRound(_ now: Moment) -> Instant {
        state.note(missing: builder.missing)
        state.roundEnded()
        position.last = position.last ?? position.clock
        builder.writer.isMuted = false
        // A feed without a single message would turn for ever.
        let again = options.loops && position.events > 0
        builder.endBars(received: now.wall)
        if again, feed.isVerbatim || options.from != nil { return beginAgain(now) }
        if again { builder.clearAll(received: now.wall) }
        guard again, feed.rewind() else {
            state.end(nil)
            return now.instant + Ingest.attentionAfterEnd
        }
        startOver()
        builder.shift = .zero
        isBetweenRounds = true
        return now.instant
    }

    /// A round whose beginning cannot be told as what happens: states are put in place of states.
    private func beginAgain(_ now: Moment) -> Instant {
        let first = position.first ?? .zero
        let result = seek(to: options.from?.time(since: first) ?? first, now)
        if !result { state.end(nil) }
        return now.instant
    }

    private func startOver() {
        anchor = nil
        position.events = 0
        position.clock = nil
    }

    // MARK: Seeking

    /// The first round, from within the source.
    private func begin(at time: Timestamp, _ now: Moment) -> Instant {
        builder.beginEpoch(builder.epoch, at: stamp(time, now))
        retime(time, now)
        // Where nobody can go back nothing was played yet.
        _ = feed.seek(before: time, into: &builder)
        startOver()
        builder.isReplaced = false
        phase = .forwarding(time)
        return now.instant
    }

    private func stamp(_ time: Timestamp, _ now: Moment) -> Stamp {
        Stamp(time: time, received: now.wall, source: 0)
    }

    /// False where the source cannot go back.
    private func seek(to time: Timestamp, _ now: Moment) -> Bool {
        builder.writer.isMuted = true
        builder.beginEpoch(builder.epoch &+ 1, at: stamp(time, now))
        retime(time, now)
        guard feed.seek(before: time, into: &builder) else {
            builder.writer.isMuted = false
            return false
        }
        startOver()
        builder.isReplaced = false
        state.revive()
        phase = .forwarding(time)
        return true
    }

    private func forward(to time: Timestamp, _ now: Moment) -> Instant {
        let step = feed.play(
            upTo: Timestamp(raw: time.raw - 1), limit: Ingest.messagesPerSilentTurn, received: now.wall,
            into: &builder)
        position.events += step.played
        builder.isReplaced = false
        switch step.next {
        case .due(let next) where next < time: return now.instant
        case .now: return now.instant
        case .waits:
            isWaiting = true
            return now.instant + Ingest.attention
        case .due, .end, .failed: break
        }
        // The source's clock stands at the time that was asked for, silence included.
        builder.advance(to: time, received: now.wall)
        position.clock = time
        tie(time, to: now)
        show()
        return now.instant
    }

    /// Everything that is known goes out before anything else does.
    private func show() {
        builder.isReplaced = false
        builder.writer.isMuted = false
        snapshot = (0, builder.symbolCount)
        builder.repeatEpoch()
        phase = .showing
    }

    // MARK: Commands

    private func obey(_ now: Moment) {
        let commands = control.takeCommands()
        guard !commands.isEmpty else { return }
        for command in commands { obey(command, now) }
        note(now, always: true)
        control.applied(commands.count)
    }

    private func obey(_ command: ReplayCommand, _ now: Moment) {
        switch command {
        case .pause: pause(now)
        case .resume:
            guard position.isPaused else { return }
            position.isPaused = false
            position.stepsLeft = 0
            guard let clock = position.clock else { return anchor = nil }
            tie(clock, to: now)
            retime(clock, now)
        case .step(let count):
            pause(now)
            position.stepsLeft = count
        case .speed(let speed):
            let reached =
                pace == .unpaced ? position.clock : anchor.map { max($0.reached(now.instant), $0.recorded) }
            pace = Pace(speed)
            guard !position.isPaused, let reached else { return }
            anchor = Anchor(instant: now.instant, recorded: reached, speed: pace.speed)
        case .seek(let target):
            findFirst()
            let clock = position.clock ?? position.first ?? .zero
            let time = target.time(since: clock)
            // Steps that were not taken, for want of events, were steps from there.
            position.stepsLeft = 0
            _ = seek(to: max(time, position.first ?? time), now)
        }
    }

    /// Asked for a point before anything was played: the recording's first event tells where it begins.
    private func findFirst() {
        guard position.first == nil else { return }
        let look = feed.play(upTo: Timestamp(raw: .min), limit: 1, received: .zero, into: &builder)
        if case .due(let time) = look.next { position.first = time }
    }

    private func pause(_ now: Moment) {
        guard !position.isPaused else { return }
        position.isPaused = true
        guard pace != .unpaced, let anchor, let clock = position.clock else { return }
        position.clock = max(clock, min(anchor.reached(now.instant), lastTime))
    }

    // MARK: Snapshots

    /// Writes some of what was asked for. A new question begins a new round from where we are.
    ///
    /// - Returns: true where more is to be written.
    private func answerSnapshots(_ now: Moment) -> Bool {
        if case .forwarding = phase { return false }
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

    // MARK: What others may know

    private static let reportEvery = Nanoseconds.milliseconds(100)

    private func note(_ now: Moment, always: Bool = false) {
        state.note(builder)
        position.speedMilli = pace == .unpaced ? 0 : pace.speed.thousandths
        state.note(position)
        guard always || now.instant >= reportDue || state.hasEnded else { return }
        reportDue = now.instant + Ingest.reportEvery
        state.note(feed.report)
    }
}
