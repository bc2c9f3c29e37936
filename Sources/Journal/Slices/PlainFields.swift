// The fields of one line of plain text, and how it is written.
import Basics
import Market

struct PlainFields {
    var time: Timestamp?
    var side: StaticString?
    var price: Price?
    var size: Quantity?
    var id: Int64?
    var market: MarketStatus?
    var orders: UInt32?
    var more = false

    /// What no line is longer than.
    static let bytesMax = 512
    /// The last time that the formats know: 2200-01-01.
    static let timeMax = Timestamp(raw: 7_258_118_400_000_000_000)

    mutating func level(_ tick: Tick) {
        side = tick.side == .ask ? "ask" : "bid"
        price = tick.price
        size = tick.size
        orders = UInt32(exactly: tick.aux).flatMap { $0 > 0 ? $0 : nil }
    }

    // MARK: NDJSON

    func writeJSON(_ symbol: SymbolName, _ type: StaticString, to pen: inout Pen) {
        pen.literal("{")
        if let time {
            pen.literal("\"t\":")
            pen.integer(time.raw)
            pen.literal(",")
        }
        // No byte of a name needs an escape (`SymbolName`).
        pen.literal("\"sym\":\"")
        pen.put(symbol)
        pen.literal("\",\"type\":\"")
        pen.literal(type)
        pen.literal("\"")
        if let side { pen.member("side", word: side) }
        if let price { pen.member("price") { $0.decimal(price.e9, decimals: Price.decimals) } }
        if let size { pen.member("size") { $0.decimal(size.e8, decimals: Quantity.decimals) } }
        if let id { pen.member("id") { $0.integer(id) } }
        if let market {
            pen.member("market", word: market.state.name)
            if market.letters.count > 0 {
                pen.member("reason") { pen in
                    pen.literal("\"")
                    pen.put(reasonOf: market)
                    pen.literal("\"")
                }
            }
        }
        if let orders { pen.member("orders") { $0.unsigned(UInt64(orders)) } }
        if more { pen.literal(",\"more\":true") }
        pen.literal("}\n")
    }

    // MARK: CSV

    func writeCSV(_ symbol: SymbolName, _ type: StaticString, to pen: inout Pen) {
        if let time { pen.integer(time.raw) }
        pen.literal(",")
        pen.put(symbol)
        pen.literal(",")
        pen.literal(type)
        pen.literal(",")
        if let side { pen.literal(side) }
        pen.literal(",")
        if let price { pen.decimal(price.e9, decimals: Price.decimals) }
        pen.literal(",")
        if let size { pen.decimal(size.e8, decimals: Quantity.decimals) }
        pen.literal(",")
        if let id { pen.integer(id) }
        pen.literal(",")
        if let market { pen.literal(market.state.name) }
        pen.literal(",")
        if let market { pen.put(reasonOf: market) }
        pen.literal(",")
        if let orders { pen.unsigned(UInt64(orders)) }
        pen.literal(more ? ",true\n" : ",\n")
    }
}

extension Pen {
    fileprivate mutating func put(_ symbol: SymbolName) { for byte in symbol.bytes { self.byte(byte) } }

    /// Letters, digits and signs; what would end a word in either format is left out.
    fileprivate mutating func put(reasonOf status: MarketStatus) {
        let (letters, count) = status.letters
        for place in 0..<count where !"\"\\,".utf8.contains(letters[place]) { byte(letters[place]) }
    }

    fileprivate mutating func member(_ name: StaticString, _ write: (inout Pen) -> Void) {
        literal(",\"")
        literal(name)
        literal("\":")
        write(&self)
    }

    fileprivate mutating func member(_ name: StaticString, word: StaticString) {
        member(name) { pen in
            pen.literal("\"")
            pen.literal(word)
            pen.literal("\"")
        }
    }
}
