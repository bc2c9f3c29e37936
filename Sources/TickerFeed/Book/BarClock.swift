// When bars end: by the source's clock, and where that stands still, by the pace's.
//
// Invariants
//   - A mark stands before the first event at or after the interval's end, however the stream was
//     cut into turns: the same source gives the same ticks.
//   - Within one mark: seconds before minutes, each in the order in which the bars began.
//   - Costs one comparison a message until something ends.
import Basics
import Market

/// Which symbols have a bar to end, and when the first of them does.
struct BarClock {
    var due = Timestamp(raw: .max)
    private var open: [2 of [SymbolID]] = [[], []]

    /// A bar has begun that ends then.
    mutating func began(_ symbol: SymbolID, _ interval: BarInterval, end: Timestamp) {
        open[Int(interval.rawValue)].append(symbol)
        due = min(due, end)
    }

    /// Takes the symbols with a bar of that interval; those that go on are told again by `began`.
    mutating func take(_ interval: BarInterval) -> [SymbolID] {
        defer { open[Int(interval.rawValue)].removeAll(keepingCapacity: true) }
        return open[Int(interval.rawValue)]
    }
}

extension BookBuilder {
    /// The source is at its end: no trade will follow in the bars that are open.
    mutating func endBars(received: Timestamp) {
        endBars(at: Timestamp(raw: .max), received: received)
    }

    mutating func endBars(at time: Timestamp, received: Timestamp) {
        marks.bars.due = Timestamp(raw: .max)
        for interval in BarInterval.allCases {
            for symbol in marks.bars.take(interval) {
                let end = states[symbol].pointee.bars[Int(interval.rawValue)].end(interval)
                if end > time {
                    marks.bars.began(symbol, interval, end: end)
                } else {
                    endBar(of: symbol, interval, Stamp(time: end, received: received, source: last.source))
                }
            }
        }
    }

    private mutating func endBar(of symbol: SymbolID, _ interval: BarInterval, _ stamp: Stamp) {
        let state = states[symbol], index = Int(interval.rawValue)
        _ = state.pointee.bars[index].close(interval)
        writer.append(
            Tick(
                .barClose, symbol, interval: interval,
                sequence: state.pointee.bars[index].sequence(after: state.pointee.tradeSequence),
                eventTime: stamp.time, receiveTime: stamp.received, source: stamp.source))
        writer.endEvent()
    }

    /// A trade belongs to the open bar of each interval.
    @inline(__always)
    mutating func addToBars(
        _ symbol: SymbolID, price: Price, size: Quantity, number: UInt64, at time: Timestamp
    ) {
        let state = states[symbol]
        for interval in BarInterval.allCases {
            let index = Int(interval.rawValue)
            let begins = state.pointee.bars[index].isEmpty
            state.pointee.bars[index].add(
                price: price, size: size, number: number, at: time, interval)
            if begins { marks.bars.began(symbol, interval, end: state.pointee.bars[index].end(interval)) }
        }
    }
}
