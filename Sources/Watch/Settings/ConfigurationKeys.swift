// The settings that are a name and a value: what may stand behind each, and how it is written.
import Basics
import Dialects

extension Configuration {
    enum Key: String, Hashable, Sendable, CaseIterable {
        case palette, background
        case upIsRed = "up-is-red"
        case columns, sort, rate

        var example: String {
            switch self {
            case .palette: Palette.blueOrange.rawValue
            case .background: Background.light.rawValue
            case .upIsRed: "yes"
            case .columns: "symbol, last, change, percent"
            case .sort: "percent desc"
            case .rate: "10"
            }
        }

        /// Takes a value into the settings, or says what would be right.
        func read(_ text: Substring, into settings: inout Settings) -> Reading<Void> {
            switch self {
            case .palette:
                guard let palette = Palette(rawValue: String(text)) else { return Key.wrong(Palette.self) }
                settings.palette = palette
            case .background:
                guard let background = Background(rawValue: String(text)) else {
                    guard text == "auto" else { return .wrong(advice: "one of auto, dark, light") }
                    settings.background = nil
                    break
                }
                settings.background = background
            case .upIsRed:
                guard text == "yes" || text == "no" else { return .wrong(advice: "yes or no") }
                settings.isUpRed = text == "yes"
            case .columns:
                switch Column.list(text) {
                case .value(let columns): settings.columns = columns
                case .wrong(let advice): return .wrong(advice: advice)
                }
            case .sort: return Key.readOrder(text, into: &settings)
            case .rate:
                guard let rate = Rate(text == "max" ? .string("max") : .number(String(text))) else {
                    return .wrong(advice: "a number from 0.1 to 1000, or max")
                }
                settings.rate = rate
            }
            return .value(())
        }

        private static func wrong<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> Reading<Void>
        where Word.RawValue == String {
            .wrong(advice: "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }

        private static func readOrder(_ text: Substring, into settings: inout Settings) -> Reading<Void> {
            let words = text.split { $0 == " " || $0 == "\t" }
            guard 1...2 ~= words.count else { return .wrong(advice: "a column, and asc or desc; or none") }
            if words == ["none"] {
                settings.order = nil
                return .value(())
            }
            switch Settings.Order.read(words[0], words.count == 2 ? words[1] : nil) {
            case .value(let order): settings.order = order
            case .wrong(let advice): return .wrong(advice: advice)
            }
            return .value(())
        }

        /// The value as it stands in a file.
        func text(_ settings: Settings) -> String {
            switch self {
            case .palette: settings.palette.rawValue
            case .background: settings.background?.rawValue ?? "auto"
            case .upIsRed: settings.isUpRed ? "yes" : "no"
            case .columns: settings.columns.map(\.rawValue).joined(separator: ", ")
            case .sort: settings.order.map { $0.column.rawValue + ($0.isDescending ? " desc" : "") } ?? "none"
            case .rate: Key.text(settings.rate)
            }
        }

        private static func text(_ rate: Rate) -> String {
            guard case .perThousandSeconds(let number) = rate else { return "max" }
            return PipeLine.decimal(Int64(number), 3)
        }
    }

    /// A file with all there is, for the manual.
    public static let example = """
        palette = blue-orange       # default, blue-orange, monochrome
        background = light          # auto, dark, light
        up-is-red = no
        columns = symbol, last, change, percent, bid, ask, age, state
        sort = percent desc         # or none
        rate = 10
        group tech = AAPL, MSFT
        group banks = JPM, GS, BRK.B
        alert AAPL last > 190 bell
        alert AAPL last < 170
        alert * change > 5% highlight
        alert MSFT stale > 30s bell
        """
}
