// Memory for ladders: thousands of small runs, looked into at random, in few large pages.
//
// Invariants
//   - A run has a power of two of units; one that is given back waits for the next of its size.
//   - Chunks are never given back before all of it is: ladders grow to what their symbol needs and stay.
import Basics

struct LadderMemory: ~Copyable {
    /// A run's smallest size, in bytes: a ladder of eight rungs.
    static let unit = 96

    private var chunks: [UnsafeMutableRawPointer] = []
    private var place = 0
    /// The first free run of each size; a free one begins with the address of the next.
    private var free = InlineArray<32, UnsafeMutableRawPointer?>(repeating: nil)
    private(set) var memoryBytes = 0

    /// The first chunk is small: a few symbols need no more.
    private static let firstChunk = 64 << 10, chunk = 2 << 20
    private var end = 0

    deinit { for chunk in chunks { chunk.deallocate() } }

    /// - Parameter size: the run's units are 1 << size.
    mutating func take(size: Int) -> UnsafeMutableRawPointer {
        if let run = free[size] {
            free[size] = run.load(as: UnsafeMutableRawPointer?.self)
            return run
        }
        let bytes = LadderMemory.unit << size
        if place + bytes > end { addChunk(atLeast: bytes) }
        defer { place += bytes }
        return chunks[chunks.count - 1] + place
    }

    mutating func give(back run: UnsafeMutableRawPointer, size: Int) {
        run.storeBytes(of: free[size], as: UnsafeMutableRawPointer?.self)
        free[size] = run
    }

    @inline(never)
    private mutating func addChunk(atLeast bytes: Int) {
        end = max(bytes, chunks.isEmpty ? LadderMemory.firstChunk : LadderMemory.chunk)
        chunks.append(UnsafeMutableRawPointer(TableMemory.allocate(UInt8.self, count: end)))
        memoryBytes += end
        place = 0
    }
}
