// Points and spans of time as people write them.
//
// Exact or not at all: nothing is rounded, no zone is guessed.

extension Timestamp {
    /// The last moment that texts and feeds may name: nothing that is added to it later overflows.
    public static let latest = Timestamp(raw: 7_258_118_400_000_000_000)  // 2200-01-01

    /// `2020-01-30T14:30:00.123456789Z`, with at most nine decimals, or with an offset as `+05:30`. The
    /// letters may be small, and a space may stand for the T (RFC 3339 §5.6). From 1970 to 2199.
    ///
    /// - Returns: nil for anything else, and for days and times that never were.
    public init?(rfc3339 text: RawSpan) {
        guard text.byteCount >= 20, let days = Timestamp.days(text),
            [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(text.u8(at: 10)),
            let hour = text.two(at: 11, below: 24), text.u8(at: 13) == UInt8(ascii: ":"),
            let minute = text.two(at: 14, below: 60), text.u8(at: 16) == UInt8(ascii: ":"),
            let second = text.two(at: 17, below: 60)
        else { return nil }
        var offset = 19
        guard let fraction = text.fraction(from: &offset), let zone = text.zone(at: offset) else {
            return nil
        }
        let seconds = ((days * 24 + hour) * 60 + minute - zone) * 60 + second
        guard seconds >= 0 else { return nil }
        self.init(raw: Int64(seconds) * 1_000_000_000 + fraction)
    }

    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        self.init(rfc3339: bytes.span.bytes)
    }

    /// Days since 1970 of the date that a text begins with.
    private static func days(_ text: RawSpan) -> Int? {
        guard let century = text.two(at: 0, below: 100), let year = text.two(at: 2, below: 100),
            text.u8(at: 4) == UInt8(ascii: "-"), let month = text.two(at: 5, below: 13),
            text.u8(at: 7) == UInt8(ascii: "-"), let day = text.two(at: 8, below: 32)
        else { return nil }
        let date = CivilDate(year: century * 100 + year, month: month, day: day)
        return date.flatMap { (1970..<2200).contains($0.year) ? $0.daysSince1970 : nil }
    }
}

extension RawSpan {
    /// `.123`, as nanoseconds; 0 where there is none.
    fileprivate func fraction(from offset: inout Int) -> Int64? {
        guard u8(at: offset) == UInt8(ascii: ".") else { return 0 }
        let start = offset + 1
        var value: Int64 = 0
        offset = start
        while offset < byteCount, let digit = digit(at: offset) {
            guard offset - start < 9 else { return nil }
            value = value * 10 + Int64(digit)
            offset += 1
        }
        guard offset > start else { return nil }
        for _ in (offset - start)..<9 { value *= 10 }
        return value
    }

    /// `Z` or `±hh:mm`, as minutes in front of UTC.
    fileprivate func zone(at start: Int) -> Int? {
        guard start < byteCount else { return nil }
        let sign = u8(at: start)
        if sign | 0x20 == UInt8(ascii: "z") { return start + 1 == byteCount ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), byteCount == start + 6,
            u8(at: start + 3) == UInt8(ascii: ":"), let hours = two(at: start + 1, below: 24),
            let minutes = two(at: start + 4, below: 60)
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
    }

    fileprivate func two(at offset: Int, below limit: Int) -> Int? {
        guard let tens = digit(at: offset), let ones = digit(at: offset + 1), tens * 10 + ones < limit
        else { return nil }
        return tens * 10 + ones
    }

    private func digit(at offset: Int) -> Int? {
        let value = u8(at: offset) &- UInt8(ascii: "0")
        return value < 10 ? Int(value) : nil
    }
}

extension Nanoseconds {
    private static let units: [(name: String, raw: Int64)] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]

    /// `30s`, `-1.5h`, `+250ms`: a number and one of ns, us, ms, s, m, h.
    ///
    /// - Returns: nil for anything else, for parts of a nanosecond, and beyond 292 years.
    public init?(text: String) {
        let number = text.prefix { !$0.isLetter }
        guard let unit = Nanoseconds.units.first(where: { $0.name == text.dropFirst(number.count) }),
            let parsed = FixedPoint.parse(
                (number.first == "+" ? number.dropFirst() : number).utf8, decimals: 9),
            !number.hasPrefix("+-")
        else { return nil }
        let product = Int128(parsed) * Int128(unit.raw)
        guard product % 1_000_000_000 == 0, let raw = Int64(exactly: product / 1_000_000_000) else {
            return nil
        }
        self.init(raw: raw)
    }
}
