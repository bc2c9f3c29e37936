// The segments of one run, one after the other: heads, checksums, and what becomes of a file that fails.
//
// Invariants
//   - After a fault no segment is open. What it left of a record or a snapshot is cut off; a segment
//     without a single tick is taken away, so that a full disk does not fill up with names.
//   - Only files that this writer made are ever taken away.
import Basics

struct SegmentWriter: ~Copyable {
    private let folder: any JournalFolder
    private let run: UInt64
    private var number: UInt32
    private var segment: SegmentFile?
    private var records: UInt64 = 0
    /// Where the snapshot begins that is being written.
    private var snapshotStart: UInt64?
    /// Of the segment that is open.
    private(set) var ticks: UInt64 = 0
    /// Of all segments.
    private(set) var bytes: UInt64 = 0

    /// - Parameter last: the highest number that is taken.
    init(_ folder: any JournalFolder, run: UInt64, last: UInt32) {
        self.folder = folder
        self.run = run
        number = last
    }

    var isOpen: Bool { size != nil }
    /// Of the segment that is open.
    private var size: UInt64? {
        switch segment {
        case .some(let segment): segment.size
        case .none: nil
        }
    }
    var path: String { "\(folder.path)/\(JournalFormat.segmentName(number))" }

    func hasRoom(for bytes: Int, limit: UInt64) -> Bool {
        guard let size else { return false }
        // The end has to fit, too.
        return size + UInt64(bytes + 2 * JournalFormat.unit) <= limit
    }

    mutating func open(
        _ options: JournalWriter.Options, position: UInt64, reached: Timestamp, now: Timestamp
    ) throws(JournalError) {
        guard number < JournalFormat.segmentsMax else { throw .noNumberLeft(folder: folder.path) }
        let header = SegmentHeader(
            number: number + 1, run: run, created: now, epoch: options.epoch, clock: options.clock,
            position: position, reached: reached, source: options.source)
        let name = JournalFormat.segmentName(header.number)
        do throws(SystemError) {
            segment = SegmentFile(header, try folder.create(name), in: folder)
        } catch {
            throw .system(file: "\(folder.path)/\(name)", error)
        }
        number += 1
        records = 0
        ticks = 0
        do throws(SystemError) { try segment?.begin() } catch { throw failed(error) }
        bytes += segment?.size ?? 0
    }

    /// Writes one record.
    ///
    /// - Parameter room: its payload, behind 64 bytes for the head.
    mutating func append(
        _ kind: RecordHead.Kind, _ flags: RecordHead.Flags, _ room: UnsafeMutableRawBufferPointer,
        count: Int, position: UInt64, first: Timestamp, reached: Timestamp, now: Timestamp
    ) throws(JournalError) {
        let unit = JournalFormat.unit, isNote = kind == .lost || kind == .end
        let payload = isNote ? unit : count * unit
        let bytes = UnsafeRawBufferPointer(rebasing: room[..<(unit + payload)])
        let head = RecordHead(
            type: kind.rawValue, flags: flags, payloadBytes: payload, count: count, position: position,
            first: first, reached: reached, written: now,
            payloadChecksum: JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: bytes[unit...])),
            segment: number, run: UInt32(truncatingIfNeeded: run))
        head.store(to: room)
        do throws(SystemError) { try segment?.append(bytes) } catch { throw failed(error) }
        records += 1
        if kind == .ticks { ticks += UInt64(count) }
        self.bytes += UInt64(bytes.count)
    }

    mutating func append(
        _ loss: LossNote, position: UInt64, reached: Timestamp, now: Timestamp
    ) throws(JournalError) {
        try appendNote(.lost, position, reached, now) { loss.store(to: $0) }
    }

    /// Closes the segment in order.
    mutating func end(
        _ reason: EndNote.Reason, position: UInt64, reached: Timestamp, now: Timestamp
    ) throws(JournalError) {
        let note = EndNote(reason: reason, ticks: ticks, records: records)
        try appendNote(.end, position, reached, now) { note.store(to: $0) }
        segment = nil
    }

    private mutating func appendNote(
        _ kind: RecordHead.Kind, _ position: UInt64, _ reached: Timestamp, _ now: Timestamp,
        _ store: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(JournalError) {
        let unit = JournalFormat.unit
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * unit, alignment: unit)
        defer { room.deallocate() }
        store(UnsafeMutableRawBufferPointer(rebasing: room[unit...]))
        try append(
            kind, [], room, count: 0, position: position, first: reached, reached: reached, now: now)
    }

    mutating func beginSnapshot() { snapshotStart = segment?.size }

    mutating func endSnapshot(position: UInt64, reached: Timestamp) {
        guard let start = snapshotStart.take() else { return }
        segment?.note(SnapshotMark(reached: reached, offset: start, position: position))
    }

    mutating func synchronize() throws(JournalError) {
        do throws(SystemError) { try segment?.synchronize() } catch { throw failed(error) }
    }

    private mutating func failed(_ error: SystemError) -> JournalError {
        let fault = JournalError.system(file: path, error)
        if let start = snapshotStart.take() { try? segment?.cut(to: start) }
        segment = nil
        guard ticks == 0 else { return fault }
        do throws(SystemError) {
            try folder.remove(JournalFormat.segmentName(number))
            try? folder.remove(JournalFormat.indexName(number))
            number -= 1
        } catch {
            // The name is taken, then; the next segment has another.
        }
        return fault
    }
}
