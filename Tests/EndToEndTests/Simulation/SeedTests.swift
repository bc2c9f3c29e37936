// The engine against clients of every kind on a bad network, seed by seed.
//
// 300 seeds run with the tests. More, or one alone, by hand:
//
//     TICKERFEED_SEEDS=10000 swift test --disable-xctest --filter seeds
//     TICKERFEED_SEED=4711 swift test --disable-xctest --filter seeds
//
// A seed that fails says what broke, and what happened before; it does so again whenever it is run.
import Foundation
import TestSupport
import Testing

/// Seeds in groups, so that the test runner has something for each core and not a line for each seed.
private let groups: [ClosedRange<UInt64>] = {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["TICKERFEED_SEED"].flatMap({ UInt64($0) }) { return [one...one] }
    let count = environment["TICKERFEED_SEEDS"].flatMap { UInt64($0) } ?? 300
    return stride(from: 1, through: max(1, count), by: 25).map { $0...min($0 + 24, max(1, count)) }
}()

/// How much of what happened before is printed.
private let linesTold =
    ProcessInfo.processInfo.environment["TICKERFEED_STORY"].flatMap { Int($0) } ?? 40

@Test("nothing is lost, doubled, late, too often or left behind", arguments: groups)
func seeds(group: ClosedRange<UInt64>) throws {
    for raw in group {
        let seed = Seed(raw)
        let verdict = try Simulation(seed).run()
        guard !verdict.faults.isEmpty else { continue }
        // Once more, and this time it tells.
        let again = try Simulation(seed, tells: true).run()
        let end = again.story.firstIndex { $0.contains("FAULT") } ?? again.story.count - 1
        let story = again.story[max(0, end - linesTold)...max(0, end)].joined(separator: "\n")
        Issue.record(
            "\(seed): \(verdict.faults.prefix(3).joined(separator: "\n"))\n\n\(story)\n\nTICKERFEED_SEED=\(raw)"
        )
        return
    }
}

/// Seeds beyond the first 300 that found something once.
private let remembered: [UInt64] = [
    1_592, 2_817, 3_074, 3_161, 3_311, 5_285, 5_983, 6_141, 7_341, 7_530, 8_455, 8_717,
]

@Test("what a seed found once does not come back", arguments: remembered)
func rememberedSeeds(seed: UInt64) throws { try seeds(group: seed...seed) }

@Test("a run is a function of its seed", arguments: [Seed(3), Seed(4), Seed(5)])
func seedsRerun(seed: Seed) throws {
    let one = try Simulation(seed, digests: true).run(), two = try Simulation(seed, digests: true).run()
    #expect(one == two)
    #expect(one.messages > 0)
}
