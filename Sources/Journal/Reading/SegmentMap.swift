// Where a segment's snapshots are and how far its clock got: from the index, and by walking heads from
// where the index ends.
//
// Invariant: an index only saves walking. Whatever it says, or where there is none, the map is the same.
import Basics

struct SegmentMap {
    let header: SegmentHeader
    private(set) var marks: [SnapshotMark] = []
    /// The highest event time up to the last whole record.
    private(set) var reached: Timestamp
    /// The end of the last whole record.
    private(set) var end: UInt64
    /// Written by its recorder to the end.
    private(set) var isClosed = false
    /// Of the last record that is no note.
    private(set) var last: (offset: UInt64, head: RecordHead)?

    /// Nil where not even a header is there.
    ///
    /// - Parameter usesIndex: false walks all of it.
    init?(_ name: String, in folder: any JournalFolder, usesIndex: Bool = true) throws(SystemError) {
        let file = try folder.open(name)
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: JournalFormat.headerMax, alignment: JournalFormat.unit)
        defer { room.deallocate() }
        let bytes = try SegmentMap.read(file, at: 0, into: room)
        guard let (header, count) = try? SegmentHeader.parse(bytes) else { return nil }
        self.header = header
        reached = header.reached
        end = UInt64(count)
        if usesIndex, let number = JournalFormat.segmentNumber(name) {
            try take(SegmentMap.marks(number, in: folder, of: header), file, room)
        }
        try walk(file, room)
    }

    /// The last snapshot before anything of that time, or else the first there is.
    func mark(before time: Timestamp) -> SnapshotMark? {
        marks.last { $0.reached < time } ?? marks.first
    }

    /// Believes an index whose last mark is what it says; that one is walked over once more.
    private mutating func take(
        _ marks: [SnapshotMark], _ file: any JournalInput, _ room: UnsafeMutableRawBufferPointer
    ) throws(SystemError) {
        guard let last = marks.last, last.offset >= end, last.offset % UInt64(JournalFormat.unit) == 0,
            zip(marks, marks.dropFirst()).allSatisfy({ $0.offset < $1.offset && $0.reached <= $1.reached }),
            let head = try head(at: last.offset, file, room), head.kind == .snapshot,
            head.flags.contains(.first), head.position == last.position, head.reached == last.reached
        else { return }
        self.marks = marks.dropLast()
        end = last.offset
    }

    private mutating func walk(
        _ file: any JournalInput, _ room: UnsafeMutableRawBufferPointer
    ) throws(SystemError) {
        let size = try file.size()
        var begun: SnapshotMark?
        while let head = try head(at: end, file, room), end + head.bytes <= size {
            if head.kind == .snapshot {
                if head.flags.contains(.first) {
                    begun = SnapshotMark(reached: head.reached, offset: end, position: head.position)
                }
                if head.flags.contains(.last), let mark = begun { marks.append(mark) }
            }
            if head.kind != .snapshot || head.flags.contains(.last) { begun = nil }
            if head.kind != .end { last = (end, head) }
            isClosed = head.kind == .end
            reached = max(reached, head.reached)
            end += head.bytes
        }
    }

    private func head(
        at offset: UInt64, _ file: any JournalInput, _ room: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> RecordHead? {
        let unit = UnsafeMutableRawBufferPointer(rebasing: room[..<JournalFormat.unit])
        let bytes = try SegmentMap.read(file, at: offset, into: unit)
        guard bytes.count == unit.count else { return nil }
        return try? RecordHead.parse(bytes, in: header)
    }

    private static func marks(
        _ number: UInt32, in folder: any JournalFolder, of header: SegmentHeader
    ) -> [SnapshotMark] {
        guard let bytes = try? SegmentIndex.read(number, in: folder) else { return [] }
        return bytes.withUnsafeBytes { SegmentIndex.marks(in: $0, of: header) }
    }

    /// As much as there is.
    static func read(
        _ file: any JournalInput, at offset: UInt64, into room: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> UnsafeRawBufferPointer {
        var filled = 0
        while filled < room.count {
            let count = try file.read(
                at: offset + UInt64(filled), into: UnsafeMutableRawBufferPointer(rebasing: room[filled...]))
            if count == 0 { break }
            filled += count
        }
        return UnsafeRawBufferPointer(rebasing: room[..<filled])
    }
}
