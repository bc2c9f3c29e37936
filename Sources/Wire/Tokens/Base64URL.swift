// Base64 for URLs without padding (RFC 4648 §5, RFC 7515 §2), read as strictly as it is written.

public enum Base64URL {
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Base64.encode(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// - Returns: nil for padding, white space, the other alphabet, and bits that are set behind the
    ///   last byte: of all texts, one alone stands for these bytes, so no signed text can be changed.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = [], bits: UInt32 = 0, held = 0, count = 0
        for unit in text {
            guard let sextet = Base64.value(unit, "-", "_") else { return nil }
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
}
