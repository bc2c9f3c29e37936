// Midnights in New York, and dates in the names of files.
import Basics
import Testing

@testable import TickerFeed

@Test(
    "midnight in New York, in hours behind UTC",
    arguments: [
        ("2020-01-30", 1_580_360_400, 5),
        ("2012-06-21", 1_340_251_200, 4),
        ("2007-03-10", 1_173_502_800, 5), ("2007-03-11", 1_173_589_200, 5), ("2007-03-12", 1_173_672_000, 4),
        ("2007-11-04", 1_194_148_800, 4), ("2007-11-05", 1_194_238_800, 5),
        ("2006-04-02", 1_143_954_000, 5), ("2006-04-03", 1_144_036_800, 4),
        ("2006-10-29", 1_162_094_400, 4), ("2006-10-30", 1_162_184_400, 5),
        ("1987-04-05", 544_597_200, 5), ("1987-04-06", 544_680_000, 4),
        ("2026-03-08", 1_772_946_000, 5), ("2026-03-09", 1_773_028_800, 4),
        ("2026-10-31", 1_793_419_200, 4), ("2026-11-01", 1_793_505_600, 4), ("2026-11-02", 1_793_595_600, 5),
        ("2024-02-29", 1_709_182_800, 5), ("2000-12-31", 978_238_800, 5),
    ])
func midnights(text: String, seconds: Int64, hoursBehind: Int64) throws {
    let date = try #require(CalendarDate(text))
    #expect(date.description == text)
    #expect(EasternTime.midnight(of: date).raw == seconds * 1_000_000_000)
    #expect(Int64(date.daysSince1970) * 86_400 + hoursBehind * 3_600 == seconds)
}

@Test(
    "what is no date",
    arguments: [
        "", "2020", "2020-1-30", "20200130", "2020-02-30", "2023-02-29", "1986-12-31", "2020-13-01",
        "2020-00-10", "2020-01-00", "2020-01-32", "-020-01-30", "2020-01-30-", "2020-0a-30", "1900-02-29",
    ])
func noDates(text: String) { #expect(CalendarDate(text) == nil) }

@Test(
    "the date in a file's name",
    arguments: [
        ("aapl-20200130-premarket.itch", "2020-01-30"),
        ("data/01302020.NASDAQ_ITCH50", "2020-01-30"),
        ("/a/20190101/12302019.NASDAQ_ITCH50", "2019-12-30"),  // only the name counts
        ("S081321-v50_20210813.bin", "2021-08-13"),
        ("itch-123456789-20200130", "2020-01-30"),  // nine digits are no date
        ("99999999.itch", nil), ("locate-13-10k.bin", nil), ("", nil),
        ("2020-01-30.itch", "2020-01-30"), ("12020-01-30", nil), ("2020-01-301", nil), ("2020-13-01", nil),
        ("AAPL_2012-06-21_34200000_57600000_message_50.csv", "2012-06-21"),
        ("x-2020-99-99-2020-01-30", "2020-01-30"), ("-2020-01-30-", "2020-01-30"),
    ])
func datesInNames(name: String, date: String?) {
    #expect(CalendarDate(inFileName: name)?.description == date)
}

@Test("a day in New York begins at its midnight and ends before the next one's")
func dateInNewYork() throws {
    for number in stride(from: 6_210, to: 84_000, by: 13) {
        let date = try #require(CalendarDate(daysSince1970: number))
        #expect(date.daysSince1970 == number)
        let next = try #require(CalendarDate(daysSince1970: number + 1))
        let (begin, end) = (EasternTime.midnight(of: date), EasternTime.midnight(of: next))
        #expect(EasternTime.date(at: begin) == date)
        #expect(EasternTime.date(at: end + Nanoseconds(raw: -1)) == date)
    }
    // 2020-01-31 04:59:59 UTC.
    #expect(EasternTime.date(at: Timestamp(raw: 1_580_446_799_000_000_000)) == CalendarDate("2020-01-30"))
    #expect(
        EasternTime.date(at: Timestamp(raw: 0)) == nil && EasternTime.date(at: Timestamp(raw: .min)) == nil)
}
