// Days of the Gregorian calendar, and how many days each is behind 1970-01-01.
//
// Years begin in March in here, so that the odd day comes last (Howard Hinnant, "chrono-compatible low-level
// date algorithms").

/// A day that was, or will be.
public struct CivilDate: Hashable, Sendable, CustomStringConvertible {
    /// Months and days from 1.
    public let year: Int, month: Int, day: Int

    /// Nil for a day that never was.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...12).contains(month), (1...CivilDate.days(in: month, of: year)).contains(day) else {
            return nil
        }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// The day so many days after 1970-01-01, or before it.
    public init(daysSince1970 days: Int) {
        let shifted = days + 719_468, era = CivilDate.era(shifted, of: 146_097)
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * ofYear + 2) / 153
        day = ofYear - (153 * fromMarch + 2) / 5 + 1
        month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        year = era * 400 + yearOfEra + (fromMarch < 10 ? 0 : 1)
    }

    public var daysSince1970: Int {
        let year = month > 2 ? year : year - 1, fromMarch = month > 2 ? month - 3 : month + 9
        let era = CivilDate.era(year, of: 400), yearOfEra = year - era * 400
        let ofYear = (153 * fromMarch + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear - 719_468
    }

    /// `2020-01-30`
    public var description: String {
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    /// Which of the runs of 400 years, rounded down.
    private static func era(_ number: Int, of length: Int) -> Int {
        (number >= 0 ? number : number - length + 1) / length
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
