// The `Date` of an answer: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
import Basics

public enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter time: from 1970 on.
    public static func text(_ time: Timestamp) -> String {
        let seconds = max(0, time.raw / 1_000_000_000)
        let day = Int(seconds / 86_400), second = Int(seconds % 86_400)
        let date = CivilDate(daysSince1970: day)
        return "\(days[day % 7]), \(two(date.day)) \(months[date.month - 1]) \(date.year) "
            + "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)) GMT"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
