// Which simulated market to play: a name and settings, as a command line gives them.
import Basics

/// A scenario of the simulator with its settings in range.
public enum Scenario: Hashable, Sendable {
    /// 24 well-known stocks with lifelike order flow, drawn from a seed.
    case standard
    /// Equal symbols in turn, evenly: a known load.
    case uniform(symbols: Int, rate: Int)

    public static let symbolsAllowed = 1...10_000
    public static let rateAllowed = 1...2_000_000

    /// - Parameter settings: each as `name=value`; of two of one name the last counts.
    public init(named name: String, settings: [String]) throws(UsageError) {
        switch name {
        case "default":
            if let setting = settings.first {
                throw UsageError("--set \(setting): scenario default has nothing to set; uniform has")
            }
            self = .standard
        case "uniform":
            var symbols = 500, rate = 25_000
            for setting in settings {
                switch Scenario.name(of: setting) {
                case "symbols": symbols = try Scenario.value(setting, Scenario.symbolsAllowed)
                case "rate": rate = try Scenario.value(setting, Scenario.rateAllowed)
                default: throw UsageError("--set \(setting): scenario uniform has symbols and rate")
                }
            }
            self = .uniform(symbols: symbols, rate: rate)
        default: throw UsageError("--scenario \(name): there are default and uniform")
        }
    }

    private static func name(of setting: String) -> Substring { setting.prefix { $0 != "=" } }

    private static func value(
        _ setting: String, _ allowed: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        let name = name(of: setting)
        guard let value = Int(setting.dropFirst(name.count + 1)), allowed.contains(value) else {
            throw UsageError(
                "--set \(setting): \(name)=N, a whole number from \(allowed.lowerBound) to "
                    + "\(allowed.upperBound)")
        }
        return value
    }

    public var symbolCount: Int {
        switch self {
        case .standard: Listing.all.count
        case .uniform(let symbols, _): symbols
        }
    }

    /// - Parameter start: the time of the opening.
    public func makeFeed(seed: UInt64, start: Timestamp) -> any Feed {
        switch self {
        case .standard: Simulator(seed: seed, start: start)
        case .uniform(let symbols, let rate): UniformMarket(symbols: symbols, rate: rate, start: start)
        }
    }
}
