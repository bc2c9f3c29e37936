// The best bid and offer of one symbol, as state with a version.
import Basics

/// One symbol's best prices.
public struct Quote: Hashable, Sendable {
    /// Nil: nobody bids.
    public private(set) var bid: Level?
    /// Nil: nobody offers.
    public private(set) var ask: Level?
    /// The version ingest gave this state; 0 before the first.
    public private(set) var sequence: UInt64 = 0
    /// Of the last change, by the source's clock.
    public private(set) var eventTime = Timestamp.zero
    /// Of the last change, by ingest's.
    public private(set) var receiveTime = Timestamp.zero

    public init() {}

    /// Takes a `.best` tick. Between the two ticks of one event the state is half new: look at it
    /// only where a tick carried `endOfEvent`.
    public mutating func apply(_ tick: Tick) {
        let level =
            tick.size == .zero
            ? nil
            : Level(price: tick.price, size: tick.size, orders: UInt32(truncatingIfNeeded: tick.aux))
        if tick.side == .bid { bid = level } else { ask = level }
        sequence = tick.sequence
        eventTime = tick.eventTime
        receiveTime = tick.receiveTime
    }

    /// Somebody bids more than somebody asks; the source says so.
    public var isCrossed: Bool {
        guard let bid, let ask else { return false }
        return bid.price > ask.price
    }
}
