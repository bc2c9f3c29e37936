// Reading integers of a fixed byte order, in place, from bytes nobody aligned.

extension RawSpan {
    // The bounds are checked by the callee, so a parser's mistake is a trap and never a stray read.
    @inlinable @inline(__always) public func u8(at offset: Int) -> UInt8 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }
    @inlinable @inline(__always) public func u16(at offset: Int) -> UInt16 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self).bigEndian
    }
    @inlinable @inline(__always) public func u32(at offset: Int) -> UInt32 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian
    }
    @inlinable @inline(__always) public func u64(at offset: Int) -> UInt64 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian
    }
    /// Six bytes: ITCH's nanoseconds since midnight.
    @inlinable @inline(__always) public func u48(at offset: Int) -> UInt64 {
        UInt64(u16(at: offset)) << 32 | UInt64(u32(at: offset + 2))
    }
}

/// FNV-1a, 64 bits: the hash of golden files and of tick streams. Not for untrusted keys.
public struct FNV1a64: Hashable, Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325
    public init() {}

    @inlinable public mutating func add(_ byte: UInt8) {
        fold(byte)
    }
    @usableFromInline mutating func fold(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { fold(byte) }
    }
    public mutating func add(word: UInt64) {
        var rest = word
        for _ in 0..<8 {
            fold(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// Sixteen lower-case hexadecimal digits.
    public var hex: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
