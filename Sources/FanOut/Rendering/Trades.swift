// Trades: every one of them from the symbol's history, or the last with what was merged into it. That one
// was taken back is told in its place among them.
import Basics
import Dialects
import Market

extension Shard {
    /// Each trade since the last one sent, or a gap that names the missing.
    ///
    /// - Returns: false when the write is full before all of them are in it.
    mutating func gatherTrades(_ one: Addressee) -> Bool {
        let newest = latest(in: one.symbol.pointee.trades) { $0.position }
        guard newest != one.slot.pointee.sent else { return true }
        var next = one.slot.pointee.isNew ? beginning(one, newest) : one.slot.pointee.sent + 1
        if next < one.symbol.pointee.trades.first {
            next = one.symbol.pointee.trades.first
            gap(to: next - 1, wasLapped: next == one.symbol.pointee.trades.resumedAt, one)
        }
        while next <= newest {
            guard scratch.count < writeMax else { return false }
            let received = one.symbol.pointee.trades[next].pointee.tick.receiveTime
            emit(tradeBody(one, next), version: next, received: received, to: one)
            next += 1
        }
        return true
    }

    /// A subscription begins with the last trade there was, and what was taken back since.
    private func beginning(_ one: Addressee, _ newest: UInt64) -> UInt64 {
        guard let trade = one.symbol.pointee.lastTrade, trade.sequence < newest else { return newest }
        return trade.sequence >= one.symbol.pointee.trades.first ? trade.sequence : newest
    }

    @inline(__always)
    private mutating func tradeBody(_ one: Addressee, _ sequence: UInt64) -> UnsafeRawBufferPointer {
        let trade = one.symbol.pointee.trades[sequence]
        return arena.bytes(&trade.pointee.bodies, one.encoding, version: sequence) { pen in
            Shard.encode(trade.pointee.tick, one, to: &pen)
        }
    }

    private static func encode(_ tick: Tick, _ one: Addressee, to pen: inout Pen) {
        switch (one.encoding, tick.kind == .tradeBreak) {
        case (.json, false): NativeJSON.trade(tick, name: one.symbol.pointee.name, to: &pen)
        case (.json, true): NativeJSON.tradeBreak(tick, name: one.symbol.pointee.name, to: &pen)
        case (.sbe, false): NativeSBE.trade(tick, to: &pen)
        case (.sbe, true): NativeSBE.tradeBreak(tick, to: &pen)
        }
    }

    /// The last trade with size, count, high and low of all since the subscriber's last message. One
    /// taken back is the newest version until a trade follows, and merged into nothing.
    mutating func gatherLatestTrade(_ one: Addressee) {
        let newest = latest(in: one.symbol.pointee.trades) { $0.position }
        guard newest != one.slot.pointee.sent else { return }
        var first = one.slot.pointee.isNew ? newest : one.slot.pointee.sent + 1
        if first < one.symbol.pointee.trades.first {
            first = one.symbol.pointee.trades.first
            gap(to: first - 1, wasLapped: first == one.symbol.pointee.trades.resumedAt, one)
        }
        guard first <= newest else { return }
        let last = one.symbol.pointee.trades[newest].pointee.tick
        let body =
            last.kind == .tradeBreak
            ? tradeBody(one, newest) : mergedBody(one, last, from: first, to: newest)
        emit(body, version: newest, received: last.receiveTime, to: one)
    }

    private mutating func mergedBody(
        _ one: Addressee, _ last: Tick, from first: UInt64, to newest: UInt64
    ) -> UnsafeRawBufferPointer {
        let key = DeltaCache.Key(
            symbol: one.slot.pointee.symbol, variant: one.variant, from: first, to: newest)
        if let body = deltas.body(key), let bytes = arena.bytes(of: body, version: newest) { return bytes }
        var merged = DayStatistics()
        for sequence in first...newest {
            let trade = one.symbol.pointee.trades[sequence].pointee.tick
            if trade.kind == .trade { merged.add(price: trade.price, size: trade.size) }
        }
        let body = arena.encode(version: newest, atMost: NativeJSON.bodyMax) { pen in
            switch one.encoding {
            case .json: NativeJSON.trade(last, merging: merged, name: one.symbol.pointee.name, to: &pen)
            case .sbe: NativeSBE.trade(last, merging: merged, to: &pen)
            }
        }
        deltas.store(body, key)
        return arena.bytes(of: body, version: newest).unsafelyUnwrapped
    }
}

extension Addressee {
    /// What else than symbol and versions changes a message's bytes.
    var variant: UInt32 {
        let checksum: UInt32 = slot.pointee.options.contains(.checksum) ? 1 : 0
        return UInt32(slot.pointee.kind.raw) << 16 | UInt32(slot.pointee.depth) << 8 | checksum << 1
            | UInt32(encoding.rawValue)
    }
}
