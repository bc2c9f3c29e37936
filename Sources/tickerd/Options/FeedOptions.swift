// What is served, and how fast.
import Basics
import TickerFeed

extension Configuration {
    enum Source: Equatable {
        case simulator(Scenario)
        case file(String)
    }

    static let feedOptions = Group(
        title: "Feed",
        options: [
            Option(
                "feed", "sim|FILE",
                "what to serve: the simulated market, or an ITCH 5.0 file (default sim)"),
            Option(
                "speed", "N|max",
                "recorded pace times N, 0.001 to 1000000, or as fast as it goes (default 1)"),
            Option("loop", nil, "begin a file again when it ends"),
            Option("seed", "N", "the simulated market's seed: one seed, one stream (default 1)"),
            Option(
                "scenario", "NAME|FILE",
                "the simulated market: a scenario of those below, or a file that ends in .scenario"),
            Option("set", "KEY=VALUE", "a key of the scenario, see below; may repeat", mayRepeat: true),
            Option("date", "YYYY-MM-DD", "the file's trading day, where its name doesn't say"),
        ])

    /// - Parameter faults: takes what is wrong with a scenario, a line each.
    mutating func takeFeed(
        _ arguments: Arguments, _ faults: inout [UsageError]
    ) throws(UsageError) {
        if let feed = arguments["feed"], feed != "sim" {
            source = .file(feed)
        } else {
            source = .simulator(try Configuration.scenario(arguments, &faults))
        }
        if case .simulator(let scenario) = source, scenario.isUniform { pace = .live }
        if let text = arguments["speed"] { pace = try Configuration.pace(text) }
        repeats = arguments.has("loop")
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
        case .file:
            for name in ["seed", "scenario", "set"] where arguments.has(name) {
                throw UsageError("--\(name) goes with --feed sim")
            }
        case .simulator(let scenario):
            for name in ["seed", "speed"] where scenario.isUniform && arguments.has(name) {
                throw UsageError("--\(name) means nothing to a uniform market; it has --set rate=N")
            }
            if arguments.has("date") { throw UsageError("--date goes with --feed FILE") }
            if repeats { throw UsageError("--loop goes with --feed FILE; the simulated market never ends") }
        }
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
