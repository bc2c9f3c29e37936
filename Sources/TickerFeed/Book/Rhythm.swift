// Whether a symbol is quiet or stale, by its own rhythm: an ETF that says nothing for three seconds is
// news, a small stock may sleep for minutes.
//
//     silence > 8 × the usual gap, 3 s at least: quiet        > 40 × the usual gap, 30 s at least: stale
//
// Invariants
//   - Only the source's clock counts. Marks stand at whole seconds, before the first event at or after
//     them, so that the same source gives the same ticks at any speed.
//   - Only a symbol whose market trades is judged, and a suspect one stays suspect.
//   - A message costs a store and two branches; a second in which something happened a pass over the
//     symbols; a long silence only the marks that change something.
import Basics
import Market

/// Usual gaps and silences of one symbol, in whole seconds of the source's clock.
struct SymbolRhythm {
    /// The last mark before which something was heard; 0: nothing ever was.
    var heardAt: Int64 = 0
    /// Between seconds in which something is heard, in 1/256 s. Nobody knows it at first.
    var usualGap: Int64 = 10 * 256

    var quietAfter: Int64 { max(3, (usualGap * 8 + 255) / 256) }
    var staleAfter: Int64 { max(30, (usualGap * 40 + 255) / 256) }

    /// Notes whether anything was heard since the last mark, and judges the silence.
    mutating func judge(at second: Int64, isHeard: Bool) -> FeedState {
        if isHeard {
            if heardAt > 0 { usualGap += (min(second - heardAt, 3_600) * 256 - usualGap) / 8 }
            heardAt = second
        }
        guard heardAt > 0 else { return .live }
        let silence = second - heardAt
        return silence > staleAfter ? .stale : silence > quietAfter ? .quiet : .live
    }

    /// The mark behind `second` at which the judgement will be another one if nothing is heard.
    func nextChange(after second: Int64) -> Int64? {
        guard heardAt > 0 else { return nil }
        let quiet = heardAt + quietAfter + 1, stale = heardAt + staleAfter + 1
        return quiet > second ? quiet : stale > second ? stale : nil
    }
}

/// When the source's clock alone makes something happen: bars that end, symbols that fall silent.
struct MarkClock {
    var bars = BarClock()
    /// When silences are judged next, and whether anything was heard since they were.
    var judgement = Timestamp(raw: .max)
    var isAnyHeard = false

    @inline(__always) var due: Timestamp { min(bars.due, judgement) }

    static let second: Int64 = 1_000_000_000

    /// The first whole second behind `time`.
    static func mark(after time: Timestamp) -> Timestamp {
        let rest = time.raw % second
        return Timestamp(raw: time.raw - (rest < 0 ? rest + second : rest) &+ second)
    }
}

extension BookBuilder {
    /// Something of the symbol was heard, in front of the ticks about it.
    @inline(__always)
    mutating func hear(_ symbol: SymbolID, at stamp: Stamp) {
        let state = states[symbol]
        state.pointee.isHeard = true
        if !marks.isAnyHeard { awaitJudgement(stamp) }
        if state.pointee.isSilent { wake(symbol, stamp) }
    }

    private mutating func awaitJudgement(_ stamp: Stamp) {
        marks.isAnyHeard = true
        marks.judgement = min(marks.judgement, MarkClock.mark(after: stamp.time))
    }

    private mutating func wake(_ symbol: SymbolID, _ stamp: Stamp) {
        states[symbol].pointee.status.feed = .live
        showStatus(symbol, at: stamp)
    }

    /// The source's clock has reached `time`, though nothing happened then. Only when every event
    /// before it was applied.
    public mutating func advance(to time: Timestamp, received: Timestamp) {
        // Far times stand for none at all; shifting them would overflow.
        guard time.raw > .min / 2, time.raw < .max / 2 else { return }
        if time + shift >= marks.due { passMarks(to: time + shift, received: received) }
    }

    /// Marks in the order of their times, whichever clock made them.
    mutating func passMarks(to time: Timestamp, received: Timestamp) {
        while marks.due <= time {
            if marks.bars.due <= marks.judgement {
                endBars(at: marks.bars.due, received: received)
            } else {
                judgeSilences(received: received)
            }
        }
    }

    private mutating func judgeSilences(received: Timestamp) {
        let stamp = Stamp(time: marks.judgement, received: received, source: last.source)
        let second = stamp.time.raw / MarkClock.second
        var next = Int64.max
        for index in 0..<symbolCount {
            let symbol = SymbolID(index), state = states[symbol]
            let isHeard = state.pointee.isHeard
            state.pointee.isHeard = false
            guard state.pointee.status.market.state == .trading else {
                state.pointee.rhythm.heardAt = 0
                continue
            }
            let feed = state.pointee.rhythm.judge(at: second, isHeard: isHeard)
            next = min(next, state.pointee.rhythm.nextChange(after: second) ?? .max)
            guard state.pointee.status.feed != .suspect, state.pointee.status.feed != feed else { continue }
            state.pointee.status.feed = feed
            showStatus(symbol, at: stamp)
        }
        marks.isAnyHeard = false
        marks.judgement = Timestamp(raw: next == .max ? .max : next * MarkClock.second)
    }

    /// A new round: silences of the old one are none of it.
    mutating func endSilence(of symbol: SymbolID, at stamp: Stamp) {
        let state = states[symbol]
        state.pointee.rhythm = SymbolRhythm()
        state.pointee.isHeard = false
        if state.pointee.isSilent { wake(symbol, stamp) }
    }
}
