// One side of an aggregated book: levels in one run of memory, the best at the end.
//
// Invariants
//   - Prices are strictly ordered, worst first, so that the busy end moves the fewest bytes.
//   - No level is empty.
import Basics

/// A price with all that rests there.
public struct Level: Hashable, Sendable {
    /// What all of it asks or bids.
    public let price: Price
    /// All orders together.
    public let size: Quantity
    /// Resting orders; 0 where the source doesn't say.
    public let orders: UInt32
    /// `orders` 0: the source doesn't say.
    public init(price: Price, size: Quantity, orders: UInt32 = 0) {
        self.price = price
        self.size = size
        self.orders = orders
    }
}

/// Bids or asks of one symbol, made of `.level` ticks.
public struct BookSide: Sendable {
    /// Decides which price is better.
    public let side: Side
    private var levels: [Level] = []

    /// Empty.
    public init(_ side: Side) { self.side = side }

    /// Levels.
    public var count: Int { levels.count }
    /// Nil: the side is empty.
    public var best: Level? { levels.last }

    /// The level `depth` places behind the best (0 is the best itself).
    public subscript(depth: Int) -> Level { levels[levels.count - 1 - depth] }

    /// Sets a level's total; size 0 removes it. A level that isn't there is removed in vain.
    ///
    /// - Returns: what was there before; zero: nothing.
    @discardableResult
    public mutating func set(_ price: Price, size: Quantity, orders: UInt32 = 0) -> Quantity {
        let (index, found) = position(of: price)
        let before = found ? levels[index].size : .zero
        let level = Level(price: price, size: size, orders: orders)
        switch (found, size == .zero) {
        case (true, true): levels.remove(at: index)
        case (true, false): levels[index] = level
        case (false, true): break
        case (false, false): levels.insert(level, at: index)
        }
        return before
    }

    /// As a `.clear` tick says.
    public mutating func removeAll() { levels.removeAll(keepingCapacity: true) }

    /// Where `price` is, or belongs. Most changes are near the best: look there first.
    private func position(of price: Price) -> (index: Int, found: Bool) {
        var high = levels.count
        for _ in 0..<min(8, levels.count) {
            let there = levels[high - 1].price
            if there == price { return (high - 1, true) }
            if side.isBetter(price, than: there) { return (high, false) }
            high -= 1
        }
        var low = 0
        while low < high {
            let middle = (low + high) / 2
            if side.isBetter(price, than: levels[middle].price) { low = middle + 1 } else { high = middle }
        }
        return (low, low < levels.count && levels[low].price == price)
    }

    /// For tests: traps where the invariants above don't hold.
    public func checkInvariants() {
        for (worse, better) in zip(levels, levels.dropFirst()) {
            precondition(side.isBetter(better.price, than: worse.price), "levels out of order")
        }
        for level in levels { precondition(level.size != .zero, "an empty level stayed") }
    }
}
