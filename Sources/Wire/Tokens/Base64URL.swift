// Base64 for URLs without padding (RFC 4648 §5, RFC 7515 §2), read as strictly as it can be written.

enum Base64URL {
    /// - Returns: nil for padding, white space, the other alphabet, and bits that are set behind the
    ///   last byte: of all texts, one alone stands for these bytes, so no signed text can be changed.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = [], bits: UInt32 = 0, held = 0, count = 0
        for unit in text {
            guard let sextet = value(unit) else { return nil }
            bits = (bits << 6 | sextet) & 0xfff
            held += 6
            count += 1
            guard held >= 8 else { continue }
            held -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        }
        let isCanonical = count % 4 != 1 && bits & ((1 << UInt32(held)) - 1) == 0
        return isCanonical ? bytes : nil
    }

    private static func value(_ unit: UInt8) -> UInt32? {
        switch unit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(unit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(unit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(unit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
