// What a segment is, told from its heads: fast, and without looking at the ticks but for the last ones.
//
// Invariants
//   - It stops where the heads stop to make sense, as a reader does. That ticks are what was written only
//     an audit knows.
//   - Of a file that is being written it tells what is whole by now.
import Basics
import Market

public struct SegmentSurvey: Sendable {
    /// How the segment ends.
    public enum Ending: Hashable, Sendable {
        /// In order, and the recording with it.
        case closed
        /// In order: it goes on in the next segment.
        case full
        /// Behind a whole record: its recorder was killed there, or is still writing.
        case open
        /// Inside a record, of which so many bytes are there.
        case cut(offset: UInt64, bytes: UInt64)
        /// Behind what is whole there is something else.
        case damaged(offset: UInt64, JournalFlaw)
    }

    public let name: String
    /// Of the file.
    public let bytes: UInt64
    /// Nil: not even that is whole.
    public private(set) var header: SegmentHeader?
    public private(set) var records: UInt64 = 0
    public private(set) var ticks: UInt64 = 0
    public private(set) var snapshots = 0
    /// Snapshots that the index knows; nil: there is no index of this segment.
    public private(set) var indexed: Int?
    /// The first `lossesMax`.
    public private(set) var losses: [LossNote] = []
    public private(set) var lossCount = 0
    public private(set) var lostTicks: UInt64 = 0
    /// Event time of the first tick; nil where there is none.
    public private(set) var first: Timestamp?
    /// The clock behind the last record: the highest event time of the run.
    public private(set) var reached: Timestamp?
    /// When the last record was written, by the clock on the wall.
    public private(set) var written: Timestamp?
    /// Epochs of the feed, of its first snapshot and of its end; 0: nobody knows.
    public private(set) var epochs: (first: UInt64, last: UInt64) = (0, 0)
    /// Symbols that are defined at its end.
    public private(set) var symbols = 0
    public private(set) var ending = Ending.open

    public static let lossesMax = 100

    /// - Throws: where the file cannot be read.
    public init(_ name: String, in folder: any JournalFolder) throws(JournalError) {
        self.name = name
        let walk: HeadWalk
        do throws(SystemError) {
            walk = try HeadWalk(name, in: folder)
            bytes = walk.size
            try survey(walk)
            if let header {
                indexed = try SegmentIndex.read(header.number, in: folder).map { index in
                    index.withUnsafeBytes { SegmentIndex.marks(in: $0, of: header).count }
                }
            }
        } catch {
            throw .system(file: "\(folder.path)/\(name)", error)
        }
        if header != nil { try surveyStates(folder) }
    }

    private mutating func survey(_ walk: HeadWalk) throws(SystemError) {
        do throws(JournalFlaw) {
            header = try walk.header()
        } catch {
            ending = .damaged(offset: 0, error)
            return
        }
        guard header != nil else {
            ending = .cut(offset: 0, bytes: bytes)
            return
        }
        while true {
            switch try walk.next() {
            case .record(let head, let note): take(head, note)
            case .end(let offset):
                if offset < bytes { ending = .cut(offset: offset, bytes: bytes - offset) }
                return
            case .flaw(let flaw, let offset):
                ending = .damaged(offset: offset, flaw)
                return
            }
        }
    }

    private mutating func take(_ head: RecordHead, _ note: UnsafeRawBufferPointer) {
        records += 1
        reached = max(reached ?? head.reached, head.reached)
        written = head.written
        ending = .open
        switch head.kind {
        case .ticks:
            ticks += UInt64(head.count)
            first = first ?? head.first
        case .snapshot: if head.flags.contains(.last) { snapshots += 1 }
        case .lost:
            // Something was lost, also where the note does not say what: that is for `verify` to tell.
            lossCount += 1
            guard let loss = try? LossNote.parse(note) else { return }
            lostTicks &+= loss.ticks
            if losses.count < SegmentSurvey.lossesMax { losses.append(loss) }
        case .end:
            guard let end = try? EndNote.parse(note) else { return }
            ending = end.reason == .closed ? .closed : .full
        case nil: break
        }
    }

    /// From the first snapshot, and from the last one with the ticks behind it.
    private mutating func surveyStates(_ folder: any JournalFolder) throws(JournalError) {
        let number = UInt64(header?.epoch ?? 0)
        epochs = (number, number)
        let reader = try JournalReader(folder, only: name)
        look: while true {
            switch try reader.next() {
            case .segment: continue
            case .snapshot(let ticks, _, _):
                if let tick = ticks.first, tick.kind == .epoch { epochs = (tick.aux, tick.aux) }
                break look
            default: break look
            }
        }
        var image = MarketImage()
        _ = try reader.seek(to: Timestamp(raw: .max), image: &image)
        symbols = image.symbolCount
        if let epoch = image.epoch { epochs.last = epoch.aux }
    }
}

/// Goes from head to head. Of what lies between only notes are read.
private final class HeadWalk {
    enum Step {
        /// The note is good until the next step; empty for all but notes.
        case record(RecordHead, UnsafeRawBufferPointer)
        /// Nothing whole begins at that offset.
        case end(UInt64)
        case flaw(JournalFlaw, offset: UInt64)
    }

    let size: UInt64
    private let file: any JournalInput
    private let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: JournalFormat.headerMax, alignment: JournalFormat.unit)
    private var segment: SegmentHeader?
    private var offset: UInt64 = 0
    private var hasEnded = false

    init(_ name: String, in folder: any JournalFolder) throws(SystemError) {
        file = try folder.open(name)
        size = try file.size()
    }
    deinit { room.deallocate() }

    /// Nil where not all of it is there, or the file cannot be read.
    func header() throws(JournalFlaw) -> SegmentHeader? {
        guard let bytes = try? SegmentMap.read(file, at: 0, into: room),
            let (header, count) = try SegmentHeader.parse(bytes)
        else { return nil }
        segment = header
        offset = UInt64(count)
        return header
    }

    func next() throws(SystemError) -> Step {
        guard let segment, offset < size else { return .end(offset) }
        if hasEnded { return .flaw(.bytesBehindEnd, offset: offset) }
        // A head, and the note that may follow it.
        let unit = JournalFormat.unit
        let bytes = try SegmentMap.read(
            file, at: offset, into: UnsafeMutableRawBufferPointer(rebasing: room[..<(2 * unit)]))
        guard bytes.count >= unit else { return .end(offset) }
        do throws(JournalFlaw) {
            let head = try RecordHead.parse(bytes, in: segment)
            guard offset + head.bytes <= size else { return .end(offset) }
            let isNote = head.kind == .lost || head.kind == .end
            guard !isNote || bytes.count == 2 * unit else { return .end(offset) }
            let note = UnsafeRawBufferPointer(rebasing: bytes[unit..<(isNote ? 2 * unit : unit)])
            if isNote, JournalFormat.checksum(note) != head.payloadChecksum {
                return .flaw(JournalFlaw("checksum of a record's \(unit) bytes"), offset: offset)
            }
            offset += head.bytes
            hasEnded = head.kind == .end
            return .record(head, note)
        } catch {
            return .flaw(error, offset: offset)
        }
    }
}
