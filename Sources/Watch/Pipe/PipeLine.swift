// A line in the making: numbers exact and in their shortest form, texts escaped for what they go into.
import Basics
import Market

struct PipeLine {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }
    mutating func text(_ value: String) { bytes.append(contentsOf: value.utf8) }
    mutating func integer(_ value: Int64) { decimal(value, 0) }
    mutating func unsigned(_ value: UInt64) {
        write { $0.unsigned(value) }
    }
    mutating func price(_ value: Price) { decimal(value.e9, Price.decimals) }
    mutating func quantity(_ value: Quantity) { decimal(value.e8, Quantity.decimals) }

    /// In units of 10^-`decimals`, without zeros at the end.
    mutating func decimal(_ value: Int64, _ decimals: Int) {
        write { decimals == 0 ? $0.integer(value) : $0.decimal(value, decimals: decimals) }
    }

    private mutating func write(_ body: (inout Pen) -> Void) {
        // A sign, 19 digits and a point are 21, and a pen may scribble on some behind: 48 are enough.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { scratch in
            guard let base = scratch.baseAddress else { return }
            var pen = Pen(at: base)
            body(&pen)
            bytes.append(contentsOf: scratch[..<(pen.at - base)])
        }
    }

    /// Between quotes, as RFC 8259 §7 wants. What a terminal would obey is escaped as well.
    mutating func quoted(_ value: String) {
        byte(UInt8(ascii: "\""))
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                byte(UInt8(ascii: "\\"))
                byte(UInt8(truncatingIfNeeded: scalar.value))
            case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}":
                text(scalar.value < 16 ? "\\u000" : "\\u00")
                text(String(scalar.value, radix: 16))
            default: text(String(scalar))
            }
        }
        byte(UInt8(ascii: "\""))
    }

    /// A field as RFC 4180 §2 wants it: between quotes only where it must be.
    mutating func field(_ value: String) {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x2c || $0 == 0x0a || $0 == 0x0d }) else {
            return text(value)
        }
        byte(UInt8(ascii: "\""))
        for unit in value.utf8 {
            if unit == UInt8(ascii: "\"") { byte(unit) }
            byte(unit)
        }
        byte(UInt8(ascii: "\""))
    }

    static func decimal(_ value: Int64, _ decimals: Int) -> String {
        var line = PipeLine()
        line.decimal(value, decimals)
        return String(decoding: line.bytes, as: UTF8.self)
    }
}
