// Writing text straight into memory; `Digits.swift` has the numbers.
//
// A pen checks nothing: its owner reserved room for the longest message before handing it out
// (`ByteBuffer.write(atMost:)`, which checks afterwards that the promise was kept). Appending to
// a Swift array costs ten times as much per quote.

/// A bump pointer into memory that is large enough, by its owner's word.
///
/// Numbers are stored in words: up to `slack` bytes behind the last one written may change. Its owner
/// has room for them too, and nothing of value there.
public struct Pen {
    public var at: UnsafeMutablePointer<UInt8>
    @inlinable public init(at: UnsafeMutablePointer<UInt8>) { self.at = at }

    /// Bytes behind `at` that a pen may scribble on.
    public static let slack = 8

    @inlinable public mutating func byte(_ value: UInt8) {
        at.pointee = value
        at += 1
    }

    // Always inlined: a copy of known length is a move or two, not a call.
    @inlinable @inline(__always)
    public mutating func literal(_ text: StaticString) {
        UnsafeMutableRawPointer(at).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        at += text.utf8CodeUnitCount
    }

    @inlinable public mutating func bytes(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        UnsafeMutableRawPointer(at).copyMemory(from: base, byteCount: source.count)
        at += source.count
    }

    /// At most 32 bytes, faster than a call: two moves of one width that meet or overlap.
    @inlinable @inline(__always)
    public mutating func short(_ source: UnsafeRawBufferPointer) {
        let count = source.count
        assert(count <= 32)
        guard let base = source.baseAddress else { return }
        if count >= 16 {
            ends(of: SIMD2<UInt64>.self, base, count)
        } else if count >= 8 {
            ends(of: UInt64.self, base, count)
        } else if count >= 4 {
            ends(of: UInt32.self, base, count)
        } else {
            for index in 0..<count { at[index] = base.load(fromByteOffset: index, as: UInt8.self) }
        }
        at += count
    }

    @inlinable @inline(__always)
    func ends<Move: BitwiseCopyable>(of type: Move.Type, _ source: UnsafeRawPointer, _ count: Int) {
        let last = count - MemoryLayout<Move>.size
        let tail = source.loadUnaligned(fromByteOffset: last, as: type)
        let target = UnsafeMutableRawPointer(at)
        target.storeBytes(of: source.loadUnaligned(as: type), as: type)
        target.storeBytes(of: tail, toByteOffset: last, as: type)
    }

    public mutating func text(_ string: String) {
        for byte in string.utf8 { self.byte(byte) }
    }

    /// The text between quotes, escaped as RFC 8259 §7 wants. At most six bytes a byte, and two.
    public mutating func quoted(_ string: String) {
        byte(UInt8(ascii: "\""))
        for unit in string.utf8 { escaped(unit) }
        byte(UInt8(ascii: "\""))
    }

    /// A byte of a text between quotes. At most six.
    public mutating func escaped(_ unit: UInt8) {
        switch unit {
        case UInt8(ascii: "\""): literal("\\\"")
        case UInt8(ascii: "\\"): literal("\\\\")
        case 0..<0x20:
            literal("\\u00")
            byte(Pen.hexDigit(unit >> 4))
            byte(Pen.hexDigit(unit & 15))
        default: byte(unit)
        }
    }

    /// In lower case, without leading zeros.
    public mutating func hexadecimal(_ value: UInt32) {
        var shift = max(0, 28 - value.leadingZeroBitCount & ~3)
        while shift >= 0 {
            byte(Pen.hexDigit(UInt8(value >> UInt32(shift) & 15)))
            shift -= 4
        }
    }

    @inlinable static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
