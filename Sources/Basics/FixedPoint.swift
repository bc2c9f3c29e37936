// Numbers to text and back, exactly, where it need not be fast: `Pen.decimal` is.

/// A fixed-point integer as decimal text.
public enum FixedPoint {
    /// The shortest exact text, as `Pen.decimal` writes it.
    public static func text(_ value: Int64, decimals: Int) -> String {
        var buffer = ByteBuffer()
        buffer.write(atMost: 24) { $0.decimal(value, decimals: decimals) }
        return String(decoding: buffer.readable, as: UTF8.self)
    }

    /// Reads it, exactly or not at all: `text` is `[-]digits[.digits]`, as JSON's numbers without an exponent.
    ///
    /// - Returns: nil for anything else, for more decimals than `decimals` (nothing is rounded),
    ///   and for what does not fit into 64 bits.
    @inlinable
    public static func parse(_ text: some Sequence<UInt8>, decimals: Int) -> Int64? {
        var magnitude: UInt64 = 0
        var negative = false, seenDigit = false, seenPoint = false, fraction = 0
        for (index, byte) in text.enumerated() {
            switch byte {
            case UInt8(ascii: "-") where index == 0: negative = true
            case UInt8(ascii: ".") where seenDigit && !seenPoint: seenPoint = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let digit = UInt64(byte - UInt8(ascii: "0"))
                if seenPoint {
                    fraction += 1
                    if fraction > decimals {
                        guard digit == 0 else { return nil }
                        continue
                    }
                }
                seenDigit = true
                guard let next = appending(digit, to: magnitude) else { return nil }
                magnitude = next
            default: return nil
            }
        }
        guard seenDigit, !(seenPoint && fraction == 0) else { return nil }
        for _ in min(fraction, decimals)..<decimals {
            guard let next = appending(0, to: magnitude) else { return nil }
            magnitude = next
        }
        if negative { return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil }
        return Int64(exactly: magnitude)
    }

    @inlinable
    static func appending(_ digit: UInt64, to magnitude: UInt64) -> UInt64? {
        let (product, carry) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, carryAgain) = product.addingReportingOverflow(digit)
        return carry || carryAgain ? nil : sum
    }
}
