// Base64 (RFC 4648 §4) of the few bytes a handshake or an answer carries.

public enum Base64 {
    private static var alphabet: StaticString {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    }

    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = [], bits: UInt32 = 0, count = 0
        func put(_ sextet: UInt32) { text.append(alphabet.utf8Start[Int(sextet & 63)]) }
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 1
            guard count % 3 == 0 else { continue }
            for shift: UInt32 in [18, 12, 6, 0] { put(bits >> shift) }
            bits = 0
        }
        switch count % 3 {
        case 1: put(bits >> 2); put(bits << 4); text += "==".utf8
        case 2: put(bits >> 10); put(bits >> 4); put(bits << 2); text += "=".utf8
        default: break
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil for anything but whole groups of four with padding where it belongs. Unused
    ///   bits in the last character are ignored, as RFC 6455 §4.2.1 does not ask for the key's.
    static func decode(_ text: String) -> [UInt8]? {
        let units = Array(text.utf8)
        let padding = units.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard units.count % 4 == 0, padding <= 2 else { return nil }
        var bytes: [UInt8] = [], bits: UInt32 = 0, held = 0
        for unit in units.dropLast(padding) {
            guard let sextet = value(unit, "+", "/") else { return nil }
            bits = bits << 6 | sextet
            held += 6
            guard held >= 8 else { continue }
            held -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        }
        return bytes
    }

    /// What a character stands for, in the alphabet that ends with these two.
    static func value(_ unit: UInt8, _ ofSixtyTwo: Unicode.Scalar, _ ofSixtyThree: Unicode.Scalar) -> UInt32?
    {
        switch unit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(unit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(unit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(unit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: ofSixtyTwo): 62
        case UInt8(ascii: ofSixtyThree): 63
        default: nil
        }
    }
}
