// State as JSON on request: a symbol's snapshot, and the directory of symbols.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    func snapshot(of name: String, _ request: HTTPRequest) throws(HTTPFault) -> HTTPResponse {
        guard let id = view.find(name) else {
            throw HTTPFault(404, "no such symbol; GET /v1/symbols lists them")
        }
        let depth = try depth(of: request)
        return Shard.versioned(entityTag(view.symbol(id), depth), request) {
            .json(200, snapshotJSON(view.symbol(id), depth))
        }
    }

    private func depth(of request: HTTPRequest) throws(HTTPFault) -> Int {
        guard let text = request.query.last(where: { $0.name == "depth" })?.value else {
            return ClientMessage.Subscribe.depthStandard
        }
        guard let depth = Int(text), (1...BookWindow.depthMax).contains(depth) else {
            throw HTTPFault(400, "depth is a number from 1 to \(BookWindow.depthMax)")
        }
        return depth
    }

    /// Changes with everything the snapshot shows.
    private func entityTag(_ symbol: UnsafeMutablePointer<SymbolView>, _ depth: Int) -> String {
        let versions = [
            symbol.pointee.quote.sequence, symbol.pointee.book.sequence, symbol.pointee.tradeSequence,
            symbol.pointee.statusSequence, UInt64(depth),
        ]
        return "\"\(cursor.epochText)-\(versions.map { String($0) }.joined(separator: "."))\""
    }

    private func snapshotJSON(_ symbol: UnsafeMutablePointer<SymbolView>, _ depth: Int) -> String {
        var message = ControlMessage("snapshot")
        message.add("sym", symbol.pointee.definition.name.description)
        message.add("epoch", cursor.epochText)
        message.add("ts", symbol.pointee.lastEvent.raw)
        message.add("quote", json: Shard.quoteJSON(symbol.pointee.quote))
        let bids = Shard.levelsJSON(symbol.pointee.book.bids, depth)
        let asks = Shard.levelsJSON(symbol.pointee.book.asks, depth)
        message.add(
            "book", json: "{\"seq\":\(symbol.pointee.book.sequence),\"bids\":\(bids),\"asks\":\(asks)}")
        message.add("trade", json: Shard.tradeJSON(symbol.pointee.lastTrade))
        message.add("stats", json: Shard.statsJSON(symbol.pointee.day, symbol.pointee.tradeSequence))
        message.add("status", json: Shard.statusJSON(symbol.pointee.status, symbol.pointee.feed))
        return message.end() + "\n"
    }

    func directory(_ request: HTTPRequest) -> HTTPResponse {
        let text = directoryJSON()
        return Shard.versioned(Shard.entityTag(of: text.utf8), request) { .json(200, text) }
    }

    private func directoryJSON() -> String {
        let symbols = (0..<view.directory.count).map { index in
            let symbol = view.symbol(SymbolID(index))
            var entry = "{\"symbol\":\"\(symbol.pointee.definition.name)\""
            let increment = symbol.pointee.definition.priceIncrement
            entry += ",\"price_increment\":"
            entry += increment == .zero ? "null" : Shard.text(increment)
            entry += ",\"decimals\":\(Price.decimals)"
            let lot = symbol.pointee.definition.lot
            entry += ",\"lot\":\(lot == 0 ? "null" : String(lot))"
            return entry + ",\"status\":\"\(symbol.pointee.status.state.name)\"}"
        }
        var message = ControlMessage("symbols")
        message.add("epoch", cursor.epochText)
        message.add("symbols", json: "[\(symbols.joined(separator: ","))]")
        return message.end() + "\n"
    }

    private static func quoteJSON(_ quote: Quote) -> String {
        func side(_ name: String, _ level: Level?) -> String {
            let price = level.map { text($0.price) } ?? "null"
            let size = level.map { text($0.size) } ?? "null"
            return "\"\(name)\":\(price),\"\(name)_size\":\(size)"
        }
        let crossed = quote.isCrossed ? ",\"crossed\":true" : ""
        return "{\"seq\":\(quote.sequence),\(side("bid", quote.bid)),\(side("ask", quote.ask))\(crossed)"
            + ",\"ts\":\(quote.eventTime.raw)}"
    }

    private static func levelsJSON(_ side: BookSide, _ depth: Int) -> String {
        let levels = (0..<min(depth, side.count)).map {
            "[\(text(side[$0].price)),\(text(side[$0].size))]"
        }
        return "[\(levels.joined(separator: ","))]"
    }

    private static func tradeJSON(_ trade: Tick?) -> String {
        guard let trade else { return "null" }
        let id = trade.aux == 0 ? "" : ",\"trade_id\":\"\(trade.aux)\""
        let side = trade.side.map { ",\"side\":\"\($0 == .bid ? "buy" : "sell")\"" } ?? ""
        return "{\"seq\":\(trade.sequence),\"price\":\(text(trade.price)),\"size\":\(text(trade.size))"
            + "\(side)\(id),\"ts\":\(trade.eventTime.raw)}"
    }

    private static func statsJSON(_ day: DayStatistics, _ sequence: UInt64) -> String {
        guard day.count > 0 else { return "null" }
        var buffer = ByteBuffer()
        buffer.write(atMost: NativeJSON.bodyMax) { NativeJSON.statistics(day, to: &$0) }
        return "{\"seq\":\(sequence)\(String(decoding: buffer.readable, as: UTF8.self))}"
    }

    private static func statusJSON(_ status: MarketStatus, _ feed: FeedState) -> String {
        "{\"market\":\"\(status.state.name)\",\"feed\":\"\(feed.name)\","
            + "\"reason\":\(ControlMessage.quoted(status.reasonText))}"
    }

    private static func text(_ price: Price) -> String { ControlMessage.decimal(price.e9, 9) }
    private static func text(_ size: Quantity) -> String { ControlMessage.decimal(size.e8, 8) }
}
