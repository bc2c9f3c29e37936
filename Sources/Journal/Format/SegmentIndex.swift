// The file beside a segment that says where its snapshots are: a convenience, and nothing more.
//
//     header, 64 bytes:   0 magic "TFJINDEX" · 8 version, 2 · 12 segment, 4 · 16 run, 8 · 60 CRC-32
//     entry, 32 bytes:    0 clock, 8 · 8 offset, 8 · 16 position, 8 · 24 kind (1: snapshot), 4 · 28 CRC-32
//
// What is not whole, or does not fit its segment, is not believed: the segment is walked instead.
import Basics

/// Where in a segment a snapshot begins.
public struct SnapshotMark: Hashable, Sendable {
    /// The highest event time of the run before it.
    public var reached: Timestamp
    /// Of its first part, in the segment.
    public var offset: UInt64
    /// Ticks of the run before it.
    public var position: UInt64
}

enum SegmentIndex {
    static let entryBytes = 32
    static let magic: [UInt8] = Array("TFJINDEX".utf8)
    /// A segment has at most so many snapshots that are believed: one for each 64 KiB of 64 GiB.
    static let entriesMax = 1 << 20
    private static let snapshot: UInt32 = 1

    static func header(of segment: SegmentHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: JournalFormat.unit)
        bytes.replaceSubrange(0..<8, with: magic)
        bytes.withUnsafeMutableBytes { room in
            room.store(JournalFormat.version, at: 8)
            room.store(segment.number, at: 12)
            room.store(segment.run, at: 16)
            room.store(JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: room[..<60])), at: 60)
        }
        return bytes
    }

    static func entry(_ mark: SnapshotMark) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: entryBytes)
        bytes.withUnsafeMutableBytes { room in
            room.store(mark.reached.raw, at: 0)
            room.store(mark.offset, at: 8)
            room.store(mark.position, at: 16)
            room.store(snapshot, at: 24)
            room.store(JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: room[..<28])), at: 28)
        }
        return bytes
    }

    /// The bytes of a segment's index; nil where there is none, or one that no recorder would write.
    static func read(_ number: UInt32, in folder: any JournalFolder) throws(SystemError) -> [UInt8]? {
        guard let file = try? folder.open(JournalFormat.indexName(number)) else { return nil }
        let size = try file.size()
        guard size <= UInt64(JournalFormat.unit + entriesMax * entryBytes) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(size)), fault: SystemError?
        let count = bytes.withUnsafeMutableBytes { room in
            do throws(SystemError) {
                return try SegmentMap.read(file, at: 0, into: room).count
            } catch {
                fault = error
                return 0
            }
        }
        if let fault { throw fault }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// The marks up to the first that is not whole; none where the index is of another segment.
    static func marks(in bytes: UnsafeRawBufferPointer, of segment: SegmentHeader) -> [SnapshotMark] {
        let expected = header(of: segment)
        guard bytes.count >= expected.count, zip(bytes, expected).allSatisfy({ $0 == $1 }) else { return [] }
        var marks: [SnapshotMark] = [], at = expected.count
        while at + entryBytes <= bytes.count, marks.count < entriesMax {
            let entry = UnsafeRawBufferPointer(rebasing: bytes[at..<at + entryBytes])
            let checksum = JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: entry[..<28]))
            guard checksum == entry.load(UInt32.self, at: 28), entry.load(UInt32.self, at: 24) == snapshot
            else { break }
            marks.append(
                SnapshotMark(
                    reached: Timestamp(raw: entry.load(Int64.self, at: 0)),
                    offset: entry.load(UInt64.self, at: 8), position: entry.load(UInt64.self, at: 16)))
            at += entryBytes
        }
        return marks
    }
}
