// Bodies that many subscribers share: made for the first that needs a version, kept for the others.
import Basics
import Dialects
import Market

extension Shard {
    mutating func quoteBody(_ symbol: UnsafeMutablePointer<SymbolView>) -> UnsafeRawBufferPointer {
        let version = symbol.pointee.quote.sequence
        if let bytes = arena.bytes(of: symbol.pointee.quoteBody, version: version) { return bytes }
        let body = arena.encode(version: version, atMost: NativeJSON.bodyMax) { pen in
            NativeJSON.quote(symbol.pointee.quote, name: symbol.pointee.name, to: &pen)
        }
        symbol.pointee.quoteBody = body
        return arena.bytes(of: body, version: version).unsafelyUnwrapped
    }

    mutating func statsBody(
        _ symbol: UnsafeMutablePointer<SymbolView>, _ last: Tick
    ) -> UnsafeRawBufferPointer {
        let version = last.sequence
        if let bytes = arena.bytes(of: symbol.pointee.statsBody, version: version) { return bytes }
        let body = arena.encode(version: version, atMost: NativeJSON.bodyMax) { pen in
            NativeJSON.stats(
                symbol.pointee.day, sequence: version, at: last.eventTime, name: symbol.pointee.name,
                to: &pen)
        }
        symbol.pointee.statsBody = body
        return arena.bytes(of: body, version: version).unsafelyUnwrapped
    }

    mutating func tradeBody(
        _ symbol: UnsafeMutablePointer<SymbolView>, _ sequence: UInt64
    ) -> UnsafeRawBufferPointer {
        let entry = symbol.pointee.trades.address(of: sequence)
        if let bytes = arena.bytes(of: entry.pointee.body, version: sequence) { return bytes }
        let body = arena.encode(version: sequence, atMost: NativeJSON.bodyMax) { pen in
            NativeJSON.trade(entry.pointee.tick, name: symbol.pointee.name, to: &pen)
        }
        entry.pointee.body = body
        return arena.bytes(of: body, version: sequence).unsafelyUnwrapped
    }

    /// Trades that may not be conflated: each one since the last, or a gap that names the missing.
    ///
    /// - Returns: false when the write is full before all of them are in it.
    mutating func gatherTrades(
        _ connection: UnsafeMutablePointer<Connection>, slot index: Int, _ now: Moment
    ) -> Bool {
        let slot = connection.pointee.subscriptions.slots[index]
        let symbol = view.symbol(slot.symbol)
        let newest = symbol.pointee.tradeSequence
        guard newest != slot.sent else { return true }
        // A subscription begins with the last trade there was.
        var next = slot.sent == 0 ? newest : slot.sent + 1
        var previous = slot.sent
        if next < symbol.pointee.trades.firstSequence {
            previous = symbol.pointee.trades.firstSequence - 1
            gap(slot.symbol, .trade, from: next, to: previous)
            next = previous + 1
        }
        // Marked once for all of them: a store into the slots asks whether they are shared.
        defer { connection.pointee.subscriptions.markSent(index, previous) }
        while next <= newest {
            guard scratch.count < limits.writeBytes else { return false }
            let received = symbol.pointee.trades.address(of: next).pointee.tick.receiveTime
            frame(
                connection, tradeBody(symbol, next), previous: previous,
                stamp: slot.stamps ? received : nil, now)
            previous = next
            next += 1
        }
        return true
    }

    /// The last trade with size, count, high and low of all since the subscriber's last message.
    mutating func gatherLatestTrade(
        _ connection: UnsafeMutablePointer<Connection>, slot index: Int, _ now: Moment
    ) {
        let slot = connection.pointee.subscriptions.slots[index]
        let symbol = view.symbol(slot.symbol)
        let newest = symbol.pointee.tradeSequence
        guard newest != slot.sent, let last = symbol.pointee.lastTrade else { return }
        var first = slot.sent == 0 ? newest : slot.sent + 1
        var previous = slot.sent
        if first < symbol.pointee.trades.firstSequence {
            previous = symbol.pointee.trades.firstSequence - 1
            gap(slot.symbol, .trade, from: first, to: previous)
            first = previous + 1
        }
        var merged = DayStatistics()
        for sequence in first...newest {
            let trade = symbol.pointee.trades.address(of: sequence).pointee.tick
            merged.add(price: trade.price, size: trade.size)
        }
        let body = arena.encode(version: newest, atMost: NativeJSON.bodyMax) { pen in
            NativeJSON.trade(last, merging: merged, name: symbol.pointee.name, to: &pen)
        }
        let bytes = arena.bytes(of: body, version: newest).unsafelyUnwrapped
        frame(connection, bytes, previous: previous, stamp: slot.stamps ? last.receiveTime : nil, now)
        if slot.sent != 0 {
            connection.pointee.merged &+= newest - first
            counters.merged &+= newest - first
        }
        connection.pointee.subscriptions.markSent(index, newest)
    }

    /// Says which versions this subscriber will never get. It stands among the data, in order.
    private mutating func gap(_ symbol: SymbolID, _ channel: Channel, from: UInt64, to: UInt64) {
        counters.gaps += 1
        var message = ControlMessage("gap")
        message.add("sym", view.symbol(symbol).pointee.definition.name.description)
        message.add("channel", "\(channel.name)")
        message.add("from", unsigned: from)
        message.add("to", unsigned: to)
        let isLapped = to + 1 == view.symbol(symbol).pointee.trades.resumedAt
        message.add("reason", isLapped ? "lapped" : "slow")
        scratch.appendFrame(message.end())
    }
}
