// Lines for people: words and numbers with blanks between them.
//
//     AAPL last 231.45 change +1.20 +0.52% bid 231.44 x 300 ask 231.46 x 500
//     AAPL trade 231.45 x 100 buy
import Basics
import Dialects
import Market

enum TextLine {
    /// Where the market does not trade, or the feed is not `live`, their words come last: `feed suspect`.
    static func row(_ row: PipeRow) -> [UInt8] {
        var words = [clean(row.symbol)]
        if let stats = row.stats {
            words += ["last", Numbers.price(stats.last)]
            if let points = row.changeBasisPoints {
                words += ["change", Numbers.price(stats.change, signed: true), Numbers.percent(points)]
            }
        }
        if let quote = row.quote {
            words += ["bid", side(quote.bid, quote.bidSize), "ask", side(quote.ask, quote.askSize)]
        }
        if let market = row.market, market != "trading" { words += ["market", clean(market)] }
        if let feed = row.feed, feed != "live" { words += ["feed", clean(feed)] }
        return Array((words.joined(separator: " ") + "\n").utf8)
    }

    private static func side(_ price: Price?, _ size: Quantity?) -> String {
        guard let price, let size else { return "none" }
        return "\(Numbers.price(price)) x \(Numbers.size(size))"
    }

    static func message(_ message: ServerMessage) -> PipeLine? {
        guard let words = words(message) else { return nil }
        var line = PipeLine()
        line.text(words.joined(separator: " "))
        line.byte(UInt8(ascii: "\n"))
        return line
    }

    private static func words(_ message: ServerMessage) -> [String]? {
        switch message {
        case .gap(let gap):
            return [
                clean(gap.symbol), "gap", clean(gap.channel), "\(gap.from)..\(gap.to)", clean(gap.reason),
            ]
        case .epoch(let epoch, let reason): return ["epoch", clean(epoch), clean(reason)]
        default: break
        }
        guard let version = message.version, let channel = message.channel else { return nil }
        return [clean(version.symbol), "\(channel.name)"] + data(message)
    }

    private static func data(_ message: ServerMessage) -> [String] {
        switch message {
        case .quote(let quote):
            return ["bid", side(quote.bid, quote.bidSize), "ask", side(quote.ask, quote.askSize)]
                + (quote.isCrossed ? ["crossed"] : [])
        case .trade(let trade): return trade.words
        case .broken(let broken):
            return ["broken", clean(broken.tradeID)]
                + (broken.price == nil ? [] : [side(broken.price, broken.size)])
        case .book(let book):
            let kind = book.version.isSnapshot ? ["whole"] : []
            return kind + ["bids"] + book.bids.map(level) + ["asks"] + book.asks.map(level)
        case .bar(let bar):
            return [
                "\(bar.interval.name)", bar.isClosed ? "closed" : "open", "open", Numbers.price(bar.open),
                "high",
                Numbers.price(bar.high), "low", Numbers.price(bar.low), "close", Numbers.price(bar.close),
            ] + sums(bar.volumeE8, bar.vwap, bar.count)
        case .stats(let stats):
            return [
                "last", Numbers.price(stats.last), "change", Numbers.price(stats.change, signed: true),
                "open",
                Numbers.price(stats.open), "high", Numbers.price(stats.high), "low", Numbers.price(stats.low),
            ] + sums(stats.volumeE8, stats.vwap, stats.count)
        case .status(let status):
            return [clean(status.market), clean(status.feed), clean(status.reason)].filter { !$0.isEmpty }
        default: return []
        }
    }

    private static func level(_ level: Level) -> String {
        "\(Numbers.price(level.price)) x \(Numbers.size(level.size))"
    }

    private static func sums(_ volume: Int64?, _ vwap: Price?, _ count: UInt64) -> [String] {
        (volume.map { ["volume", PipeLine.decimal($0, Quantity.decimals)] } ?? [])
            + (vwap.map { ["vwap", Numbers.price($0)] } ?? []) + ["trades", "\(count)"]
    }

    /// A stranger's word, without what a terminal would obey.
    static func clean(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7f }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || 0x7f..<0xa0 ~= $0.value ? "?" : $0 }))
    }
}

extension TradeMessage {
    fileprivate var words: [String] {
        var words = ["\(Numbers.price(price)) x \(Numbers.size(size))"]
        switch aggressor {
        case .bid: words.append("buy")
        case .ask: words.append("sell")
        case nil: break
        }
        if let merged {
            words += [
                "of", "\(merged.count)", "high", Numbers.price(merged.high), "low", Numbers.price(merged.low),
            ]
        }
        return words
    }
}
