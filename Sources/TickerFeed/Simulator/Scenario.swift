// Which simulated market to play: a small text of `key = value` lines, and settings on top.
//
// Invariants
//   - A scenario that exists can be played: every value is in its range, and all fit together.
//   - What a text does not say has the value that `ScenarioKey` gives it.
//   - Faults are found all at once, each in one line that begins with where it stands.
import Basics
import Market

/// A scenario of the simulator with its settings in range.
public struct Scenario: Hashable, Sendable {
    /// As `--scenario` knows it.
    public let name: String
    /// By key. Spans in nanoseconds, symbols by their number.
    private var values = ScenarioKey.allCases.map(\.standard)

    /// How many symbols a market may have.
    public static let symbolsAllowed = ScenarioKey.symbolsAllowed
    /// How many updates a second a uniform market may have.
    public static let rateAllowed = ScenarioKey.rateAllowed
    /// 24 US stocks on an ordinary day.
    public static let `default` = Scenario("default")

    /// A scenario that is built in, with nothing set.
    private init(_ name: String) {
        var faults: [UsageError] = []
        self.init(name, settings: [], faults: &faults)
    }

    /// A scenario that is built in.
    ///
    /// - Parameters:
    ///   - settings: each as `key=value`; of two of one key the last counts.
    ///   - faults: takes what is wrong, a line each; then the scenario is not to be played.
    public init(_ name: String, settings: [String], faults: inout [UsageError]) {
        let file = Scenario.builtIn.first { $0.name == "\(name).scenario" }
        if file == nil {
            faults.append(
                UsageError(
                    "--scenario \(name): there are \(Scenario.names), and files that end in .scenario"))
        }
        self.init(file?.bytes ?? [], name: name, settings: settings, faults: &faults)
    }

    /// A scenario as its text says it; `name` is the file's.
    public init(_ text: [UInt8], name: String, settings: [String], faults: inout [UsageError]) {
        self.name = name
        let file = OptionFile(text, name: name, options: ScenarioKey.options, excluding: [])
        faults += file.faults
        // Where each key got its value.
        var places: [ScenarioKey: String] = [:]
        func take(_ key: String, _ value: String, _ place: String) {
            do throws(UsageError) {
                guard let known = ScenarioKey.named(key) else {
                    let keys = ScenarioKey.allCases.map(\.name).joined(separator: ", ")
                    throw UsageError("there is no key \(key): there are \(keys)")
                }
                values[known.rawValue] = try known.value(value)
                places[known] = place
            } catch { faults.append(UsageError("\(place): \(error)")) }
        }
        for entry in file.entries { take(entry.name, entry.value, "\(name):\(entry.line)") }
        for setting in settings {
            let key = setting.prefix { $0 != "=" }
            take(String(key), String(setting.dropFirst(key.count + 1)), "--set \(setting)")
        }
        faults += misfits(places).map { UsageError("\(places[$0.key] ?? name): \($0.why)") }
    }

    /// What there is to choose from and to set, as lines of help.
    public static var help: String {
        "Scenarios: \(names)\nTheir keys, as lines of a file or by --set KEY=VALUE:\n\(ScenarioKey.help)"
    }
    /// Of the scenarios that need no file.
    public static var builtInNames: [String] { builtIn.map { String($0.name.dropLast(9)) } }
    /// feeds/scenarios, in the order of the help.
    private static let builtIn = EmbeddedFile.all(in: "scenarios")
    private static var names: String { builtInNames.joined(separator: ", ") }

    subscript(key: ScenarioKey) -> Int { values[key.rawValue] }
    subscript(span key: ScenarioKey) -> Nanoseconds { Nanoseconds(raw: Int64(self[key])) }

    /// Evenly, for measuring, and without a seed.
    public var isUniform: Bool { self[.market] == ScenarioKey.uniform }
    /// Symbols of its market.
    public var symbolCount: Int { self[.symbols] }

    /// - Parameter start: the time of the first message.
    public func makeFeed(seed: UInt64, start: Timestamp) -> any Feed {
        isUniform
            ? UniformMarket(symbols: self[.symbols], rate: self[.rate], start: start)
            : Simulator(self, seed: seed, start: start)
    }

    /// Values that are right alone and wrong together.
    private func misfits(_ said: [ScenarioKey: String]) -> [(key: ScenarioKey, why: String)] {
        if isUniform {
            return said.keys.filter { ![.market, .symbols, .rate].contains($0) }
                .sorted { $0.rawValue < $1.rawValue }
                .map { ($0, "\($0.name): market uniform has symbols and rate") }
        }
        var faults: [(key: ScenarioKey, why: String)] = []
        func want(_ holds: Bool, _ key: ScenarioKey, _ why: String) {
            if !holds { faults.append((key, "\(key.name) \(why)")) }
        }
        let opened = self[.open] + self[.spread]
        let crash = self[.crash] + self[.pause] + self[.reopening] + self[.recovery]
        want(self[.crash] == 0 || self[.crashAt] >= opened, .crashAt, "lies before open and spread are over")
        want(self[.gap] == 0 || self[.gapAt] >= opened, .gapAt, "lies before open and spread are over")
        want(fits(.crashEvery, crash), .crashEvery, "is less than crash, pause, reopening and recovery")
        want(
            fits(.gapEvery, self[.gap] + self[.mend] + self[.spread]), .gapEvery,
            "is less than gap, mend and spread")
        want(fits(.burstEvery, self[.burst]), .burstEvery, "is less than burst")
        for key in [ScenarioKey.crashSymbol, .gapSymbol] {
            want(self[key] < self[.symbols], key, "is none of the \(self[.symbols]) symbols")
        }
        return faults
    }

    private func fits(_ every: ScenarioKey, _ length: Int) -> Bool {
        self[every] == 0 || self[every] >= length
    }
}
