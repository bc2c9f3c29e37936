// An image as ticks: all that is known of every symbol, once more.
//
//     epoch? · for each symbol:  symbol · clear · levels, worst first · best bid · best ask · status
//                                · last trade · statistics · open bars
//
// Invariants
//   - Tick for tick what ingest writes for a reader that was lapped. Each is flagged `snapshot`; a
//     symbol's last one is flagged `endOfEvent`.
//   - Where a day is yet to start, the statistics of the old one come before `clear`.
import Basics

extension MarketImage {
    /// Gives every symbol's state to `take`, in the order of their numbers. Those that are awaited are
    /// given as they were known last.
    public func writeSnapshot<Failure: Error>(_ take: (Tick) throws(Failure) -> Void) throws(Failure) {
        if var epoch {
            epoch.flags = [.snapshot, .endOfEvent]
            try take(epoch)
        }
        for index in 0..<end where symbols.contains(index) {
            try writeSymbol(SymbolID(index), symbols.address(of: index), take)
        }
    }

    /// The state of one symbol; nothing where there is none of that number.
    public func writeSnapshot<Failure: Error>(
        of symbol: SymbolID, _ take: (Tick) throws(Failure) -> Void
    ) throws(Failure) {
        guard symbols.contains(symbol.index) else { return }
        try writeSymbol(symbol, symbols.address(of: symbol.index), take)
    }

    private func writeSymbol<Failure: Error>(
        _ id: SymbolID, _ symbol: UnsafeMutablePointer<SymbolImage>,
        _ take: (Tick) throws(Failure) -> Void
    ) throws(Failure) {
        var definition = symbol.pointee.definition
        definition.flags = .snapshot
        try take(definition)
        if symbol.pointee.nextTradeStartsDay { try writeStatistics(id, symbol, take) }
        try writeBook(id, symbol, take)
        try take(
            repeated(
                .status, id, sequence: symbol.pointee.statusSequence, aux: symbol.pointee.status,
                at: symbol.pointee.statusAt))
        if var trade = symbol.pointee.lastTrade {
            trade.flags = .snapshot
            try take(trade)
        }
        if var broken = symbol.pointee.lastBreak {
            broken.flags = .snapshot
            try take(broken)
        }
        if !symbol.pointee.nextTradeStartsDay { try writeStatistics(id, symbol, take) }
        try writeBars(id, symbol, take)
    }

    private func writeBook<Failure: Error>(
        _ id: SymbolID, _ symbol: UnsafeMutablePointer<SymbolImage>,
        _ take: (Tick) throws(Failure) -> Void
    ) throws(Failure) {
        let sequence = symbol.pointee.bookSequence, at = symbol.pointee.bookAt
        try take(repeated(.clear, id, sequence: sequence, at: at))
        for side in Side.allCases {
            let count = side == .bid ? symbol.pointee.bids.count : symbol.pointee.asks.count
            for depth in (0..<count).reversed() {
                let level = side == .bid ? symbol.pointee.bids[depth] : symbol.pointee.asks[depth]
                try take(
                    repeated(
                        .level, id, side: side, sequence: sequence, price: level.price, size: level.size,
                        aux: UInt64(level.orders), at: at))
            }
        }
        for (side, best) in [(Side.bid, symbol.pointee.bid), (.ask, symbol.pointee.ask)] {
            try take(
                repeated(
                    .best, id, side: side, sequence: symbol.pointee.quoteSequence, price: best.price,
                    size: best.size, aux: best.orders, at: symbol.pointee.quoteAt))
        }
    }

    private func writeStatistics<Failure: Error>(
        _ id: SymbolID, _ symbol: UnsafeMutablePointer<SymbolImage>,
        _ take: (Tick) throws(Failure) -> Void
    ) throws(Failure) {
        let last = symbol.pointee.lastTrade
        let halves = symbol.pointee.statistics.ticks(
            .statistics, id, sequence: symbol.pointee.tradeSequence, at: last?.eventTime ?? .zero,
            received: last?.receiveTime ?? .zero)
        try take(halves[0])
        try take(halves[1])
    }

    private func writeBars<Failure: Error>(
        _ id: SymbolID, _ symbol: UnsafeMutablePointer<SymbolImage>,
        _ take: (Tick) throws(Failure) -> Void
    ) throws(Failure) {
        for interval in BarInterval.allCases {
            let open = interval == .second ? symbol.pointee.second : symbol.pointee.minute
            var halves = open.ticks(
                id, interval, after: symbol.pointee.tradeSequence,
                received: symbol.pointee.lastTrade?.receiveTime ?? .zero)
            if interval == BarInterval.allCases.last { halves[1].flags.insert(.endOfEvent) }
            try take(halves[0])
            try take(halves[1])
        }
    }

    private func repeated(
        _ kind: Tick.Kind, _ symbol: SymbolID, side: Side? = nil, sequence: UInt64,
        price: Price = .zero, size: Quantity = .zero, aux: UInt64 = 0, at stamp: SymbolImage.Stamp
    ) -> Tick {
        Tick(
            kind, symbol, side: side, flags: .snapshot, sequence: sequence, eventTime: stamp.time,
            receiveTime: stamp.received, price: price, size: size, source: stamp.source, aux: aux)
    }
}
