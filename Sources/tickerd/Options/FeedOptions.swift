// What is served, and how fast.
import Basics
import Market
import TickerFeed

extension Configuration {
    enum Source: Equatable {
        case simulator(Scenario)
        case file(String)
        /// What another node publishes.
        case engine(EnginePlace)
    }

    static let feedOptions = Group(
        title: "Feed",
        options: [
            Option(
                "feed", "sim|PATH|-|URL",
                "what to serve: the simulated market, a recording in any format of docs/FEEDS.md, a journal's folder, standard input, or what another node publishes (default sim)"
            ),
            Option(
                "speed", "N|max",
                "recorded pace times N, 0.001 to 1000000, or as fast as it goes (default 1; a pipe: as it comes)"
            ),
            Option("loop", nil, "begin a recording again when it ends"),
            Option(
                "from", "TIME",
                "play from here: 2020-01-30T14:30:00Z, or +90s from its beginning; what was before is in the books"
            ),
            Option("to", "TIME", "up to here, and not this time itself"),
            Option("symbols", "A,B,…", "only these symbols; may repeat", mayRepeat: true),
            Option("max-gap", "SPAN", "cut silences of a recording down to 5s, 500ms, …"),
            Option("retime", nil, "shift times, so that what is played first happens now"),
            Option("seed", "N", "the simulated market's seed: one seed, one stream (default 1)"),
            Option(
                "scenario", "NAME|FILE",
                "the simulated market: a scenario of those below, or a file that ends in .scenario"),
            Option("set", "KEY=VALUE", "a key of the scenario, see below; may repeat", mayRepeat: true),
            Option("date", "YYYY-MM-DD", "the file's trading day, where its name doesn't say"),
            Option("symbol", "NAME", "its symbol, where neither format nor name say (LOBSTER)"),
            Option("book", "FILE", "LOBSTER's order book file, where it isn't beside the messages"),
        ])

    /// Nil for a simulated market.
    var feedPath: String? { if case .file(let path) = source { path } else { nil } }

    /// How the feed's times relate to the clock on the wall.
    var clock: FeedClock { if case .simulator = source { .simulated } else { .replay } }

    /// What it is called in log lines.
    var feedName: String {
        switch source {
        case .simulator: "sim"
        case .file(let path): path
        case .engine(let place): place.url.description
        }
    }

    /// What an input's bytes don't say.
    func inputOptions(_ path: String) throws(FeedError) -> FeedOptions {
        var options = FeedOptions(path: path, date: date, symbol: symbol)
        try options.readBook(book)
        return options
    }

    /// - Parameter faults: takes what is wrong with a scenario, a line each.
    mutating func takeFeed(
        _ arguments: Arguments, _ faults: inout [UsageError]
    ) throws(UsageError) {
        if let place = try Configuration.engine("feed", arguments) {
            source = .engine(place)
            replay.pace = .live
        } else if let feed = arguments["feed"], feed != "sim" {
            source = .file(feed)
        } else {
            source = .simulator(try Configuration.scenario(arguments, &faults))
        }
        if case .simulator(let scenario) = source, scenario.isUniform { replay.pace = .live }
        // What comes by a pipe comes when it comes.
        if case .file(let path) = source, !InputFile.isFile(path) { replay.pace = .unpaced }
        if let text = arguments["speed"] { replay.pace = try Configuration.pace(text) }
        try takeReplay(arguments)
        if let text = arguments["seed"] {
            guard let number = UInt64(text) else { throw UsageError("--seed \(text): a whole number from 0") }
            seed = number
        }
        if let text = arguments["date"] { date = try Configuration.date(text) }
        try checkFeed(arguments)
    }

    /// Options that would be ignored are refused: they mean that something else was meant.
    private func checkFeed(_ arguments: Arguments) throws(UsageError) {
        switch source {
        case .engine:
            for name in Configuration.ownSourceOnly where arguments.has(name) {
                throw UsageError("--\(name) goes where the feed comes from: to the node that publishes it")
            }
        case .file:
            for name in ["seed", "scenario", "set"] where arguments.has(name) {
                throw UsageError("--\(name) goes with --feed sim")
            }
        case .simulator(let scenario):
            for name in ["seed", "speed"] where scenario.isUniform && arguments.has(name) {
                throw UsageError("--\(name) means nothing to a uniform market; it has --set rate=N")
            }
            for name in Configuration.recordingOnly where arguments.has(name) {
                throw UsageError("--\(name) goes with --feed FILE")
            }
            if replay.loops {
                throw UsageError("--loop goes with --feed FILE; the simulated market never ends")
            }
        }
    }

    private static let ownSourceOnly = [
        "speed", "loop", "from", "to", "max-gap", "retime", "seed", "scenario", "set", "date", "symbol",
        "book",
        "record", "publish", "replay-control",
    ]
    private static let recordingOnly = [
        "date", "symbol", "book", "from", "to", "symbols", "max-gap", "retime",
    ]

    private mutating func takeReplay(_ arguments: Arguments) throws(UsageError) {
        replay.loops = arguments.has("loop")
        replay.retimes = arguments.has("retime")
        replay.from = try Configuration.target(arguments["from"], "from")
        replay.to = try Configuration.target(arguments["to"], "to")
        if let text = arguments["max-gap"] {
            guard let span = Nanoseconds(text: text), span > .zero else {
                throw UsageError("--max-gap \(text): a span as 5s, 500ms or 1.5m")
            }
            replay.gapMax = span
        }
        if let text = arguments["symbol"] { symbol = try Configuration.symbol(text, "symbol") }
        book = arguments["book"]
        replay.symbols = try Configuration.symbols(arguments)
    }

    /// Of `--symbols`; nil where nobody named any.
    static func symbols(_ arguments: Arguments) throws(UsageError) -> Set<SymbolName>? {
        let words = arguments.all("symbols").flatMap { $0.split(separator: ",").map(String.init) }
        guard !words.isEmpty else { return nil }
        var names: Set<SymbolName> = []
        for word in words { names.insert(try symbol(word, "symbols")) }
        return names
    }

    static func symbol(_ text: String, _ option: String) throws(UsageError) -> SymbolName {
        guard let name = SymbolName(text) else {
            throw UsageError("--\(option) \(text): up to \(SymbolName.bytesMax) letters, digits and signs")
        }
        return name
    }

    static func target(_ text: String?, _ option: String) throws(UsageError) -> ReplayTarget? {
        guard let text else { return nil }
        if let time = Timestamp(rfc3339: text) { return .time(time) }
        if let nanoseconds = Int64(text), !text.hasPrefix("+") { return .time(Timestamp(raw: nanoseconds)) }
        if text.hasPrefix("+"), let span = Nanoseconds(text: text) { return .offset(span) }
        throw UsageError(
            "--\(option) \(text): a time as 2020-01-30T14:30:00Z, nanoseconds since 1970, or +90s from the beginning"
        )
    }

    private static func scenario(
        _ arguments: Arguments, _ faults: inout [UsageError]
    ) throws(UsageError) -> Scenario {
        let name = arguments["scenario"] ?? "default", settings = arguments.all("set")
        guard name.hasSuffix(".scenario") else {
            return Scenario(name, settings: settings, faults: &faults)
        }
        let text = try Settings.bytes(ofFile: name, for: "scenario")
        return Scenario(text, name: name, settings: settings, faults: &faults)
    }

    static func date(_ text: String) throws(UsageError) -> CalendarDate {
        guard let date = CalendarDate(text) else {
            throw UsageError("--date \(text): a day as YYYY-MM-DD")
        }
        return date
    }

    private static func pace(_ text: String) throws(UsageError) -> Pace {
        if text == "max" { return .unpaced }
        guard let speed = Speed(text) else {
            throw UsageError("--speed \(text): a number from 0.001 to 1000000, or max")
        }
        return .recorded(speed)
    }
}
