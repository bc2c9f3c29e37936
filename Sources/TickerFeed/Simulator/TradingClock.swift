// Trading time: how much trading a span of time holds. A burst is time that runs faster.
//
//     trading      ╱
//        ▲     ╱──╯     in a burst `factor` times as fast as the clock on the wall
//        │    │
//        │   ╱          else as fast
//        └──────────▶ time
//
// Invariants
//   - `time` undoes `trading` exactly, and neither ever steps back.
//   - No state: how often it was asked changes nothing.
import Basics

/// Turns the market's time into trading time and back, both since the start.
struct TradingClock {
    private let first: Int64
    private let length: Int64
    /// From one burst's begin to the next one's; no two overlap.
    private let period: Int64
    private let factor: Int64
    private let cycle: Int64

    init(_ scenario: Scenario) {
        length = Int64(scenario[.burst])
        first = length > 0 ? Int64(scenario[.burstAt]) : .max
        // Where there is one burst, the next one is further away than any life.
        period = scenario[.burstEvery] > 0 ? Int64(scenario[.burstEvery]) : 1 << 56
        factor = Int64(scenario[.burstFactor])
        cycle = length * factor + (period - length)
    }

    @inline(__always)
    func time(of trading: Int64) -> Int64 {
        guard trading > first, trading != .max else { return trading }
        let (bursts, rest) = (trading - first).quotientAndRemainder(dividingBy: cycle)
        let begin = first + bursts * period, fast = length * factor
        return begin + (rest < fast ? rest / factor : length + rest - fast)
    }

    func trading(at time: Int64) -> Int64 {
        guard time > first else { return time }
        let (bursts, rest) = (time - first).quotientAndRemainder(dividingBy: period)
        let begin = first + bursts * cycle
        return begin + (rest < length ? rest * factor : length * factor + rest - length)
    }
}
