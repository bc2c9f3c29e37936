// What a line says, once its fields fit together.
import Basics
import Market

struct PlainEvent {
    struct Level {
        var price = Price.zero
        var size = Quantity.zero
    }
    enum Change {
        /// Both sides: one without a size is empty.
        case quote(bid: Level, ask: Level)
        case trade(Level, aggressor: Side?, id: UInt64)
        /// The level's new total.
        case level(Side, Level, orders: UInt32)
        case clear
        case status(MarketStatus)
        case unknown
    }

    let number: UInt64
    let time: Timestamp?
    let symbol: SymbolName
    /// The source's own number of the line, counted for each symbol.
    let sequence: UInt64?
    /// What follows at the same time belongs to the same event.
    let more: Bool
    let change: Change

    /// True where this is one more level of the event that those two are the first and last line of.
    func continues(_ first: PlainEvent, _ last: PlainEvent) -> Bool {
        guard last.more, symbol == first.symbol, time == first.time, case .level = change else {
            return false
        }
        return true
    }

    /// Whether `more` has a meaning here.
    var isOfBook: Bool {
        switch change {
        case .level, .clear: true
        default: false
        }
    }

    var kind: PlainKind {
        switch change {
        case .quote: .quote
        case .trade: .trade
        case .level: .level
        case .clear: .clear
        case .status: .status
        case .unknown: .unknown
        }
    }
}

extension PlainLine {
    /// - Parameter symbol: the one that lines without a name are of.
    func event(number: UInt64, symbol known: SymbolName?) throws(LineFault) -> PlainEvent {
        if let fault, kind != .unknown || symbol == nil { throw fault }
        guard let symbol = symbol ?? known else { throw .malformed("no sym") }
        return PlainEvent(
            number: number, time: time, symbol: symbol, sequence: sequence, more: more,
            change: try change())
    }

    private func change() throws(LineFault) -> PlainEvent.Change {
        switch kind {
        case .quote:
            return .quote(bid: try quoted(bid, bidSize), ask: try quoted(ask, askSize))
        case .trade: return try trade()
        case .level: return try level()
        case .clear: return .clear
        case .status:
            guard let market else { throw .malformed("a status without a market") }
            return .status(MarketStatus(market, reason: reason ?? 0))
        case .unknown: return .unknown
        case nil: throw .malformed("no type")
        }
    }

    /// A side is empty where nothing is said of it, and where its price or size is 0.
    private func quoted(_ price: Price?, _ size: Quantity?) throws(LineFault) -> PlainEvent.Level {
        if price ?? .zero > .zero && size == nil || size ?? .zero > .zero && price == nil {
            throw .malformed("a quote with a price and no size, or a size and no price")
        }
        guard let price, let size, price > .zero, size > .zero else { return .init() }
        return .init(price: price, size: size)
    }

    private func trade() throws(LineFault) -> PlainEvent.Change {
        guard let price, let size else { throw .malformed("a trade without a price or a size") }
        guard size > .zero else { throw .malformed("a trade of size 0") }
        let aggressor: Side?
        switch side {
        case nil: aggressor = nil
        case .buy: aggressor = .bid
        case .sell: aggressor = .ask
        default: throw .malformed("a trade whose side is neither buy nor sell")
        }
        return .trade(.init(price: price, size: size), aggressor: aggressor, id: id ?? 0)
    }

    private func level() throws(LineFault) -> PlainEvent.Change {
        guard let price, let size else { throw .malformed("a level without a price or a size") }
        let level = PlainEvent.Level(price: price, size: size)
        switch side {
        case .bid: return .level(.bid, level, orders: size == .zero ? 0 : orders ?? 0)
        case .ask: return .level(.ask, level, orders: size == .zero ? 0 : orders ?? 0)
        default: throw .malformed("a level whose side is neither bid nor ask")
        }
    }
}
