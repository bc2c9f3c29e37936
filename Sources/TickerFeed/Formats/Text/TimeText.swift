// Times as text: RFC 3339, to the nanosecond.
import Basics

enum TimeText {
    /// The last moment that a feed may name: nothing that is added to it later overflows.
    static let max = Timestamp(raw: 7_258_118_400_000_000_000)  // 2200-01-01

    /// `2020-01-30T14:30:00.123456789Z`, with at most nine decimals, or with an offset as `+05:30`. The
    /// letters may be small, and a space may stand for the T (RFC 3339 §5.6). From 1987 to 2199.
    static func rfc3339(_ text: RawSpan) -> Timestamp? {
        guard text.byteCount >= 20, let date = date(text),
            [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(text.u8(at: 10)),
            let hour = two(text, 11, below: 24), text.u8(at: 13) == UInt8(ascii: ":"),
            let minute = two(text, 14, below: 60), text.u8(at: 16) == UInt8(ascii: ":"),
            let second = two(text, 17, below: 60)
        else { return nil }
        var offset = 19
        guard let fraction = fraction(text, &offset), let zone = zone(text, from: offset) else { return nil }
        let seconds = ((date.daysSince1970 * 24 + hour) * 60 + minute - zone) * 60 + second
        return Timestamp(raw: Int64(seconds) * 1_000_000_000 + fraction)
    }

    private static func date(_ text: RawSpan) -> CalendarDate? {
        guard let century = two(text, 0, below: 100), let year = two(text, 2, below: 100),
            let month = two(text, 5, below: 13), let day = two(text, 8, below: 32),
            text.u8(at: 4) == UInt8(ascii: "-"), text.u8(at: 7) == UInt8(ascii: "-")
        else { return nil }
        return CalendarDate(year: century * 100 + year, month: month, day: day)
    }

    /// `.123`, as nanoseconds; 0 where there is none.
    private static func fraction(_ text: RawSpan, _ offset: inout Int) -> Int64? {
        guard text.u8(at: offset) == UInt8(ascii: ".") else { return 0 }
        let start = offset + 1
        var value: Int64 = 0
        offset = start
        while offset < text.byteCount, let digit = digit(text, offset) {
            guard offset - start < 9 else { return nil }
            value = value * 10 + Int64(digit)
            offset += 1
        }
        guard offset > start else { return nil }
        for _ in (offset - start)..<9 { value *= 10 }
        return value
    }

    /// `Z` or `±hh:mm`, as minutes in front of UTC.
    private static func zone(_ text: RawSpan, from start: Int) -> Int? {
        guard start < text.byteCount else { return nil }
        let sign = text.u8(at: start)
        if sign | 0x20 == UInt8(ascii: "z") { return start + 1 == text.byteCount ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), text.byteCount == start + 6,
            text.u8(at: start + 3) == UInt8(ascii: ":"), let hours = two(text, start + 1, below: 24),
            let minutes = two(text, start + 4, below: 60)
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func two(_ text: RawSpan, _ offset: Int, below limit: Int) -> Int? {
        guard let tens = digit(text, offset), let ones = digit(text, offset + 1),
            tens * 10 + ones < limit
        else { return nil }
        return tens * 10 + ones
    }
    private static func digit(_ text: RawSpan, _ offset: Int) -> Int? {
        let value = text.u8(at: offset) &- UInt8(ascii: "0")
        return value < 10 ? Int(value) : nil
    }
}
