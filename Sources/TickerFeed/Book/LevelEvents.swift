// Books of sources that have levels, or only the best of each side: an event at a time.
//
//     beginLevels · clearLevels? · (setLevel | reduceLevel | setBest)… · endLevels
//
// Invariants
//   - An event is one update of the book, whatever it changes: a tick for each level that changed,
//     then the bests that did, and the mark behind the last of them.
//   - A level that is set to what it was is no change; one that is removed in vain neither.
//   - A symbol has orders or levels, never both.
import Basics
import Market

/// The event that is being told.
struct LevelEvent {
    var symbol = SymbolID(0)
    var stamp = Stamp.none
    var firstTick: UInt64 = 0
}

extension BookBuilder {
    /// An event of one symbol begins. Nothing else may be told until `endLevels`.
    public mutating func beginLevels(_ symbol: SymbolID, at stamp: Stamp) {
        let stamp = begin(stamp)
        hear(symbol, at: stamp)
        levelEvent = LevelEvent(symbol: symbol, stamp: stamp, firstTick: writer.position)
    }

    /// Empties the book, in front of a new one. The day goes on.
    public mutating func clearLevels() {
        let (symbol, stamp) = (levelEvent.symbol, levelEvent.stamp)
        books.removeLevels(of: symbol)
        let state = states[symbol]
        state.pointee.bookSequence &+= 1
        state.pointee.bookAt = stamp
        append(.clear, symbol, sequence: state.pointee.bookSequence, aux: 1, at: stamp)
    }

    /// A level's new total; 0 removes it.
    public mutating func setLevel(_ side: Side, price: Price, size: Quantity, orders: UInt32 = 0) {
        let (symbol, stamp) = (levelEvent.symbol, levelEvent.stamp)
        let state = states[symbol]
        let units = state.pointee.unit.units(size)
        guard books.setLevel(symbol, side, price: price, size: units, orders: orders) else { return }
        state.pointee.bookSequence &+= 1
        state.pointee.bookAt = stamp
        append(
            .level, symbol, side: side, sequence: state.pointee.bookSequence, price: price,
            size: quantity(units, state.pointee.unit), aux: UInt64(orders), at: stamp)
    }

    /// Takes some off a level. More than is there takes all, and is counted.
    public mutating func reduceLevel(_ side: Side, price: Price, by size: Quantity) {
        let unit = states[levelEvent.symbol].pointee.unit
        let there = quantity(books.size(levelEvent.symbol, side, price: price), unit)
        if size > there { books.anomalies.count(.overReduceLevel, message: levelEvent.stamp.source) }
        setLevel(side, price: price, size: size < there ? Quantity(e8: there.e8 - size.e8) : .zero)
    }

    /// What rests at a price.
    public func levelSize(_ symbol: SymbolID, _ side: Side, price: Price) -> Quantity {
        Quantity(
            e8: Int64(clamping: books.size(symbol, side, price: price)) &* states[symbol].pointee.unit.e8)
    }

    /// The best levels of a side, best first, at most `count`. Only for a symbol that was defined.
    public func levels(_ symbol: SymbolID, _ side: Side, atMost count: Int) -> [Level] {
        (0..<min(count, books.depth(symbol, side))).map { depth in
            let level = books.level(symbol, side, depth)
            return Level(
                price: level.price, size: levelSize(symbol, side, price: level.price), orders: level.orders)
        }
    }

    /// The side is this one level, of a source that tells no more; size 0: it is empty.
    public mutating func setBest(_ side: Side, price: Price, size: Quantity, orders: UInt32 = 0) {
        let symbol = levelEvent.symbol
        var depth = books.depth(symbol, side)
        while depth > 0 {
            depth -= 1
            let level = books.level(symbol, side, depth)
            if level.price != price { setLevel(side, price: level.price, size: .zero) }
        }
        setLevel(side, price: price, size: size, orders: orders)
    }

    /// The event is told: shows what became of the best prices.
    ///
    /// - Parameter isUpdate: false for a book that was there before the source's first message.
    public mutating func endLevels(isUpdate: Bool = true) {
        let (symbol, stamp) = (levelEvent.symbol, levelEvent.stamp)
        if isUpdate { books.updated(symbol) }
        let state = states[symbol]
        var hasNumber = false
        for side in Side.allCases {
            var best = SymbolState.Best()
            if let level = books.best(symbol, side) {
                best = .init(price: level.price, shares: level.shares, orders: level.orders)
            }
            let published = state.pointee[side]
            guard best.price != published.price || best.shares != published.shares else { continue }
            state.pointee[side] = best
            if !hasNumber { state.pointee.quoteSequence &+= 1 }
            hasNumber = true
            state.pointee.quoteAt = stamp
            append(
                .best, symbol, side: side, sequence: state.pointee.quoteSequence, price: best.price,
                size: quantity(best.shares, state.pointee.unit), aux: UInt64(best.orders), at: stamp)
        }
        if writer.position > levelEvent.firstTick { writer.endEvent() }
    }

    /// A book's size as one of a tick.
    mutating func quantity(_ units: UInt64, _ unit: SizeUnit) -> Quantity {
        unit == .shares ? quantity(units) : Quantity(e8: Int64(clamping: units))
    }
}

extension SizeUnit {
    /// Units of 1e-8 in one of these.
    var e8: Int64 { self == .shares ? 100_000_000 : 1 }
    func units(_ size: Quantity) -> UInt64 { UInt64(clamping: size.e8 / e8) }
}
