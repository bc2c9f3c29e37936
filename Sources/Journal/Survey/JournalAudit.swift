// A journal looked at whole: every byte, every checksum, every number, and that each snapshot says what the
// ticks before it come to.
//
// Invariants
//   - A fault ends nothing: reading goes on with the next record that makes sense.
//   - What a fault leaves unknown is not held against what follows, up to the next snapshot.
//   - A loss that the recorder wrote down is no fault, and neither is an end without a word: somebody may
//     be writing.
import Basics
import Market

/// What is wrong, and where.
public struct JournalFault: Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let offset: UInt64
    public let cause: String

    public var description: String { "\(file): at offset \(offset): \(cause)" }
}

public final class JournalAudit {
    public struct Counts: Sendable {
        public var segments = 0
        public var records: UInt64 = 0
        public var ticks: UInt64 = 0
        public var snapshots = 0
        /// Places where the recorder says that it lost something.
        public var losses = 0
        public var faults = 0
    }
    public private(set) var counts = Counts()
    /// Segments that end behind a whole record without a word.
    public private(set) var unended: [String] = []
    /// Bytes of all segments, as of the beginning, and how many of them were read.
    public let bytesTotal: UInt64
    public var bytesRead: UInt64 { bytesBefore + (segment?.offset ?? 0) }

    private let folder: any JournalFolder
    private let names: [String]
    private var index = 0
    private var segment: SegmentReader?
    private var bytesBefore: UInt64 = 0
    private var found: [JournalFault] = []

    /// Where the next record should stand; nil: nobody knows.
    private var place: (run: UInt64, position: UInt64)?
    private var state = StateAudit()
    /// Nobody is to be told again that a snapshot is missing.
    private var isExcused = false

    // Of the segment that is read.
    private var records: UInt64 = 0
    private var ticks: UInt64 = 0
    private var marks: [SnapshotMark] = []
    private var mark: SnapshotMark?
    private var hasEnded = false
    private var isDamaged = false

    public init(_ journal: JournalPlace) throws(JournalError) {
        folder = journal.folder
        names = try journal.segments()
        var total: UInt64 = 0
        for name in names {
            do throws(SystemError) {
                total += try folder.open(name).size()
            } catch {
                throw .system(file: "\(folder.path)/\(name)", error)
            }
        }
        bytesTotal = total
    }

    /// What was found since the last call.
    public func takeFaults() -> [JournalFault] {
        defer { found = [] }
        return found
    }

    private var path: String { "\(folder.path)/\(names[index])" }
    private func fault(_ cause: String, at offset: UInt64, of file: String? = nil) {
        counts.faults += 1
        found.append(JournalFault(file: file ?? path, offset: offset, cause: cause))
    }

    /// Looks at one more record.
    ///
    /// - Returns: false when all was looked at.
    /// - Throws: where the system would not read.
    public func step() throws(JournalError) -> Bool {
        guard index < names.count else { return false }
        do throws(SystemError) {
            if segment == nil { try open() } else { try readOn() }
            return true
        } catch {
            throw .system(file: path, error)
        }
    }

    // MARK: Segments

    private func open() throws(SystemError) {
        segment = try SegmentReader(names[index], in: folder, ReadWindow())
        counts.segments += 1
        (records, ticks, marks, mark) = (0, 0, [], nil)
        (hasEnded, isDamaged) = (false, false)
        let header: SegmentHeader?
        do throws(SegmentFault) {
            header = try segment?.readHeader()
        } catch {
            guard case .flaw(let flaw) = error else { throw error.system }
            fault("\(flaw); nothing of this segment can be read", at: 0)
            place = nil
            return try close()
        }
        guard let header else {
            fault("cut: the header is not whole", at: 0)
            return try close()
        }
        begin(header)
    }

    private func begin(_ header: SegmentHeader) {
        if let number = JournalFormat.segmentNumber(names[index]), number != header.number {
            fault("segment \(header.number) under another's name", at: 0)
        }
        isExcused = false
        guard let place, place.run == header.run else {
            // Another run, or the first segment that is there.
            self.place = (header.run, header.position)
            state.forget()
            state.reached = header.reached
            return
        }
        guard place.position == header.position else {
            fault(
                "begins at position \(header.position) of its run, where \(place.position) is next: "
                    + "a segment is missing, or the end of one", at: 0)
            self.place = (header.run, header.position)
            state.forget()
            state.reached = header.reached
            return
        }
    }

    private func close() throws(SystemError) {
        bytesBefore += try segment?.size() ?? 0
        segment = nil
        index += 1
    }

    /// The end of a file, or of what is whole of it.
    private func end(_ rest: Int) throws(SystemError) {
        let offset = segment?.offset ?? 0
        if rest > 0 {
            fault("cut: the record here is not whole, \(rest) bytes of it are there", at: offset)
        } else if !hasEnded {
            unended.append(path)
        }
        if state.isInSnapshot {
            fault("a snapshot without its end", at: offset)
            state.forget()
        }
        if let header = segment?.header, !isDamaged { try compareIndex(header, offset) }
        try close()
    }

    /// What the index says has to be there. What it does not say a reader finds all the same.
    private func compareIndex(_ header: SegmentHeader, _ end: UInt64) throws(SystemError) {
        let name = JournalFormat.indexName(header.number), file = "\(folder.path)/\(name)"
        guard JournalFormat.segmentNumber(names[index]) != nil,
            let bytes = try SegmentIndex.read(header.number, in: folder)
        else { return }
        let said = bytes.withUnsafeBytes { SegmentIndex.marks(in: $0, of: header) }
        let entries = max(0, bytes.count - JournalFormat.unit) / SegmentIndex.entryBytes
        let there = Set(marks)
        for (number, mark) in said.enumerated() where mark.offset < end && !there.contains(mark) {
            let at = JournalFormat.unit + number * SegmentIndex.entryBytes
            return fault("no such snapshot begins at \(mark.offset) of its segment", at: UInt64(at), of: file)
        }
        if said.count < entries {
            let at = said.isEmpty ? 0 : JournalFormat.unit + said.count * SegmentIndex.entryBytes
            fault("an entry of the index, or its header, is not what was written", at: UInt64(at), of: file)
        }
    }

    // MARK: Records

    private func readOn() throws(SystemError) {
        let offset = segment?.offset ?? 0, step: SegmentReader.Step?
        do throws(SegmentFault) {
            step = try segment?.next()
        } catch {
            guard case .flaw(let flaw) = error else { throw error.system }
            return try pass(flaw, at: offset)
        }
        switch step {
        case .record(let head, let payload):
            guard hasEnded else { return take(head, payload, at: offset) }
            fault("a record behind the end", at: offset)
            try close()
        case .end(let rest): try end(rest)
        case nil: break
        }
    }

    /// Goes on behind what cannot be read.
    private func pass(_ flaw: JournalFlaw, at offset: UInt64) throws(SystemError) {
        isDamaged = true
        place = nil
        state.forget()
        isExcused = true
        mark = nil
        let next: UInt64?
        do throws(SegmentFault) { next = try segment?.pass() } catch { throw error.system }
        if let next { return fault("\(flaw); the next record is at \(next)", at: offset) }
        let size = try segment?.size() ?? offset
        fault("\(flaw); the \(size - offset) bytes from here on cannot be read", at: offset)
        try close()
    }

    private func take(_ head: RecordHead, _ payload: UnsafeRawBufferPointer, at offset: UInt64) {
        counts.records += 1
        if let place, place.position != head.position {
            fault("position \(head.position) where \(place.position) is next", at: offset)
            state.forget()
            isExcused = true
        }
        place = (segment?.header?.run ?? 0, head.position &+ (head.kind == .ticks ? UInt64(head.count) : 0))
        if state.isInSnapshot, head.kind != .snapshot || head.flags.contains(.first) {
            fault("a snapshot without its end", at: offset)
            state.forget()
        }
        switch head.kind {
        case .ticks: takeTicks(head, payload.ticks, at: offset)
        case .snapshot: takeSnapshot(head, payload.ticks, at: offset)
        case .lost: takeLoss(payload, at: offset)
        case .end: takeEnd(payload, at: offset)
        case nil: break
        }
        records += 1
    }

    private func takeTicks(_ head: RecordHead, _ ticks: UnsafeBufferPointer<Tick>, at offset: UInt64) {
        counts.ticks += UInt64(ticks.count)
        self.ticks += UInt64(ticks.count)
        guard state.isKnown else {
            if !isExcused { fault("ticks where a snapshot should be", at: offset) }
            return isExcused = true
        }
        if let flaw = state.take(ticks) { fault("\(flaw)", at: offset) }
        if let first = ticks.first, head.first != first.eventTime {
            fault("a head that says another time than its first tick", at: offset)
        }
        if head.flags.contains(.split) != state.isInEvent {
            fault("a head that is wrong on whether its last event is whole", at: offset)
        }
        checkClock(head, at: offset)
    }

    /// A head says the clock behind it.
    private func checkClock(_ head: RecordHead, at offset: UInt64) {
        guard let reached = state.reached else { return state.reached = head.reached }
        guard reached != head.reached else { return }
        fault("a head that says another clock than its ticks", at: offset)
        state.reached = head.reached
    }

    private func takeSnapshot(_ head: RecordHead, _ ticks: UnsafeBufferPointer<Tick>, at offset: UInt64) {
        if head.flags.contains(.first) {
            if state.isInEvent { fault("a snapshot inside of an event", at: offset) }
            state.beginSnapshot()
            mark = SnapshotMark(reached: head.reached, offset: offset, position: head.position)
        }
        if let flaw = state.takeSnapshot(ticks) { fault("\(flaw)", at: offset) }
        guard head.flags.contains(.last) else { return }
        if let flaw = state.endSnapshot() { fault("\(flaw)", at: offset) }
        counts.snapshots += 1
        checkClock(head, at: offset)
        if let mark { marks.append(mark) }
        mark = nil
    }

    private func takeLoss(_ payload: UnsafeRawBufferPointer, at offset: UInt64) {
        state.forget()
        isExcused = false
        do throws(JournalFlaw) {
            let loss = try LossNote.parse(payload)
            counts.losses += 1
            place?.position &+= loss.ticks
        } catch {
            fault("\(error)", at: offset)
            place = nil
        }
    }

    private func takeEnd(_ payload: UnsafeRawBufferPointer, at offset: UInt64) {
        hasEnded = true
        do throws(JournalFlaw) {
            let end = try EndNote.parse(payload)
            guard !isDamaged, end.ticks != ticks || end.records != records else { return }
            fault(
                "the end counts \(end.ticks) ticks in \(end.records) records; "
                    + "there are \(ticks) in \(records)", at: offset)
        } catch {
            fault("\(error)", at: offset)
        }
    }
}
