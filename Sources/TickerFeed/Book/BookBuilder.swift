// The one entry for every feed: messages of a source go in, ticks come out on the tape.
//
//     message ──▶ books ──▶ trade? · one level tick a level touched · best ticks that changed
//
// Invariants
//   - All numbers are given here: each symbol's books, quotes, trades and states count from 1, for
//     ever; a cleared book goes on counting.
//   - A best tick goes out where price or size differ from the last one published, after the whole
//     message, so a replace never shows the instant between its halves. Both best ticks of one
//     message share a number.
//   - The last tick of a message is flagged `endOfEvent`; a message that changed nothing has none.
//   - Crossed and locked books are published as they are. Counters tell (`books`), nobody repairs.
import Basics
import Market

/// Books of any number of symbols, and the tape's only writer. Confined to one thread.
public struct BookBuilder: ~Copyable {
    /// The books as they are now, by `SymbolID`.
    public internal(set) var books = OrderBooks()
    /// Names to `SymbolID` and back.
    public internal(set) var directory = Directory()
    /// Matches the exchange took back, whether they were known or not.
    var brokenTrades: UInt64 = 0
    /// Of the message applied last.
    public internal(set) var last = Stamp.none
    /// When the message applied last was due, where that is not what its ticks say.
    var dueTime: Timestamp?

    var states = SymbolStates()
    var marks = MarkClock()
    var recentTrades = RecentTrades()
    var writer: Tape.Writer
    var levelEvent = LevelEvent()

    /// The life of the feed that everything written now is of.
    public internal(set) var epoch: UInt32
    /// Added to every time of the source before anything is made of it.
    var shift = Nanoseconds.zero
    /// The symbols to take; nil takes all.
    public let wanted: Set<SymbolName>?
    private var turnEnd = UInt64.max
    /// Of a feed that was published elsewhere: where its ticks stand there.
    var place: Place?
    /// A feed put other states in place of those that were known: readers are to be shown all of them.
    var isReplaced = false

    /// - Parameters:
    ///   - epoch: the first one.
    ///   - wanted: symbols that are not in it are never defined; nil takes all.
    public init(
        _ writer: consuming Tape.Writer, epoch: UInt32 = 1, wanted: Set<SymbolName>? = nil
    ) {
        self.writer = writer
        self.epoch = epoch
        self.wanted = wanted
    }

    /// Of books alone: nobody reads its ticks.
    ///
    /// - Parameter wanted: as above.
    public init(wanted: Set<SymbolName>? = nil) {
        self.init(Tape.Writer(Tape(capacity: 512)), wanted: wanted)
        writer.isMuted = true
    }

    /// Some symbols are not wanted: a feed passes their messages over.
    @inline(__always) public var isChoosy: Bool { wanted != nil }

    /// Wanted, and not defined so far; in order of their names.
    var missing: [SymbolName] {
        (wanted ?? []).filter { directory.find($0) == nil }.sorted()
    }

    /// Symbols defined so far; their numbers are below it.
    public var symbolCount: Int { states.count }
    /// What the source did that it should not, counted.
    public var anomalies: Anomalies { books.anomalies }
    /// How many kinds there were so far.
    var anomalyKinds: Int { books.anomalies.firsts.count }
    mutating func locateAnomalies(from index: Int, _ offset: (UInt64) -> Int?) {
        books.anomalies.locate(from: index, offset)
    }
    /// Ticks written since the tape began.
    public var tickCount: UInt64 { writer.position }

    /// For what a feed refuses before it comes to a book.
    ///
    /// - Parameters:
    ///   - message: the source's number of the message, the line, the packet.
    ///   - offset: where it begins in the input.
    public mutating func count(
        _ anomaly: Anomaly, message: UInt64, offset: Int? = nil, _ cause: StaticString? = nil
    ) {
        books.anomalies.count(anomaly, message: message, offset: offset, cause: cause)
    }

    // MARK: The tape, as its only writer sees it

    /// Shows the ticks written so far to the tape's readers.
    public mutating func publish() { writer.publish() }
    /// A turn begins, in which a feed is to write about that many ticks and no more.
    mutating func beginTurn(ticks: Int) { turnEnd = writer.position + UInt64(ticks) }
    /// Enough was written for one turn: a feed whose events are many ticks each stops here.
    @inline(__always) public var isTurnFull: Bool { writer.position >= turnEnd }
    var lag: Int { writer.lag }
    var tapeCapacity: Int { writer.capacity }
    /// True once for each time a reader that lost its place asked: then `writeSnapshot` of every symbol.
    public func takeSnapshotRequest() -> Bool { writer.takeSnapshotRequest() }

    // MARK: Names and states

    /// The next message is due by another clock than its ticks': what the source's clock makes happen
    /// before comes before.
    ///
    /// - Parameter stamp: when it is due, and its number.
    mutating func arrive(at stamp: Stamp) {
        advance(to: stamp.time, received: stamp.received)
        dueTime = stamp.time
        last = Stamp(time: last.time, received: stamp.received, source: stamp.source)
    }

    /// A message that means nothing to any symbol here: the source's time and number go on, as with any.
    public mutating func pass(at stamp: Stamp) { _ = begin(stamp) }

    /// Gives a symbol its number, or finds the one it has; says so on the tape either way.
    ///
    /// - Returns: nil for a symbol that is not wanted: its messages are to be passed over.
    public mutating func define(
        _ definition: SymbolDefinition, at stamp: Stamp, unit: SizeUnit = .shares
    ) -> SymbolID? {
        if let wanted, !wanted.contains(definition.name) { return nil }
        let stamp = begin(stamp)
        let id = directory.add(definition)
        if id.index == states.count {
            states.append(SymbolState(definition: definition, definedAt: stamp, unit: unit))
            _ = books.addSymbol()
        } else {
            states[id].pointee.definition = definition
            states[id].pointee.definedAt = stamp
            states[id].pointee.unit = unit
        }
        writer.append(
            .symbol(id, definition, flags: .endOfEvent, at: stamp.time, received: stamp.received))
        return id
    }

    // MARK: Orders

    /// Whether a feed should look ahead (`prefetch`).
    var wantsHints: Bool { books.wantsHints }

    /// Fetches the memory that three messages ahead will need: `OrderHints`.
    @inline(__always)
    func prefetch(_ first: OrderHint, _ second: OrderHint, _ third: OrderHint) {
        if !first.isNone { states.prefetch(first.symbol) }
        books.prefetch(first)
        books.prefetchLevels(second)
        books.prefetchNewLevel(third)
    }

    /// A new order. One that is known already, or has no shares, is an anomaly and changes nothing, as do those
    /// below for an order that is not known.
    public mutating func add(
        order: UInt64, symbol: SymbolID, side: Side, shares: UInt32, price: Price, at stamp: Stamp
    ) {
        let stamp = begin(stamp)
        guard
            let change = books.add(
                order: order, symbol: symbol, side: side, shares: shares, price: price)
        else { return }
        show(change, at: stamp)
        finish(change, at: stamp)
    }

    /// A resting order trades at its own price.
    public mutating func execute(order: UInt64, shares: UInt32, match: UInt64, at stamp: Stamp) {
        let stamp = begin(stamp)
        guard let change = books.reduce(order: order, by: shares, .executed) else { return }
        trade(change, price: change.level.price, match: match, at: stamp)
        reduced(change, at: stamp)
    }

    /// A resting order trades at another price than its own; what isn't `printable` is reported
    /// again in bulk, so it is no trade here.
    public mutating func executeWithPrice(
        order: UInt64, shares: UInt32, match: UInt64, printable: Bool, price: Price, at stamp: Stamp
    ) {
        let stamp = begin(stamp)
        guard let change = books.reduce(order: order, by: shares, .executedWithPrice) else { return }
        if printable { trade(change, price: price, match: match, at: stamp) }
        reduced(change, at: stamp)
    }

    /// Takes shares off an order; without any left it is gone.
    public mutating func cancel(order: UInt64, shares: UInt32, at stamp: Stamp) {
        let stamp = begin(stamp)
        guard let change = books.reduce(order: order, by: shares, .cancelled) else { return }
        reduced(change, at: stamp)
    }

    /// Takes all of an order off the book.
    public mutating func delete(order: UInt64, at stamp: Stamp) {
        let stamp = begin(stamp)
        guard let change = books.delete(order: order) else { return }
        reduced(change, at: stamp)
    }

    /// The new order goes to the back of its level. With 0 shares this is a `delete`.
    public mutating func replace(
        order: UInt64, with newOrder: UInt64, shares: UInt32, price: Price, at stamp: Stamp
    ) {
        let stamp = begin(stamp)
        guard
            let change = books.replace(order: order, with: newOrder, shares: shares, price: price)
        else { return }
        show(change.left, at: stamp)
        if let entered = change.entered { show(entered, at: stamp) }
        finish(change.left, change.entered, at: stamp)
    }

    // MARK: Trades that touch no book

    /// A match without a displayed order. Without shares it is nothing.
    public mutating func trade(
        _ symbol: SymbolID, shares: UInt32, price: Price, match: UInt64, at stamp: Stamp
    ) {
        let stamp = begin(stamp)
        guard shares > 0 else { return }
        trade(
            symbol, aggressor: nil, size: Quantity(shares: shares), price: price, match: match, at: stamp)
        writer.endEvent()
    }

    /// The bulk print of a cross. Without shares it only says that the cross is over.
    public mutating func cross(
        _ symbol: SymbolID, shares: UInt64, price: Price, match: UInt64, at stamp: Stamp
    ) {
        let stamp = begin(stamp)
        guard shares > 0 else { return }
        trade(symbol, aggressor: nil, size: quantity(shares), price: price, match: match, at: stamp)
        writer.endEvent()
    }

    /// A trade of a source that says who came to whom, in sizes of any unit. Without size it is nothing.
    public mutating func trade(
        _ symbol: SymbolID, aggressor: Side?, size: Quantity, price: Price, id: UInt64, at stamp: Stamp
    ) {
        let stamp = begin(stamp)
        guard size > .zero else { return }
        trade(symbol, aggressor: aggressor, size: size, price: price, match: id, at: stamp)
        writer.endEvent()
    }

    // MARK: Rounds

    /// The end of a round: all books empty and right again, orders forgotten, and each symbol's next trade
    /// is the first of a new day. Market states and names stay. Costs a tick a symbol and one for each best.
    public mutating func clearAll(received: Timestamp) {
        let stamp = Stamp(time: last.time, received: received, source: last.source)
        endBars(received: received)
        books.removeAll()
        recentTrades.forgetAll()
        marks = MarkClock()
        for index in 0..<states.count { clear(SymbolID(index), at: stamp) }
    }

    private mutating func clear(_ symbol: SymbolID, at stamp: Stamp) {
        let state = states[symbol]
        state.pointee.nextTradeStartsDay = true
        for index in state.pointee.bars.indices { state.pointee.bars[index].startOver() }
        showEmpty(symbol, aux: 0, at: stamp)
        guard state.pointee.status.feed == .suspect else { return }
        state.pointee.status.feed = .live
        showStatus(symbol, at: stamp)
    }

    /// The book is empty, and so is the best of each side.
    mutating func showEmpty(_ symbol: SymbolID, aux: UInt64, at stamp: Stamp) {
        let state = states[symbol]
        state.pointee.bookSequence += 1
        state.pointee.bookAt = stamp
        append(.clear, symbol, sequence: state.pointee.bookSequence, aux: aux, at: stamp)
        let (bid, ask) = (state.pointee.bid, state.pointee.ask)
        if !(bid.isEmpty && ask.isEmpty) { state.pointee.quoteSequence += 1 }
        state.pointee.quoteAt = bid.isEmpty && ask.isEmpty ? state.pointee.quoteAt : stamp
        state.pointee.bid = SymbolState.Best()
        state.pointee.ask = SymbolState.Best()
        let sequence = state.pointee.quoteSequence
        if !bid.isEmpty { append(.best, symbol, side: .bid, sequence: sequence, at: stamp) }
        if !ask.isEmpty { append(.best, symbol, side: .ask, sequence: sequence, at: stamp) }
        writer.endEvent()
        endSilence(of: symbol, at: stamp)
    }

    // MARK: Parts of a message

    /// What every message begins with: bars that ended before it are marked before it.
    ///
    /// - Returns: the stamp that ticks get.
    @inline(__always)
    mutating func begin(_ stamp: Stamp) -> Stamp {
        let stamp = Stamp(time: stamp.time + shift, received: stamp.received, source: stamp.source)
        if stamp.time >= marks.due { passMarks(to: stamp.time, received: stamp.received) }
        last = stamp
        books.message = stamp.source
        return stamp
    }

    /// What every reduction ends with. One of no shares is accepted and changes nothing.
    @inline(__always)
    private mutating func reduced(_ change: LevelChange, at stamp: Stamp) {
        guard change.moved > 0 else { return }
        show(change, at: stamp)
        finish(change, at: stamp)
    }

    /// The level's new total.
    @inline(__always)
    private mutating func show(_ change: LevelChange, at stamp: Stamp) {
        let level = change.level
        hear(level.symbol, at: stamp)
        let state = states[level.symbol]
        state.pointee.bookSequence &+= 1
        state.pointee.bookAt = stamp
        append(
            .level, level.symbol, side: level.side, sequence: state.pointee.bookSequence,
            price: level.price, size: quantity(level.shares), aux: UInt64(level.orders), at: stamp)
    }

    /// The side's best, where it changed, and the mark behind the message.
    @inline(__always)
    private mutating func finish(
        _ change: LevelChange, _ other: LevelChange? = nil, at stamp: Stamp
    ) {
        let symbol = change.level.symbol, side = change.level.side
        // What was published is the best; behind it nothing changes it, and nothing is looked up.
        let shown = states[symbol].pointee[side]
        if isBehind(change, shown), other.map({ isBehind($0, shown) }) ?? true { return writer.endEvent() }
        showBest(symbol, side, at: stamp)
        writer.endEvent()
    }

    @inline(__always)
    private func isBehind(_ change: LevelChange, _ shown: SymbolState.Best) -> Bool {
        !shown.isEmpty && change.level.side.isBetter(shown.price, than: change.level.price)
    }

    @inline(__always)
    private mutating func showBest(_ symbol: SymbolID, _ side: Side, at stamp: Stamp) {
        var best = SymbolState.Best()
        if let level = books.best(symbol, side) {
            best = .init(price: level.price, shares: level.shares, orders: level.orders)
        }
        let state = states[symbol], published = state.pointee[side]
        if best.price != published.price || best.shares != published.shares {
            state.pointee[side] = best
            state.pointee.quoteSequence &+= 1
            state.pointee.quoteAt = stamp
            append(
                .best, symbol, side: side, sequence: state.pointee.quoteSequence, price: best.price,
                size: quantity(best.shares), aux: UInt64(best.orders), at: stamp)
        }
    }

    /// The trade of a resting order: who came to it is the aggressor.
    private mutating func trade(
        _ change: LevelChange, price: Price, match: UInt64, at stamp: Stamp
    ) {
        guard change.moved > 0 else { return }
        trade(
            change.level.symbol, aggressor: change.level.side.opposite,
            size: Quantity(shares: change.moved), price: price, match: match, at: stamp)
    }

    private mutating func trade(
        _ symbol: SymbolID, aggressor: Side?, size: Quantity, price: Price, match: UInt64,
        at stamp: Stamp
    ) {
        hear(symbol, at: stamp)
        let state = states[symbol]
        if state.pointee.nextTradeStartsDay {
            state.pointee.statistics = DayStatistics()
            state.pointee.nextTradeStartsDay = false
        }
        state.pointee.statistics.add(price: price, size: size)
        state.pointee.tradeSequence += 1
        addToBars(
            symbol, price: price, size: size, number: state.pointee.tradeSequence, at: stamp.time)
        let tick = Tick(
            .trade, symbol, side: aggressor, sequence: state.pointee.tradeSequence,
            eventTime: stamp.time, receiveTime: stamp.received, price: price, size: size,
            source: stamp.source, aux: match)
        state.pointee.lastTrade = tick
        state.pointee.lastBreak = nil
        recentTrades.add(
            PrintedTrade(symbol: symbol, number: tick.sequence, match: match, price: price, size: size))
        writer.append(tick)
    }

    @inline(__always)
    mutating func append(
        _ kind: Tick.Kind, _ symbol: SymbolID, side: Side? = nil, sequence: UInt64,
        price: Price = .zero, size: Quantity = .zero, aux: UInt64 = 0, at stamp: Stamp
    ) {
        writer.append(
            Tick(
                kind, symbol, side: side, sequence: sequence, eventTime: stamp.time,
                receiveTime: stamp.received, price: price, size: size, source: stamp.source, aux: aux))
    }

    /// Whole shares as a size.
    @inline(__always)
    mutating func quantity(_ shares: UInt64) -> Quantity {
        if shares <= UInt64(Quantity.sharesMax) {
            return Quantity(e8: Int64(truncatingIfNeeded: shares) &* 100_000_000)
        }
        books.anomalies.count(.quantityOverflow, message: last.source)
        return Quantity(e8: Quantity.sharesMax * 100_000_000)
    }
}

extension Quantity {
    /// The most whole shares that a quantity holds.
    @inline(__always)
    static var sharesMax: Int64 { 92_233_720_368 }
}
