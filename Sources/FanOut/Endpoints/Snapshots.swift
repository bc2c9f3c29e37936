// State as JSON on request: a symbol's snapshot, and the directory of symbols.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    /// One answer for every symbol that is not allowed, whether it exists or not.
    func snapshot(
        of text: String, _ request: HTTPRequest, for grant: Grant
    ) throws(HTTPFault) -> HTTPResponse {
        let name = SymbolName(text)
        guard name.map(grant.entitlements.allows) ?? true else {
            throw HTTPFault(403, "the token does not allow this symbol")
        }
        guard let id = view.find(text) else {
            throw HTTPFault(404, "no such symbol; GET /v1/symbols lists them")
        }
        guard view.symbol(id).pointee.isKnown else {
            options.interest?.touch(id)
            throw HTTPFault(
                503, "nobody here follows the symbol yet; it is being fetched: ask again",
                headers: ["Retry-After": "1"])
        }
        let depth = try depth(of: request, grant)
        let tag = entityTag(view.symbol(id), depth, grant.entitlements)
        return Shard.versioned(tag, request, cache: Shard.caching(for: grant)) {
            .json(200, snapshotJSON(view.symbol(id), depth, grant.entitlements))
        }
    }

    /// What one client may read is not to be kept for another (RFC 9111 §5.2.2.7).
    private static func caching(for grant: Grant) -> String {
        grant.key == nil ? "no-cache" : "private, no-cache"
    }

    private func depth(of request: HTTPRequest, _ grant: Grant) throws(HTTPFault) -> Int {
        var asked: Int?
        if let text = request.query.last(where: { $0.name == "depth" })?.value {
            guard let depth = Int(text), (1...BookWindow.depthMax).contains(depth) else {
                throw HTTPFault(400, "depth is a number from 1 to \(BookWindow.depthMax)")
            }
            asked = depth
        }
        do throws(ClientFault) {
            return try grant.depth(asked: asked)
        } catch {
            throw HTTPFault(403, error.message)
        }
    }

    /// Changes with everything the snapshot shows.
    private func entityTag(
        _ symbol: UnsafeMutablePointer<SymbolView>, _ depth: Int, _ entitlements: Entitlements
    ) -> String {
        let versions = [
            symbol.pointee.quote.sequence, symbol.pointee.book.sequence, symbol.pointee.tradeSequence,
            symbol.pointee.statusSequence, UInt64(depth), entitlements.channelBits,
        ]
        return "\"\(cursor.epochText)-\(versions.map { String($0) }.joined(separator: "."))\""
    }

    /// Channels that are not allowed are left out.
    private func snapshotJSON(
        _ symbol: UnsafeMutablePointer<SymbolView>, _ depth: Int, _ entitlements: Entitlements
    ) -> String {
        var message = ControlMessage("snapshot")
        message.add("sym", symbol.pointee.definition.name.description)
        message.add("epoch", cursor.epochText)
        message.add("ts", symbol.pointee.lastEvent.raw)
        for channel in [Channel.quote, .book, .trade, .stats, .status] where entitlements.allows(channel) {
            message.add("\(channel.name)", json: Shard.json(channel, symbol, depth))
        }
        return message.end() + "\n"
    }

    private static func json(
        _ channel: Channel, _ symbol: UnsafeMutablePointer<SymbolView>, _ depth: Int
    ) -> String {
        switch channel {
        case .quote: return quoteJSON(symbol.pointee.quote)
        case .book:
            let bids = levelsJSON(symbol.pointee.book.bids, depth)
            let asks = levelsJSON(symbol.pointee.book.asks, depth)
            return "{\"seq\":\(symbol.pointee.book.sequence),\"bids\":\(bids),\"asks\":\(asks)}"
        case .trade: return tradeJSON(symbol.pointee.lastTrade)
        case .stats: return symbol.pointee.lastTrade == nil ? "null" : statsJSON(symbol)
        case .status: return statusJSON(symbol.pointee.status, symbol.pointee.feed)
        case .bar: return "null"  // a window of time, no state of now
        }
    }

    /// The symbols that the grant allows.
    func directory(_ request: HTTPRequest, for grant: Grant) -> HTTPResponse {
        let symbols = (0..<view.directory.count).map { view.symbol(SymbolID($0)) }
            .filter { grant.entitlements.allows($0) }
            .map { Shard.entry($0, showsStatus: grant.entitlements.allows(.status)) }
        var message = ControlMessage("symbols")
        message.add("epoch", cursor.epochText)
        message.add("symbols", json: "[\(symbols.joined(separator: ","))]")
        let text = message.end() + "\n"
        return Shard.versioned(
            Shard.entityTag(of: text.utf8), request, cache: Shard.caching(for: grant)
        ) { .json(200, text) }
    }

    private static func entry(_ symbol: UnsafeMutablePointer<SymbolView>, showsStatus: Bool) -> String {
        let definition = symbol.pointee.definition
        let increment = definition.priceIncrement == .zero ? "null" : "\(definition.priceIncrement)"
        let lot = definition.lot == 0 ? "null" : String(definition.lot)
        let status =
            showsStatus
            ? ",\"status\":\"\(symbol.pointee.status.state.name)\",\"feed\":\"\(symbol.pointee.feed.name)\""
            : ""
        return "{\"symbol\":\"\(definition.name)\",\"price_increment\":\(increment),"
            + "\"decimals\":\(Price.decimals),\"lot\":\(lot)\(status)}"
    }

    private static func quoteJSON(_ quote: Quote) -> String {
        func side(_ name: String, _ level: Level?) -> String {
            let price = level.map { "\($0.price)" } ?? "null"
            let size = level.map { "\($0.size)" } ?? "null"
            return "\"\(name)\":\(price),\"\(name)_size\":\(size)"
        }
        let crossed = quote.isCrossed ? ",\"crossed\":true" : ""
        return "{\"seq\":\(quote.sequence),\(side("bid", quote.bid)),\(side("ask", quote.ask))\(crossed)"
            + ",\"ts\":\(quote.eventTime.raw)}"
    }

    private static func levelsJSON(_ side: BookSide, _ depth: Int) -> String {
        let levels = (0..<min(depth, side.count)).map { "[\(side[$0].price),\(side[$0].size)]" }
        return "[\(levels.joined(separator: ","))]"
    }

    private static func tradeJSON(_ trade: Tick?) -> String {
        guard let trade else { return "null" }
        let id = trade.aux == 0 ? "" : ",\"trade_id\":\"\(trade.aux)\""
        let side = trade.side.map { ",\"side\":\"\($0 == .bid ? "buy" : "sell")\"" } ?? ""
        return "{\"seq\":\(trade.sequence),\"price\":\(trade.price),\"size\":\(trade.size)"
            + "\(side)\(id),\"ts\":\(trade.eventTime.raw)}"
    }

    private static func statsJSON(_ symbol: UnsafeMutablePointer<SymbolView>) -> String {
        let day = symbol.pointee.day, sequence = symbol.pointee.tradeSequence
        var buffer = ByteBuffer()
        buffer.write(atMost: NativeJSON.bodyMax) { NativeJSON.statistics(day, to: &$0) }
        return "{\"seq\":\(sequence)\(String(decoding: buffer.readable, as: UTF8.self))}"
    }

    private static func statusJSON(_ status: MarketStatus, _ feed: FeedState) -> String {
        "{\"market\":\"\(status.state.name)\",\"feed\":\"\(feed.name)\","
            + "\"reason\":\(ControlMessage.quoted(status.reasonText))}"
    }
}
