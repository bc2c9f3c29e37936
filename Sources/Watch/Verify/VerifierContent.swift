// What a message says, apart from where it stands in its chain: possible by itself, with what came
// before it, and with the server's snapshot of the same version.
import Basics
import Dialects
import Market

extension Verifier {
    /// The message has its place in the chain already.
    mutating func content(
        _ message: ServerMessage, _ key: StreamKey, _ stream: VerifiedStream, _ demand: Demand
    ) -> Divergence? {
        let problem: (String, String)?
        switch message {
        case .quote(let quote):
            stream.remember(.quote(quote))
            problem = quote.problem
        case .trade(let trade):
            stream.remember(.trade(trade))
            problem = trade.problem(isEvery: demand.isEvery) ?? conflict(trade)
        case .stats(let stats):
            stream.remember(.stats(stats))
            problem = stats.problem ?? stats.problem(after: stream.stats) ?? conflict(stats)
            stream.stats = stats
        case .book(let book): problem = apply(book, stream, demand)
        case .bar(let bar):
            problem = bar.problem ?? bar.problem(after: stream.closed)
            if bar.isClosed { stream.closed = bar }
        case .status(let status): problem = status.problem
        default: problem = nil
        }
        return problem.map { wrong(key, stream.last, $0.0, $0.1) }
    }

    private mutating func apply(
        _ message: BookMessage, _ stream: VerifiedStream, _ demand: Demand
    ) -> (String, String)? {
        countBook(checksum: message.crc != nil)
        if let problem = stream.book.apply(message, depth: demand.depth) { return problem }
        if message.crc == nil, demand.isChecked { return ("a checksum, as asked for", "none") }
        let own = stream.book.checksum
        if let crc = message.crc, crc != own { return ("crc \(own), of the book rebuilt", "crc \(crc)") }
        guard message.isCrossed == stream.book.isCrossed else {
            return stream.book.isCrossed
                ? ("\"crossed\"", "no word of it") : ("no \"crossed\"", "\"crossed\"")
        }
        stream.remember(.book(message.version.sequence, checksum: own))
        return nil
    }

    /// Statistics have the number of the trade that made them.
    private func conflict(_ stats: StatsMessage) -> (String, String)? {
        let key = StreamKey(symbol: stats.version.symbol, channel: .trade)
        guard case .trade(let trade)? = streams[key]?.known(stats.version.sequence),
            trade.price != stats.last
        else { return nil }
        return ("last \(Numbers.price(trade.price)), as the trade of that number", Numbers.price(stats.last))
    }

    private func conflict(_ trade: TradeMessage) -> (String, String)? {
        let key = StreamKey(symbol: trade.version.symbol, channel: .stats)
        guard case .stats(let stats)? = streams[key]?.known(trade.version.sequence),
            trade.price != stats.last
        else { return nil }
        return (
            "price \(Numbers.price(stats.last)), as the statistics of that number", Numbers.price(trade.price)
        )
    }
}

extension QuoteMessage {
    fileprivate var problem: (String, String)? {
        for (name, price, size) in [("bid", bid, bidSize), ("ask", ask, askSize)] {
            guard (price == nil) == (size == nil) else {
                return ("\(name) with price and size, or with neither", "one of them")
            }
            if let size, size <= .zero { return ("a \(name) with a size", Numbers.size(size)) }
        }
        var crosses = false
        if let bid, let ask { crosses = bid > ask }
        guard crosses == isCrossed else {
            return crosses ? ("\"crossed\"", "no word of it") : ("no \"crossed\"", "\"crossed\"")
        }
        return nil
    }
}

extension TradeMessage {
    fileprivate func problem(isEvery: Bool) -> (String, String)? {
        guard let merged else { return nil }
        if isEvery { return ("each trade by itself", "\(merged.count) in one") }
        guard merged.low <= price, price <= merged.high else {
            return (
                "a price from low \(Numbers.price(merged.low)) to high \(Numbers.price(merged.high))",
                Numbers.price(price)
            )
        }
        let versions = version.sequence - version.previous
        guard merged.count > 0, version.isSnapshot || merged.count <= versions else {
            return ("1 to \(versions) trades merged", "\(merged.count)")
        }
        return nil
    }
}

/// Low at most, high at least what stands between them.
private func problem(high: Price, low: Price, _ inside: [(String, Price)]) -> (String, String)? {
    for (name, price) in inside where price < low || price > high {
        return (
            "\(name) from low \(Numbers.price(low)) to high \(Numbers.price(high))", Numbers.price(price)
        )
    }
    return nil
}

extension StatsMessage {
    fileprivate var problem: (String, String)? {
        if let problem = Watch.problem(high: high, low: low, [("open", open), ("last", last)]) {
            return problem
        }
        let (difference, overflow) = last.e9.subtractingReportingOverflow(open.e9)
        guard overflow || change.e9 == difference else {
            return ("change \(Numbers.price(Price(e9: difference)))", Numbers.price(change))
        }
        guard count <= version.sequence else { return ("at most \(version.sequence) trades", "\(count)") }
        return nil
    }

    /// A trade is one more at most; one taken back, or another day, makes them fewer.
    fileprivate func problem(after before: StatsMessage?) -> (String, String)? {
        guard let before, !version.isSnapshot else { return nil }
        let most = before.count &+ (version.sequence &- before.version.sequence)
        return count <= most ? nil : ("at most \(most) trades, after \(before.count)", "\(count)")
    }
}

extension BarMessage {
    fileprivate var problem: (String, String)? {
        if let problem = Watch.problem(high: high, low: low, [("open", open), ("close", close)]) {
            return problem
        }
        guard start.raw % interval.length.raw == 0 else {
            return ("a start at whole intervals", "\(start.raw)")
        }
        guard count <= version.sequence else { return ("at most \(version.sequence) trades", "\(count)") }
        guard !isClosed || version.time == start + interval.length else {
            return ("a closed bar with the time of its end", "\(version.time.raw)")
        }
        return nil
    }

    /// Closed bars have their trades, and themselves, between the last closed one's number and theirs;
    /// trades taken back may have made them fewer.
    fileprivate func problem(after closed: BarMessage?) -> (String, String)? {
        guard let closed else { return nil }
        if start == closed.start, version.time >= closed.version.time {
            return ("a later bar than the one closed at \(closed.version.sequence)", "the same once more")
        }
        let (earliest, overflow) = (closed.version.sequence &+ count).addingReportingOverflow(
            isClosed ? 1 : 0)
        guard !overflow, version.sequence >= earliest else {
            return (
                "a seq of \(earliest) or more, after the bar closed at \(closed.version.sequence)",
                "\(version.sequence)"
            )
        }
        return nil
    }
}

extension StatusMessage {
    fileprivate var problem: (String, String)? {
        guard MarketState.allCases.contains(where: { "\($0.name)" == market }) else {
            return ("a market's state", market)
        }
        guard FeedState.allCases.contains(where: { "\($0.name)" == feed }) else {
            return ("a feed's state", feed)
        }
        return nil
    }
}

// MARK: Snapshots

extension VerifiedStream {
    /// Nil where the version is not known any more; else what differs, if anything does.
    func compare(_ quote: QuoteMessage) -> (String, String)?? {
        guard case .quote(let own)? = known(quote.version.sequence) else { return nil }
        let isSame =
            own.bid == quote.bid && own.bidSize == quote.bidSize && own.ask == quote.ask
            && own.askSize == quote.askSize && own.isCrossed == quote.isCrossed
            && own.version.time == quote.version.time
        return .some(isSame ? nil : (quote.words + " as in the snapshot", own.words))
    }

    /// Of merged trades only the last one is in the snapshot.
    func compare(_ trade: TradeMessage) -> (String, String)?? {
        guard case .trade(let own)? = known(trade.version.sequence) else { return nil }
        let isSame =
            own.price == trade.price && own.tradeID == trade.tradeID && own.aggressor == trade.aggressor
            && (own.merged != nil || own.size == trade.size) && own.version.time == trade.version.time
        return .some(isSame ? nil : (trade.words + " as in the snapshot", own.words))
    }

    func compare(_ stats: StatsMessage) -> (String, String)?? {
        guard case .stats(let own)? = known(stats.version.sequence) else { return nil }
        var same = own
        same.version = stats.version
        return .some(same == stats ? nil : (stats.words + " as in the snapshot", own.words))
    }

    func compare(_ book: BookMessage, depth: Int) -> (String, String)?? {
        let bids = Array(book.bids.prefix(depth)), asks = Array(book.asks.prefix(depth))
        if book.version.sequence == last { return .some(self.book.difference(bids, asks, depth: depth)) }
        guard case .book(_, let checksum)? = known(book.version.sequence) else { return nil }
        let sum = bids.withUnsafeBufferPointer { bids in
            asks.withUnsafeBufferPointer { BookChecksum.of(bids: bids, asks: $0) }
        }
        return .some(sum == checksum ? nil : ("crc \(sum), of the snapshot", "crc \(checksum)"))
    }
}

extension QuoteMessage {
    fileprivate var words: String {
        func side(_ price: Price?, _ size: Quantity?) -> String {
            guard let price, let size else { return "none" }
            return "\(Numbers.price(price)) × \(Numbers.size(size))"
        }
        return "bid \(side(bid, bidSize)), ask \(side(ask, askSize)) at \(version.time.raw)"
    }
}

extension TradeMessage {
    fileprivate var words: String {
        "\(Numbers.size(size)) at \(Numbers.price(price)), id \(tradeID ?? "none"), at \(version.time.raw)"
    }
}

extension StatsMessage {
    fileprivate var words: String {
        "open \(Numbers.price(open)) high \(Numbers.price(high)) low \(Numbers.price(low)) "
            + "last \(Numbers.price(last)) volume \(volumeE8.map { Numbers.size(Quantity(e8: $0)) } ?? "?") "
            + "count \(count)"
    }
}
