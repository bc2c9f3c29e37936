// What happens in a scenario and when: cues to a market, in the order of their times.
//
// Invariants
//   - Cues come from the scenario alone; of equal times the one that is listed first comes first.
//   - One that repeats does so at its first time plus whole periods.
import Basics

struct Script {
    enum Act {
        /// The opening auction ends.
        case open
        /// Some symbol falls silent.
        case lull
        /// The crash: the fall, the pause, the auction behind it, and its end.
        case fall, pause, auction, reopen
        /// The gap: messages are lost, are heard again, the books are sent anew.
        case lose, hear, mend
    }

    private struct Cue {
        let act: Act
        var at: Nanoseconds
        /// Zero: once.
        let every: Nanoseconds
    }
    private var cues: [Cue] = []
    /// The next one; `.max` where nothing comes any more.
    private(set) var due = Nanoseconds(raw: .max)

    init(_ scenario: Scenario) {
        func cue(_ act: Act, _ every: ScenarioKey, _ parts: [ScenarioKey]) {
            let at = parts.reduce(0) { $0 + scenario[$1] }
            cues.append(Cue(act: act, at: Nanoseconds(raw: Int64(at)), every: scenario[span: every]))
        }
        if scenario[.open] > 0 {
            cues.append(Cue(act: .open, at: scenario[span: .open], every: .zero))
        }
        if scenario[.lull] > 0, scenario[.lullEvery] > 0 {
            cue(.lull, .lullEvery, [.open, .spread, .lullEvery])
        }
        if scenario[.crash] > 0 {
            cue(.fall, .crashEvery, [.crashAt])
            cue(.pause, .crashEvery, [.crashAt, .crash])
            cue(.auction, .crashEvery, [.crashAt, .crash, .pause])
            cue(.reopen, .crashEvery, [.crashAt, .crash, .pause, .reopening])
        }
        if scenario[.gap] > 0 {
            cue(.lose, .gapEvery, [.gapAt])
            cue(.hear, .gapEvery, [.gapAt, .gap])
            cue(.mend, .gapEvery, [.gapAt, .gap, .mend])
        }
        look()
    }

    private var next: Int? {
        cues.indices.min { (cues[$0].at, $0) < (cues[$1].at, $1) }
    }
    private mutating func look() { due = next.map { cues[$0].at } ?? Nanoseconds(raw: .max) }

    /// Takes the next cue; only where there is one.
    mutating func take() -> Act? {
        guard let next else { return nil }
        let act = cues[next].act
        if cues[next].every > .zero {
            cues[next].at = cues[next].at + cues[next].every
        } else {
            cues.remove(at: next)
        }
        look()
        return act
    }
}
