// A piece of a file in memory that moves forward: read in large steps, used in place.
//
// Invariants
//   - It holds any one record whole, and asks for no more memory than that, whatever a file says.
//   - It begins at a multiple of 64 bytes of file and memory, so that ticks lie as `Tick` wants them.
//   - What it gave out is good until it is asked again.
import Basics
import Market

struct ReadWindow: ~Copyable {
    private static let step = 1 << 18
    private static let capacity = JournalFormat.recordMax + step

    private let base: UnsafeMutableRawPointer
    private var start: UInt64 = 0
    private var filled = 0

    init() {
        // Touched as it is used: small files cost little.
        base = .allocate(byteCount: ReadWindow.capacity, alignment: JournalFormat.unit)
    }
    deinit { base.deallocate() }

    /// Forgets what it has: another file, or one that was changed.
    mutating func removeAll() {
        start = 0
        filled = 0
    }

    /// The `count` bytes at `offset`, fewer where the file ends before.
    ///
    /// - Parameter offset: a multiple of 64.
    mutating func bytes(
        of file: any JournalInput, at offset: UInt64, count: Int
    ) throws(SystemError) -> UnsafeRawBufferPointer {
        precondition(count <= JournalFormat.recordMax && offset % UInt64(JournalFormat.unit) == 0)
        if offset < start || offset > start + UInt64(filled) {
            start = offset
            filled = 0
        }
        var skipped = Int(offset - start)
        if skipped + count > filled {
            base.copyMemory(from: base + skipped, byteCount: filled - skipped)
            filled -= skipped
            start = offset
            skipped = 0
            try fill(file, atLeast: count)
        }
        return UnsafeRawBufferPointer(start: base + skipped, count: min(count, filled - skipped))
    }

    private mutating func fill(_ file: any JournalInput, atLeast count: Int) throws(SystemError) {
        while filled < count {
            let room = UnsafeMutableRawBufferPointer(
                start: base + filled,
                count: min(ReadWindow.capacity - filled, max(ReadWindow.step, count - filled)))
            let read = try file.read(at: start + UInt64(filled), into: room)
            if read == 0 { return }
            filled += read
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes as ticks. They are aligned as a window's are.
    var ticks: UnsafeBufferPointer<Tick> { assumingMemoryBound(to: Tick.self) }
}
