// Prices and sizes as people read them in a column.
import Basics
import Market

public enum Numbers {
    /// At least two decimals, all there are; `+` in front where asked for.
    public static func price(_ price: Price, signed: Bool = false) -> String {
        let magnitude = price.e9.magnitude
        let (whole, rest) = magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var fraction = String(String(rest + 1_000_000_000).dropFirst())
        while fraction.count > 2, fraction.last == "0" { fraction.removeLast() }
        let sign = price.e9 < 0 ? "-" : signed && price.e9 > 0 ? "+" : ""
        return "\(sign)\(whole).\(fraction)"
    }

    public static func size(_ size: Quantity) -> String { size.description }

    /// Hundredths of a percent: 123 is "+1.23%".
    public static func percent(_ basisPoints: Int64) -> String {
        let rest = String(basisPoints.magnitude % 100 + 100).dropFirst()
        let sign = basisPoints < 0 ? "-" : basisPoints > 0 ? "+" : ""
        return "\(sign)\(basisPoints.magnitude / 100).\(rest)%"
    }

    /// "0.3s", "42s", "5m", "3h": an age at a glance.
    public static func age(_ span: Nanoseconds) -> String {
        let tenths = max(0, span.raw) / 100_000_000
        switch tenths {
        case ..<100: return "\(tenths / 10).\(tenths % 10)s"
        case ..<600: return "\(tenths / 10)s"
        case ..<36_000: return "\(tenths / 600)m"
        default: return "\(tenths / 36_000)h"
        }
    }

    public static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

// MARK: Rounded, for columns that are read at a glance

extension Numbers {
    /// Rounded half away from zero to at most so many decimals, at least two.
    public static func price(_ price: Price, decimalsMax: Int) -> String {
        let unit = (0..<max(0, 9 - decimalsMax)).reduce(Int64(1)) { product, _ in product * 10 }
        let (whole, rest) = price.e9.quotientAndRemainder(dividingBy: unit)
        let up: Int64 = rest.magnitude * 2 >= UInt64(unit) && rest != 0 ? (rest < 0 ? -1 : 1) : 0
        let (rounded, overflow) = (whole + up).multipliedReportingOverflow(by: unit)
        return Numbers.price(overflow ? price : Price(e9: rounded))
    }

    /// Rounded half away from zero to exactly so many decimals; a whole number has no point.
    public static func rounded(_ price: Price, decimals: Int) -> String {
        let unit = (0..<max(0, 9 - decimals)).reduce(Int64(1)) { product, _ in product * 10 }
        let (whole, rest) = price.e9.magnitude.quotientAndRemainder(dividingBy: UInt64(unit))
        let value = whole + (rest * 2 >= UInt64(unit) && rest != 0 ? 1 : 0)
        var digits = String(value)
        while digits.count <= decimals { digits = "0" + digits }
        let sign = price.e9 < 0 && value > 0 ? "-" : ""
        guard decimals > 0 else { return sign + digits }
        return sign + digits.dropLast(decimals) + "." + digits.suffix(decimals)
    }

    /// Tenths with their point: 11 is "1.1".
    public static func tenths(_ value: Int64) -> String {
        "\(value < 0 ? "-" : "")\(value.magnitude / 10).\(value.magnitude % 10)"
    }

    /// Three digits and a letter: "12345", "123k", "1.23M", "45.6B".
    public static func short(_ size: Quantity) -> String { short(wholes: size.e8 / 100_000_000, exact: size) }

    public static func short(_ count: UInt64) -> String {
        short(wholes: Int64(clamping: count), exact: nil)
    }

    private static func short(wholes: Int64, exact: Quantity?) -> String {
        guard wholes >= 100_000 else { return exact.map(size) ?? "\(wholes)" }
        var value = wholes, letter = 0
        let letters = ["", "k", "M", "B", "T", "P"]
        var rest: Int64 = 0
        while value >= 1_000, letter < letters.count - 1 {
            rest = value % 1_000
            value /= 1_000
            letter += 1
        }
        let decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2
        let digits = String(rest + 1_000).dropFirst().prefix(decimals)
        return digits.isEmpty ? "\(value)\(letters[letter])" : "\(value).\(digits)\(letters[letter])"
    }

    /// "850 µs", "12.3 ms", "4.1 s".
    public static func span(_ span: Nanoseconds) -> String {
        let micros = max(0, span.raw) / 1_000
        switch micros {
        case ..<1_000: return "\(micros) us"
        case ..<100_000: return "\(micros / 1_000).\(micros % 1_000 / 100) ms"
        case ..<10_000_000: return "\(micros / 1_000) ms"
        default: return age(span)
        }
    }

    /// Thousandths as a number with at most one decimal.
    public static func rate(milli: Int64) -> String {
        let tenths = (milli + 50) / 100
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    /// The time of day, UTC, to the millisecond or the second.
    public static func time(_ time: Timestamp, milliseconds: Bool) -> String {
        let day = Int64(86_400_000)
        let within = ((time.raw / 1_000_000) % day + day) % day
        let seconds = within / 1_000
        let text = "\(two(seconds / 3_600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return milliseconds ? text + "." + String(within % 1_000 + 1_000).dropFirst() : text
    }
    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
