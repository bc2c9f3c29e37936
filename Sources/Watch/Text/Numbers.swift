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

    public static func size(_ size: Quantity) -> String {
        let (whole, rest) = size.e8.magnitude.quotientAndRemainder(dividingBy: 100_000_000)
        guard rest != 0 else { return "\(whole)" }
        var fraction = String(String(rest + 100_000_000).dropFirst())
        while fraction.last == "0" { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }

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
    public static func padEnd(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
