// The digest as JSON, in the shape of the golden files, and the file it is made of.
import Basics
import Market

extension Digest {
    /// Reads the whole input and reports what ingest makes of it.
    ///
    /// - Parameter progress: hears now and then how far it is.
    /// - Returns: one JSON object; the keys are those of `Tests/TickerFeedTests/Golden`.
    public static func report(
        of options: FeedOptions, progress: (InputReport) -> Void = { _ in }
    ) throws(FeedError) -> String {
        if JournalFeed.recognises(options.path) {
            let digest = Digest(try JournalFeed(options.path), scale: .decimals, timeZero: .zero)
            return try report(digest, progress)
        }
        var options = options
        // Times are counted from the day's beginning, whichever day it is.
        if CalendarDate(inFileName: options.path) == nil, options.date == nil {
            options.date = CalendarDate(year: 2000, month: 1, day: 1)
        }
        let feed = try InputFeed(options)
        try feed.awaitDecoder()
        return try report(Digest(feed), progress)
    }

    private static func report(
        _ digest: consuming Digest, _ progress: (InputReport) -> Void
    ) throws(FeedError) -> String {
        digest.run(progress)
        if let fault = digest.fault, case .cannotRead = fault { throw fault }
        return digest.json
    }

    /// Of an input that has been recognised.
    init(_ feed: InputFeed, checkpointEvery: Int = 0) {
        self.init(
            feed, scale: feed.decoder?.scale ?? .decimals, timeZero: feed.decoder?.timeZero ?? .zero,
            checkpointEvery: checkpointEvery)
    }

    /// One object, in the shape of the golden files.
    var json: String {
        JSONText.object { json in
            if let input = feed.report { addInput(input, to: &json) }
            json.member("price_scale", 1_000_000_000 / scale.priceE9)
            json.member("messages", messages)
            addCounts(to: &json)
            addUpdates(to: &json)
            json.member("trades_count_size_notional") { trades in addTrades(to: &trades) }
            json.member("status") { states in
                for id in symbols {
                    states.member(name(id), "\(builder.states[id].pointee.status.market.state.name)")
                }
            }
            json.member("feed") { states in
                for id in symbols {
                    states.member(name(id), "\(builder.states[id].pointee.status.feed.name)")
                }
            }
            json.member("final") { final in
                for id in symbols { final.member(name(id)) { addBook(of: id, to: &$0) } }
            }
            if let missing = (feed as? InputFeed)?.decoder?.missingNumbers {
                json.member(
                    "missing_sequences",
                    .array(missing.map { .array([.number($0.lowerBound), .number($0.upperBound - 1)]) }))
            }
            json.member("end") { end in addEnd(to: &end) }
        }.text
    }

    private var symbols: [SymbolID] { (0..<builder.symbolCount).map { SymbolID($0) } }
    private func name(_ id: SymbolID) -> String { builder.directory[id].name.description }

    private func addInput(_ input: InputReport, to json: inout JSONText) {
        json.member("input") { members in
            members.member("file", input.source)
            members.member("bytes", input.bytesRead)
        }
    }

    /// Counts with a common beginning, up to the first dot, are one object.
    private func addCounts(to json: inout JSONText) {
        var groups: [(name: String, members: [(String, UInt64)])] = []
        for count in feed.report?.counts ?? [] {
            let parts = count.name.split(separator: ".", maxSplits: 1).map(String.init)
            let (group, member) = (parts[0], parts.count > 1 ? parts[1] : "count")
            if groups.last?.name != group { groups.append((group, [])) }
            groups[groups.count - 1].members.append((member, count.count))
        }
        for group in groups {
            json.member(group.name) { for member in group.members { $0.member(member.0, member.1) } }
        }
        json.member("anomalies") { for (name, count) in anomalies.named { $0.member(name, count) } }
        if let times {
            json.member("first_ts_ns", (times.first - timeZero).raw)
            json.member("last_ts_ns", (times.last - timeZero).raw)
        }
    }

    private func addUpdates(to json: inout JSONText) {
        json.member("book_updates", bookUpdates)
        json.member("l1_fnv1a64", level1.hex)
        json.member("depth5_fnv1a64", depth5.hex)
        json.member("updates_leaving_book_locked", builder.books.updatesLeavingLocked)
        json.member("updates_leaving_book_crossed", builder.books.updatesLeavingCrossed)
        json.member("live_orders", liveOrders)
        json.member("ticks", ticks)
        json.member("ticks_fnv1a64", tickHash.hex)
    }

    private func addTrades(to json: inout JSONText) {
        for (id, total) in trades.sorted(by: { $0.key < $1.key }) {
            json.member(
                name(id), .array([.number(total.count), .number(total.size), .number(total.notional)]))
        }
    }

    /// Ten best levels a side, and what all of a side's levels add up to.
    private func addBook(of symbol: SymbolID, to json: inout JSONText) {
        let sides = [("bid", Side.bid), ("ask", .ask)]
        for (name, side) in sides {
            let best = (0..<min(10, builder.books.depth(symbol, side))).map { depth in
                let level = builder.books.level(symbol, side, depth)
                return JSONText.array([.number(price(level)), .number(size(level)), .number(level.orders)])
            }
            json.member(name + "s", JSONText.array(best))
        }
        for (name, side) in sides { json.member(name + "_levels", builder.books.depth(symbol, side)) }
        for (name, side) in sides {
            json.member(name + "_size", total(symbol, side) { size($0) })
        }
        for (name, side) in sides {
            json.member(name + "_orders", total(symbol, side) { UInt64($0.orders) })
        }
    }

    private func total(_ symbol: SymbolID, _ side: Side, _ part: (BookLevel) -> UInt64) -> UInt64 {
        (0..<builder.books.depth(symbol, side)).reduce(0) {
            $0 + part(builder.books.level(symbol, side, $1))
        }
    }

    private func addEnd(to json: inout JSONText) {
        let input = feed as? InputFeed
        let isMarked = input?.decoder?.isAtEndMarker == true
        json.member("ended_by", isMarked ? "end_marker" : "end_of_file")
        let left = input?.bytesLeft ?? 0
        if left > 0 { json.member(isMarked ? "bytes_after_end_marker" : "incomplete_bytes_at_end", left) }
        if let fault { json.member("fault", fault.description) }
    }
}
