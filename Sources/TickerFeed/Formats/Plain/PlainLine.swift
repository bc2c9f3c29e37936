// A line of plain CSV or NDJSON: which fields it has, what they may hold, and what they say together.
//
// Invariants
//   - A field is read exactly or rejects its line: nothing is rounded, cut or guessed.
//   - What is read is an event only where all of it fits together (`PlainLine.event`).
import Basics
import Market

/// The fields that are known, by the names of columns and members. Others are passed over.
enum PlainField: UInt8 {
    case time, symbol, type, side, price, size, bid, bidSize, ask, askSize
    case id, market, reason, orders, sequence, more

    init?(_ name: ShortWord) {
        switch name {
        case "t": self = .time
        case "sym": self = .symbol
        case "type": self = .type
        case "side": self = .side
        case "price": self = .price
        case "size": self = .size
        case "bid": self = .bid
        case "bid_size": self = .bidSize
        case "ask": self = .ask
        case "ask_size": self = .askSize
        case "id": self = .id
        case "market": self = .market
        case "reason": self = .reason
        case "orders": self = .orders
        case "seq": self = .sequence
        case "more": self = .more
        default: return nil
        }
    }
}

enum PlainKind: UInt8, CaseIterable {
    case quote, trade, level, clear, status
    /// A type of a later version, or of somebody else: counted and passed over.
    case unknown

    init(_ word: ShortWord?) {
        switch word {
        case "quote": self = .quote
        case "trade": self = .trade
        case "level": self = .level
        case "clear": self = .clear
        case "status": self = .status
        default: self = .unknown
        }
    }

    var name: String {
        switch self {
        case .quote: "quote"
        case .trade: "trade"
        case .level: "level"
        case .clear: "clear"
        case .status: "status"
        case .unknown: "unknown"
        }
    }
}

/// `bid` and `ask` are sides of a book, `buy` and `sell` of a trade.
enum PlainSide: UInt8 { case bid, ask, buy, sell }

/// Fields as they were read; nil: not there.
struct PlainLine {
    var kind: PlainKind?
    var time: Timestamp?
    var symbol: SymbolName?
    var side: PlainSide?
    var price: Price?
    var size: Quantity?
    var bid: Price?
    var bidSize: Quantity?
    var ask: Price?
    var askSize: Quantity?
    var id: UInt64?
    var market: MarketState?
    var reason: UInt32?
    var orders: UInt32?
    var sequence: UInt64?
    var more = false
    /// The first thing that is wrong with a field. It rejects the line, where its type is known.
    private(set) var fault: LineFault?

    mutating func refuse(_ fault: LineFault) {
        if self.fault == nil { self.fault = fault }
    }
}

// MARK: Values

extension PlainLine {
    /// A field that is a number, in units of its scale.
    mutating func set(_ field: PlainField, number: Int64) {
        guard number >= 0 else { return refuse(.malformed("a negative number")) }
        switch field {
        case .price: price = Price(e9: number)
        case .bid: bid = Price(e9: number)
        case .ask: ask = Price(e9: number)
        case .size: size = Quantity(e8: number)
        case .bidSize: bidSize = Quantity(e8: number)
        case .askSize: askSize = Quantity(e8: number)
        case .id: id = UInt64(number)
        case .sequence: sequence = UInt64(number)
        case .orders: set(orders: number)
        case .time: set(nanoseconds: number)
        default: break
        }
    }

    private mutating func set(orders number: Int64) {
        orders = UInt32(exactly: number)
        if orders == nil { refuse(.range("more orders than there can be")) }
    }

    private mutating func set(nanoseconds number: Int64) {
        guard number <= Timestamp.latest.raw else { return refuse(.range("a time after 2199")) }
        time = Timestamp(raw: number)
    }

    mutating func set(time text: RawSpan) {
        time = Timestamp(rfc3339: text)
        if time == nil { refuse(.malformed("a time that is neither nanoseconds nor RFC 3339")) }
    }

    /// A field that is a word; nil: it is longer than any that is known.
    mutating func set(_ field: PlainField, word: ShortWord?) {
        switch field {
        case .type: kind = PlainKind(word)
        case .side: set(side: word)
        case .market: set(market: word)
        case .reason:
            reason = word?.reason
            if reason == nil { refuse(.malformed("a reason of more than four letters")) }
        default: break
        }
    }

    private mutating func set(side word: ShortWord?) {
        switch word {
        case "bid": side = .bid
        case "ask": side = .ask
        case "buy": side = .buy
        case "sell": side = .sell
        default: refuse(.malformed("a side that is none of bid, ask, buy and sell"))
        }
    }

    private mutating func set(market word: ShortWord?) {
        switch word {
        case "trading": market = .trading
        case "halted": market = .halted
        case "paused": market = .paused
        case "auction": market = .auction
        case "closed": market = .closed
        default:
            refuse(.malformed("a market that is none of trading, halted, paused, auction and closed"))
        }
    }

    mutating func set(symbol text: RawSpan) {
        symbol = text.withUnsafeBytes { SymbolName($0) }
        if symbol == nil { refuse(PlainLine.badSymbol) }
    }

    static let badSymbol = LineFault(anomaly: .badSymbol, cause: "a sym that is no symbol's name")
}

extension PlainField {
    /// Decimals of the field's scale; nil: it is no number.
    var decimals: Int? {
        switch self {
        case .price, .bid, .ask: Price.decimals
        case .size, .bidSize, .askSize: Quantity.decimals
        case .id, .orders, .sequence: 0
        default: nil
        }
    }
}
