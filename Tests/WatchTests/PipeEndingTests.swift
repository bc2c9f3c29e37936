// When lines end by themselves, and what a script is told.
import Basics
import Testing
import Watch

private func ending(_ line: String) throws -> PipeEnding {
    let options = try WatchOptions.parse(
        arguments: ["A"] + line.split(separator: " ").map(String.init), environment: [:])
    return PipeEnding(options, began: Instant(raw: 0))
}

private func facts(lines: Bool = false, symbols: Bool = false, met: Bool = false, ended: Bool = false)
    -> PipeEnding.Facts
{
    var facts = PipeEnding.Facts()
    (facts.hasAllLines, facts.hasAllSymbols, facts.isMet, facts.hasEnded) = (lines, symbols, met, ended)
    return facts
}

private let soon = Instant(raw: 1), late = Instant(raw: 10_000_000_000)

@Test(
    "what came is 0, what was waited for and did not come is 7",
    arguments: [
        ("", facts(), late, nil), ("", facts(ended: true), soon, .done),
        ("-n 5", facts(lines: true), soon, .done), ("-n 5", facts(), late, nil),
        ("-n 5", facts(ended: true), soon, .done),
        ("--for 10s", facts(), soon, nil), ("--for 10s", facts(), late, .done),
        ("--once", facts(symbols: true), soon, .done), ("--once", facts(), soon, nil),
        ("--once", facts(), late, .notMet),
        ("--once --for 1h", facts(), late, nil), ("--once", facts(ended: true), soon, .notMet),
        ("--until A.last>1", facts(met: true), soon, .done), ("--until A.last>1", facts(), late, nil),
        ("--until A.last>1", facts(ended: true), soon, .notMet),
        ("--until A.last>1 --for 10s", facts(), late, .notMet),
        ("--until A.last>1 --for 10s", facts(met: true), late, .done),
        ("--until A.last>1 -n 3", facts(lines: true), soon, .notMet),
        ("--until A.last>1 -n 3", facts(lines: true, met: true), soon, .done),
    ] as [(String, PipeEnding.Facts, Instant, Watch.ExitStatus?)])
func pipeEnds(line: String, facts: PipeEnding.Facts, now: Instant, status: Watch.ExitStatus?) throws {
    #expect(try ending(line).status(facts, now: now) == status)
}

@Test("the loop is told when to look at the clock")
func pipeDeadline() throws {
    #expect(try ending("").deadline == .never)
    #expect(try ending("--for 90s").deadline == Instant(raw: 90_000_000_000))
    #expect(try ending("--once").deadline == Instant(raw: 5_000_000_000))
}
