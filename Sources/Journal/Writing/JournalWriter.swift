// Ticks become records, records segments; snapshots in between, so that a reader need not begin at the front.
//
//     free ◀ ticks      take      write: [ticks] … [snapshot] … [end] │ next segment
//
// Invariants
//   - The image is the state behind the last tick that was written or left out: a snapshot stands where it
//     is true, and never inside an event.
//   - A segment begins with a snapshot; where ticks were lost before it, the loss is said before that.
//   - A segment passes its limit by a record at most, unless its first snapshot alone is half of that.
//   - After a fault nothing is written until `resume` opened a new segment. The image goes on meanwhile.
//   - One owner, one thread. No clock in here: the caller passes `now`.
import Basics
import Market

public final class JournalWriter {
    public struct Options: Sendable {
        /// What is recorded, for people.
        public var source: String
        public var clock: FeedClock
        /// The number of the epoch that ticks begin in, as clients are told it; 0: nobody knows.
        public var epoch: UInt32
        public var segmentBytes = JournalWriter.segmentBytesStandard

        public init(source: String, clock: FeedClock, epoch: UInt32 = 0) {
            self.source = source
            self.clock = clock
            self.epoch = epoch
        }
    }

    /// What was written so far.
    public struct Counts: Sendable {
        public var ticks: UInt64 = 0
        public var bytes: UInt64 = 0
        public var batches: UInt64 = 0
        public var snapshots: UInt64 = 0
        public var segments: UInt64 = 0
    }

    public static let segmentBytesStandard: UInt64 = 1 << 30
    public static let segmentBytesMin: UInt64 = 1 << 20
    /// Ticks that a record usually has.
    public static let batchTicks = 4_096
    /// A snapshot comes after so many ticks, and after four times as many as it has itself.
    static let snapshotTicksMin = 65_536
    static let snapshotShare = 4

    public let options: Options
    /// What all ticks so far come to. To begin with another state than none, change it before `resume`.
    public var image: MarketImage
    /// The highest event time so far.
    public var reached = Timestamp(raw: .min)
    public private(set) var counts = Counts()
    /// What was done to the journal that was there.
    public let repair: Repair?

    private var file: SegmentWriter
    private var batch = Batch(capacity: JournalFormat.ticksMax)
    private var part = Batch(capacity: batchTicks)
    private var position: UInt64 = 0
    /// The last tick that was written or left out is not the last of its event.
    private var isInEvent = false
    /// Ticks written since the last snapshot, and how many that had.
    private var sinceSnapshot = 0
    private var snapshotTicks = 0

    /// Takes the folder for this writer alone, and mends what another left. Nothing is written yet.
    public init(_ folder: any JournalFolder, _ options: Options, now: Timestamp) throws(JournalError) {
        self.options = options
        image = MarketImage(epoch: options.epoch)
        do throws(SystemError) {
            try folder.lock()
            let (last, repair) = try Repair.mend(folder)
            self.repair = repair
            file = SegmentWriter(folder, run: UInt64(bitPattern: now.raw), last: last)
        } catch {
            throw .system(file: folder.path, error)
        }
    }

    /// The segment that is written, or was last.
    public var path: String { file.path }

    // MARK: Ticks on their way

    /// Room for ticks, to be filled from its beginning and then taken or left out. Never empty.
    public var free: UnsafeMutableBufferPointer<Tick> { batch.free }
    /// Ticks that wait to be written.
    public var pending: Int { batch.count }

    /// Takes the first `count` ticks of `free`. Those that repeat state are for somebody else.
    public func take(_ count: Int) { batch.take(count) }

    /// Ticks that were in `free` before something was taken or written.
    func refill(_ ticks: [Tick]) { _ = batch.free.update(fromContentsOf: ticks) }

    /// Among the first `count` ticks of `free` the first that repeats what is news: all states are to be
    /// learned again from there.
    public func news(in count: Int) -> (index: Int, reason: LossNote.Reason)? {
        for (index, tick) in batch.free[..<count].enumerated() where tick.flags.contains(.snapshot) {
            if tick.kind == .epoch, !isEpoch(tick.aux, within: index) { return (index, .restated) }
            if tick.kind == .symbol, !isDefined(tick.symbol, within: index) { return (index, .lapped) }
        }
        return nil
    }

    /// The image's, or begun by a tick on its way there.
    private func isEpoch(_ number: UInt64, within count: Int) -> Bool {
        func begins(_ tick: Tick) -> Bool {
            tick.kind == .epoch && tick.aux == number && !tick.flags.contains(.snapshot)
        }
        return image.epochNumber == number || batch.ticks.contains(where: begins)
            || batch.free[..<count].contains(where: begins)
    }

    /// In the image, or by a tick on its way there.
    private func isDefined(_ symbol: SymbolID, within count: Int) -> Bool {
        func defines(_ tick: Tick) -> Bool {
            tick.kind == .symbol && tick.symbol == symbol && !tick.flags.contains(.snapshot)
        }
        return image.definition(of: symbol) != nil || batch.ticks.contains(where: defines)
            || batch.free[..<count].contains(where: defines)
    }

    /// Leaves out the first `count` ticks of `free`: they change the image, and are not written.
    ///
    /// - Parameter untilKnown: stops before the first that repeats nothing, once all states are known.
    /// - Returns: how many were left out; how many of them were no repetition; and whether a symbol is not
    ///   known: the tape has to be asked for all states.
    public func skip(
        _ count: Int, untilKnown: Bool = false
    ) -> (count: Int, news: Int, isMissing: Bool) {
        var news = 0, isMissing = false
        for (index, tick) in batch.free[..<count].enumerated() {
            let isRepeated = tick.flags.contains(.snapshot)
            if untilKnown, !isRepeated, canResume { return (index, news, isMissing) }
            if image.applyLive(tick) { isMissing = true }
            if isRepeated { continue }
            note(tick)
            news += 1
        }
        return (count, news, isMissing)
    }

    /// Leaves out what waits.
    ///
    /// - Returns: how many ticks that were.
    public func skipPending() -> Int {
        let count = batch.count
        batch.removeAll()
        _ = skip(count)
        return count
    }

    @inline(__always)
    private func note(_ tick: Tick) {
        reached = max(reached, tick.eventTime)
        isInEvent = !tick.flags.contains(.endOfEvent)
    }

    /// A snapshot may be written here: no event is half told, and no symbol is awaited.
    public var canResume: Bool { !isInEvent && batch.count == 0 && image.awaited == 0 }

    // MARK: Writing

    /// Begins to write, or goes on after ticks were lost: says the loss, and the state of all symbols. In the
    /// segment that is open, or else in a new one. Only where `canResume`.
    public func resume(after loss: LossNote? = nil, now: Timestamp) throws(JournalError) {
        precondition(canResume, "an event is half told")
        if !file.isOpen { try openSegment(now) }
        if let loss {
            try file.append(loss, position: position, reached: reached, now: now)
            position &+= loss.ticks
        }
        try writeSnapshot(now)
    }

    /// Writes the whole events that wait, and what has become due: a snapshot, a new segment.
    ///
    /// - Throws: and then these ticks are lost, as all that follow until `resume`.
    public func write(now: Timestamp) throws(JournalError) {
        let whole = batch.wholeCount
        // An event that no record can hold is split.
        try write(first: whole == 0 && batch.isFull ? batch.count : whole, now)
        if !isInEvent { try writeDue(now) }
    }

    private func write(first count: Int, _ now: Timestamp) throws(JournalError) {
        guard count > 0 else { return }
        let first = batch.ticks[0].eventTime
        for tick in batch.ticks[..<count] {
            image.apply(tick)
            reached = max(reached, tick.eventTime)
        }
        isInEvent = !batch.ticks[count - 1].flags.contains(.endOfEvent)
        defer { batch.removeFirst(count) }
        try file.append(
            .ticks, isInEvent ? .split : [], batch.room, count: count, position: position, first: first,
            reached: reached, now: now)
        position &+= UInt64(count)
        sinceSnapshot += count
        counts.ticks += UInt64(count)
        counts.batches += 1
        counts.bytes = file.bytes
    }

    private func writeDue(_ now: Timestamp) throws(JournalError) {
        let isDue =
            sinceSnapshot
            >= max(
                JournalWriter.snapshotTicksMin, JournalWriter.snapshotShare * snapshotTicks)
        let usual = JournalFormat.unit * (JournalWriter.batchTicks + 1)
        let next = usual + (isDue ? 2 * JournalFormat.unit * snapshotTicks : 0)
        // A segment that is half snapshot is filled on.
        if !file.hasRoom(for: next, limit: options.segmentBytes), file.ticks > UInt64(snapshotTicks) {
            try file.end(.full, position: position, reached: reached, now: now)
            try openSegment(now)
            try writeSnapshot(now)
        } else if isDue {
            try writeSnapshot(now)
        }
    }

    /// Ticks of another journal, of a benchmark or a test, in records of the usual size.
    public func write(_ source: UnsafeBufferPointer<Tick>, now: Timestamp) throws(JournalError) {
        var rest = source[...]
        while !rest.isEmpty {
            let count = min(rest.count, max(256, JournalWriter.batchTicks - pending), free.count)
            _ = batch.free.update(fromContentsOf: rest.prefix(count))
            batch.take(count)
            rest = rest.dropFirst(count)
            if pending >= JournalWriter.batchTicks { try write(now: now) }
        }
    }

    /// Writes what waits and closes the journal in order.
    public func close(now: Timestamp) throws(JournalError) {
        guard file.isOpen else { return }
        try write(now: now)
        try write(first: batch.count, now)
        guard file.isOpen else { return }
        try file.end(.closed, position: position, reached: reached, now: now)
        counts.bytes = file.bytes
    }

    /// Waits until the disk has it all.
    public func synchronize() throws(JournalError) { try file.synchronize() }

    private func openSegment(_ now: Timestamp) throws(JournalError) {
        try file.open(options, position: position, reached: reached, now: now)
        counts.segments += 1
    }

    /// Whole, or nothing of it stays.
    private func writeSnapshot(_ now: Timestamp) throws(JournalError) {
        var parts = 0, total = 0
        part.removeAll()
        file.beginSnapshot()
        try image.writeSnapshot { tick throws(JournalError) in
            if part.isFull {
                try writePart(parts == 0 ? .first : [], now)
                parts += 1
            }
            part.append(tick)
            total += 1
        }
        try writePart(parts == 0 ? [.first, .last] : .last, now)
        file.endSnapshot(position: position, reached: reached)
        snapshotTicks = total
        sinceSnapshot = 0
        counts.snapshots += 1
        counts.bytes = file.bytes
    }

    private func writePart(_ flags: RecordHead.Flags, _ now: Timestamp) throws(JournalError) {
        try file.append(
            .snapshot, flags, part.room, count: part.count, position: position, first: reached,
            reached: reached, now: now)
        part.removeAll()
    }
}
