// What a writer does with the journal that another one left: a tail that is not whole is cut off.
//
// Invariant: only what can be no record of anybody is taken away. Where whole records follow a place that
// cannot be read, the file was damaged and not cut: it stays as it is, for people to look at.
import Basics

/// What was done to a segment.
public struct Repair: Hashable, Sendable, CustomStringConvertible {
    public let file: String
    /// Where the last whole record ends; 0: not even the header was whole, and the file is gone.
    public let offset: UInt64
    /// What was taken away.
    public let bytes: UInt64

    public var description: String {
        offset == 0
            ? "\(file): \(bytes) bytes and no header: removed"
            : "\(file): cut at offset \(offset): \(bytes) bytes of a record that is not whole"
    }

    /// Looks at the last segment of a folder.
    ///
    /// - Returns: the number of the last segment that is left, and what was done.
    static func mend(_ folder: any JournalFolder) throws(SystemError) -> (last: UInt32, Repair?) {
        let numbers = try folder.names().compactMap(JournalFormat.segmentNumber).sorted()
        guard let last = numbers.last else { return (0, nil) }
        let name = JournalFormat.segmentName(last), path = "\(folder.path)/\(name)"
        let size = try folder.open(name).size()
        guard let map = try SegmentMap(name, in: folder) else {
            // A file as long as a header and more holds something, though nobody knows what.
            guard size < UInt64(JournalFormat.headerMax) else { return (last, nil) }
            try folder.remove(name)
            return (last, Repair(file: path, offset: 0, bytes: size))
        }
        let end = try wholeEnd(map, name, folder)
        guard size > end, size - end <= UInt64(JournalFormat.recordMax),
            try !hasRecord(behind: end, name, folder, map.header)
        else { return (last, nil) }
        try folder.truncate(name, to: end)
        return (last, Repair(file: path, offset: end, bytes: size - end))
    }

    /// The end of the last record whose ticks are as they were written: after a power failure a head may be
    /// there whose ticks never got to the disk.
    private static func wholeEnd(
        _ map: SegmentMap, _ name: String, _ folder: any JournalFolder
    ) throws(SystemError) -> UInt64 {
        guard !map.isClosed, let last = map.last else { return map.end }
        var reader = try SegmentReader(name, in: folder, ReadWindow())
        do throws(SegmentFault) {
            _ = try reader.readHeader()
            reader.move(to: last.offset)
            _ = try reader.next()
            return reader.offset
        } catch {
            if case .system(let error) = error { throw error }
            return last.offset
        }
    }

    /// Whether a whole head stands anywhere behind a place that cannot be read.
    private static func hasRecord(
        behind end: UInt64, _ name: String, _ folder: any JournalFolder, _ header: SegmentHeader
    ) throws(SystemError) -> Bool {
        let file = try folder.open(name), unit = UInt64(JournalFormat.unit)
        var window = ReadWindow(), offset = end + unit
        while true {
            let bytes = try window.bytes(of: file, at: offset, count: JournalFormat.unit)
            guard bytes.count == JournalFormat.unit else { return false }
            if (try? RecordHead.parse(bytes, in: header)) != nil { return true }
            offset += unit
        }
    }
}
