// Going on after a break: from a cursor, a place on the tape up to which a client was told all.
//
// Invariants
//   - A cursor never promises too much: what is never conflated and was not handed to the socket
//     when the cursor was made lies behind it.
//   - A loop that lost its place knows what is lost, and to whom, only once all was told anew: until
//     then no cursor moves.
//   - Resumed, trades, words of status and closed bars go on with the first one behind the cursor,
//     perhaps with some the client has; what is not in the history any more is declared lost.
//   - States need nothing but a snapshot. The market's word and the last bar are states as well: they
//     are sent once more, for the cursor may be older than their first message.
import Basics
import Dialects
import Market

extension Shard {
    /// Moves the connection's cursor up to what it was written. Not while a tail waits: heartbeats
    /// overtake it. While not all is subscribed to, it only goes back.
    func noteSafePosition(_ connection: UnsafeMutablePointer<Connection>) {
        guard !connection.pointee.isBlocked, connection.pointee.epoch == view.epoch else { return }
        let position = safePosition(connection)
        connection.pointee.safePosition =
            connection.pointee.isBeginning ? min(connection.pointee.safePosition, position) : position
    }

    /// Up to where it was told all, once what was gathered has reached the socket.
    func safePosition(_ connection: UnsafeMutablePointer<Connection>) -> UInt64 {
        guard view.isWhole else { return connection.pointee.safePosition }
        var position = view.position
        for index in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions[index]
            if slot.awaitsPast { position = min(position, connection.pointee.resumesFrom) }
            guard let owed = slot.isNew ? firstOwed(toNew: slot) : firstOwed(slot) else { continue }
            // What is lost has no place here any more, but perhaps in another loop: stay before it.
            position = min(position, owed.isLost ? connection.pointee.safePosition : owed.position)
        }
        return position
    }

    /// Where on the tape the first event lies that this slot is still to be sent, as far as it is
    /// remembered; or that the gap about those before it is.
    func firstOwed(_ slot: Slot) -> (position: UInt64, isLost: Bool)? {
        let symbol = view.symbol(slot.symbol)
        switch slot.kind.channel {
        case .quote, .book, .stats: return nil
        case .trade: return Shard.next(after: slot.sent, in: symbol.pointee.trades) { $0.position }
        case .status: return Shard.next(after: slot.sent, in: symbol.pointee.statuses) { $0.position }
        case .bar:
            let series = symbol.pointee.series(slot.kind.interval)
            return Shard.next(after: slot.seen, in: series.pointee.closed) { $0.position }
        }
    }

    /// A slot that begins with the last trade owes what was taken back since as well: a client that
    /// was cut off between the two goes on there.
    private func firstOwed(toNew slot: Slot) -> (position: UInt64, isLost: Bool)? {
        guard slot.kind.channel == .trade, !slot.options.contains(.latest) else { return nil }
        let symbol = view.symbol(slot.symbol)
        guard let trade = symbol.pointee.lastTrade, trade.sequence >= symbol.pointee.trades.first else {
            return nil
        }
        return Shard.next(after: trade.sequence, in: symbol.pointee.trades) { $0.position }
    }

    private static func next<Value>(
        after told: UInt64, in history: borrowing History<Value>, _ place: (Value) -> UInt64
    ) -> (position: UInt64, isLost: Bool)? {
        guard told < history.last else { return nil }
        guard told + 1 >= history.first else { return (0, true) }
        return (place(history[told + 1].pointee), false)
    }

    /// Sets new slots to where the cursor stands. The connection's own cursor goes back with them, even
    /// while it is blocked.
    func resume(
        _ connection: UnsafeMutablePointer<Connection>, _ kind: StreamKind, _ named: [SymbolID],
        _ prefixes: [[UInt8]], _ cursor: Cursor
    ) {
        connection.pointee.safePosition = min(connection.pointee.safePosition, cursor.position)
        for index in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions.address(of: index)
            guard slot.pointee.kind == kind else { continue }
            let name = view.symbol(slot.pointee.symbol).pointee.name
            let isMeant =
                named.contains(slot.pointee.symbol) || prefixes.contains { name.starts(with: $0) }
            guard isMeant else { continue }
            if view.symbol(slot.pointee.symbol).pointee.isKnown {
                resume(slot, at: cursor.position)
            } else {
                slot.pointee.options.formUnion(.awaitsPast)
                connection.pointee.resumesFrom = min(connection.pointee.resumesFrom, cursor.position)
            }
        }
    }

    /// The symbol came to be known here: its past came with it.
    func resumeAwaited(_ one: Addressee) {
        one.slot.pointee.options.remove(.awaitsPast)
        resume(one.slot, at: one.connection.pointee.resumesFrom)
    }

    private func resume(_ slot: UnsafeMutablePointer<Slot>, at position: UInt64) {
        let symbol = view.symbol(slot.pointee.symbol)
        slot.pointee.options.formUnion(.resumed)
        switch slot.pointee.kind.channel {
        case .quote, .book, .stats: break
        case .trade:
            slot.pointee.sent = Shard.lastTold(symbol.pointee.trades, at: position) { $0.position }
        case .status:
            let told = Shard.lastTold(symbol.pointee.statuses, at: position) { $0.position }
            slot.pointee.sent = min(told, max(symbol.pointee.statuses.last, 1) - 1)
        case .bar:
            let series = symbol.pointee.series(slot.pointee.kind.interval)
            var told = Shard.lastTold(series.pointee.closed, at: position) { $0.position }
            if series.pointee.open.isEmpty { told = min(told, max(series.pointee.closed.last, 1) - 1) }
            slot.pointee.seen = told
            if told >= series.pointee.closed.first, series.pointee.closed.count > 0 {
                slot.pointee.sent = series.pointee.closed[told].pointee.sequence
            } else if told + 1 == series.pointee.closed.first, series.pointee.closed.count > 0 {
                slot.pointee.sent = series.pointee.closed[told + 1].pointee.sequenceBefore
            }
        }
    }

    /// The number of the last event before `position`. 0 where the history does not reach back so
    /// far and something may be missing: then everything up to its beginning is declared lost.
    private static func lastTold<Value>(
        _ history: borrowing History<Value>, at position: UInt64, _ place: (Value) -> UInt64
    ) -> UInt64 {
        guard history.count > 0 else { return 0 }
        let next = history.partition { place($0) < position }
        return next == history.first && history.first > 1 ? 0 : next - 1
    }
}
