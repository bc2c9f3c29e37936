// Lines of JSON: messages in the server's own words and order, rows in the same words.
//
//     {"type":"row","sym":"AAPL","ts":…,"last":231.45,"change":1.2,"percent":0.521172638,"bid":…}
import Basics
import Dialects
import Market

enum JSONLine {
    static func row(_ row: PipeRow) -> [UInt8] {
        var line = PipeLine()
        line.text("{\"type\":\"row\",\"sym\":")
        line.quoted(row.symbol)
        line.member("ts") { line in line.optional(row.time) { $0.integer($1.raw) } }
        let stats = row.stats, quote = row.quote
        line.price("last", stats?.last)
        line.price("change", stats?.change)
        line.member("percent") { line in
            line.optional(row.percentE9.flatMap { Int64(exactly: $0) }) { $0.decimal($1, 9) }
        }
        line.price("bid", quote?.bid)
        line.quantity("bid_size", quote?.bidSize?.e8)
        line.price("ask", quote?.ask)
        line.quantity("ask_size", quote?.askSize?.e8)
        line.price("open", stats?.open)
        line.price("high", stats?.high)
        line.price("low", stats?.low)
        line.quantity("volume", stats?.volumeE8)
        line.price("vwap", stats?.vwap)
        line.member("count") { line in line.optional(stats?.count) { $0.unsigned($1) } }
        line.member("market") { line in line.optional(row.market) { $0.quoted($1) } }
        line.member("feed") { line in line.optional(row.feed) { $0.quoted($1) } }
        line.text("}\n")
        return line.bytes
    }

    static func message(_ message: ServerMessage) -> PipeLine? {
        var line = PipeLine()
        switch message {
        case .gap(let gap):
            line.text("{\"type\":\"gap\",\"sym\":")
            line.quoted(gap.symbol)
            line.member("channel") { $0.quoted(gap.channel) }
            if let interval = gap.interval { line.member("interval") { $0.quoted("\(interval.name)") } }
            line.member("from") { $0.unsigned(gap.from) }
            line.member("to") { $0.unsigned(gap.to) }
            line.member("reason") { $0.quoted(gap.reason) }
        case .epoch(let epoch, let reason):
            line.text("{\"type\":\"epoch\",\"epoch\":")
            line.quoted(epoch)
            line.member("reason") { $0.quoted(reason) }
        default:
            guard let version = message.version, let channel = message.channel else { return nil }
            line.text("{\"type\":\"\(channel.name)\",\"sym\":")
            line.quoted(version.symbol)
            line.member("seq") { $0.unsigned(version.sequence) }
            data(message, &line)
            tail(version, &line)
        }
        line.text("}\n")
        return line
    }

    private static func tail(_ version: Version, _ line: inout PipeLine) {
        line.member("ts") { $0.integer(version.time.raw) }
        if version.isSnapshot { line.text(",\"snap\":true") }
        if let received = version.received { line.member("recv") { $0.integer(received.raw) } }
        line.member("prev") { $0.unsigned(version.previous) }
        if let sent = version.sent { line.member("sent") { $0.integer(sent.raw) } }
    }

    private static func data(_ message: ServerMessage, _ line: inout PipeLine) {
        switch message {
        case .quote(let quote):
            line.price("bid", quote.bid)
            line.quantity("bid_size", quote.bidSize?.e8)
            line.price("ask", quote.ask)
            line.quantity("ask_size", quote.askSize?.e8)
            if quote.isCrossed { line.text(",\"crossed\":true") }
        case .trade(let trade): self.trade(trade, &line)
        case .broken(let broken):
            line.member("broken") { $0.quoted(broken.tradeID) }
            if let price = broken.price { line.price("price", price) }
            if let size = broken.size { line.quantity("size", size.e8) }
        case .book(let book):
            line.levels("bids", book.bids)
            line.levels("asks", book.asks)
            if book.isCrossed { line.text(",\"crossed\":true") }
            if let crc = book.crc { line.member("crc") { $0.unsigned(UInt64(crc)) } }
        case .bar(let bar): self.bar(bar, &line)
        case .stats(let stats):
            line.price("open", stats.open)
            line.price("high", stats.high)
            line.price("low", stats.low)
            line.price("last", stats.last)
            line.price("change", stats.change)
            line.quantity("volume", stats.volumeE8)
            line.price("vwap", stats.vwap)
            line.member("count") { $0.unsigned(stats.count) }
        case .status(let status):
            line.member("market") { $0.quoted(status.market) }
            line.member("feed") { $0.quoted(status.feed) }
            line.member("reason") { $0.quoted(status.reason) }
        default: break
        }
    }

    private static func trade(_ trade: TradeMessage, _ line: inout PipeLine) {
        line.price("price", trade.price)
        line.quantity("size", trade.size.e8)
        switch trade.aggressor {
        case .bid: line.text(",\"side\":\"buy\"")
        case .ask: line.text(",\"side\":\"sell\"")
        case nil: break
        }
        if let id = trade.tradeID { line.member("trade_id") { $0.quoted(id) } }
        if let merged = trade.merged {
            line.member("count") { $0.unsigned(merged.count) }
            line.price("high", merged.high)
            line.price("low", merged.low)
        }
    }

    private static func bar(_ bar: BarMessage, _ line: inout PipeLine) {
        line.text(",\"interval\":\"\(bar.interval.name)\"")
        line.member("start") { $0.integer(bar.start.raw) }
        line.price("open", bar.open)
        line.price("high", bar.high)
        line.price("low", bar.low)
        line.price("close", bar.close)
        line.quantity("volume", bar.volumeE8)
        line.price("vwap", bar.vwap)
        line.member("count") { $0.unsigned(bar.count) }
        line.text(bar.isClosed ? ",\"closed\":true" : ",\"closed\":false")
    }
}

extension PipeRow {
    /// The source's time of the newest of what is known.
    var time: Timestamp? {
        switch (quote?.version.time, stats?.version.time) {
        case (let a?, let b?): max(a, b)
        case (let a, let b): a ?? b
        }
    }
}

extension PipeLine {
    fileprivate mutating func member(_ name: StaticString, _ value: (inout PipeLine) -> Void) {
        text(",\"")
        text("\(name)")
        text("\":")
        value(&self)
    }

    fileprivate mutating func optional<Value>(_ value: Value?, _ write: (inout PipeLine, Value) -> Void) {
        if let value { write(&self, value) } else { text("null") }
    }

    fileprivate mutating func price(_ name: StaticString, _ value: Price?) {
        member(name) { line in line.optional(value) { $0.price($1) } }
    }

    fileprivate mutating func quantity(_ name: StaticString, _ valueE8: Int64?) {
        member(name) { line in line.optional(valueE8) { $0.decimal($1, Quantity.decimals) } }
    }

    fileprivate mutating func levels(_ name: StaticString, _ levels: [Level]) {
        member(name) { line in
            line.text("[")
            for (index, level) in levels.enumerated() {
                line.text(index == 0 ? "[" : ",[")
                line.price(level.price)
                line.text(",")
                line.quantity(level.size)
                line.text("]")
            }
            line.text("]")
        }
    }
}
