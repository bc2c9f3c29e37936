// The day in numbers, from its trades alone. Sums are 128 bits wide and exact.
import Basics

/// Open, high, low, last, volume, VWAP and count of one symbol's day.
public struct DayStatistics: Hashable, Sendable {
    public private(set) var open = Price.zero
    public private(set) var high = Price.zero
    public private(set) var low = Price.zero
    public private(set) var last = Price.zero
    /// Trades so far, without those taken back. 0 where none ever came: the prices above mean nothing.
    public private(set) var count: UInt64 = 0
    /// Units of 1e-8.
    public private(set) var volumeE8: Int128 = 0
    /// Sum of price × size, units of 1e-17.
    public private(set) var notionalE17: Int128 = 0

    public init() {}

    @inlinable public mutating func add(price: Price, size: Quantity) { record(price, size) }

    @usableFromInline mutating func record(_ price: Price, _ size: Quantity) {
        if count == 0 {
            open = price
            high = price
            low = price
        } else {
            if price > high { high = price }
            if price < low { low = price }
        }
        last = price
        count &+= 1
        volumeE8 &+= Int128(size.e8)
        notionalE17 &+= Int128(price.e9) &* Int128(size.e8)
    }

    /// Takes back a trade that was added: volume, VWAP and count go down. Open, high, low and last stand:
    /// they are prices that were shown. Where no trade is left, the next one opens anew.
    public mutating func remove(price: Price, size: Quantity) {
        guard count > 0 else { return }
        count &-= 1
        volumeE8 &-= Int128(size.e8)
        notionalE17 &-= Int128(price.e9) &* Int128(size.e8)
    }

    /// Volume-weighted average price, rounded half to even to 1e-9; nil without volume.
    public var vwap: Price? {
        guard count > 0, volumeE8 > 0 else { return nil }
        var (quotient, remainder) = notionalE17.quotientAndRemainder(dividingBy: volumeE8)
        let twice = remainder.magnitude &* 2, whole = volumeE8.magnitude
        if twice > whole || (twice == whole && quotient & 1 == 1) {
            quotient += notionalE17 < 0 ? -1 : 1
        }
        return Int64(exactly: quotient).map(Price.init(e9:))
    }

    /// Last against the day's first trade: no source here knows the previous close yet. A recording may hold anything: a
    /// difference that no price holds wraps.
    public var change: Price { Price(e9: last.e9 &- open.e9) }

    /// Two ticks that bring all of it to a reader that lost its place.
    public func ticks(
        _ kind: Tick.Kind, _ symbol: SymbolID, interval: BarInterval = .second, sequence: UInt64,
        at time: Timestamp, received: Timestamp
    ) -> [2 of Tick] {
        func tick(_ part: Side, _ a: Int64, _ b: Int64, _ c: UInt64, _ d: UInt64) -> Tick {
            Tick(
                kind, symbol, side: part, flags: .snapshot, interval: interval, sequence: sequence,
                eventTime: time, receiveTime: received, price: Price(e9: a), size: Quantity(e8: b), source: c,
                aux: d)
        }
        // `last` travels as the trade's own tick.
        return [
            tick(.bid, open.e9, high.e9, UInt64(bitPattern: low.e9), count),
            tick(
                .ask, Int64(truncatingIfNeeded: volumeE8), Int64(truncatingIfNeeded: volumeE8 >> 64),
                UInt64(truncatingIfNeeded: notionalE17), UInt64(truncatingIfNeeded: notionalE17 >> 64)),
        ]
    }

    /// Takes one of the two ticks; the sides tell the halves apart.
    public mutating func restore(_ tick: Tick) {
        if tick.side == .bid {
            open = tick.price
            high = Price(e9: tick.size.e8)
            low = Price(e9: Int64(bitPattern: tick.source))
            count = tick.aux
        } else {
            volumeE8 = Int128(tick.size.e8) << 64 | Int128(UInt64(bitPattern: tick.price.e9))
            notionalE17 = Int128(Int64(bitPattern: tick.aux)) << 64 | Int128(tick.source)
        }
    }

    /// The last price of a snapshot: not one more trade.
    public mutating func restore(last price: Price) { last = price }
}
