// `--man`: the manual page as troff, with the macros of man(7). Options and statuses are the table's.
//
// Invariant: ASCII; no text begins a line with a control character, no line is longer than 80 columns
// unless it has a word that is.
import Basics

extension WatchOptions {
    public static var manual: String {
        var page = ManualPage()
        page.line(".TH TICKWATCH 1 \"\(ManualPage.date)\" \"tickerfeed \(Release.number)\" \"TickerFeed\"")
        page.section("NAME")
        page.text("tickwatch - watch market data live, in a terminal or in a pipe")
        page.section("SYNOPSIS")
        page.line(".B tickwatch")
        page.line("[\\fIoption\\fR ...] [\\fISYMBOL\\fR | \\fB@\\fIFILE\\fR | \\fB\\-\\fR] ...")
        page.section("DESCRIPTION")
        for text in ManualPage.description { page.paragraph(text) }
        page.section("OPTIONS")
        for group in groups {
            page.subsection(group.title)
            for option in group.options { page.option(option.option) }
        }
        page.section("CONDITIONS")
        for text in ManualPage.conditions { page.paragraph(text) }
        page.section("LINES")
        for text in ManualPage.lines { page.paragraph(text) }
        page.section("CONFIGURATION")
        page.paragraph(ManualPage.configuration)
        page.example(Configuration.example)
        page.section("ENVIRONMENT")
        for (name, meaning) in ManualPage.environment { page.item("\\fB\(name)\\fR", meaning) }
        page.section("EXIT STATUS")
        for status in ExitStatus.allCases { page.item("\\fB\(status.rawValue)\\fR", status.meaning + ".") }
        page.section("EXAMPLES")
        for (meaning, command) in ManualPage.examples {
            page.paragraph(meaning)
            page.example(command)
        }
        return page.page
    }
}

private struct ManualPage {
    /// When its texts last changed: a page without a date is a fault to mandoc.
    static let date = "2026-11-21"
    private(set) var page = ""

    mutating func line(_ text: String) { page += text + "\n" }
    mutating func section(_ title: String) { line(".SH \(title)") }
    mutating func subsection(_ title: String) { line(".SS \"\(ManualPage.escaped(title))\"") }

    mutating func text(_ text: String) {
        for part in WatchOptions.wrapped(text, columns: 72) {
            line(ManualPage.protected(ManualPage.escaped(part)))
        }
    }
    mutating func paragraph(_ text: String) {
        // Behind a heading .PP would be one too many.
        if !page.hasSuffix("\n"), page.isEmpty { return }
        if !lastLine.hasPrefix(".SH"), !lastLine.hasPrefix(".SS") { line(".PP") }
        self.text(text)
    }
    private var lastLine: Substring { page.dropLast().split(separator: "\n").last ?? "" }

    mutating func item(_ head: String, _ text: String) {
        line(".TP")
        line(head)
        self.text(text)
    }

    mutating func option(_ option: Option) {
        var head = option.short.map { "\\fB\\-\($0)\\fR, " } ?? ""
        head += "\\fB\\-\\-\(ManualPage.escaped(option.name))\\fR"
        if let value = option.value { head += " \\fI\(ManualPage.escaped(value))\\fR" }
        item(head, option.help.prefix(1).uppercased() + option.help.dropFirst() + ".")
    }

    /// Lines as they stand.
    mutating func example(_ text: String) {
        line(".PP")
        line(".nf")
        line(".RS 4")
        for part in text.split(separator: "\n", omittingEmptySubsequences: false) where !part.isEmpty {
            line(ManualPage.protected(ManualPage.escaped(String(part))))
        }
        line(".RE")
        line(".fi")
    }

    /// Characters that troff reads in its own way.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "\"": result += "\\(dq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "…": result += "..."
            default: result += scalar.isASCII ? String(scalar) : "?"
            }
        }
        return result
    }

    /// A line that begins with a dot is text all the same.
    static func protected(_ text: String) -> String { text.hasPrefix(".") ? "\\&" + text : text }

    static let description = [
        "In a terminal tickwatch shows a watchlist, books, trades, charts and how long data takes; q or ^C ends it, and ? lists the keys. Where its output is no terminal, or with an option of lines, it prints a line for each change, without escape codes, flushed as it comes. What it has to say besides goes to standard error.",
        "A SYMBOL is a name, or a pattern that ends in *. Several may be joined by commas. Small letters are made capitals unless --exact is given. @FILE reads symbols from a file and - from standard input: one or several a line, with blanks or commas; # begins a comment. Without any, the groups of the configuration are watched.",
        "A connection that breaks is made anew; what was known stays. The first one has to succeed: otherwise tickwatch ends with status 3 or 4.",
        "A reader that is slower than the market never holds the market up: of what waits for it only the newest of each symbol is kept, and of trades the last 64 of each symbol. How many lines were merged or lost is said at the end.",
    ]
    static let conditions = [
        "A condition compares what is known of symbols: SYMBOL.FIELD, one of < <= == != >= >, and a number or a word. Comparisons are joined by and, or, not and parentheses; or binds least. The last dot separates the field, so that BRK.B.last is the last price of BRK.B; a symbol with other signs stands between quotes: \"ES=F\".last.",
        "Fields are \(Condition.Field.allCases.map(\.rawValue).joined(separator: ", ")). percent is the day's change, and 5% may be written for 5; spread is in hundredths of a percent of the middle; age is in seconds, or written as 30s. state is one of \(words(.state)); market is one of \(words(.market)); feed is one of \(words(.feed)).",
        "Numbers are exact, with at most 9 decimals. What is not known yet makes nothing true, nor its opposite.",
    ]
    static let lines = [
        "Without --channel, a line tells all that is known of a symbol at a change of its quote, its statistics or its status. With --json that is an object of type row with the members sym, ts, last, change, percent, bid, bid_size, ask, ask_size, open, high, low, volume, vwap, count, market and feed, null where nothing is known; with --csv the same columns, empty where nothing is known.",
        "With --channel, a line is a message as the server sends it, with the server's own members in JSON. CSV then begins with the column type; with one channel, the columns are this channel's. A level of a book is a line of CSV of its own. Where a slow reader made messages merge, prev is that of the first one.",
    ]
    static let configuration =
        "The configuration is a file of lines. Command-line options count more. It is read anew when it changes, faults are told by line, and what is right counts all the same. Names of symbols are taken as they are written."
    static let environment = [
        ("TICKWATCH_URL", "The server's stream, where --url does not say."),
        ("TICKERFEED_TOKEN", "The token that the server wants, where --token-file does not say."),
        ("XDG_CONFIG_HOME", "Where tickwatch/config is; default ~/.config."),
        ("NO_COLOR", "If set and not empty, no colours."),
        ("TERM, COLORTERM", "What the terminal can show."),
        ("LC_ALL, LC_CTYPE, LANG", "Whether it shows characters beyond ASCII."),
    ]
    static let examples = [
        ("Watch three symbols:", "tickwatch AAPL MSFT BRK.B"),
        ("Without a server:", "tickwatch --demo"),
        ("Every trade, as JSON:", "tickwatch --json --channel trade AAPL | jq .price"),
        (
            "Wait for a price, a day at most:",
            "tickwatch --until 'AAPL.last > 190' --for 24h AAPL && notify-send AAPL"
        ),
        (
            "What it looked like when it was wrong:",
            "tickwatch --record fault.tfw AAPL\ntickwatch --replay fault.tfw --speed 10"
        ),
    ]

    private static func words(_ field: Condition.Field) -> String {
        (field.words ?? []).joined(separator: ", ")
    }
}
