// Numbers in as few bytes as they need: seven bits a byte, the low ones first (LEB128).
import Basics

extension Pen {
    /// Bytes of a number at most.
    static let varintMax = 10

    @inline(__always)
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    /// Small numbers of either sign are short: 0, -1, 1, -2, … are 0, 1, 2, 3, …
    @inline(__always)
    mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: value << 1 ^ value >> 63)) }
}

/// Why bytes are no frame, as a few words for a message.
public struct FrameFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// Reads from bytes that anybody may have sent: nothing is believed beyond their end.
struct FrameBytes {
    private let bytes: UnsafeRawBufferPointer
    private(set) var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var left: Int { bytes.count - at }

    @inline(__always)
    mutating func byte() throws(FrameFlaw) -> UInt8 {
        guard at < bytes.count else { throw FrameFlaw("it ends too soon") }
        defer { at += 1 }
        return bytes[at]
    }

    @inline(__always)
    mutating func varint() throws(FrameFlaw) -> UInt64 {
        var value: UInt64 = 0, shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 || next <= 1 else { throw FrameFlaw("a number that is too long") }
            value |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 { return value }
            shift += 7
        }
    }

    @inline(__always)
    mutating func zigzag() throws(FrameFlaw) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func word32() throws(FrameFlaw) -> UInt32 {
        guard left >= 4 else { throw FrameFlaw("it ends too soon") }
        defer { at += 4 }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    mutating func run(_ count: Int) throws(FrameFlaw) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= left else { throw FrameFlaw("it ends too soon") }
        defer { at += count }
        return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
    }
}
