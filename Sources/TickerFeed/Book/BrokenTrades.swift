// Trades that the source takes back: a number of their own among the trades, and out of day and bars.
//
// Invariants
//   - A break is numbered like a trade, and is none: it opens no bar, starts no day, sets no price.
//   - The trade leaves the day's volume, VWAP and count, and those of a bar that is still open. Prices
//     stand, and so do closed bars.
//   - Whoever remembers trades forgets them where a day starts anew: then nothing of it is in the sums.
import Basics
import Market

/// A trade as it has to be remembered, so that it can be taken back.
struct PrintedTrade: Hashable {
    let symbol: SymbolID
    /// Its number on the trade channel.
    let number: UInt64
    let match: UInt64
    let price: Price
    let size: Quantity
}

extension BookBuilder {
    /// Takes back a trade of this day, as a whole event.
    mutating func takeBack(_ trade: PrintedTrade, at stamp: Stamp) {
        let state = states[trade.symbol]
        state.pointee.tradeSequence += 1
        state.pointee.statistics.remove(price: trade.price, size: trade.size)
        var tick = Tick(
            .tradeBreak, trade.symbol, flags: .endOfEvent, sequence: state.pointee.tradeSequence,
            eventTime: stamp.time, receiveTime: stamp.received, price: trade.price, size: trade.size,
            source: stamp.source, aux: trade.match)
        for interval in BarInterval.allCases {
            let index = Int(interval.rawValue)
            guard state.pointee.bars[index].contains(trade.number) else { continue }
            state.pointee.bars[index].remove(price: trade.price, size: trade.size)
            tick.flags.formUnion(.inOpen(interval))
        }
        state.pointee.lastBreak = tick
        writer.append(tick)
    }
}
