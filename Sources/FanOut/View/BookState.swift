// A symbol's book with its recent changes: what tells a subscriber the difference.
//
// Invariants
//   - Changes are numbered as ingest numbered them: the book at an older version is this one with
//     the changes since undone.
//   - Nothing is remembered, and no memory held, where nobody follows the book.
import Basics
import Market

/// One level's change, with what it replaced.
struct LevelChange {
    let side: Side
    let price: Price
    let sizeBefore: Quantity
}

struct BookState: ~Copyable {
    /// Beyond so many changes a subscriber is given the whole book anew.
    static let changesMax = 1_024

    private(set) var bids = BookSide(.bid)
    private(set) var asks = BookSide(.ask)
    private(set) var sequence: UInt64 = 0
    private(set) var eventTime = Timestamp.zero
    private(set) var receiveTime = Timestamp.zero
    private(set) var changes = History<LevelChange>(capacityMax: changesMax)
    private(set) var readers = 0
    private var isRemembering: Bool { readers > 0 }

    var isCrossed: Bool {
        guard let bid = bids.best, let ask = asks.best else { return false }
        return bid.price > ask.price
    }

    mutating func addReaders(_ count: Int) {
        let wasRemembering = isRemembering
        readers += count
        if isRemembering != wasRemembering { changes.release(at: sequence) }
    }

    mutating func apply(_ tick: Tick) {
        let orders = UInt32(truncatingIfNeeded: tick.aux)
        let before =
            tick.side == .bid
            ? bids.set(tick.price, size: tick.size, orders: orders)
            : asks.set(tick.price, size: tick.size, orders: orders)
        note(tick)
        guard isRemembering else { return }
        if tick.flags.contains(.snapshot) {
            changes.startOver(at: sequence + 1)
        } else {
            let side = tick.side == .bid ? Side.bid : .ask
            changes.append(
                LevelChange(side: side, price: tick.price, sizeBefore: before), number: sequence)
        }
    }

    /// Everything is gone at once: no difference is told, but the empty book.
    mutating func clear(_ tick: Tick) {
        bids.removeAll()
        asks.removeAll()
        note(tick)
        if isRemembering { changes.startOver(at: sequence + 1) }
    }

    /// Empty, and at no version: another epoch begins. Its readers stay.
    mutating func forgetAll() {
        bids.removeAll()
        asks.removeAll()
        (sequence, eventTime, receiveTime) = (0, .zero, .zero)
        changes.forgetAll()
    }

    private mutating func note(_ tick: Tick) {
        sequence = tick.sequence
        eventTime = tick.eventTime
        receiveTime = tick.receiveTime
    }

    /// True where the changes since `version` are all remembered.
    func knows(since version: UInt64) -> Bool {
        isRemembering && version + 1 >= changes.first && version <= sequence
    }
}
