// Ticks of a feed that was published elsewhere: as a recording's, but for what only a follower says.
//
// Invariants
//   - Numbers and times are the publisher's, the receive time too: that is when the system had it.
//   - A symbol is told anew as a lapped reader is told it: `resync`, then a snapshot, in one event.
import Basics
import Market

extension BookBuilder {
    /// - Parameter tick: of a symbol as it is numbered here, which is in the order of its definitions.
    mutating func follow(_ tick: Tick) {
        guard let kind = tick.kind else { return }
        switch kind {
        case .place:
            place = tick.place
            writer.append(tick)
        case .epoch:
            beginEpoch(
                UInt32(truncatingIfNeeded: tick.aux),
                at: Stamp(time: tick.eventTime, received: tick.receiveTime, source: tick.source))
        case .resync: resync(tick)
        case .symbol:
            _ = adopt(tick, received: tick.receiveTime)
            writer.append(tick)
        default:
            guard tick.symbol.index < symbolCount else { return }
            replay(tick, kind, as: tick.symbol, received: tick.receiveTime)
        }
    }

    private mutating func resync(_ tick: Tick) {
        guard tick.symbol.index < symbolCount else { return }
        let state = states[tick.symbol]
        state.pointee.isForgotten = tick.aux != 0
        if tick.aux != 0 {
            books.removeLevels(of: tick.symbol)
            state.pointee = SymbolState(
                definition: state.pointee.definition, definedAt: state.pointee.definedAt, unit: .e8)
            state.pointee.isForgotten = true
        }
        writer.append(tick)
    }
}
