// One segment, record by record: every length and every checksum is looked at before anything is given out.
//
// Invariants
//   - `offset` is the end of the last whole record; it moves only past a whole one.
//   - What is not whole yet may become so: asking again is allowed, and tells no more than is there.
import Basics
import CLinux
import Market

struct SegmentReader: ~Copyable {
    enum Step {
        case record(RecordHead, UnsafeRawBufferPointer)
        /// The file ends here, or so many bytes behind the last whole record.
        case end(rest: Int)
    }

    let name: String
    private let file: any JournalInput
    private var window: ReadWindow
    private(set) var header: SegmentHeader?
    private(set) var offset: UInt64 = 0

    init(_ name: String, in folder: any JournalFolder, _ window: consuming ReadWindow) throws(SystemError) {
        self.name = name
        self.window = window
        self.window.removeAll()
        file = try folder.open(name)
    }

    consuming func close() -> ReadWindow { window }

    func size() throws(SystemError) -> UInt64 { try file.size() }

    /// Reads the header.
    ///
    /// - Returns: nil where not all of it is there.
    mutating func readHeader() throws(SegmentFault) -> SegmentHeader? {
        let bytes = try look(JournalFormat.headerMax)
        do throws(JournalFlaw) {
            guard let (header, count) = try SegmentHeader.parse(bytes) else { return nil }
            self.header = header
            offset = UInt64(count)
            return header
        } catch {
            throw .flaw(error)
        }
    }

    /// Bytes of the beginning of a file that is not even a header.
    mutating func beginning() throws(SegmentFault) -> Int { try look(JournalFormat.headerMax).count }

    /// The next record. What it holds is good until the next call.
    ///
    /// - Parameter wanted: false: its bytes are neither read nor checked.
    mutating func next(_ wanted: (RecordHead) -> Bool = { _ in true }) throws(SegmentFault) -> Step {
        guard let head = try readHead() else { return .end(rest: try look(JournalFormat.unit).count) }
        guard wanted(head) else {
            // That it is there has to be known all the same.
            let end = offset + head.bytes
            guard try available(to: end) else { return .end(rest: try rest(Int(head.bytes))) }
            offset = end
            return .record(head, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        let bytes = try look(Int(head.bytes))
        guard bytes.count == head.bytes else { return .end(rest: bytes.count) }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[JournalFormat.unit...])
        guard JournalFormat.checksum(payload) == head.payloadChecksum else {
            throw .flaw(JournalFlaw("checksum of a record's \(payload.count) bytes"))
        }
        offset += head.bytes
        return .record(head, payload)
    }

    /// The head of the record at `offset`, which stays; nil where not all of the head is there.
    mutating func readHead() throws(SegmentFault) -> RecordHead? {
        guard let header else { throw .flaw(JournalFlaw("no header was read")) }
        let bytes = try look(JournalFormat.unit)
        guard bytes.count == JournalFormat.unit else { return nil }
        do throws(JournalFlaw) {
            return try RecordHead.parse(bytes, in: header)
        } catch {
            throw .flaw(error)
        }
    }

    /// Goes on at a place that is known to begin a record.
    mutating func move(to offset: UInt64) { self.offset = offset }

    /// Goes on behind a record that cannot be read: at the next head that can, wherever it is.
    ///
    /// - Returns: its offset; nil where there is none, and nothing has moved.
    mutating func pass() throws(SegmentFault) -> UInt64? {
        let start = offset
        if let damaged = try? readHead() {
            offset += damaged.bytes
            if (try? readHead()) ?? nil != nil { return offset }
        }
        offset = start
        while true {
            offset += UInt64(JournalFormat.unit)
            do throws(SegmentFault) {
                if try readHead() != nil { return offset }
                offset = start
                return nil
            } catch {
                if case .system = error { throw error }
            }
        }
    }

    private mutating func look(_ count: Int) throws(SegmentFault) -> UnsafeRawBufferPointer {
        do throws(SystemError) {
            return try window.bytes(of: file, at: offset, count: count)
        } catch {
            throw .system(error)
        }
    }

    private func available(to end: UInt64) throws(SegmentFault) -> Bool { try fileSize() >= end }
    private func rest(_ limit: Int) throws(SegmentFault) -> Int {
        Int(min(try fileSize() - min(try fileSize(), offset), UInt64(limit)))
    }
    private func fileSize() throws(SegmentFault) -> UInt64 {
        do throws(SystemError) { return try file.size() } catch { throw .system(error) }
    }
}

/// Why the record at a reader's offset cannot be had.
enum SegmentFault: Error {
    case system(SystemError)
    case flaw(JournalFlaw)

    /// Of one that is the system's.
    var system: SystemError {
        if case .system(let error) = self { return error }
        return SystemError("read", code: EIO)
    }
}
