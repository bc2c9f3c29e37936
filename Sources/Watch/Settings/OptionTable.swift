// Every option of tickwatch, once: parsing, help, manual and completions are made of this table.
import Basics

/// An option with all that is said of it.
struct WatchOption: Sendable {
    /// What completions offer for its value.
    enum Offer: Sendable {
        case nothing, file
        case words([String])
        /// One or several of them, with commas.
        case list([String])
    }
    let option: Option
    let offer: Offer

    init(
        _ name: String, _ value: String? = nil, _ help: String, short: Character? = nil,
        offer: Offer = .nothing, mayRepeat: Bool = false
    ) {
        option = Option(name, value, help, short: short, mayRepeat: mayRepeat)
        self.offer = offer
    }
}

extension WatchOptions {
    struct Group: Sendable {
        let title: String
        let options: [WatchOption]
    }

    static let groups = [
        symbolOptions, serverOptions, streamOptions, lineOptions, recordingOptions, screenOptions,
        otherOptions,
    ]
    static var options: [Option] { groups.flatMap { $0.options.map(\.option) } }

    private static let symbolOptions = Group(
        title: "Symbols",
        options: [
            WatchOption(
                "group", "NAME", "the symbols of a group of the configuration; may repeat", mayRepeat: true),
            WatchOption("exact", nil, "take symbols as they are written (default: aapl is AAPL)"),
        ])

    private static let serverOptions = Group(
        title: "Server",
        options: [
            WatchOption(
                "url", "URL", "the server's stream (default: TICKWATCH_URL, or \(WatchOptions.standardURL))"),
            WatchOption(
                "ca", "FILE", "with wss: trust the authorities in this PEM file instead of the system's",
                offer: .file),
            WatchOption(
                "token-file", "FILE",
                "the token that the server wants (default: what TICKERFEED_TOKEN holds)",
                offer: .file),
            WatchOption(
                "transport", "ws|sse",
                "WebSocket, or server-sent events for networks that let only HTTP through (default ws)",
                offer: .words(LinkTransport.allCases.map(\.rawValue))),
            WatchOption(
                "admin", "URL", "the server's admin port, for the server view: http://127.0.0.1:7401"),
            WatchOption(
                "admin-token-file", "FILE", "the token that the admin port wants", offer: .file),
            WatchOption("demo", nil, "watch a simulated market in this process; no server is needed"),
            WatchOption("scenario", "NAME|FILE", "with --demo: which market (tickerd --help lists them)"),
        ])

    private static let streamOptions = Group(
        title: "Stream",
        options: [
            WatchOption(
                "rate", "N", "updates a second for each symbol, 0.1 to 1000, or max (default 10)",
                offer: .words(["1", "10", "100", "max"])),
            WatchOption("depth", "N", "levels a side of books, 1 to 50 (default 10)"),
            WatchOption(
                "encoding", "json|sbe", "how the server writes data (default json)",
                offer: .words(LinkEncoding.allCases.map(\.rawValue))),
            WatchOption(
                "verify", nil,
                "rebuild every book from the stream, compare it with the server's own, and end with status 6 at the first difference"
            ),
        ])

    private static let lineOptions = Group(
        title: "Lines (in a pipe, or with any of these but --for)",
        options: [
            WatchOption("json", nil, "an object of JSON a line"),
            WatchOption("csv", nil, "comma-separated values, the names in the first line"),
            WatchOption(
                "channel", "A,B,…",
                "print the messages of these channels: quote, trade, book, bar, stats, status (default: what is known of a symbol, at each change)",
                offer: .list(channelNames), mayRepeat: true),
            WatchOption("once", nil, "one line a symbol, then end; waits at most 5s, or --for"),
            WatchOption("count", "N", "end after so many lines", short: "n"),
            WatchOption("for", "TIME", "end after so long: 10s, 500ms, 5m, 1h"),
            WatchOption(
                "until", "CONDITION",
                "end when it is true: 'AAPL.last > 190 and MSFT.state != halted'; status 7 when it ends before"
            ),
        ])

    private static let recordingOptions = Group(
        title: "Recording",
        options: [
            WatchOption("record", "FILE", "keep all bytes that come from the server", offer: .file),
            WatchOption("replay", "FILE", "watch what --record kept, without a server", offer: .file),
            WatchOption(
                "speed", "N|max", "with --replay: its own pace times N, 0.001 to 1000000 (default 1)",
                offer: .words(["1", "10", "max"])),
        ])

    private static let screenOptions = Group(
        title: "Screen",
        options: [
            WatchOption(
                "screen", "NAME", "begin with watchlist, book, trades, chart, latency or server",
                offer: .words(Model.Page.allCases.map(\.rawValue))),
            WatchOption(
                "columns", "A,B,…",
                "columns of the watchlist: \(Column.allCases.map(\.rawValue).joined(separator: ", "))",
                offer: .list(Column.allCases.map(\.rawValue))),
            WatchOption(
                "sort", "COLUMN[:desc]", "order of the watchlist (default: as named)",
                offer: .words(Column.sortable.flatMap { [$0.rawValue, "\($0.rawValue):desc"] })),
            WatchOption(
                "palette", "NAME", "colours: default, blue-orange or monochrome",
                offer: .words(Palette.allCases.map(\.rawValue))),
            WatchOption(
                "background", "dark|light", "what the terminal is (default: what it says)",
                offer: .words(Background.allCases.map(\.rawValue))),
            WatchOption("up-is-red", nil, "red rises and green falls, as in East Asia"),
            WatchOption(
                "color", "WHEN",
                "how many colours: auto, never, 16, 256 or 24bit (default auto: as the terminal says; NO_COLOR is never)",
                offer: .words(colourNames.map(\.name))),
            WatchOption("ascii", nil, "no character beyond ASCII (default: where the locale is not UTF-8)"),
        ])

    private static let otherOptions = Group(
        title: "Other",
        options: [
            WatchOption(
                "config", "FILE",
                "the configuration (default: $XDG_CONFIG_HOME/tickwatch/config, or ~/.config)",
                offer: .file),
            WatchOption("no-config", nil, "read and write no configuration"),
            WatchOption("help", nil, "this text", short: "h"),
            WatchOption("version", nil, "the version"),
            WatchOption("man", nil, "the manual page, as troff: tickwatch --man | man -l -"),
            WatchOption(
                "completions", "SHELL", "what bash, zsh or fish need to complete options",
                offer: .words(Shell.allCases.map(\.rawValue))),
        ])
}
