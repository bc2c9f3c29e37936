// Lives of a feed: after a seek all that was said before is void, and every number begins anew.
//
// Invariants
//   - Symbols keep their numbers and definitions, and nothing else.
//   - Before each round of snapshots the epoch is repeated: a reader that lost its place may have lost
//     the beginning of another one with it.
import Basics
import Market

extension BookBuilder {
    /// Begins another life: no orders, no books, no past. Open bars end without a word.
    ///
    /// - Parameter number: of the epoch, not 0.
    public mutating func beginEpoch(_ number: UInt32, at stamp: Stamp) {
        epoch = number
        books.removeAll()
        marks = MarkClock()
        recentTrades.forgetAll()
        for index in 0..<states.count {
            let state = states[SymbolID(index)]
            let isForgotten = state.pointee.isForgotten
            state.pointee = SymbolState(
                definition: state.pointee.definition, definedAt: state.pointee.definedAt,
                unit: state.pointee.unit)
            state.pointee.isForgotten = isForgotten
        }
        writeEpoch(flags: .endOfEvent, symbols: 0, at: stamp)
    }

    /// Says which epoch the snapshots behind this are of, and how many symbols.
    mutating func repeatEpoch() {
        if let place { writer.append(.place(place, at: last.time, received: last.received)) }
        writeEpoch(flags: [.snapshot, .endOfEvent], symbols: states.count, at: last)
    }

    private mutating func writeEpoch(flags: Tick.Flags, symbols: Int, at stamp: Stamp) {
        writer.append(
            Tick(
                .epoch, SymbolID(0), flags: flags, sequence: UInt64(symbols), eventTime: stamp.time,
                receiveTime: stamp.received, source: stamp.source, aux: UInt64(epoch)))
    }
}
