// Lines of values with commas (RFC 4180): rows, the messages of one channel, or of several in one table.
//
//     type,symbol,seq,prev,snap,ts,bid,bid_size,…      several channels: what a type lacks is empty
import Basics
import Dialects
import Market

enum CSVLine {
    private static let rowColumns = [
        "symbol", "ts", "last", "change", "percent", "bid", "bid_size", "ask", "ask_size", "open", "high",
        "low",
        "volume", "vwap", "count", "market", "feed",
    ]
    private static let common = ["symbol", "seq", "prev", "snap", "ts"]

    /// Those of a channel besides the ones that all have.
    private static func own(_ channel: Channel) -> [String] {
        switch channel {
        case .quote: ["bid", "bid_size", "ask", "ask_size", "crossed"]
        case .trade: ["price", "size", "side", "trade_id", "broken", "count", "high", "low"]
        case .book: ["side", "price", "size", "crossed", "crc"]
        case .bar: ["interval", "start", "open", "high", "low", "close", "volume", "vwap", "count", "closed"]
        case .stats: ["open", "high", "low", "last", "change", "volume", "vwap", "count"]
        case .status: ["market", "feed", "reason"]
        }
    }

    /// All that any channel has, each once, in the order of the channels.
    private static let mixed: [String] = {
        var seen: Set<String> = []
        return Channel.allCases.flatMap(own).filter { seen.insert($0).inserted }
    }()

    static func columns(_ channels: [Channel]?) -> [String] {
        guard let channels else { return rowColumns }
        guard channels.count != 1, !channels.isEmpty else { return common + channels.flatMap(own) }
        return ["type"] + common + mixed
    }

    static func row(_ row: PipeRow) -> [UInt8] {
        var values = Values()
        values.symbol = row.symbol
        if let time = row.time { values["ts"] = "\(time.raw)" }
        values.take(row.quote)
        if let stats = row.stats { values.take(stats) }
        values["percent"] = row.percentE9.flatMap { Int64(exactly: $0) }.map { PipeLine.decimal($0, 9) }
        values["market"] = row.market
        values["feed"] = row.feed
        var line = PipeLine()
        values.write(rowColumns, to: &line)
        return line.bytes
    }

    /// - Parameter tellsType: there are several channels in one table.
    static func message(_ message: ServerMessage, tellsType: Bool) -> PipeLine? {
        guard let version = message.version, let channel = message.channel else { return nil }
        var values = Values()
        values.symbol = version.symbol
        values["type"] = "\(channel.name)"
        values["seq"] = "\(version.sequence)"
        values["prev"] = "\(version.previous)"
        values["snap"] = "\(version.isSnapshot)"
        values["ts"] = "\(version.time.raw)"
        let columns = tellsType ? ["type"] + common + mixed : common + own(channel)
        var line = PipeLine()
        if case .book(let book) = message {
            values["crossed"] = "\(book.isCrossed)"
            values["crc"] = book.crc.map { "\($0)" }
            for (side, levels) in [("bid", book.bids), ("ask", book.asks)] {
                for level in levels {
                    values["side"] = side
                    values["price"] = PipeLine.decimal(level.price.e9, 9)
                    values["size"] = PipeLine.decimal(level.size.e8, 8)
                    values.write(columns, to: &line)
                }
            }
        } else {
            values.take(message)
            values.write(columns, to: &line)
        }
        return line
    }
}

/// Values by the names of their columns.
private struct Values {
    var symbol = ""
    private var texts: [String: String] = [:]

    subscript(name: String) -> String? {
        get { name == "symbol" ? symbol : texts[name] }
        set { texts[name] = newValue }
    }

    func write(_ columns: [String], to line: inout PipeLine) {
        for (index, name) in columns.enumerated() {
            if index > 0 { line.byte(UInt8(ascii: ",")) }
            if let text = self[name] { line.field(TextLine.clean(text)) }
        }
        line.byte(UInt8(ascii: "\n"))
    }

    private static func price(_ value: Price?) -> String? {
        value.map { PipeLine.decimal($0.e9, Price.decimals) }
    }
    private static func sum(_ e8: Int64?) -> String? { e8.map { PipeLine.decimal($0, Quantity.decimals) } }

    mutating func take(_ quote: QuoteMessage?) {
        self["bid"] = Values.price(quote?.bid)
        self["bid_size"] = Values.sum(quote?.bidSize?.e8)
        self["ask"] = Values.price(quote?.ask)
        self["ask_size"] = Values.sum(quote?.askSize?.e8)
    }

    mutating func take(_ stats: StatsMessage) {
        self["open"] = Values.price(stats.open)
        self["high"] = Values.price(stats.high)
        self["low"] = Values.price(stats.low)
        self["last"] = Values.price(stats.last)
        self["change"] = Values.price(stats.change)
        takeSums(stats.volumeE8, stats.vwap, stats.count)
    }

    private mutating func takeSums(_ volume: Int64?, _ vwap: Price?, _ count: UInt64) {
        self["volume"] = Values.sum(volume)
        self["vwap"] = Values.price(vwap)
        self["count"] = "\(count)"
    }

    mutating func take(_ message: ServerMessage) {
        switch message {
        case .quote(let quote):
            take(quote)
            self["crossed"] = "\(quote.isCrossed)"
        case .trade(let trade): take(trade)
        case .broken(let broken):
            self["broken"] = broken.tradeID
            self["price"] = Values.price(broken.price)
            self["size"] = Values.sum(broken.size?.e8)
        case .bar(let bar): take(bar)
        case .stats(let stats): take(stats)
        case .status(let status):
            self["market"] = status.market
            self["feed"] = status.feed
            self["reason"] = status.reason
        default: break
        }
    }

    private mutating func take(_ trade: TradeMessage) {
        self["price"] = Values.price(trade.price)
        self["size"] = Values.sum(trade.size.e8)
        self["side"] = trade.aggressor.map { $0 == .bid ? "buy" : "sell" }
        self["trade_id"] = trade.tradeID
        self["count"] = trade.merged.map { "\($0.count)" }
        self["high"] = Values.price(trade.merged?.high)
        self["low"] = Values.price(trade.merged?.low)
    }

    private mutating func take(_ bar: BarMessage) {
        self["interval"] = "\(bar.interval.name)"
        self["start"] = "\(bar.start.raw)"
        self["open"] = Values.price(bar.open)
        self["high"] = Values.price(bar.high)
        self["low"] = Values.price(bar.low)
        self["close"] = Values.price(bar.close)
        takeSums(bar.volumeE8, bar.vwap, bar.count)
        self["closed"] = "\(bar.isClosed)"
    }
}
