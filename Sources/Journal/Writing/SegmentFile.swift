// A segment that is being written, and its index.
//
// Invariants
//   - What is appended is there whole or not at all, as far as the system lets us: what a failed write
//     left behind is cut off, and where even that fails a reader finds a tail that is not whole.
//   - An index that cannot be written is given up, and nobody told: readers do without.
import Basics

struct SegmentFile: ~Copyable {
    let header: SegmentHeader
    private let file: any JournalOutput
    private var index: (any JournalOutput)?
    /// The end of what is whole.
    private(set) var size: UInt64 = 0
    /// More may lie behind it than is whole.
    private var isTorn = false

    /// - Parameter file: new and empty.
    init(_ header: SegmentHeader, _ file: any JournalOutput, in folder: any JournalFolder) {
        self.header = header
        self.file = file
        index = try? folder.create(JournalFormat.indexName(header.number))
    }

    /// Writes the headers.
    mutating func begin() throws(SystemError) {
        try append(header.bytes)
        note(SegmentIndex.header(of: header))
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        if isTorn { try cut(to: size) }
        var rest = bytes
        do throws(SystemError) {
            while rest.count > 0 {
                let count = try file.write(rest)
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        } catch {
            if rest.count < bytes.count { try? cut(to: size) }
            throw error
        }
        size += UInt64(bytes.count)
    }

    private mutating func append(_ bytes: [UInt8]) throws(SystemError) {
        var failure: SystemError?
        bytes.withUnsafeBytes { bytes in
            do throws(SystemError) { try append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Takes back what was appended behind `size`.
    mutating func cut(to size: UInt64) throws(SystemError) {
        isTorn = true
        try file.truncate(to: size)
        isTorn = false
        self.size = size
    }

    func synchronize() throws(SystemError) { try file.synchronize() }

    /// A snapshot is whole.
    mutating func note(_ mark: SnapshotMark) { note(SegmentIndex.entry(mark)) }

    private mutating func note(_ bytes: [UInt8]) {
        guard let index else { return }
        let written = bytes.withUnsafeBytes { try? index.write($0) }
        if written != bytes.count { self.index = nil }
    }
}
