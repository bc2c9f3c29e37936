// The digest as JSON, in the shape of the golden files, and the file it is made of.
import Basics
import Market

public enum Digest {
    /// Reads the whole file and reports what ingest makes of it.
    ///
    /// - Returns: one JSON object; the keys are those of `Tests/TickerFeedTests/Golden`.
    public static func report(ofFile path: String) throws(FeedError) -> String {
        var digest = ITCHDigest()
        try read(path, into: &digest)
        return digest.json(file: path.split(separator: "/").last.map(String.init) ?? path)
    }

    private static func read(_ path: String, into digest: inout ITCHDigest) throws(FeedError) {
        let file = try InputFile.open(feed: path)
        var chunk = ByteBuffer()
        while try file.fill(&chunk, feed: path, atMost: 256 << 10) {
            if digest.bytes == 0 { try ITCHRecognition.check(chunk.readable, file: path) }
            digest.take(chunk.readable)
            chunk.removeAll()
        }
    }
}

extension ITCHDigest {
    func json(file: String) -> String {
        JSONText.object { json in
            json.member("input") { input in
                input.member("file", file)
                input.member("bytes", bytes)
            }
            json.member("format", "NASDAQ TotalView-ITCH 5.0, 2-byte length framing")
            json.member("price_scale", 10_000)
            addMessages(to: &json)
            addUpdates(to: &json)
            json.member("trades_count_shares_notional") { trades in addTrades(to: &trades) }
            json.member("final") { final in
                for (index, symbol) in symbols.enumerated() {
                    final.member(symbol.name) { addBook(of: SymbolID(index), to: &$0) }
                }
            }
            json.member("end") { end in addEnd(to: &end) }
        }.text
    }

    private func addMessages(to json: inout JSONText) {
        json.member("messages", messages)
        json.member("types") { types in
            for (type, count) in self.types.sorted(by: { $0.key < $1.key }) {
                types.member(letter(type), count)
            }
        }
        json.member("anomalies") { members in
            for (name, count) in anomalies.named { members.member(name, count) }
        }
        if let times {
            json.member("first_ts_ns", times.first.raw)
            json.member("last_ts_ns", times.last.raw)
        }
        let events = systemEvents.map {
            JSONText.array([.string(letter($0.code)), .number($0.time.raw)])
        }
        json.member("system_events", JSONText.array(events))
        json.member("trading_state") { states in
            for (id, state) in tradingStates.sorted(by: { $0.key < $1.key }) {
                states.member(symbols[id.index].name, letter(state))
            }
        }
        json.member("symbols") { members in
            for symbol in symbols { members.member(String(symbol.locate), symbol.name) }
        }
    }

    private func addUpdates(to json: inout JSONText) {
        json.member("book_updates", bookUpdates)
        json.member("l1_fnv1a64", level1.hex)
        json.member("depth5_fnv1a64", depth5.hex)
        json.member("updates_leaving_book_locked", books.updatesLeavingLocked)
        json.member("updates_leaving_book_crossed", books.updatesLeavingCrossed)
        json.member("live_orders", liveOrders)
    }

    private func addTrades(to json: inout JSONText) {
        for (id, totals) in trades.sorted(by: { $0.key < $1.key }) {
            json.member(symbols[id.index].name) { prints in
                for print in Print.allCases {
                    guard let total = totals[print] else { continue }
                    prints.member(
                        print.rawValue,
                        .array([.number(total.count), .number(total.shares), .number(total.notional)]))
                }
            }
        }
    }

    /// Ten best levels a side, and what all of a side's levels add up to.
    private func addBook(of symbol: SymbolID, to json: inout JSONText) {
        let sides = [("bid", Side.bid), ("ask", .ask)]
        for (name, side) in sides {
            let best = (0..<min(10, books.depth(symbol, side))).map { depth in
                let level = books.level(symbol, side, depth)
                return JSONText.array([
                    .number(level.price.e4), .number(level.shares), .number(level.orders),
                ])
            }
            json.member(name + "s", JSONText.array(best))
        }
        for (name, side) in sides { json.member(name + "_levels", books.depth(symbol, side)) }
        for (name, side) in sides {
            json.member(name + "_size", total(symbol, side) { $0.shares })
        }
        for (name, side) in sides {
            json.member(name + "_orders", total(symbol, side) { UInt64($0.orders) })
        }
    }

    private func total(_ symbol: SymbolID, _ side: Side, _ part: (BookLevel) -> UInt64) -> UInt64 {
        (0..<books.depth(symbol, side)).reduce(0) { $0 + part(books.level(symbol, side, $1)) }
    }

    private func addEnd(to json: inout JSONText) {
        json.member("ended_by", isAtEndMarker ? "end_marker" : "end_of_file")
        guard bytesLeft > 0 else { return }
        json.member(
            isAtEndMarker ? "bytes_after_end_marker" : "incomplete_bytes_at_end", bytesLeft)
    }

    private func letter(_ byte: UInt8) -> String { String(UnicodeScalar(byte)) }
}
