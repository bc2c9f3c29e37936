// A recording's ticks, played as they are: numbers, times and all. The builder only follows.
//
// Invariants
//   - What was recorded goes onto the tape again tick for tick; only the receive time is now's.
//   - The states follow, so that a reader that lost its place is given them as of any feed.
//   - With its times shifted, bars would end elsewhere than they were recorded to: they are made anew.
import Basics
import Market

extension BookBuilder {
    /// A symbol of the recording: its number here, or nil where it is not wanted.
    mutating func adopt(_ tick: Tick, received: Timestamp) -> SymbolID? {
        let definition = tick.definition
        if let wanted, !wanted.contains(definition.name) { return nil }
        let stamp = Stamp(time: tick.eventTime + shift, received: received, source: 0)
        let id = directory.add(definition)
        if id.index == symbolCount {
            states.append(SymbolState(definition: definition, definedAt: stamp, unit: .e8))
            _ = books.addSymbol()
        } else {
            states[id].pointee.definition = definition
            states[id].pointee.definedAt = stamp
            states[id].pointee.unit = .e8
        }
        return id
    }

    /// Takes one tick, as of the symbol that it has here.
    mutating func replay(_ recorded: Tick, _ kind: Tick.Kind, as symbol: SymbolID, received: Timestamp) {
        var tick = recorded
        tick.head = tick.head & 0xffff_ffff | UInt64(symbol.raw) << 32
        tick.receiveTime = received
        if shift != .zero, !(kind == .bar && tick.side == .ask) { tick.eventTime = tick.eventTime + shift }
        let stamp = Stamp(time: tick.eventTime, received: received, source: tick.source)
        if shift != .zero, !tick.flags.contains(.snapshot), stamp.time >= marks.bars.due {
            endBars(at: stamp.time, received: received)
        }
        note(stamp, of: tick, kind)
        let state = states[symbol]
        switch kind {
        case .level: takeLevel(tick, symbol, stamp)
        case .best:
            state.pointee[tick.side ?? .bid] = SymbolState.Best(
                price: tick.price, shares: SizeUnit.e8.units(tick.size),
                orders: UInt32(truncatingIfNeeded: tick.aux))
            state.pointee.quoteSequence = tick.sequence
            state.pointee.quoteAt = stamp
        case .trade: takeTrade(tick, symbol)
        case .tradeBreak: takeBreak(tick, symbol)
        case .status:
            state.pointee.status = SymbolStatus(packed: tick.aux)
            state.pointee.statusSequence = tick.sequence
            state.pointee.statusAt = stamp
        case .clear:
            books.removeLevels(of: symbol)
            state.pointee.bookSequence = tick.sequence
            state.pointee.bookAt = stamp
            if tick.aux == 0 { startDay(symbol) }
        case .statistics:
            state.pointee.statistics.restore(tick)
            state.pointee.tradeSequence = tick.sequence
            state.pointee.nextTradeStartsDay = false
        case .bar:
            let price = state.pointee.lastTrade?.price ?? .zero
            let index = Int(tick.interval.rawValue)
            state.pointee.bars[index].restore(tick, after: state.pointee.tradeSequence, last: price)
            if shift != .zero, tick.side == .ask, !state.pointee.bars[index].isEmpty {
                marks.bars.began(symbol, tick.interval, end: state.pointee.bars[index].end(tick.interval))
            }
        case .barClose:
            guard shift == .zero else { return }
            _ = state.pointee.bars[Int(tick.interval.rawValue)].close(tick.interval)
        case .symbol, .epoch, .place, .resync: break
        }
        writer.append(tick)
    }

    /// What is repeated is of any age, and some of it has numbers where others have a time.
    private mutating func note(_ stamp: Stamp, of tick: Tick, _ kind: Tick.Kind) {
        guard tick.flags.contains(.snapshot) else { return last = stamp }
        switch kind {
        case .level, .best, .clear, .status, .trade, .tradeBreak: if stamp.time > last.time { last = stamp }
        case .statistics, .bar, .barClose, .symbol, .epoch, .place, .resync: break
        }
    }

    private mutating func takeLevel(_ tick: Tick, _ symbol: SymbolID, _ stamp: Stamp) {
        _ = books.setLevel(
            symbol, tick.side ?? .bid, price: tick.price, size: SizeUnit.e8.units(tick.size),
            orders: UInt32(truncatingIfNeeded: tick.aux))
        states[symbol].pointee.bookSequence = tick.sequence
        states[symbol].pointee.bookAt = stamp
    }

    private mutating func takeTrade(_ tick: Tick, _ symbol: SymbolID) {
        let state = states[symbol]
        state.pointee.lastTrade = tick
        state.pointee.lastBreak = nil
        // The last trade again, not one more: statistics and bars come in ticks of their own.
        guard !tick.flags.contains(.snapshot) else {
            return state.pointee.statistics.restore(last: tick.price)
        }
        state.pointee.tradeSequence = tick.sequence
        if state.pointee.nextTradeStartsDay {
            state.pointee.statistics = DayStatistics()
            state.pointee.nextTradeStartsDay = false
        }
        state.pointee.statistics.add(price: tick.price, size: tick.size)
        guard shift == .zero else {
            return addToBars(
                symbol, price: tick.price, size: tick.size, number: tick.sequence, at: tick.eventTime)
        }
        for interval in BarInterval.allCases {
            state.pointee.bars[Int(interval.rawValue)].add(
                price: tick.price, size: tick.size, number: tick.sequence, at: tick.eventTime, interval)
        }
    }

    private mutating func takeBreak(_ tick: Tick, _ symbol: SymbolID) {
        let state = states[symbol]
        state.pointee.tradeSequence = tick.sequence
        state.pointee.lastBreak = tick
        guard !tick.flags.contains(.snapshot) else { return }
        state.pointee.statistics.remove(price: tick.price, size: tick.size)
        for interval in BarInterval.allCases where tick.flags.contains(.inOpen(interval)) {
            state.pointee.bars[Int(interval.rawValue)].remove(price: tick.price, size: tick.size)
        }
    }

    private mutating func startDay(_ symbol: SymbolID) {
        states[symbol].pointee.nextTradeStartsDay = true
        for index in states[symbol].pointee.bars.indices { states[symbol].pointee.bars[index].startOver() }
    }
}
