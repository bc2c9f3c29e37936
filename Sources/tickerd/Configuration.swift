// What the command line asks for, checked before anything starts.
import Basics
import CLinux
import FanOut
import TickerFeed

struct Configuration {
    enum Source: Equatable {
        case simulator(Scenario)
        case file(String)
    }

    var source = Source.simulator(.standard)
    var pace = Pace.recorded(.recorded)
    var repeats = false
    var loops = Configuration.loopsByDefault
    var seed: UInt64 = 1
    var date: CalendarDate?
    var host = "127.0.0.1"
    var port: UInt16 = 7_400
    var limits = Limits()
    var allowedOrigins: [String] = []
    /// Nil leaves it to the system.
    var congestion: String?
    /// Limits that protect against strangers are lifted.
    var isBench = false

    /// One core is left to ingest.
    static var loopsByDefault: Int { min(64, max(1, Int(tf_usable_cores()) - 1)) }

    static let options = [
        Option("feed", "sim|FILE", "what to serve: the simulated market, or an ITCH 5.0 file (default sim)"),
        Option(
            "speed", "N|max", "recorded pace times N, 0.001 to 1000000, or as fast as it goes (default 1)"),
        Option("loop", nil, "begin a file again when it ends"),
        Option("seed", "N", "the simulated market's seed: one seed, one stream (default 1)"),
        Option(
            "scenario", "NAME", "the simulated market: default, or uniform: S0, S1, … in turn, evenly"),
        Option(
            "set", "NAME=VALUE",
            "uniform: symbols=1 to 10000 (500), rate=1 to 2000000 updates a second (25000); may repeat"),
        Option("date", "YYYY-MM-DD", "the file's trading day, where its name doesn't say"),
        Option("listen", "HOST:PORT", "where to serve (default 127.0.0.1:7400)"),
        Option(
            "loops", "N",
            "threads that share the connections, 1 to 64 (default cores less one: \(loopsByDefault) here)"),
        Option("stall-limit", "SECONDS", "close who reads nothing for so long; 0: never (default 30)"),
        Option(
            "congestion", "NAME", "the kernel's congestion control for what is sent: reno, cubic, bbr, …"),
        Option("bench", nil, "for measuring: lift limits on operations and symbols; loopback only"),
        Option("allow-origin", "ORIGIN", "let pages of this origin read the stream; may repeat"),
        Option("help", nil, "this text"),
        Option("version", nil, "the version"),
    ]

    init(_ arguments: Arguments) throws(UsageError) {
        if let extra = arguments.operands.first {
            throw UsageError("unknown command \(extra); there is: tickerd digest FILE")
        }
        if let feed = arguments["feed"], feed != "sim" {
            source = .file(feed)
        } else {
            source = .simulator(
                try Scenario(
                    named: arguments["scenario"] ?? "default", settings: arguments.all("set")))
        }
        if case .simulator(.uniform) = source { pace = .live }
        if let text = arguments["speed"] { pace = try Configuration.pace(text) }
        repeats = arguments.has("loop")
        if let text = arguments["seed"] {
            guard let number = UInt64(text) else { throw UsageError("--seed \(text): a whole number from 0") }
            seed = number
        }
        if let text = arguments["date"] { date = try Configuration.date(text) }
        if let text = arguments["listen"] { (host, port) = try Configuration.address(text) }
        if let text = arguments["loops"] {
            guard let number = Int(text), 1...64 ~= number else {
                throw UsageError("--loops \(text): a whole number from 1 to 64")
            }
            loops = number
        }
        if let text = arguments["stall-limit"] { limits.stall = try Configuration.stall(text) }
        allowedOrigins = arguments.all("allow-origin")
        congestion = arguments["congestion"]
        try check(arguments)
        if arguments.has("bench") { try liftLimits() }
    }

    /// Options that would be ignored are refused: they mean that something else was meant.
    private func check(_ arguments: Arguments) throws(UsageError) {
        switch source {
        case .file:
            for name in ["seed", "scenario", "set"] where arguments.has(name) {
                throw UsageError("--\(name) goes with --feed sim")
            }
        case .simulator(let scenario):
            for name in ["seed", "speed"] where scenario != .standard && arguments.has(name) {
                throw UsageError("--\(name) goes with --scenario default; uniform has --set rate=N")
            }
            if arguments.has("date") { throw UsageError("--date goes with --feed FILE") }
            if repeats { throw UsageError("--loop goes with --feed FILE; the simulated market never ends") }
        }
    }

    /// What a load generator needs, and what nobody else may reach.
    private mutating func liftLimits() throws(UsageError) {
        guard host == "localhost" || host == "[::1]" || host == "::1" || host.hasPrefix("127.") else {
            throw UsageError("--bench lifts limits and serves on loopback only: --listen 127.0.0.1:PORT")
        }
        isBench = true
        limits.operationsPerSecond = 1_000_000
        if case .simulator(let scenario) = source {
            limits.symbols = max(limits.symbols, scenario.symbolCount)
        } else {
            limits.symbols = Configuration.symbolsOfAFeed
        }
    }

    /// A file does not say beforehand how many it has; locate codes have 16 bits.
    private static let symbolsOfAFeed = 65_536

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

    private static func stall(_ text: String) throws(UsageError) -> Nanoseconds {
        guard let raw = FixedPoint.parse(text.utf8, decimals: 9), raw >= 0 else {
            throw UsageError("--stall-limit \(text): seconds, 0 or more")
        }
        return Nanoseconds(raw: raw)
    }

    private static func address(_ text: String) throws(UsageError) -> (String, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            colon > text.startIndex
        else { throw UsageError("--listen \(text): an address as 127.0.0.1:7400 or [::1]:7400") }
        return (String(text[..<colon]), port)
    }
}
