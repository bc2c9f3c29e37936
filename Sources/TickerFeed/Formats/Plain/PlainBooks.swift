// From plain events to the builder: names to symbols, and each symbol's own story of its numbers.
//
//     a hole in the numbers → suspect → `clear`, or the next quote → live
//
// Invariants
//   - A symbol has quotes or levels: whichever comes first. The other is counted and passed over.
//   - A number that was had already is passed over; `clear` begins the numbers anew.
//   - The symbols are bounded (`symbolsMax`), as their names come from a stranger.
import Basics
import Market

struct PlainBooks {
    static let symbolsMax = 65_536
    private static let unknownType: StaticString = "a type that is not known"

    private struct State {
        /// Nil: the symbol is not wanted.
        let id: SymbolID?
        var depth = Depth.unknown
        var lastSequence: UInt64?
        var isSuspect = false
        /// What the builder was told last.
        var isShownSuspect = false
    }
    private enum Depth { case unknown, quotes, levels }

    private var numbers: [SymbolName: Int] = [:]
    private var states: [State] = []
    /// Most events are of the symbol of the one before.
    private var last: (name: SymbolName, number: Int)?
    /// Of the lines of one event: those that count. Kept for its memory.
    private var taken: [Bool] = []

    /// One event of one symbol: one line, or several that belong together.
    mutating func play(
        _ lines: [PlainEvent], at time: Timestamp, received: Timestamp, into builder: inout BookBuilder
    ) {
        guard let first = lines.first else { return }
        let stamp = Stamp(time: time, received: received, source: first.number)
        guard let number = number(of: first, at: stamp, &builder), let id = states[number].id else { return }
        if first.isOfBook {
            playBook(lines, number, id, at: stamp, &builder)
        } else if isNew(first, number, &builder) {
            play(first, number, id, at: stamp, &builder)
        }
    }

    // MARK: Names

    private mutating func number(
        of line: PlainEvent, at stamp: Stamp, _ builder: inout BookBuilder
    ) -> Int? {
        if let last, last.name == line.symbol { return last.number }
        guard let number = numbers[line.symbol] ?? define(line, at: stamp, &builder) else { return nil }
        last = (line.symbol, number)
        return number
    }

    /// A symbol that is spoken of trades, until a status says otherwise.
    private mutating func define(
        _ line: PlainEvent, at stamp: Stamp, _ builder: inout BookBuilder
    ) -> Int? {
        if case .unknown = line.change {
            builder.count(.unknownType, message: line.number, PlainBooks.unknownType)
            return nil
        }
        guard states.count < PlainBooks.symbolsMax else {
            builder.count(.badSymbol, message: line.number, "more symbols than 65536")
            return nil
        }
        let id = builder.define(SymbolDefinition(name: line.symbol), at: stamp, unit: .e8)
        if let id, line.kind != .status { builder.status(id, MarketStatus(.trading), at: stamp) }
        numbers[line.symbol] = states.count
        states.append(State(id: id))
        return states.count - 1
    }

    // MARK: Numbers

    /// Whether the line's number is above the last one's. A hole below it makes the symbol suspect.
    private mutating func isNew(
        _ line: PlainEvent, _ number: Int, _ builder: inout BookBuilder
    ) -> Bool {
        if case .clear = line.change {
            states[number].lastSequence = line.sequence
            states[number].isSuspect = false
            return true
        }
        guard let sequence = line.sequence else { return true }
        guard let last = states[number].lastSequence else {
            states[number].lastSequence = sequence
            return true
        }
        guard sequence > last else {
            builder.count(.oldSequence, message: line.number, "a seq that is not above the last one")
            return false
        }
        states[number].lastSequence = sequence
        if sequence - last > 1 {
            builder.count(.sequenceGap, message: line.number, "a seq is missing")
            states[number].isSuspect = true
        }
        return true
    }

    // MARK: Changes

    private mutating func play(
        _ line: PlainEvent, _ number: Int, _ id: SymbolID, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        switch line.change {
        case .quote(let bid, let ask): playQuote(line, bid, ask, number, id, at: stamp, &builder)
        case .trade(let level, let aggressor, let trade):
            builder.trade(
                id, aggressor: aggressor, size: level.size, price: level.price, id: trade, at: stamp)
        case .status(let status): builder.status(id, status, at: stamp)
        case .unknown: builder.count(.unknownType, message: line.number, PlainBooks.unknownType)
        case .level, .clear: break
        }
        showTrust(number, id, at: stamp, &builder)
    }

    /// All of the book is in a quote: behind it nothing is suspect.
    private mutating func playQuote(
        _ line: PlainEvent, _ bid: PlainEvent.Level, _ ask: PlainEvent.Level, _ number: Int,
        _ id: SymbolID, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        guard isOf(.quotes, line, number, &builder) else { return }
        states[number].isSuspect = false
        builder.beginLevels(id, at: stamp)
        builder.setBest(.bid, price: bid.price, size: bid.size)
        builder.setBest(.ask, price: ask.price, size: ask.size)
        builder.endLevels()
    }

    /// Levels of one event, perhaps behind a `clear`. Old and unfitting lines are passed over.
    private mutating func playBook(
        _ lines: [PlainEvent], _ number: Int, _ id: SymbolID, at stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        taken.removeAll(keepingCapacity: true)
        for line in lines {
            taken.append(isNew(line, number, &builder) && isOf(.levels, line, number, &builder))
        }
        if states[number].isSuspect { showTrust(number, id, at: stamp, &builder) }
        guard taken.contains(true) else { return }
        builder.beginLevels(id, at: stamp)
        for (line, isTaken) in zip(lines, taken) where isTaken {
            switch line.change {
            case .level(let side, let level, let orders):
                builder.setLevel(side, price: level.price, size: level.size, orders: orders)
            default: builder.clearLevels()
            }
        }
        builder.endLevels()
        showTrust(number, id, at: stamp, &builder)
    }

    private mutating func isOf(
        _ depth: Depth, _ line: PlainEvent, _ number: Int, _ builder: inout BookBuilder
    ) -> Bool {
        if case .clear = line.change { return true }
        if states[number].depth == .unknown { states[number].depth = depth }
        guard states[number].depth != depth else { return true }
        builder.count(.mixedDepth, message: line.number, "a symbol has quotes or levels, not both")
        return false
    }

    private mutating func showTrust(
        _ number: Int, _ id: SymbolID, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        let isSuspect = states[number].isSuspect
        guard isSuspect != states[number].isShownSuspect else { return }
        states[number].isShownSuspect = isSuspect
        if isSuspect { builder.suspect(id, at: stamp) } else { builder.trust(id, at: stamp) }
    }
}
