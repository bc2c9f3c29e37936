// Fixed-point numbers out of bytes in place, exactly or with the reason why not.

/// Why text is no fixed-point number.
public enum FixedPointFault: Error {
    case notANumber
    /// It has more decimals than the scale, and nothing is rounded.
    case tooFine
    case tooLarge
}

extension FixedPoint {
    /// `text` is `[-]digits[.digits]`. Zeros behind the last decimal of the scale are no fault.
    ///
    /// The most negative of all numbers is too large.
    public static func read(_ text: RawSpan, decimals: Int) throws(FixedPointFault) -> Int64 {
        let isNegative = text.byteCount > 0 && text.u8(at: 0) == UInt8(ascii: "-")
        var magnitude: UInt64 = 0, offset = isNegative ? 1 : 0
        let whole = try digits(of: text, from: &offset, atMost: .max, onto: &magnitude)
        guard whole > 0 else { throw .notANumber }
        var fraction = 0
        if offset < text.byteCount {
            guard text.u8(at: offset) == UInt8(ascii: ".") else { throw .notANumber }
            offset += 1
            fraction = try digits(of: text, from: &offset, atMost: decimals, onto: &magnitude)
            try endsInZeros(text, from: offset, areDigitsSeen: fraction > 0)
        }
        let value = try shifted(magnitude, by: decimals - fraction)
        return isNegative ? -value : value
    }

    /// As `read`, of a number that may have an exponent, as JSON's may: `1e-05`, `2.5E+3`.
    ///
    /// An exponent that asks for digits of the whole part to be decimals is too fine: `100e-9`, of
    /// eight decimals.
    public static func readScientific(
        _ text: RawSpan, decimals: Int
    ) throws(FixedPointFault) -> Int64 {
        var mark = 0
        while mark < text.byteCount, text.u8(at: mark) | 0x20 != UInt8(ascii: "e") { mark += 1 }
        guard mark < text.byteCount else { return try read(text, decimals: decimals) }
        let places = Int64(decimals) + (try exponent(text.extracting((mark + 1)...)))
        let mantissa = text.extracting(..<mark)
        // Zero is zero at any exponent.
        let limit = Int(min(max(places, 0), 19))
        let value = try read(mantissa, decimals: limit)
        guard value != 0 else { return 0 }
        guard places >= 0 else { throw .tooFine }
        guard places <= 19 else { throw .tooLarge }
        return value
    }

    /// `[+-]digits`, and no more of them than any number here could need.
    private static func exponent(_ text: RawSpan) throws(FixedPointFault) -> Int64 {
        var digits = text
        if text.byteCount > 1, text.u8(at: 0) == UInt8(ascii: "+") {
            digits = text.extracting(1...)
            guard digits.u8(at: 0) != UInt8(ascii: "-") else { throw .notANumber }
        }
        let value = try read(digits, decimals: 0)
        return min(max(value, -1_000), 1_000)
    }

    /// Appends decimal digits to `magnitude`; returns how many.
    @inline(__always)
    private static func digits(
        of text: RawSpan, from offset: inout Int, atMost limit: Int, onto magnitude: inout UInt64
    ) throws(FixedPointFault) -> Int {
        let start = offset
        while offset < text.byteCount, offset - start < limit {
            let digit = UInt64(text.u8(at: offset) &- UInt8(ascii: "0"))
            guard digit < 10 else { break }
            guard magnitude <= UInt64(Int64.max) / 10 else { throw .tooLarge }
            magnitude = magnitude &* 10 &+ digit
            offset += 1
        }
        return offset - start
    }

    /// What is left is nothing but zeros.
    private static func endsInZeros(
        _ text: RawSpan, from start: Int, areDigitsSeen: Bool
    ) throws(FixedPointFault) {
        guard areDigitsSeen || start < text.byteCount else { throw .notANumber }
        var isFiner = false
        for offset in start..<text.byteCount {
            let digit = text.u8(at: offset) &- UInt8(ascii: "0")
            guard digit < 10 else { throw .notANumber }
            if digit > 0 { isFiner = true }
        }
        if isFiner { throw .tooFine }
    }

    @inline(__always)
    private static func shifted(
        _ magnitude: UInt64, by places: Int
    ) throws(FixedPointFault) -> Int64 {
        let (value, overflow) = magnitude.multipliedReportingOverflow(by: powerOfTen(places))
        guard !overflow, let value = Int64(exactly: value) else { throw .tooLarge }
        return value
    }

    /// 10 to the power of 0...19.
    @inline(__always)
    private static func powerOfTen(_ exponent: Int) -> UInt64 {
        let powers: [20 of UInt64] = [
            1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
            10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000,
            1_000_000_000_000_000, 10_000_000_000_000_000, 100_000_000_000_000_000,
            1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
        ]
        return powers[exponent]
    }
}
