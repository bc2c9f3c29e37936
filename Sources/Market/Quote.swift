// The best bid and offer of one symbol, as state with a version.
import Basics

public struct Quote: Hashable, Sendable {
    /// Nil: nobody bids.
    public private(set) var bid: Level?
    public private(set) var ask: Level?
    /// The version ingest gave this state; 0 before the first.
    public private(set) var sequence: UInt64 = 0
    public private(set) var eventTime = Timestamp.zero
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

    public var isCrossed: Bool {
        guard let bid, let ask else { return false }
        return bid.price > ask.price
    }
}
