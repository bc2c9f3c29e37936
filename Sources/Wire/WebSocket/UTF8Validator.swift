// Text must be UTF-8, and a fault must show at its first octet, however the octets are cut up.

/// Checks UTF-8 (RFC 3629 §4, Unicode table 3-7) piece by piece.
///
/// The state is what the next octet may be: after most lead octets 80...BF, after a few less, which
/// is where overlong forms, surrogates and numbers beyond U+10FFFF fall out. Three bytes in all.
public struct UTF8Validator: Sendable {
    /// Continuation octets still to come.
    private var wanted: UInt8 = 0
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xbf

    public init() {}

    /// Whether the text may end here.
    public var isComplete: Bool { wanted == 0 }

    /// - Returns: false at the first octet that no text could continue with. The state is void then.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if wanted == 0 {
                index = UTF8Validator.endOfASCII(bytes, from: index)
                guard index < bytes.count else { return true }
                guard lead(bytes[index]) else { return false }
            } else {
                guard bytes[index] >= low, bytes[index] <= high else { return false }
                wanted -= 1
                (low, high) = (0x80, 0xbf)
            }
            index += 1
        }
        return true
    }

    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.feed(bytes) && validator.isComplete
    }

    /// Takes the first octet of a character of two to four.
    private mutating func lead(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xc2...0xdf: wanted = 1
        case 0xe0: (wanted, low) = (2, 0xa0)  // below: overlong
        case 0xed: (wanted, high) = (2, 0x9f)  // above: surrogates
        case 0xe1...0xef: wanted = 2
        case 0xf0: (wanted, low) = (3, 0x90)  // below: overlong
        case 0xf1...0xf3: wanted = 3
        case 0xf4: (wanted, high) = (3, 0x8f)  // above: beyond U+10FFFF
        default: return false
        }
        return true
    }

    /// Market data is ASCII nearly always: eight octets a step.
    private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count,
            bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            index += 8
        }
        while index < bytes.count, bytes[index] < 0x80 { index += 1 }
        return index
    }
}
