// Open, high, low and close of an interval: a symbol's trades folded by time.
//
//     trades       1  2  3        |4  5     |      |7    version = numbers of trades so far + closes so far
//     broken                            6(4)               (a broken trade has a number of its own among them)
//     versions     1  2  3        4  5  6  7      8       9
//                                 closed         closed
//
// Invariants
//   - Who adds the same trades, takes back the same ones and closes at the same marks has the same bars
//     with the same numbers: ingest numbers the marks, a loop only follows.
//   - Bars of a symbol follow one another. A trade that comes late belongs to the bar that is open.
//   - An interval without a trade has no bar. One of which every trade was taken back has: `first` says
//     whether a bar is open, not the count of its trades.
//   - A bar's trades are those numbered from `first` on. A trade taken back leaves the bar that it is in
//     while that is open, and a closed one never; either way the version moves by one.
import Basics

/// How long a bar lasts. Bars begin at whole multiples of it since 1970 UTC.
public enum BarInterval: UInt8, Hashable, Sendable, CaseIterable {
    case second = 0
    case minute = 1

    public var length: Nanoseconds { self == .second ? .seconds(1) : .seconds(60) }
    /// The word of the protocol.
    public var name: StaticString { self == .second ? "1s" : "1m" }

    /// The start of the interval that `time` is in.
    public func start(of time: Timestamp) -> Timestamp {
        let late = time.raw % length.raw
        return Timestamp(raw: time.raw &- (late < 0 ? late + length.raw : late))
    }
}

/// One interval's trades.
public struct Bar: Hashable, Sendable {
    public var start: Timestamp
    /// Open, high, low, last (the close), volume, VWAP and count.
    public var trades: DayStatistics

    public init(start: Timestamp, trades: DayStatistics) {
        self.start = start
        self.trades = trades
    }
}

/// A symbol's bar of one interval while it grows.
public struct OpenBar: Hashable, Sendable {
    public private(set) var bar = Bar(start: Timestamp(raw: .min), trades: DayStatistics())
    /// Bars closed so far, for ever.
    public private(set) var closes: UInt64 = 0
    /// The end of the last bar: the next one begins there at the earliest.
    public private(set) var closedTo = Timestamp(raw: .min)
    /// The number of its first trade, taken back or not; 0: there was none yet.
    public private(set) var first: UInt64 = 0

    public init() {}

    /// No trade came yet.
    public var isEmpty: Bool { first == 0 }
    /// The version before its first trade. Only where one came.
    public var sequenceBefore: UInt64 { first &- 1 &+ closes }
    /// Whether the trade of that number is one of its own.
    public func contains(_ number: UInt64) -> Bool { !isEmpty && number >= first }

    /// The version, given the number of the symbol's last trade, or broken one.
    public func sequence(after trades: UInt64) -> UInt64 { trades &+ closes }

    /// When it is over. Only with a trade in it.
    public func end(_ interval: BarInterval) -> Timestamp { bar.start + interval.length }

    /// - Parameter number: the trade's.
    public mutating func add(
        price: Price, size: Quantity, number: UInt64, at time: Timestamp, _ interval: BarInterval
    ) {
        if isEmpty {
            bar.start = max(interval.start(of: time), closedTo)
            first = number
        }
        bar.trades.add(price: price, size: size)
    }

    /// Takes back a trade that it contains.
    public mutating func remove(price: Price, size: Quantity) {
        bar.trades.remove(price: price, size: size)
    }

    /// Ends it and begins an empty one.
    public mutating func close(_ interval: BarInterval) -> Bar {
        let closed = bar
        closedTo = end(interval)
        closes &+= 1
        first = 0
        bar = Bar(start: closedTo, trades: DayStatistics())
        return closed
    }

    /// The source's clock begins anew: bars of before are no longer in the way. Only when empty.
    public mutating func startOver() {
        bar.start = Timestamp(raw: .min)
        closedTo = bar.start
    }

    /// Two ticks that bring it to a reader that lost its place: of the first half the event time is the
    /// start, of the second one it is the number of the first trade.
    public func ticks(
        _ symbol: SymbolID, _ interval: BarInterval, after trades: UInt64, received: Timestamp
    ) -> [2 of Tick] {
        var halves = bar.trades.ticks(
            .bar, symbol, interval: interval, sequence: sequence(after: trades), at: bar.start,
            received: received)
        halves[1].eventTime = Timestamp(raw: Int64(bitPattern: first))
        return halves
    }

    /// Takes one of the two, given the number of the symbol's last trade, or broken one, and the last
    /// trade's price.
    public mutating func restore(_ tick: Tick, after trades: UInt64, last: Price) {
        bar.trades.restore(tick)
        closes = tick.sequence &- trades
        guard tick.side != .bid else {
            bar.start = tick.eventTime
            closedTo = tick.eventTime
            return
        }
        first = UInt64(bitPattern: tick.eventTime.raw)
        bar.trades.restore(last: last)
        if isEmpty { bar.trades = DayStatistics() }
    }
}
