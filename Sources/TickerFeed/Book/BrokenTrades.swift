// Trades that the source takes back: a number of their own among the trades, and out of day and bars.
//
// Invariants
//   - A break is numbered like a trade, and is none: it opens no bar, starts no day, sets no price.
//   - The trade leaves the day's volume, VWAP and count, and those of a bar that is still open. Prices
//     stand, and so do closed bars.
//   - Trades are forgotten where a day starts anew: nothing of them is in the sums any more.
//   - Memory is one table of `RecentTrades.max`; of two that fall on one place the later one stays. Of what
//     is not known any more nobody is told.
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

/// The latest trades by their match numbers.
struct RecentTrades: ~Copyable {
    static let max = 1 << 15
    private let places: UnsafeMutablePointer<PrintedTrade>
    private static let nothing = PrintedTrade(
        symbol: SymbolID(0), number: 0, match: 0, price: .zero, size: .zero)

    /// Nothing is remembered, and the table is as it was left. A source without trades never touches it.
    private var isBlank = true

    init() { places = .allocate(capacity: RecentTrades.max) }
    deinit { places.deallocate() }

    mutating func forgetAll() { isBlank = true }

    @inline(never)
    private mutating func wipe() {
        places.initialize(repeating: RecentTrades.nothing, count: RecentTrades.max)
        isBlank = false
    }

    @inline(__always)
    private func place(_ match: UInt64) -> UnsafeMutablePointer<PrintedTrade> {
        // Matches that follow one another take places of their own.
        places + Int(truncatingIfNeeded: match & UInt64(RecentTrades.max - 1))
    }

    @inline(__always)
    mutating func add(_ trade: PrintedTrade) {
        if isBlank { wipe() }
        place(trade.match).pointee = trade
    }

    /// The trade of that match, once: nobody takes it back twice.
    func take(_ match: UInt64) -> PrintedTrade? {
        guard !isBlank else { return nil }
        let trade = place(match).pointee
        guard trade.match == match, trade.number > 0 else { return nil }
        place(match).pointee = RecentTrades.nothing
        return trade
    }
}

extension BookBuilder {
    /// The source takes back what it told as a trade of that match.
    public mutating func breakTrade(match: UInt64, at stamp: Stamp) {
        let stamp = begin(stamp)
        brokenTrades += 1
        guard let trade = recentTrades.take(match) else {
            return count(.unknownTradeBroken, message: stamp.source)
        }
        takeBack(trade, at: stamp)
    }

    private mutating func takeBack(_ trade: PrintedTrade, at stamp: Stamp) {
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
