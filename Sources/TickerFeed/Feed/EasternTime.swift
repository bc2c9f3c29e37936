// ITCH counts nanoseconds from midnight in New York; ticks count from 1970 in UTC.
//
// Only midnights are converted. Clocks change at 02:00, so the midnight of a day on which they
// change still has the old offset; markets are closed on those Sundays.
import Basics

/// A day of the Gregorian calendar, from 1987 on: the years whose clock changes are known here.
public struct CalendarDate: Hashable, Sendable, CustomStringConvertible {
    private let date: CivilDate
    /// From 1987 to 2199.
    public var year: Int { date.year }
    /// From 1.
    public var month: Int { date.month }
    /// From 1.
    public var day: Int { date.day }
    public var description: String { date.description }

    private init?(_ date: CivilDate?) {
        guard let date, (1987...2199).contains(date.year) else { return nil }
        self.date = date
    }

    /// Nil for a day that never was, or is before 1987.
    public init?(year: Int, month: Int, day: Int) {
        self.init(CivilDate(year: year, month: month, day: day))
    }

    /// `YYYY-MM-DD`.
    public init?(_ text: String) {
        let digits = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard digits.map(\.count) == [4, 2, 2] else { return nil }
        self.init(digits: digits.joined(), yearFirst: true)
    }

    /// The first date in a file's name: `YYYY-MM-DD`, or eight digits, `YYYYMMDD` or, as NASDAQ has it,
    /// `MMDDYYYY`.
    public init?(inFileName path: String) {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
        let dash = UInt8(ascii: "-"), isDigit = { (byte: UInt8) in byte &- UInt8(ascii: "0") < 10 }
        for piece in name.split(whereSeparator: { !isDigit($0) && $0 != dash }) {
            let runs = piece.split(separator: dash)
            for (index, run) in runs.enumerated() {
                let dashed = runs[index...].prefix(3)
                if dashed.map(\.count) == [4, 2, 2] {
                    guard let date = CalendarDate(digits: dashed.joined(), yearFirst: true) else { continue }
                    self = date
                    return
                }
                guard run.count == 8,
                    let date = CalendarDate(digits: run, yearFirst: true)
                        ?? CalendarDate(digits: run, yearFirst: false)
                else { continue }
                self = date
                return
            }
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

    /// The day so many days after 1970-01-01; nil where `init` has none.
    init?(daysSince1970 days: Int) { self.init(CivilDate(daysSince1970: days)) }

    var daysSince1970: Int { date.daysSince1970 }

    /// 0 is Sunday.
    fileprivate var weekday: Int { (daysSince1970 + 4) % 7 }
}

enum EasternTime {
    /// Midnight in New York at the beginning of `date`.
    static func midnight(of date: CalendarDate) -> Timestamp {
        let hoursBehind = isDaylightSaving(atMidnightOf: date) ? 4 : 5
        return Timestamp(raw: Int64(date.daysSince1970 * 24 + hoursBehind) * 3_600_000_000_000)
    }

    /// The day that it is in New York at `time`; nil outside of the years that are known here.
    static func date(at time: Timestamp) -> CalendarDate? {
        let hours = Int(time.raw.flooredDivision(by: 3_600_000_000_000).quotient)
        // In summer midnight is an hour nearer to that of UTC: of two days that it may be, the later.
        let days = [4, 5].map { (hours - $0).flooredDivision(by: 24).quotient }
        return days.lazy.compactMap(CalendarDate.init(daysSince1970:)).first { midnight(of: $0) <= time }
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

extension BinaryInteger {
    /// Rounded down, so that the remainder is never negative.
    fileprivate func flooredDivision(by divisor: Self) -> (quotient: Self, remainder: Self) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
