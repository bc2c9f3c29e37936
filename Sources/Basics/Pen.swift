// Writing text and integers straight into memory, a few nanoseconds a number.
//
// A pen checks nothing: its owner reserved room for the longest message before handing it out
// (`ByteBuffer.write(atMost:)`, which checks afterwards that the promise was kept). Appending to
// a Swift array costs ten times as much per quote.

/// A bump pointer into memory that is large enough, by its owner's word.
public struct Pen {
    public var at: UnsafeMutablePointer<UInt8>
    @inlinable public init(at: UnsafeMutablePointer<UInt8>) { self.at = at }

    @inlinable public mutating func byte(_ value: UInt8) {
        at.pointee = value
        at += 1
    }

    // Always inlined: a copy of known length is a move or two, not a call.
    @inlinable @inline(__always)
    public mutating func literal(_ text: StaticString) {
        at.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        at += text.utf8CodeUnitCount
    }

    @inlinable public mutating func bytes(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        UnsafeMutableRawPointer(at).copyMemory(from: base, byteCount: source.count)
        at += source.count
    }

    public mutating func text(_ string: String) {
        for byte in string.utf8 { self.byte(byte) }
    }

    /// The text between quotes, escaped as RFC 8259 §7 wants. At most six bytes a byte, and two.
    public mutating func quoted(_ string: String) {
        byte(UInt8(ascii: "\""))
        for unit in string.utf8 {
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
        byte(UInt8(ascii: "\""))
    }

    @inlinable static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Decimal digits, at most 20.
    public mutating func unsigned(_ value: UInt64) {
        let count = Pen.digitCount(value)
        Pen.digits(value, endingAt: at + count)
        at += count
    }

    /// Decimal digits with a minus sign where there is one, at most 20.
    public mutating func integer(_ value: Int64) {
        if value < 0 { byte(UInt8(ascii: "-")) }
        unsigned(value.magnitude)
    }

    /// A fixed-point number in its shortest exact form: no trailing zeros, no exponent.
    ///
    /// `decimals` is the number of implied decimals, 0...18. At most 21 bytes.
    public mutating func decimal(_ value: Int64, decimals: Int) {
        // A division by a constant is a multiplication: prices and quantities have theirs.
        switch decimals {
        case 9: fixed(value, scale: 1_000_000_000, decimals: 9)
        case 8: fixed(value, scale: 100_000_000, decimals: 8)
        default: fixed(value, scale: Pen.powersOfTen[decimals], decimals: decimals)
        }
    }

    @inline(__always)
    private mutating func fixed(_ value: Int64, scale: UInt64, decimals: Int) {
        if value < 0 { byte(UInt8(ascii: "-")) }
        let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: scale)
        unsigned(whole)
        if rest != 0 { fraction(rest, decimals: decimals) }
    }

    private mutating func fraction(_ rest: UInt64, decimals: Int) {
        var rest = rest
        var count = decimals
        // Prices mostly have two of nine decimals: drop the zeros in strides.
        while count > 4, rest % 10_000 == 0 { rest /= 10_000; count -= 4 }
        while rest % 10 == 0 { rest /= 10; count -= 1 }
        byte(UInt8(ascii: "."))
        for i in 0..<count { at[i] = UInt8(ascii: "0") }
        Pen.digits(rest, endingAt: at + count)
        at += count
    }

    /// How many decimal digits `value` has: 1 for 0.
    @inlinable public static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var rest = value
        while rest >= 10_000 {
            rest /= 10_000
            count += 4
        }
        if rest >= 100 { return count + (rest >= 1_000 ? 3 : 2) }
        return count + (rest >= 10 ? 1 : 0)
    }

    private static func digits(_ value: UInt64, endingAt end: UnsafeMutablePointer<UInt8>) {
        var at = end
        var rest = value
        while rest >= 10_000 {
            let (quotient, four) = rest.quotientAndRemainder(dividingBy: 10_000)
            at -= 4
            put(pair: Int(four / 100), at: at)
            put(pair: Int(four % 100), at: at + 2)
            rest = quotient
        }
        if rest >= 100 {
            at -= 2
            put(pair: Int(rest % 100), at: at)
            rest /= 100
        }
        if rest >= 10 {
            put(pair: Int(rest), at: at - 2)
        } else {
            at[-1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
        }
    }

    @inline(__always)
    private static func put(pair: Int, at: UnsafeMutablePointer<UInt8>) {
        let digits = pairs.utf8Start + pair * 2
        at[0] = digits[0]
        at[1] = digits[1]
    }

    private static var pairs: StaticString {
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839\
        40414243444546474849505152535455565758596061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """
    }

    static let powersOfTen: [UInt64] = (0...18).map { exponent in
        (0..<exponent).reduce(UInt64(1)) { power, _ in power * 10 }
    }
}

/// Reads decimal text as a fixed-point integer, exactly or not at all.
public enum FixedPoint {
    /// `text` is `[-]digits[.digits]`, as JSON's numbers without an exponent.
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
