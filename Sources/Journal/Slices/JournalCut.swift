// A piece of a journal as a journal of its own, which plays without the rest.
//
// Invariants
//   - It begins with a snapshot, and has every tick of its slice as it was recorded.
//   - What separated runs separates them still, and what was lost is said to be lost.
//   - One cut twice is twice the same bytes: times come from the recording.
import Basics
import Market

public final class JournalCut {
    public struct Counts: Sendable {
        public var ticks: UInt64 = 0
        public var bytes: UInt64 = 0
        public var segments: UInt64 = 0
        public var losses = 0
    }
    public private(set) var counts = Counts()
    public private(set) var breaks: [JournalBreak] = []

    private let slice: JournalSlice
    private let folder: any JournalFolder
    private let segmentBytes: UInt64
    private var writer: JournalWriter?
    private var header: SegmentHeader?
    /// The time at which the record that is copied was written.
    private var now = Timestamp.zero
    private var pieces: UInt64 = 0

    /// - Parameter folder: one without a journal.
    public init(
        _ slice: JournalSlice, into folder: any JournalFolder,
        segmentBytes: UInt64 = JournalWriter.segmentBytesStandard
    ) {
        self.slice = slice
        self.folder = folder
        self.segmentBytes = segmentBytes
    }

    /// Copies some more.
    ///
    /// - Returns: false at the end.
    public func step() throws(JournalError) -> Bool {
        switch try slice.next() {
        case .state(let run, let loss): try begin(run, loss)
        case .ticks(let ticks, let written):
            now = written
            try writer?.write(ticks, now: now)
        case .broken(let found): breaks.append(found)
        case .end:
            try close()
            return false
        }
        return true
    }

    private func begin(_ run: SegmentHeader?, _ loss: LossNote?) throws(JournalError) {
        if let run { header = run }
        if loss != nil { counts.losses += 1 }
        if run == nil, let writer {
            try writer.write(now: now)
            if writer.canResume {
                restate(writer)
                return try writer.resume(after: loss, now: now)
            }
        }
        try close()
        guard let header else { return }
        let next = try open(header)
        restate(next)
        try next.resume(after: loss, now: now)
        writer = next
    }

    private func open(_ header: SegmentHeader) throws(JournalError) -> JournalWriter {
        if pieces == 0 || now < header.created { now = header.created }
        let epoch = slice.image.epoch.map { UInt32(truncatingIfNeeded: $0.aux) } ?? header.epoch
        var options = JournalWriter.Options(source: header.source, clock: header.clock, epoch: epoch)
        options.segmentBytes = segmentBytes
        let run = Timestamp(raw: Int64(bitPattern: header.run &+ pieces))
        pieces += 1
        return try JournalWriter(folder, options, now: run)
    }

    private func restate(_ writer: JournalWriter) {
        writer.image.removeAll()
        slice.image.writeSnapshot { tick in writer.image.apply(tick) }
    }

    private func close() throws(JournalError) {
        guard let writer else { return }
        self.writer = nil
        try writer.close(now: now)
        counts.ticks += writer.counts.ticks
        counts.bytes += writer.counts.bytes
        counts.segments += writer.counts.segments
    }
}
