// Open, high, low and close of an interval: a symbol's trades folded by time.
//
//     trades       1  2  3        |4  5     |            version = trades so far + closes so far
//     versions     1  2  3        4  5  6   7
//                                 closed    closed
//
// Invariants
//   - Who adds the same trades and closes at the same marks has the same bars with the same
//     numbers: ingest numbers the marks, a loop only follows.
//   - Bars of a symbol follow one another. A trade that comes late belongs to the bar that is open.
//   - An interval without a trade has no bar.
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

    public init() {}

    /// No trade in it yet.
    public var isEmpty: Bool { bar.trades.count == 0 }

    /// The version, given the symbol's trades so far.
    public func sequence(after trades: UInt64) -> UInt64 { trades &+ closes }

    /// When it is over. Only with a trade in it.
    public func end(_ interval: BarInterval) -> Timestamp { bar.start + interval.length }

    public mutating func add(
        price: Price, size: Quantity, at time: Timestamp, _ interval: BarInterval
    ) {
        if isEmpty { bar.start = max(interval.start(of: time), closedTo) }
        bar.trades.add(price: price, size: size)
    }

    /// Ends it and begins an empty one.
    public mutating func close(_ interval: BarInterval) -> Bar {
        let closed = bar
        closedTo = end(interval)
        closes &+= 1
        bar = Bar(start: closedTo, trades: DayStatistics())
        return closed
    }

    /// The source's clock begins anew: bars of before are no longer in the way. Only when empty.
    public mutating func startOver() {
        bar.start = Timestamp(raw: .min)
        closedTo = bar.start
    }

    /// Takes one of the two `bar` ticks of a snapshot, given the symbol's trades up to then and the
    /// last one's price.
    public mutating func restore(_ tick: Tick, after trades: UInt64, last: Price) {
        bar.start = tick.eventTime
        bar.trades.restore(tick)
        bar.trades.restore(last: last)
        if isEmpty { bar.trades = DayStatistics() }
        closes = tick.sequence &- trades
        closedTo = tick.eventTime
    }
}
