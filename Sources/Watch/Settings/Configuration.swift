// The configuration file, as its reader writes it by hand: a line a setting, faults named by line.
//
//     palette = blue-orange          # default, blue-orange, monochrome
//     columns = symbol, last, percent, bid, ask
//     sort = percent desc
//     group tech = AAPL, MSFT
//     alert AAPL last > 190 bell
//
// Invariants
//   - A line that is wrong is a fault and changes nothing; all others count.
//   - What `written` makes is read back as the same settings, and lines that it does not change stay as
//     they are, comments and faults included (`ConfigurationWriting.swift`).
import Basics

public struct Configuration: Hashable, Sendable {
    public static let bytesMax = 1 << 20
    public static let linesMax = 1_000

    public struct Fault: Hashable, Sendable, CustomStringConvertible {
        /// From 1.
        public var line: Int
        public var what: String
        /// What would be right.
        public var advice: String
        public var description: String { "line \(line): \(what); \(advice)" }
    }

    public private(set) var settings = Settings()
    /// In the order of their lines.
    public private(set) var faults: [Fault] = []
    /// What each line was understood as, for writing.
    private(set) var meanings: [Meaning] = []

    /// What a line says.
    enum Meaning: Hashable, Sendable {
        /// Nothing, or nothing that was understood: left alone.
        case other
        case key(Key)
        case group(String)
        case alert(AlertRule)
        /// The same once more, which counts for nothing until the first is gone.
        indirect case again(Meaning)
    }

    /// Why a line says nothing.
    struct Wrong: Error {
        let what: String
        let advice: String
        var meaning = Meaning.other
    }

    public init(parsing bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            faults = [Fault(line: 1, what: "is not UTF-8", advice: "is it the right file?")]
            return
        }
        read(text)
    }

    public init(parsing text: String) { read(text) }

    private mutating func read(_ text: String) {
        guard text.utf8.count <= Configuration.bytesMax else {
            let what = "more than \(Configuration.bytesMax) bytes"
            faults = [Fault(line: 1, what: what, advice: "is it the right file?")]
            return
        }
        let lines = Configuration.lines(text)
        for (index, line) in lines.prefix(Configuration.linesMax).enumerated() {
            do throws(Wrong) {
                meanings.append(try take(line.text))
            } catch {
                meanings.append(error.meaning)
                faults.append(Fault(line: index + 1, what: error.what, advice: error.advice))
            }
        }
        guard lines.count > Configuration.linesMax else { return }
        faults.append(
            Fault(
                line: Configuration.linesMax + 1, what: "more than \(Configuration.linesMax) lines",
                advice: "what follows is not read"))
    }

    /// A line and its end: `\n`, `\r\n`, or nothing behind the last one.
    static func lines(_ text: String) -> [(text: Substring, end: Substring)] {
        var lines: [(text: Substring, end: Substring)] = [], rest = text[...]
        while let end = rest.firstIndex(where: { $0 == "\n" || $0 == "\r\n" }) {
            let next = rest.index(after: end)
            lines.append((rest[..<end], rest[end..<next]))
            rest = rest[next...]
        }
        // A return without a line feed becomes half of an end as soon as a line follows.
        let isCut = rest.last == "\r"
        lines.append((isCut ? rest.dropLast() : rest, isCut ? rest.suffix(1) : ""))
        return lines
    }

    private mutating func take(_ line: Substring) throws(Wrong) -> Meaning {
        guard
            !line.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" || 0x7f..<0xa0 ~= $0.value })
        else { throw Wrong(what: "a control character", advice: "remove it") }
        let statement = Configuration.statement(line)
        guard !statement.isEmpty else { return .other }
        let words = statement.split(maxSplits: 1) { $0 == " " || $0 == "\t" }
        let rest = words.count == 2 ? words[1] : ""
        let meaning: Meaning
        switch words[0] {
        case "group": meaning = try takeGroup(rest)
        case "alert": meaning = try takeAlert(rest)
        default: meaning = try takeKey(statement)
        }
        return meaning
    }

    /// Without blanks at its ends and the comment, which starts the line or stands behind a blank.
    static func statement(_ line: Substring) -> Substring {
        var isAfterBlank = true
        for index in line.indices {
            if line[index] == "#", isAfterBlank { return line[..<index].trimmingBlanks }
            isAfterBlank = line[index] == " " || line[index] == "\t"
        }
        return line.trimmingBlanks
    }

    private func refuseSecond(_ meaning: Meaning, _ name: String) throws(Wrong) {
        guard let first = meanings.firstIndex(of: meaning) else { return }
        throw Wrong(
            what: "\(name) stands in line \(first + 1) already", advice: "remove one of them",
            meaning: .again(meaning))
    }

    private mutating func takeKey(_ statement: Substring) throws(Wrong) -> Meaning {
        let parts = statement.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0].trimmingBlanks
        guard let key = Key(rawValue: String(name)) else {
            let names = Key.allCases.map { "`\($0.rawValue) = …`" }.joined(separator: ", ")
            throw Wrong(
                what: "unknown setting \(name)",
                advice: "there are \(names), `group NAME = …` and `alert SYMBOL …`")
        }
        guard parts.count == 2 else {
            throw Wrong(what: "\(name) has no value", advice: "write `\(name) = \(key.example)`")
        }
        try refuseSecond(.key(key), key.rawValue)
        let value = parts[1].trimmingBlanks
        guard case .wrong(let advice) = key.read(value, into: &settings) else { return .key(key) }
        throw Wrong(what: "\(name) = \(value)", advice: advice)
    }

    private mutating func takeGroup(_ text: Substring) throws(Wrong) -> Meaning {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0].trimmingBlanks)
        guard parts.count == 2, Settings.Group.isName(name) else {
            throw Wrong(what: "a group without a name", advice: "write `group NAME = AAPL, MSFT`")
        }
        try refuseSecond(.group(name), "group \(name)")
        var symbols: [String] = []
        for word in parts[1].split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
            guard let symbol = SymbolList.symbol(word, isExact: true) else {
                throw Wrong(what: "\(word) is no symbol's name", advice: SymbolList.rule)
            }
            if symbols.last != symbol { symbols.append(symbol) }
        }
        var seen: Set<String> = []
        symbols = symbols.filter { seen.insert($0).inserted }
        guard symbols.count <= SymbolList.namesMax else {
            throw Wrong(
                what: "group \(name) has \(symbols.count) symbols", advice: "\(SymbolList.namesMax) at most")
        }
        settings.groups.append(Settings.Group(name: name, symbols: symbols))
        return .group(name)
    }

    private mutating func takeAlert(_ text: Substring) throws(Wrong) -> Meaning {
        switch AlertRule.read(text) {
        case .wrong(let advice): throw Wrong(what: "alert \(text)", advice: advice)
        case .value(let rule):
            try refuseSecond(.alert(rule), "this alert")
            settings.alerts.append(rule)
            return .alert(rule)
        }
    }
}

extension Settings.Group {
    /// Up to 32 characters without blanks, `=`, `,` and `#`.
    public static func isName(_ text: String) -> Bool {
        1...32 ~= text.unicodeScalars.count
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && !(0x7f...0xa0).contains($0.value) && !$0.properties.isWhitespace
                    && !"=,#".unicodeScalars.contains($0)
            }
    }
}
