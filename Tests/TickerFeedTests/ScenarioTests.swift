// The texts of scenarios: what they say, what they may not say, and where it is wrong.
import Basics
import Foundation
import Testing

@testable import TickerFeed

private func scenario(_ text: String, _ settings: [String] = []) -> (Scenario, [String]) {
    var faults: [UsageError] = []
    let scenario = Scenario(Array(text.utf8), name: "x.scenario", settings: settings, faults: &faults)
    return (scenario, faults.map(\.description))
}

@Test("the files in feeds/scenarios are the built-in scenarios")
func scenarioFiles() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../feeds/scenarios").standardized
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(files) == Set(Scenario.builtInNames.map { $0 + ".scenario" }))
    for name in Scenario.builtInNames {
        var faults: [UsageError] = []
        let built = Scenario(name, settings: [], faults: &faults)
        #expect(faults.isEmpty && built.name == name && Scenario.help.contains(name))
    }
}

@Test("a text says what it says, settings come on top, and the rest has its default")
func scenarioValues() {
    let (scenario, faults) = scenario(
        "# comment\nrate = 500 # a second\n\nburst=250ms\nburst-every = 2m\ngap-symbol = XAAB\nsymbols = 26\n",
        ["rate=600", "rate=700", "open=1h", "crash-symbol=MSFT"])
    #expect(faults.isEmpty, "\(faults)")
    #expect(scenario[.rate] == 700 && scenario[.symbols] == 26)
    #expect(scenario[span: .burst] == .milliseconds(250) && scenario[span: .burstEvery] == .seconds(120))
    #expect(scenario[span: .open] == .seconds(3_600) && scenario[.burstFactor] == 10)
    #expect(scenario[.crashSymbol] == 1 && scenario[.gapSymbol] == 25)
}

@Test("every fault has one line that begins with its place")
func scenarioFaults() {
    let (_, faults) = scenario(
        "rate = 0\nsymbol = 3\nopen = 5\nburst = 3s\nburst = 4s\nburst-every = 1s\ncrash-symbol = ZZZZ\ngap",
        ["rate=1e6", "speed=2", "gap-symbol=XAAA"])
    let begins = [
        "x.scenario:2: unknown option symbol", "x.scenario:5: burst stands in line 4",
        "x.scenario:8: gap wants a value", "x.scenario:1: rate=0: rate is a whole number from 1 to 2000000",
        "x.scenario:3: open=5: open is a span as 250ms", "x.scenario:7: crash-symbol=ZZZZ",
        "--set rate=1e6: rate=1e6", "--set speed=2: there is no key speed: there are market, symbols",
        "x.scenario:6: burst-every is less than burst", "--set gap-symbol=XAAA: gap-symbol is none of the 24",
    ]
    #expect(faults.count == begins.count)
    for (fault, begin) in zip(faults, begins) {
        #expect(fault.hasPrefix(begin) && !fault.contains("\n"), "\(fault)")
    }
}

@Test(
    "values that are right alone and wrong together are refused",
    arguments: [
        ("crash = 1s\nopen = 1m", "crash-at"), ("gap = 1s\nspread = 40s", "gap-at"),
        ("crash = 1s\ncrash-every = 2m", "crash-every"), ("gap = 1s\ngap-every = 2s", "gap-every"),
        ("symbols = 3\ngap-symbol = AMZN", "gap-symbol"), ("market = uniform\nburst = 1s", "burst"),
    ])
func scenarioMisfits(text: String, key: String) {
    let faults = scenario(text).1
    #expect(faults.count == 1 && faults[0].contains(key), "\(faults)")
}

@Test("a name leads to its number and back, and no two symbols share one")
func listingNames() {
    let all = Listing.first(ScenarioKey.symbolsAllowed.upperBound)
    #expect(Set(all.map(\.name)).count == all.count && all.allSatisfy { $0.definition != nil })
    #expect(all.enumerated().allSatisfy { Listing.number(of: $0.element.name) == $0.offset })
    for name in ["", "X", "XOM2", "XAAAA", "Xaab", "x", "YAAA"] { #expect(Listing.number(of: name) == nil) }
    #expect(Listing.rate(of: Listing.first(24)) == ScenarioKey.rate.standard)
}

@Test("trading time runs faster in bursts only, and turns back into time exactly")
func tradingClock() {
    let clock = TradingClock(
        scenario("burst-at = 10s\nburst = 5s\nburst-every = 60s\nburst-factor = 100").0)
    let second: Int64 = 1_000_000_000
    for (time, trading) in [(0, 0), (10, 10), (11, 110), (15, 510), (70, 565), (71, 665), (130, 1_120)]
        as [(Int64, Int64)]
    {
        #expect(clock.trading(at: time * second) == trading * second)
        #expect(clock.time(of: trading * second) == time * second)
    }
    var random = SeededGenerator(seed: 1), last: Int64 = 0, trading: Int64 = 0
    for _ in 0..<10_000 {
        let time = Int64(random.below(1 << 31)) * 100
        #expect(clock.time(of: clock.trading(at: time)) == time)
        trading += Int64(random.below(1 << 27))
        let now = clock.time(of: trading)
        #expect(now >= last)
        last = now
    }
}

@Test("turns come by time and number, whatever was moved", arguments: [1, 2, 3])
func dueQueue(seed: UInt64) {
    var random = SeededGenerator(seed: seed), queue = DueQueue(symbols: 37)
    var due = [Int64](repeating: 0, count: 37)
    for step in 0..<3_000 {
        let first = due.indices.min { (due[$0], $0) < (due[$1], $1) }
        #expect(queue.first == first, "step \(step)")
        let symbol = random.below(37), time = due[queue.first] + Int64(random.below(20))
        switch random.below(20) {
        case 0:
            due[symbol] = time
            queue.move(symbol, to: time)
        case 1:
            for index in due.indices { due[index] = time + Int64(random.below(3)) }
            queue.moveAll { due[$0] }
        default:
            due[queue.first] = time
            queue.putOff(to: time)
        }
    }
}
