// The recorder: a reader of the tape that writes what it reads, and says what it could not.
//
//              ┌────────── a write failed · the tape lapped it ──────────┐
//     recording                                                          gap: ticks are read and counted
//              └─── a retry is due, and the state of every symbol known ─┘
//
// Invariants
//   - The tape is read all the time: a full disk makes the journal short, and nobody wait.
//   - A gap ends with a loss that says how much and from when to when, and a snapshot behind it.
//   - No clock and no sleeping in here: the caller passes `now` and waits until the answer.
import Basics
import Market

public final class Recorder {
    public enum Sync: String, Sendable, CaseIterable {
        /// The system writes when it likes: a crash of the machine costs what it had not yet written.
        case none
        /// Once a second the disk has everything.
        case second
    }

    public let state = RecorderState()
    private let reader: TapeReader
    private let writer: JournalWriter
    private let sync: Sync
    private let log: Log
    /// What is lost so far; nil while recording.
    private var loss: LossNote?
    private var retryAt = Instant.zero
    /// When the oldest tick that waits was read.
    private var waitsSince: Instant?
    private var syncAt = Instant.zero
    private var isUnsynchronized = false
    private var hasStarted = false

    /// How long a tick waits for others to be written with.
    static let patience = Nanoseconds.milliseconds(50)
    static let retryInterval = Nanoseconds.seconds(5)
    static let syncInterval = Nanoseconds.seconds(1)
    /// Ticks read in a turn.
    static let turnTicks = 65_536

    /// - Parameters:
    ///   - reader: made before the tape's writer, like any other.
    ///   - writer: new.
    public init(_ reader: TapeReader, _ writer: JournalWriter, sync: Sync = .none, log: Log) {
        self.reader = reader
        self.writer = writer
        self.sync = sync
        self.log = log
        if let repair = writer.repair {
            log.write(.warning, "journal_repaired", ["what": .text(repair.description)])
        }
    }

    /// Reads what the tape has, and writes what is due.
    ///
    /// - Returns: when to call again; `now` where there is more already.
    public func turn(now: Moment) -> Instant {
        if !hasStarted { start(now) }
        let hasMore = drain(now)
        if loss == nil {
            if let waitsSince, now.instant >= waitsSince + Recorder.patience { write(now) }
            synchronize(now)
        } else {
            resume(now)
        }
        state.note(writer.counts, isRecording: loss == nil)
        return hasMore ? now.instant : next(now)
    }

    /// The last turn: writes all that is there and closes the journal in order.
    public func close(now: Moment) {
        while drain(now) {}
        if loss != nil { resume(Moment(instant: .never, wall: now.wall)) }
        attempt(now) { writer throws(JournalError) in
            if sync == .second { try writer.synchronize() }
            try writer.close(now: now.wall)
        }
        state.note(writer.counts, isRecording: false)
        let report = state.report("")
        log.write(
            .info, "recording_closed",
            [
                "file": .text(writer.path), "ticks": LogValue(report.ticks), "bytes": LogValue(report.bytes),
                "lost": LogValue(report.lostTicks + (loss?.ticks ?? 0)),
            ])
    }

    /// Before a sleep: true where the tape will ring once a record's worth is there.
    public func willSleep() -> Bool { reader.willSleep(untilBehindBy: JournalWriter.batchTicks) }

    private func start(_ now: Moment) {
        hasStarted = true
        do throws(JournalError) {
            try writer.resume(now: now.wall)
            log.write(.info, "recording", ["file": .text(writer.path)])
        } catch {
            stop(error, now)
        }
    }

    private func next(_ now: Moment) -> Instant {
        guard loss == nil else { return now.instant + Recorder.patience }
        return (waitsSince ?? now.instant) + Recorder.patience
    }

    // MARK: The tape

    /// - Returns: true where there is more.
    private func drain(_ now: Moment) -> Bool {
        var count = 0
        while count < Recorder.turnTicks {
            // Behind a record's worth little by little, to its event's end.
            let room = min(max(256, JournalWriter.batchTicks - writer.pending), writer.free.count)
            switch reader.read(into: UnsafeMutableBufferPointer(rebasing: writer.free[..<room])) {
            case .nothingNew: return false
            case .lapped(let lost): lap(lost, now)
            case .ticks(let read):
                take(read, now)
                count += read
            }
        }
        return true
    }

    /// Ticks that were read, at the beginning of the writer's free room.
    private func take(_ count: Int, _ now: Moment) {
        var left = count
        while left > 0 { left = loss == nil ? record(left, now) : learn(left, now) }
    }

    /// - Returns: how many are still to be looked at, at the beginning of the free room.
    private func record(_ count: Int, _ now: Moment) -> Int {
        if let news = writer.news(in: count) {
            let rest = Array(writer.free[news.index..<count])
            writer.take(news.index)
            write(now)
            if loss == nil { miss(news.reason, now) }
            writer.refill(rest)
            return rest.count
        }
        writer.take(count)
        if writer.pending > 0, waitsSince == nil { waitsSince = now.instant }
        if writer.pending >= JournalWriter.batchTicks { write(now) }
        return 0
    }

    /// Reads on in a gap. One that was made by telling all states anew ends with the last of these, and no
    /// tick is lost.
    private func learn(_ count: Int, _ now: Moment) -> Int {
        let skipped = writer.skip(count, untilKnown: loss?.reason == .restated)
        loss?.ticks += UInt64(skipped.news)
        if skipped.isMissing { reader.askForSnapshot() }
        guard skipped.count < count else { return 0 }
        let rest = Array(writer.free[skipped.count..<count])
        resume(now)
        writer.refill(rest)
        // Where it could not be ended the rest is skipped, too.
        if loss?.reason == .restated { loss?.reason = .unwritable }
        return rest.count
    }

    private func lap(_ lost: UInt64, _ now: Moment) {
        state.lapped()
        log.bounded(.error, "recorder_lapped", ["lost": LogValue(lost)])
        if loss == nil { write(now) }
        gap(.lapped, lost: lost, now)
        writer.image.awaitSnapshots()
        reader.askForSnapshot()
    }

    /// States were repeated that are news: a symbol that came to be while the recorder was lapped, or a
    /// feed that begins anew. Once more, to learn all of them.
    private func miss(_ reason: LossNote.Reason, _ now: Moment) {
        gap(reason, lost: 0, now)
        writer.image.awaitSnapshots()
        reader.askForSnapshot()
    }

    // MARK: The file

    private func write(_ now: Moment) {
        attempt(now) { writer throws(JournalError) in try writer.write(now: now.wall) }
        guard loss == nil else { return }
        isUnsynchronized = true
        waitsSince = writer.pending > 0 ? now.instant : nil
    }

    /// Writes something; a fault begins a gap.
    private func attempt(_ now: Moment, _ body: (JournalWriter) throws(JournalError) -> Void) {
        let before = UInt64(writer.pending) + writer.counts.ticks
        do throws(JournalError) {
            try body(writer)
        } catch {
            // What was to be written and was not; what waits behind it is left out with it.
            stop(error, now, lost: before - UInt64(writer.pending) - writer.counts.ticks)
        }
    }

    private func synchronize(_ now: Moment) {
        guard sync == .second, isUnsynchronized, now.instant >= syncAt else { return }
        syncAt = now.instant + Recorder.syncInterval
        isUnsynchronized = false
        do throws(JournalError) { try writer.synchronize() } catch { stop(error, now) }
    }

    private func stop(_ error: JournalError, _ now: Moment, lost: UInt64 = 0) {
        state.stopped()
        retryAt = now.instant + Recorder.retryInterval
        log.write(
            .error, "recording_stopped",
            [
                "reason": .text(error.description),
                "retry_seconds": LogValue(Recorder.retryInterval.milliseconds / 1_000),
            ])
        var code: Int32 = 0
        if case .system(_, let error) = error { code = error.code }
        gap(.unwritable, code: code, lost: lost, now)
    }

    private func gap(_ reason: LossNote.Reason, code: Int32 = 0, lost: UInt64, _ now: Moment) {
        waitsSince = nil
        var known = loss ?? LossNote(reason: reason, code: code, ticks: 0, from: now.wall, to: now.wall)
        known.ticks += lost + UInt64(writer.skipPending())
        loss = known
    }

    /// Ends the gap where that can be done by now.
    private func resume(_ now: Moment) {
        guard var note = loss, now.instant >= retryAt, writer.canResume else { return }
        note.to = now.wall
        do throws(JournalError) {
            try writer.resume(after: note, now: now.wall)
            loss = nil
            state.lost(Int(clamping: note.ticks))
            log.write(
                note.ticks == 0 ? .info : .warning, "recording_resumed",
                [
                    "file": .text(writer.path), "reason": .text(note.reason.name),
                    "lost": LogValue(note.ticks),
                    "milliseconds": LogValue((note.to - note.from).milliseconds),
                ])
        } catch {
            retryAt = now.instant + Recorder.retryInterval
            log.bounded(.error, "recording_stopped", ["reason": .text(error.description)])
        }
    }
}
