// The books of all symbols of a feed, kept from single orders, or from levels where a source has
// no more.
//
//     reference ──OrderTable──▶ shares, level ──pool──▶ price, total, orders, symbol and side
//                                                          ▲
//     symbol, side ──Ladder──▶ prices in order, best last ─┘
//
// Invariants
//   - A level's total and count are those of its live orders; a level without orders is gone.
//   - Levels keep their index while they live: an order finds its level without its price.
//   - No allocation a message once tables have grown to the population; no class, no closure.
//   - What a source does wrong is counted and changes as little as FORMATS' rules allow: the first
//     of two equal references stays, a reduction stops at nothing. A crossed book is only counted.
import Basics
import Market

/// A price level.
public struct BookLevel: Hashable, Sendable {
    /// What every order at the level asks or bids.
    public internal(set) var price: Price
    /// Whole shares, or units of 1e-8 where the symbol is counted in those (`SizeUnit`).
    public internal(set) var shares: UInt64
    /// 0 where the source doesn't say.
    public internal(set) var orders: UInt32
    var place: SideIndex
    /// With it, no level lies in two cache lines.
    private var padding: UInt64 = 0

    init(price: Price, shares: UInt64, orders: UInt32, place: SideIndex) {
        self.price = price
        self.shares = shares
        self.orders = orders
        self.place = place
    }

    var symbol: SymbolID { place.symbol }
    var side: Side { place.side }
}

/// What an order message did to one level.
struct LevelChange: Hashable, Sendable {
    /// The level afterwards; without orders it is gone.
    let level: BookLevel
    /// Shares that came or went: at most what was there.
    let moved: UInt32
}

/// Which message takes shares off an order: the counters have a name for each.
enum Reduction: Sendable {
    case executed, executedWithPrice, cancelled

    var unknown: Anomaly {
        switch self {
        case .executed: .unknownRefE
        case .executedWithPrice: .unknownRefC
        case .cancelled: .unknownRefX
        }
    }
    var tooMuch: Anomaly {
        switch self {
        case .executed: .overReduceE
        case .executedWithPrice: .overReduceC
        case .cancelled: .overReduceX
        }
    }
}

/// The books of all symbols: orders, and levels made of them.
public struct OrderBooks: ~Copyable {
    private var orders = OrderTable()
    private var levels = LevelPool()
    private var ladders: UnsafeMutablePointer<Ladder>
    private var ladderCapacity = 64
    private var rungs = LadderMemory()

    /// Symbols are numbered from 0 to below it.
    public private(set) var symbolCount = 0
    /// Orders that rest in all books together.
    public var liveOrders: Int { orders.count }
    /// Messages that could have changed a book and were not rejected.
    public private(set) var updates: UInt64 = 0
    private(set) var updatesLeavingLocked: UInt64 = 0
    private(set) var updatesLeavingCrossed: UInt64 = 0
    var anomalies = Anomalies()
    /// The source's number of the message that is being applied: where anomalies were met.
    var message: UInt64 = 0
    /// Whose book the last update was of.
    private(set) var lastUpdated = SymbolID(0)

    init() {
        ladders = TableMemory.allocate(Ladder.self, count: ladderCapacity)
        ladders.initialize(repeating: Ladder(), count: ladderCapacity)
    }
    deinit { ladders.deallocate() }

    /// Two empty sides for one more symbol; symbols are numbered from 0.
    mutating func addSymbol() -> SymbolID {
        if (symbolCount + 1) * 2 > ladderCapacity { growLadders() }
        symbolCount += 1
        return SymbolID(symbolCount - 1)
    }

    // MARK: Messages. Nil where one was rejected; then an anomaly has been counted.

    @inline(__always)
    mutating func add(
        order: UInt64, symbol: SymbolID, side: Side, shares: UInt32, price: Price
    ) -> LevelChange? {
        guard shares > 0 else { return reject(.zeroSizeAdd) }
        guard let vacancy = orders.vacancy(for: order) else { return reject(.duplicateRef) }
        let level = join(shares: shares, price: price, on: SideIndex(symbol, side))
        orders.fill(vacancy, order, shares: shares, level: level)
        return accepted(levels[level], moved: shares)
    }

    @inline(__always)
    mutating func reduce(order: UInt64, by shares: UInt32, _ how: Reduction) -> LevelChange? {
        guard let place = orders.find(order) else { return reject(how.unknown) }
        if shares > place.pointee.shares { anomalies.count(how.tooMuch, message: message) }
        let taken = min(shares, place.pointee.shares)
        return accepted(take(taken, from: place), moved: taken)
    }

    @inline(__always)
    mutating func delete(order: UInt64) -> LevelChange? {
        guard let place = orders.find(order) else { return reject(.unknownRefD) }
        let shares = place.pointee.shares
        return accepted(take(shares, from: place), moved: shares)
    }

    /// Takes `order` off the book and, with shares, puts `newOrder` on the same side.
    ///
    /// - Returns: the old order's level and, where it is another one, the new order's.
    @inline(__always)
    mutating func replace(
        order: UInt64, with newOrder: UInt64, shares: UInt32, price: Price
    ) -> (left: LevelChange, entered: LevelChange?)? {
        guard let place = orders.find(order) else { return reject(.unknownRefU) }
        guard orders.find(newOrder) == nil else { return reject(.duplicateRef) }
        let was = place.pointee.shares
        let old = take(was, from: place)
        guard shares > 0 else { return (accepted(old, moved: was), nil) }
        guard let vacancy = orders.vacancy(for: newOrder) else { return nil }  // it was free above
        let level = join(shares: shares, price: price, on: old.place)
        orders.fill(vacancy, newOrder, shares: shares, level: level)
        let entered = accepted(levels[level], moved: shares)
        guard old.price != price else { return (entered, nil) }
        return (LevelChange(level: old, moved: was), entered)
    }

    // MARK: Levels, where the source has no orders. One symbol has the one or the other.

    /// Sets a level's total; 0 removes it.
    ///
    /// - Returns: false where that is what rested there before.
    mutating func setLevel(
        _ symbol: SymbolID, _ side: Side, price: Price, size: UInt64, orders: UInt32
    ) -> Bool {
        let place = SideIndex(symbol, side), key = place.key(price)
        let (position, found) = ladders[place.index].position(of: key)
        guard found else {
            guard size > 0 else { return false }
            let level = levels.take(BookLevel(price: price, shares: size, orders: orders, place: place))
            ladders[place.index].insert(key, level, at: position, in: &rungs)
            return true
        }
        let level = ladders[place.index].level(at: position)
        guard levels[level].shares != size || levels[level].orders != orders else { return false }
        levels[level].shares = size
        levels[level].orders = orders
        if size == 0 {
            ladders[place.index].remove(at: position)
            levels.give(back: level)
        }
        return true
    }

    /// What rests at a price; 0: nothing.
    func size(_ symbol: SymbolID, _ side: Side, price: Price) -> UInt64 {
        let place = SideIndex(symbol, side)
        let (position, found) = ladders[place.index].position(of: place.key(price))
        return found ? levels[ladders[place.index].level(at: position)].shares : 0
    }

    /// Empties the book of a symbol that has no orders, or whose orders are forgotten.
    mutating func removeLevels(of symbol: SymbolID) {
        for side in Side.allCases {
            let place = SideIndex(symbol, side)
            for at in 0..<ladders[place.index].count { levels.give(back: ladders[place.index].level(at: at)) }
            ladders[place.index].removeAll()
        }
    }

    /// Forgets every order of the symbols that `isGone` says.
    mutating func removeOrders(of isGone: (SymbolID) -> Bool) {
        let levels = levels.places
        orders.removeAll { isGone(levels[$0.level.index].symbol) }
        for symbol in 0..<symbolCount where isGone(SymbolID(symbol)) { removeLevels(of: SymbolID(symbol)) }
    }

    /// Forgets every order of every symbol; symbols and memory stay.
    mutating func removeAll() {
        orders.removeAll()
        levels.removeAll()
        for i in 0..<symbolCount * 2 { ladders[i].removeAll() }
    }

    // MARK: What comes next

    /// Whether hints save more than they cost: the nearest cache holds a small table.
    @inline(__always)
    var wantsHints: Bool { orders.memoryBytes >= 4 << 20 }

    /// First step (`OrderHints`): where an order is, or will be, and its symbol's ladders.
    @inline(__always)
    func prefetch(_ hint: OrderHint) {
        guard !hint.isNone else { return }
        orders.prefetch(hint.order)
        orders.prefetch(hint.newOrder)
        TableMemory.prefetch(ladders + Int(hint.symbol) &* 2)
    }

    /// Second step: the level of an order that is there; the busy end of the ladder for a new one.
    ///
    /// Which it is cannot be predicted: addresses are chosen, and nothing is branched on.
    @inline(__always)
    func prefetchLevels(_ hint: OrderHint) {
        guard !hint.isNone else { return }
        let level = levels.address(orders.likelyLevel(hint.order)), overflow = orders.overflow(hint.newOrder)
        let ends = ladders[Int(hint.symbol) &* 2 &+ (hint.isAsk ? 1 : 0)].busyEnd
        TableMemory.prefetch(overflow)
        TableMemory.prefetch(hint.isAdd ? ends.keys : level)
        TableMemory.prefetch(hint.isAdd ? ends.keys - 64 : level)
        TableMemory.prefetch(hint.isAdd ? ends.levels : level)
    }

    /// Third step: the level that a new order joins; the busy end of the ladder that a level may leave
    /// with its last order.
    @inline(__always)
    func prefetchNewLevel(_ hint: OrderHint) {
        guard !hint.isNone else { return }
        let ladder = ladders + (Int(hint.symbol) &* 2 &+ (hint.isAsk ? 1 : 0))
        guard hint.isAdd, ladder.pointee.count > 0 else {
            let ends = ladders[levels[orders.likelyLevel(hint.order)].place.index].busyEnd
            TableMemory.prefetch(ends.keys)
            TableMemory.prefetch(ends.keys - 64)
            TableMemory.prefetch(ends.levels)
            return
        }
        let key = hint.isAsk ? ~hint.price.e9 : hint.price.e9
        TableMemory.prefetch(levels.address(ladder.pointee.likelyLevel(of: key)))
    }

    // MARK: State

    /// Bytes of all tables, used or not.
    public var memoryBytes: Int {
        orders.memoryBytes + levels.memoryBytes + ladderCapacity * MemoryLayout<Ladder>.stride
            + rungs.memoryBytes
    }

    /// How many levels a side has.
    @inline(__always)
    public func depth(_ symbol: SymbolID, _ side: Side) -> Int {
        ladders[SideIndex(symbol, side).index].count
    }

    /// The level `depth` places behind the best, which is 0. Only below `depth(symbol, side)`.
    @inline(__always)
    public func level(_ symbol: SymbolID, _ side: Side, _ depth: Int) -> BookLevel {
        let ladder = ladders[SideIndex(symbol, side).index]
        precondition(depth >= 0 && depth < ladder.count, "no such level")
        return levels[ladder.level(depth)]
    }

    /// Nil: nobody bids, or offers.
    @inline(__always)
    public func best(_ symbol: SymbolID, _ side: Side) -> BookLevel? {
        let ladder = ladders[SideIndex(symbol, side).index]
        return ladder.count == 0 ? nil : levels[ladder.bestLevel]
    }

    // MARK: Parts

    /// Puts a new order's shares at its level, which may come to be by that.
    @inline(__always)
    private mutating func join(shares: UInt32, price: Price, on place: SideIndex) -> LevelIndex {
        let key = place.key(price)
        let (position, found) = ladders[place.index].position(of: key)
        let level: LevelIndex
        if found {
            level = ladders[place.index].level(at: position)
        } else {
            level = levels.take(BookLevel(price: price, shares: 0, orders: 0, place: place))
            ladders[place.index].insert(key, level, at: position, in: &rungs)
        }
        levels[level].shares &+= UInt64(shares)
        levels[level].orders &+= 1
        return level
    }

    /// Takes shares off an order, which is gone at nothing, and its level with its last order.
    @inline(__always)
    private mutating func take(_ shares: UInt32, from order: OrderTable.Place) -> BookLevel {
        let level = order.pointee.level
        levels[level].shares &-= UInt64(shares)
        guard order.pointee.shares == shares else {
            order.pointee.shares &-= shares
            return levels[level]
        }
        orders.remove(order)
        levels[level].orders &-= 1
        let left = levels[level]
        if left.orders == 0 { drop(level, left) }
        return left
    }

    private mutating func drop(_ index: LevelIndex, _ level: BookLevel) {
        let (position, found) = ladders[level.place.index].position(of: level.place.key(level.price))
        assert(found, "a level that no ladder knows")
        ladders[level.place.index].remove(at: position)
        levels.give(back: index)
    }

    @inline(never)
    private mutating func reject<Nothing>(_ anomaly: Anomaly) -> Nothing? {
        anomalies.count(anomaly, message: message)
        return nil
    }

    @inline(__always)
    private mutating func accepted(_ level: BookLevel, moved: UInt32) -> LevelChange {
        updated(level.place.symbol)
        return LevelChange(level: level, moved: moved)
    }

    /// One more message was accepted that could have changed the symbol's book.
    @inline(__always)
    mutating func updated(_ symbol: SymbolID) {
        updates &+= 1
        lastUpdated = symbol
        noteCrossing(symbol)
    }

    @inline(__always)
    private mutating func noteCrossing(_ symbol: SymbolID) {
        let book = ladders + SideIndex(symbol, .bid).index
        let bid = book[0].bestKey, ask = ~book[1].bestKey
        // An empty side's key is the worst there is: never as good as the other side's best.
        guard bid >= ask else { return }
        if bid == ask { updatesLeavingLocked &+= 1 } else { updatesLeavingCrossed &+= 1 }
    }

    private mutating func growLadders() {
        let larger = TableMemory.allocate(Ladder.self, count: ladderCapacity * 2)
        larger.moveInitialize(from: ladders, count: ladderCapacity)
        (larger + ladderCapacity).initialize(repeating: Ladder(), count: ladderCapacity)
        ladders.deallocate()
        ladders = larger
        ladderCapacity *= 2
    }

    /// For tests: traps where the invariants above don't hold.
    func checkInvariants() {
        var totals: [LevelIndex: (shares: UInt64, orders: UInt32)] = [:]
        for order in orders.all {
            totals[order.level, default: (0, 0)].shares += UInt64(order.shares)
            totals[order.level, default: (0, 0)].orders += 1
        }
        var seen = 0
        for i in 0..<symbolCount * 2 {
            ladders[i].checkInvariants()
            for depth in 0..<ladders[i].count {
                let index = ladders[i].level(depth), level = levels[index]
                // A level without orders is the source's own.
                let total = totals[index] ?? (level.shares, level.orders)
                precondition(level.shares == total.shares && level.orders == total.orders)
                precondition(level.place.index == i && level.shares > 0)
                seen += totals[index] == nil ? 0 : 1
            }
        }
        precondition(seen == totals.count, "orders at a level that no ladder has")
    }
}
