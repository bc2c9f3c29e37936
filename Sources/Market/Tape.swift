// The tape: the ring of ticks between one ingest and everybody who reads.
//
// Invariants
//   - One writer. It never waits for a reader here; a reader that is lapped is told so and loses
//     its place, not its memory: nothing torn is ever handed out.
//   - Positions count ticks from 0 and never wrap in any lifetime.
//   - What is published ends with an event: a reader never sees half a message of the source.
//
// Memory order, after Boehm's seqlock (HP Labs 2012-68): the writer announces how far it may
// overwrite (`reserved`) before it stores, the reader looks at that after it loaded. The words
// are relaxed atomics, plain moves on every machine we know, so that the race is defined.
import Basics
import Synchronization

/// Ticks in a ring of memory: one writer, any number of readers, no waiting.
public final class Tape: @unchecked Sendable {
    /// In ticks.
    public let capacity: Int
    private let mask: Int
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    fileprivate let published = Atomic<UInt64>(0)
    private let reserved = Atomic<UInt64>(0)
    private let snapshotsAsked = Atomic<Int>(0)
    private let readers = Mutex<[TapeReader]>([])

    /// - Parameter capacity: ticks, a power of two; 64 bytes each.
    public init(capacity: Int) {
        precondition(capacity >= Tape.reserveStride * 2 && capacity & (capacity - 1) == 0)
        self.capacity = capacity
        mask = capacity - 1
        words = TableMemory.allocate(Atomic<UInt64>.self, count: capacity * 8)
        for i in 0..<capacity * 8 { (words + i).initialize(to: Atomic(0)) }
    }
    deinit { words.deallocate() }

    /// How much the writer announces at a time, in ticks.
    fileprivate static let reserveStride = 256

    /// No reader sleeps while it is further behind, in ticks; and nobody may wait for a reader that
    /// is as near as that.
    public var sleepMax: Int { min(4_096, capacity / 4) }

    /// The position behind the last tick published.
    public var head: UInt64 { published.load(ordering: .acquiring) }

    /// A new reader at the tape's current end. Each thread has its own, and all are made before
    /// the writer is, so that writing takes no lock.
    public func makeReader(bell: Doorbell? = nil) -> TapeReader {
        let reader = TapeReader(self, bell: bell)
        readers.withLock { $0.append(reader) }
        return reader
    }

    fileprivate func takeSnapshotRequest() -> Bool {
        snapshotsAsked.load(ordering: .relaxed) > 0
            && snapshotsAsked.exchange(0, ordering: .acquiringAndReleasing) > 0
    }
    fileprivate func askForSnapshot() { _ = snapshotsAsked.add(1, ordering: .releasing) }

    @inline(__always)
    private func slot(_ position: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        words + (Int(truncatingIfNeeded: position) & mask) * 8
    }

    fileprivate func copy(from position: UInt64, count: Int, to ticks: UnsafeMutablePointer<Tick>) {
        for i in 0..<count {
            let word = slot(position + UInt64(i))
            ticks[i].head = word[0].load(ordering: .relaxed)
            ticks[i].sequence = word[1].load(ordering: .relaxed)
            ticks[i].eventTime = Timestamp(raw: Int64(bitPattern: word[2].load(ordering: .relaxed)))
            ticks[i].receiveTime = Timestamp(raw: Int64(bitPattern: word[3].load(ordering: .relaxed)))
            ticks[i].price = Price(e9: Int64(bitPattern: word[4].load(ordering: .relaxed)))
            ticks[i].size = Quantity(e8: Int64(bitPattern: word[5].load(ordering: .relaxed)))
            ticks[i].source = word[6].load(ordering: .relaxed)
            ticks[i].aux = word[7].load(ordering: .relaxed)
        }
    }

    /// True where nothing from `position` on has been, or may just be being, overwritten.
    fileprivate func isIntact(from position: UInt64) -> Bool {
        atomicMemoryFence(ordering: .acquiring)
        return reserved.load(ordering: .relaxed) <= position + UInt64(capacity)
    }

    /// The writing end. One for each tape, owned by ingest.
    public struct Writer: ~Copyable {
        private let tape: Tape
        /// The position the next tick gets.
        public private(set) var position: UInt64 = 0
        private var reservedTo: UInt64 = 0
        /// What is appended is dropped: a source is played on to where it is to be shown from.
        public var isMuted = false
        private let readers: [TapeReader]

        /// Behind the last of the readers that were made: later ones are not woken.
        public init(_ tape: Tape) {
            self.tape = tape
            // The tape lets go of them: readers hold the tape, and a circle would never be freed.
            readers = tape.readers.withLock { made in
                defer { made = [] }
                return made
            }
        }

        /// How many ticks the slowest reader is behind. Unpaced replay waits by it; nothing paced may.
        public var lag: Int {
            readers.reduce(0) { max($0, Int(position - $1.position)) }
        }
        /// In ticks.
        public var capacity: Int { tape.capacity }

        /// True once for each time a reader asked for a snapshot of everything.
        public func takeSnapshotRequest() -> Bool { tape.takeSnapshotRequest() }

        /// Puts a tick behind the others. Readers see it with `publish`.
        public mutating func append(_ tick: Tick) {
            if isMuted { return }
            if position == reservedTo { reserveMore() }
            let word = tape.slot(position)
            word[0].store(tick.head, ordering: .relaxed)
            word[1].store(tick.sequence, ordering: .relaxed)
            word[2].store(UInt64(bitPattern: tick.eventTime.raw), ordering: .relaxed)
            word[3].store(UInt64(bitPattern: tick.receiveTime.raw), ordering: .relaxed)
            word[4].store(UInt64(bitPattern: tick.price.e9), ordering: .relaxed)
            word[5].store(UInt64(bitPattern: tick.size.e8), ordering: .relaxed)
            word[6].store(tick.source, ordering: .relaxed)
            word[7].store(tick.aux, ordering: .relaxed)
            position += 1
        }

        /// Marks the tick appended last as its event's end. Only before it is published.
        public func endEvent() {
            if isMuted { return }
            assert(position > tape.published.load(ordering: .relaxed), "readers may have seen it")
            let head = tape.slot(position - 1)
            let mark = UInt64(Tick.Flags.endOfEvent.rawValue) << 8
            head[0].store(head[0].load(ordering: .relaxed) | mark, ordering: .relaxed)
        }

        private mutating func reserveMore() {
            reservedTo += UInt64(Tape.reserveStride)
            tape.reserved.store(reservedTo, ordering: .relaxed)
            atomicMemoryFence(ordering: .releasing)
        }

        /// Shows all ticks appended so far, and wakes readers that wait for this many.
        public mutating func publish() {
            guard tape.published.load(ordering: .relaxed) != position else { return }
            tape.published.store(position, ordering: .sequentiallyConsistent)
            for reader in readers { reader.wake(head: position) }
        }
    }
}

/// One thread's place on the tape.
public final class TapeReader: @unchecked Sendable {
    /// What a read brought: so many ticks, none, or the news that so many were overwritten unread.
    public enum Outcome: Equatable { case ticks(Int), nothingNew, lapped(lost: UInt64) }

    private let tape: Tape
    private let bell: Doorbell?
    private let cursor: Atomic<UInt64>
    /// The head at which this reader wants to be woken; `.max` while it is awake.
    private let wakeAt = Atomic<UInt64>(.max)

    fileprivate init(_ tape: Tape, bell: Doorbell?) {
        self.tape = tape
        self.bell = bell
        cursor = Atomic(tape.head)
    }

    /// The position of the next tick to read.
    public var position: UInt64 { cursor.load(ordering: .relaxed) }
    /// In ticks.
    public var capacity: Int { tape.capacity }

    /// Copies the next ticks into `buffer`. After `.lapped` the reader stands at the tape's end.
    public func read(into buffer: UnsafeMutableBufferPointer<Tick>) -> Outcome {
        let start = cursor.load(ordering: .relaxed), head = tape.head
        guard head != start else { return .nothingNew }
        guard head - start <= UInt64(tape.capacity) else { return lapped(from: start) }
        let count = min(Int(head - start), buffer.count)
        guard let base = buffer.baseAddress else { return .nothingNew }
        tape.copy(from: start, count: count, to: base)
        guard tape.isIntact(from: start) else { return lapped(from: start) }
        cursor.store(start + UInt64(count), ordering: .relaxed)
        return .ticks(count)
    }

    private func lapped(from start: UInt64) -> Outcome {
        let head = tape.head
        cursor.store(head, ordering: .relaxed)
        return .lapped(lost: head - start)
    }

    /// Asks ingest to write every symbol's state onto the tape.
    public func askForSnapshot() { tape.askForSnapshot() }

    /// Call before sleeping: rings the bell once `ticks` more than were read are published, or
    /// `Tape.sleepMax`: who plays as fast as readers follow waits when they are further behind.
    ///
    /// - Returns: false when they are there already, so that sleeping would miss them.
    public func willSleep(untilBehindBy ticks: Int) -> Bool {
        let target = position + UInt64(max(1, min(ticks, tape.sleepMax)))
        wakeAt.store(target, ordering: .sequentiallyConsistent)
        guard tape.published.load(ordering: .sequentiallyConsistent) < target else {
            wakeAt.store(.max, ordering: .relaxed)
            return false
        }
        return true
    }

    fileprivate func wake(head: UInt64) {
        let target = wakeAt.load(ordering: .sequentiallyConsistent)
        guard head >= target else { return }
        if wakeAt.compareExchange(expected: target, desired: .max, ordering: .relaxed).exchanged {
            bell?.ring()
        }
    }
}
