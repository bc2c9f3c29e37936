// All that is known of a symbol, once more: for a reader that was lapped or came late.
//
//     symbol · clear · levels, worst first · best bid · best ask · status · last trade · what was taken
//     back since · statistics · open bars
//
// Invariants
//   - Every tick is flagged `snapshot` and carries the number and the times of the state it repeats:
//     a snapshot counts nothing and is no event. Only its last tick is flagged `endOfEvent`.
//   - Read like any other ticks they rebuild the state. `clear` says that the next trade starts a
//     day, statistics that one is on; so where a day is yet to start, the statistics of the old
//     one come before `clear`, and the reader ends like one that saw it all.
import Basics
import Market

extension BookBuilder {
    /// Writes the symbol's state; about as many ticks as it has levels. Not between the ticks of
    /// one message.
    public mutating func writeSnapshot(of symbol: SymbolID) {
        let state = states[symbol].pointee
        writer.append(
            .symbol(
                symbol, state.definition, flags: .snapshot, at: state.definedAt.time,
                received: state.definedAt.received))
        guard !state.isForgotten else {
            return writer.append(
                .resync(
                    symbol, forgets: true, flags: [.snapshot, .endOfEvent], at: state.definedAt.time,
                    received: state.definedAt.received))
        }
        if state.nextTradeStartsDay { writeStatistics(of: symbol, state) }
        writeBook(of: symbol, state)
        repeatState(
            .status, symbol, sequence: state.statusSequence, aux: state.status.packed,
            at: state.statusAt)
        if var trade = state.lastTrade {
            trade.flags = .snapshot
            writer.append(trade)
        }
        if var broken = state.lastBreak {
            // The open bars come behind it as they are.
            broken.flags = .snapshot
            writer.append(broken)
        }
        if !state.nextTradeStartsDay { writeStatistics(of: symbol, state) }
        writeBars(of: symbol, state)
        writer.endEvent()
    }

    private mutating func writeBook(of symbol: SymbolID, _ state: SymbolState) {
        repeatState(.clear, symbol, sequence: state.bookSequence, at: state.bookAt)
        for side in Side.allCases {
            for depth in (0..<books.depth(symbol, side)).reversed() {
                let level = books.level(symbol, side, depth)
                repeatState(
                    .level, symbol, side: side, sequence: state.bookSequence, price: level.price,
                    size: quantity(level.shares, state.unit), aux: UInt64(level.orders),
                    at: state.bookAt)
            }
        }
        for (side, best) in [(Side.bid, state.bid), (.ask, state.ask)] {
            repeatState(
                .best, symbol, side: side, sequence: state.quoteSequence, price: best.price,
                size: quantity(best.shares, state.unit), aux: UInt64(best.orders), at: state.quoteAt)
        }
    }

    private mutating func writeStatistics(of symbol: SymbolID, _ state: SymbolState) {
        let at = state.lastTrade
        let halves = state.statistics.ticks(
            .statistics, symbol, sequence: state.tradeSequence, at: at?.eventTime ?? .zero,
            received: at?.receiveTime ?? .zero)
        writer.append(halves[0])
        writer.append(halves[1])
    }

    private mutating func writeBars(of symbol: SymbolID, _ state: SymbolState) {
        for interval in BarInterval.allCases {
            let halves = state.bars[Int(interval.rawValue)].ticks(
                symbol, interval, after: state.tradeSequence,
                received: state.lastTrade?.receiveTime ?? .zero)
            writer.append(halves[0])
            writer.append(halves[1])
        }
    }

    private mutating func repeatState(
        _ kind: Tick.Kind, _ symbol: SymbolID, side: Side? = nil, sequence: UInt64,
        price: Price = .zero, size: Quantity = .zero, aux: UInt64 = 0, at stamp: Stamp
    ) {
        writer.append(
            Tick(
                kind, symbol, side: side, flags: .snapshot, sequence: sequence, eventTime: stamp.time,
                receiveTime: stamp.received, price: price, size: size, source: stamp.source, aux: aux))
    }
}
