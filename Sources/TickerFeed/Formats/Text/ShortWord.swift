// A word of at most eight bytes as one number: names and values are told apart by one comparison each.
import Basics

struct ShortWord: Hashable, ExpressibleByStringLiteral {
    /// The first byte highest, zeros behind the last.
    private let bytes: UInt64

    static let countMax = 8

    @inline(__always)
    init(stringLiteral word: StaticString) {
        var bytes: UInt64 = 0
        for place in 0..<word.utf8CodeUnitCount {
            bytes |= UInt64(word.utf8Start[place]) << UInt64(56 - place * 8)
        }
        self.bytes = bytes
    }

    /// Nil for what is longer, or has a zero in it.
    @inline(__always)
    init?(_ text: RawSpan) {
        guard text.byteCount <= ShortWord.countMax else { return nil }
        var bytes: UInt64 = 0
        for place in 0..<text.byteCount {
            let byte = text.u8(at: place)
            guard byte != 0 else { return nil }
            bytes |= UInt64(byte) << UInt64(56 - place * 8)
        }
        self.bytes = bytes
    }

    /// By meaning, so that `"\u0074"` is `t`.
    @inline(__always)
    init?(_ text: borrowing JSONString) {
        if text.hasEscapes { self.init(unescaping: text) } else { self.init(text.raw) }
    }

    private init?(unescaping text: borrowing JSONString) {
        var rest = text.unescaped, bytes: UInt64 = 0, place = 0
        while let byte = rest.next() {
            guard place < ShortWord.countMax, byte != 0 else { return nil }
            bytes |= UInt64(byte) << UInt64(56 - place * 8)
            place += 1
        }
        self.bytes = bytes
    }

    /// As `MarketStatus` packs a reason; nil for more than four bytes, or other than printable ASCII.
    var reason: UInt32? {
        guard bytes & 0xffff_ffff == 0 else { return nil }
        for shift in stride(from: 32, to: 64, by: 8) {
            let byte = UInt8(truncatingIfNeeded: bytes >> UInt64(shift))
            guard byte == 0 || byte > 0x20 && byte < 0x7f else { return nil }
        }
        return UInt32(truncatingIfNeeded: bytes >> 32)
    }
}
