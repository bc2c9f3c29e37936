// A capture's records, read as its bytes come in.
//
// Invariants
//   - Any bytes at all are read or refused; a record is handed out whole or not at all.
//   - What is kept is what was given and not used yet: a length in the file never sizes anything.
import Basics
import Dialects

struct CaptureRecord: Hashable {
    var kind: UInt8
    /// Since the capture began.
    var time: Nanoseconds
    var bytes: [UInt8]
}

struct CaptureReader: ~Copyable {
    private(set) var head: CaptureHead?
    private var input = ByteBuffer()
    /// Of the file, in front of `input`.
    private var offset: UInt64 = 0
    private var last = Nanoseconds.zero

    init() {}

    /// Bytes given that are no whole record yet: at the file's end, what was cut.
    var pending: Int { input.count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) { input.append(bytes) }

    /// The next whole record; nil where more bytes are wanted first.
    mutating func next() throws(CaptureError) -> CaptureRecord? {
        if head == nil, try !readHead() { return nil }
        let bytes = input.readable
        guard bytes.count >= CaptureFormat.headerCount else {
            guard CaptureFormat.mark.starts(with: bytes.prefix(4)) || bytes.count >= 4 && isMarked(bytes)
            else {
                throw .damaged(offset: offset)
            }
            return nil
        }
        guard isMarked(bytes), bytes[5..<8].allSatisfy({ $0 == 0 }) else { throw .damaged(offset: offset) }
        let time = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
        guard length <= CaptureFormat.lengthMax, time >= last.raw else { throw .damaged(offset: offset) }
        let end = CaptureFormat.headerCount + length
        guard bytes.count >= end else { return nil }
        let content = UnsafeRawBufferPointer(rebasing: bytes[CaptureFormat.headerCount..<end])
        let before = Checksum.crc32(UnsafeRawBufferPointer(rebasing: bytes[CaptureFormat.checked]))
        let sum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
        guard Checksum.crc32(content, after: before) == sum else { throw .damaged(offset: offset) }
        last = Nanoseconds(raw: time)
        let record = CaptureRecord(kind: bytes[4], time: last, bytes: Array(content))
        consume(end)
        return record
    }

    private func isMarked(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.prefix(4).elementsEqual(CaptureFormat.mark)
    }

    private mutating func readHead() throws(CaptureError) -> Bool {
        let bytes = input.readable
        guard let end = bytes.prefix(CaptureFormat.headMax).firstIndex(of: 0x0a) else {
            // Something else is told apart by its first byte already.
            guard bytes.first ?? 0x7b == 0x7b, bytes.count < CaptureFormat.headMax else { throw .notACapture }
            return false
        }
        head = try CaptureHead(line: UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        consume(end + 1)
        return true
    }

    private mutating func consume(_ count: Int) {
        offset += UInt64(count)
        input.consume(count)
    }
}
