// ITCH counts nanoseconds from midnight in New York; ticks count from 1970 in UTC.
//
// Only midnights are converted. Clocks change at 02:00, so the midnight of a day on which they
// change still has the old offset; markets are closed on those Sundays.
import Basics

/// A day of the Gregorian calendar, from 1987 on: the years whose clock changes are known here.
public struct CalendarDate: Hashable, Sendable, CustomStringConvertible {
    public let year: Int, month: Int, day: Int

    /// Nil for a day that never was, or is before 1987.
    public init?(year: Int, month: Int, day: Int) {
        guard (1987...2199).contains(year), (1...12).contains(month), day >= 1,
            day <= CalendarDate.days(in: month, of: year)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// `YYYY-MM-DD`.
    public init?(_ text: String) {
        let digits = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard digits.map(\.count) == [4, 2, 2] else { return nil }
        self.init(digits: digits.joined(), yearFirst: true)
    }

    /// The first date in a file's name: eight digits, `YYYYMMDD` or, as NASDAQ has it, `MMDDYYYY`.
    public init?(inFileName path: String) {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        for run in name.split(whereSeparator: { !isDigit($0) }) where run.count == 8 {
            guard
                let date = CalendarDate(digits: run, yearFirst: true)
                    ?? CalendarDate(digits: run, yearFirst: false)
            else { continue }
            self = date
            return
        }
        return nil
    }

    private init?(digits: some Sequence<UInt8>, yearFirst: Bool) {
        var number = 0
        for byte in digits {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        if yearFirst {
            self.init(year: number / 10_000, month: number / 100 % 100, day: number % 100)
        } else {
            self.init(year: number % 10_000, month: number / 1_000_000, day: number / 10_000 % 100)
        }
    }

    public var description: String {
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(year)-\(two(month))-\(two(day))"
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
    var daysSince1970: Int {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400, yearOfEra = y % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// 0 is Sunday.
    fileprivate var weekday: Int { (daysSince1970 + 4) % 7 }
}

public enum EasternTime {
    /// Midnight in New York at the beginning of `date`.
    public static func midnight(of date: CalendarDate) -> Timestamp {
        let hoursBehind = isDaylightSaving(atMidnightOf: date) ? 4 : 5
        return Timestamp(raw: Int64(date.daysSince1970 * 24 + hoursBehind) * 3_600_000_000_000)
    }

    /// Since 2007 second Sunday of March to first of November; before, first Sunday of April to
    /// last of October (15 USC 260a, as amended 1986 and 2005).
    private static func isDaylightSaving(atMidnightOf date: CalendarDate) -> Bool {
        let (first, last) = date.year >= 2007 ? (3, 11) : (4, 10)
        guard date.month >= first, date.month <= last else { return false }
        // The Sunday on which clocks change is the first whose day of the month is at least:
        let earliest =
            switch date.month {
            case 3: 8
            case 4 where first == 4, 11: 1
            case 10 where last == 10: 25
            default: 0
            }
        guard earliest > 0 else { return true }
        let weekdayThen = (date.weekday + 35 + earliest - date.day) % 7
        let changes = earliest + (7 - weekdayThen) % 7
        return date.month == first ? date.day > changes : date.day <= changes
    }
}
