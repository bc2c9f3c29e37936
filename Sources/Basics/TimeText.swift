// Points and spans of time as people write them.
//
// Exact or not at all: nothing is rounded, no zone is guessed.

extension Timestamp {
    /// `2020-01-30T09:30:00Z`, with up to nine decimals of a second (RFC 3339, in UTC alone).
    ///
    /// - Returns: nil for anything else, for days and times that never were, and beyond 1970 to 2261.
    public init?(utc text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"),
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
        else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].allSatisfy { (0x30...0x39).contains($0) }
                ? bytes[range].reduce(0) { $0 * 10 + Int($1 - 0x30) } : nil
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), number(17..<19) != nil,
            (1970...2261).contains(year), (1...12).contains(month), hour < 24, minute < 60,
            day >= 1, day <= Timestamp.days(in: month, of: year),
            let second = FixedPoint.parse(bytes[17..<bytes.count - 1], decimals: 9),
            second < 60_000_000_000, bytes.count <= 30
        else { return nil }
        let days = Timestamp.days(before: year, month) + day - 1
        self.init(raw: Int64(days * 86_400 + hour * 3_600 + minute * 60) * 1_000_000_000 + second)
    }

    private static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 to a month's first.
    private static func days(before year: Int, _ month: Int) -> Int {
        (1970..<year).reduce(0) { $0 + (isLeap($1) ? 366 : 365) }
            + (1..<month).reduce(0) { $0 + days(in: $1, of: year) }
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
