// An input, taken from both ends: what a parser is to see from the front, decisions from the back.
//
// So a file of the corpus begins with the very bytes that are parsed, and may come from anywhere.

struct Input: ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private var start = 0
    private var end: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        end = bytes.count
    }

    var isEmpty: Bool { start == end }

    /// A number below `count`, out of the last byte; 0 when there is none.
    mutating func decide(_ count: Int) -> Int {
        guard end > start else { return 0 }
        end -= 1
        return Int(bytes[end]) % count
    }

    mutating func byte() -> UInt8 {
        guard start < end else { return 0 }
        start += 1
        return bytes[start - 1]
    }

    /// The next bytes, as many as there are up to `limit`.
    mutating func take(_ limit: Int) -> Memory {
        let count = min(limit, end - start)
        start += count
        return Memory(UnsafeRawBufferPointer(rebasing: bytes[start - count..<start]))
    }

    mutating func rest() -> Memory { take(.max) }
}

/// Bytes with nothing of anybody's behind them, so that the address sanitizer sees the first read
/// that goes too far, and the first that comes too late. It lives as long as its name is in scope.
struct Memory: ~Copyable {
    let mutable: UnsafeMutableRawBufferPointer
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(mutable) }
    var count: Int { mutable.count }

    init(_ bytes: UnsafeRawBufferPointer) {
        mutable = .allocate(byteCount: bytes.count, alignment: 1)
        mutable.copyMemory(from: bytes)
    }

    init(_ bytes: [UInt8]) {
        mutable = .allocate(byteCount: bytes.count, alignment: 1)
        mutable.copyBytes(from: bytes)
    }
    deinit { mutable.deallocate() }

    /// A copy of some of it.
    func piece(_ range: Range<Int>) -> Memory { Memory(UnsafeRawBufferPointer(rebasing: bytes[range])) }
}
