// One line of a Binance session, read to its end before anything is made of it.
//
// Invariants
//   - A line that lacks a field, or has one of another kind, is rejected as a whole.
//   - Memory is reused from line to line; nothing is allocated for a message.
//   - The order of names does not matter: which event it is, is looked up first.
import Basics
import Market

struct BinanceMessage: ~Copyable {
    enum Kind: Equatable {
        case depthUpdate, snapshot, bookTicker, trade, aggTrade, kline
        /// A connection was made.
        case opened
        /// What the recorder sent.
        case outbound
        /// Nothing that is known here: control messages, other streams.
        case other
    }
    /// Best prices and sizes, in units of 1e-8.
    struct Ticker: BitwiseCopyable {
        var id: Int64 = -1
        var bid = SessionLevel(priceE8: 0, sizeE8: 0)
        var ask = SessionLevel(priceE8: 0, sizeE8: 0)
    }
    struct Trade: BitwiseCopyable {
        var id: Int64 = 0
        var print = SessionLevel(priceE8: 0, sizeE8: 0)
        var buyerIsMaker = false
    }

    private(set) var kind = Kind.other
    /// By the recorder's clock: of the last line that had one.
    private(set) var received: Timestamp?
    /// By the exchange's clock, where it says.
    private(set) var eventTime: Timestamp?
    /// Nil where it is no name that a symbol could have.
    private(set) var symbol: SymbolName?
    /// Of a snapshot both are its number.
    private(set) var range = DepthRange(first: 0, last: 0)
    private(set) var bids = SessionLevels()
    private(set) var asks = SessionLevels()
    private(set) var ticker = Ticker()
    private(set) var trade = Trade()

    init() {}

    /// - Throws: where the line is to be rejected. What was read is void then, but for `received`.
    mutating func read(_ text: RawSpan) throws(JSONFault) {
        kind = .other
        eventTime = nil
        let line = try SessionLine(text)
        received = line.time
        switch line.direction {
        case .open: kind = .opened
        case .other: kind = .outbound
        case .incoming:
            guard let message = line.message else { throw .missing }
            var scanner = JSONScanner(message)
            guard try scanner.kind() == .object else { return }
            if line.source == .rest {
                try readAnswer(&scanner)
                guard kind == .snapshot else { return }
                guard let url = line.url else { throw .missing }
                symbol = BinanceURL.symbol(url.bytes)
                if symbol == nil { throw .missing }
            } else {
                try readStream(&scanner)
            }
        }
    }

    /// `{"stream":…,"data":{…}}`, or the event itself.
    private mutating func readStream(_ scanner: inout JSONScanner) throws(JSONFault) {
        var event = JSONScanner(scanner.rest), isWrapped = false, isFirst = true
        try scanner.openObject()
        while let name = try scanner.nextName() {
            if isFirst, name.letter == UInt8(ascii: "e") { break }  // no need to look for `data`
            isFirst = false
            guard name == "data" else {
                try scanner.skip()
                continue
            }
            guard !isWrapped else { throw .repeated }
            isWrapped = true
            if try scanner.kind() == .object { try readEvent(&scanner) } else { try scanner.skip() }
        }
        if !isWrapped { try readEvent(&event) }
    }

    private mutating func readEvent(_ scanner: inout JSONScanner) throws(JSONFault) {
        let kind = try BinanceMessage.kind(of: scanner.rest)
        switch kind {
        case .depthUpdate: try readDepth(&scanner)
        case .bookTicker: try readTicker(&scanner)
        case .trade: try readTrade(&scanner, id: UInt8(ascii: "t"))
        case .aggTrade: try readTrade(&scanner, id: UInt8(ascii: "a"))
        case .kline: try readTime(&scanner)
        default: try scanner.skip()
        }
        self.kind = kind
    }

    /// By `e`, which all have but spot's bookTicker.
    private static func kind(of event: RawSpan) throws(JSONFault) -> Kind {
        var scanner = JSONScanner(event), hasID = false, hasBidSize = false
        try scanner.openObject()
        while let name = try scanner.nextName() {
            switch name.letter {
            case UInt8(ascii: "e"): return kind(named: try scanner.string())
            case UInt8(ascii: "u"): hasID = true
            case UInt8(ascii: "B"): hasBidSize = true
            default: break
            }
            try scanner.skip()
        }
        return hasID && hasBidSize ? .bookTicker : .other
    }

    private static func kind(named name: JSONString) -> Kind {
        if name == "depthUpdate" { return .depthUpdate }
        if name == "bookTicker" { return .bookTicker }
        if name == "trade" { return .trade }
        if name == "aggTrade" { return .aggTrade }
        return name == "kline" ? .kline : .other
    }

    private mutating func readDepth(_ scanner: inout JSONScanner) throws(JSONFault) {
        var fields = Fields()
        range.previous = -1
        try scanner.openObject()
        while let name = try scanner.nextName() {
            switch try fields.note(name, "EsUuba") {
            case UInt8(ascii: "E"): eventTime = try scanner.milliseconds()
            case UInt8(ascii: "s"): symbol = SymbolName(try scanner.string().raw)
            case UInt8(ascii: "U"): range.first = try scanner.identifier()
            case UInt8(ascii: "u"): range.last = try scanner.identifier()
            case UInt8(ascii: "b"): try bids.read(&scanner)
            case UInt8(ascii: "a"): try asks.read(&scanner)
            default:
                guard name == "pu" else {
                    try scanner.skip()
                    continue
                }
                guard range.previous < 0 else { throw .repeated }
                range.previous = try scanner.identifier()
            }
        }
        try fields.require("EsUuba")
    }

    private mutating func readTicker(_ scanner: inout JSONScanner) throws(JSONFault) {
        var fields = Fields(), bid: Int64 = 0, bidSize: Int64 = 0, ask: Int64 = 0, askSize: Int64 = 0
        try scanner.openObject()
        while let name = try scanner.nextName() {
            switch try fields.note(name, "EsubBaA") {
            case UInt8(ascii: "E"): eventTime = try scanner.milliseconds()
            case UInt8(ascii: "s"): symbol = SymbolName(try scanner.string().raw)
            case UInt8(ascii: "u"): ticker.id = try scanner.identifier()
            case UInt8(ascii: "b"): bid = try scanner.price()
            case UInt8(ascii: "B"): bidSize = try scanner.size()
            case UInt8(ascii: "a"): ask = try scanner.price()
            case UInt8(ascii: "A"): askSize = try scanner.size()
            default: try scanner.skip()
            }
        }
        try fields.require("subBaA")
        ticker.bid = SessionLevel(priceE8: bid, sizeE8: bidSize)
        ticker.ask = SessionLevel(priceE8: ask, sizeE8: askSize)
    }

    /// - Parameter id: the name of the trade's number, `t`, or of the aggregate's, `a`.
    private mutating func readTrade(_ scanner: inout JSONScanner, id: UInt8) throws(JSONFault) {
        var fields = Fields(), price: Int64 = 0, size: Int64 = 0
        let names: StaticString = id == UInt8(ascii: "t") ? "Esptqm" : "Espaqm"
        try scanner.openObject()
        while let name = try scanner.nextName() {
            switch try fields.note(name, names) {
            case UInt8(ascii: "E"): eventTime = try scanner.milliseconds()
            case UInt8(ascii: "s"): symbol = SymbolName(try scanner.string().raw)
            case UInt8(ascii: "p"): price = try scanner.price()
            case UInt8(ascii: "q"): size = try scanner.size()
            case UInt8(ascii: "m"): trade.buyerIsMaker = try scanner.bool()
            case id: trade.id = try scanner.identifier()
            default: try scanner.skip()
            }
        }
        try fields.require(names)
        trade.print = SessionLevel(priceE8: price, sizeE8: size)
    }

    /// Of a message that is passed over only the time is looked at.
    private mutating func readTime(_ scanner: inout JSONScanner) throws(JSONFault) {
        var fields = Fields()
        try scanner.openObject()
        while let name = try scanner.nextName() {
            if try fields.note(name, "E") == 0 {
                try scanner.skip()
            } else {
                eventTime = try scanner.milliseconds()
            }
        }
    }

    /// The answer to a request. Without any of a snapshot's names it is the answer to another one.
    private mutating func readAnswer(_ scanner: inout JSONScanner) throws(JSONFault) {
        var id: Int64?, hasBids = false, hasAsks = false
        try scanner.openObject()
        while let name = try scanner.nextName() {
            if name == "lastUpdateId" {
                guard id == nil else { throw .repeated }
                id = try scanner.identifier()
            } else if name == "bids" {
                guard !hasBids else { throw .repeated }
                hasBids = true
                try bids.read(&scanner)
            } else if name == "asks" {
                guard !hasAsks else { throw .repeated }
                hasAsks = true
                try asks.read(&scanner)
            } else if name.letter == UInt8(ascii: "E") {
                guard eventTime == nil else { throw .repeated }
                eventTime = try scanner.milliseconds()
            } else {
                try scanner.skip()
            }
        }
        guard id != nil || hasBids || hasAsks else { return }
        guard let id, hasBids, hasAsks else { throw .missing }
        range = DepthRange(first: id, last: id)
        kind = .snapshot
    }
}

/// Names of one letter that an event had so far.
private struct Fields {
    private var seen: UInt64 = 0

    /// The letter, where it is one of `known`, else 0.
    ///
    /// - Throws: where it was there before.
    @inline(__always)
    mutating func note(_ name: borrowing JSONString, _ known: StaticString) throws(JSONFault) -> UInt8 {
        let letter = name.letter, bit = Fields.bit(letter)
        guard letter > 0x40, Fields.bits(known) & bit != 0 else { return 0 }
        guard seen & bit == 0 else { throw .repeated }
        seen |= bit
        return letter
    }

    func require(_ names: StaticString) throws(JSONFault) {
        guard seen & Fields.bits(names) == Fields.bits(names) else { throw .missing }
    }

    /// Letters differ in their low six bits.
    @inline(__always)
    private static func bit(_ letter: UInt8) -> UInt64 { 1 << UInt64(letter & 63) }

    @inline(__always)
    private static func bits(_ names: StaticString) -> UInt64 {
        var bits: UInt64 = 0
        for index in 0..<names.utf8CodeUnitCount { bits |= bit(names.utf8Start[index]) }
        return bits
    }
}
