// Where an answer ends that cannot hold everything: at a place on the tape, the same for all its slots.
//
//     tape     ──────────────┬──────────────────┬──────────▶
//                         cursor             horizon
//                            └── this answer ──┘└ the next ones
//
// Invariants
//   - Events behind the horizon are not in the answer, nor are states that changed behind it.
//   - So the horizon is the answer's cursor: nothing is missed, nothing comes twice, and however many
//     symbols are busy the next answer begins where this one ends.
import Basics
import Dialects
import Market

extension Shard {
    /// What a message takes, about.
    private static let messageBytes = 192
    private static let levelBytes = 20

    /// The latest event that the answer being gathered may hold.
    @inline(__always)
    func latest<Event>(in history: borrowing History<Event>, _ place: (Event) -> UInt64) -> UInt64 {
        horizon == .max ? history.last : history.partition { place($0) < horizon } - 1
    }

    /// The answer's end where the connection is owed more than `bytes`; `.max` where it is not.
    ///
    /// Looks at all slots, and where there is too much a few dozen times.
    func horizon(of connection: UnsafeMutablePointer<Connection>, bytes: Int) -> UInt64 {
        guard owed(connection, before: .max) > bytes else { return .max }
        var low: UInt64 = 0, high = view.position
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if owed(connection, before: middle) > bytes { high = middle } else { low = middle }
        }
        return high  // and not `low`, which may hold nothing at all
    }

    private func owed(_ connection: UnsafeMutablePointer<Connection>, before place: UInt64) -> Int {
        (0..<connection.pointee.subscriptions.count).reduce(0) {
            $0 + owed(connection.pointee.subscriptions[$1], before: place)
        }
    }

    /// Bytes, about, of what a slot is owed of what happened before a place on the tape.
    private func owed(_ slot: Slot, before place: UInt64) -> Int {
        let symbol = view.symbol(slot.symbol)
        let known = slot.kind.channel == .book ? slot.seen : slot.sent
        guard symbol.pointee.newest(slot.kind) != known else { return 0 }
        let state = symbol.pointee.changedAt(slot.kind) < place ? Shard.messageBytes : 0
        if slot.isNew && slot.kind.channel != .book { return state }
        switch slot.kind.channel {
        case .quote, .stats: return state
        case .book: return state == 0 ? 0 : state + Int(slot.depth) * 2 * Shard.levelBytes
        case .trade:
            let count = Shard.count(symbol.pointee.trades, after: slot.sent, before: place) { $0.position }
            return (slot.options.contains(.latest) ? min(count, 1) : count) * Shard.messageBytes
        case .status:
            return Shard.count(symbol.pointee.statuses, after: slot.sent, before: place) { $0.position }
                * Shard.messageBytes
        case .bar:
            let closed = symbol.pointee.series(slot.kind.interval)
            return state + Shard.count(closed.pointee.closed, after: slot.seen, before: place) { $0.position }
                * Shard.messageBytes
        }
    }

    private static func count<Event>(
        _ history: borrowing History<Event>, after told: UInt64, before end: UInt64,
        _ place: (Event) -> UInt64
    ) -> Int {
        let next = history.partition { place($0) < end }, first = max(told + 1, history.first)
        return next > first ? Int(next - first) : 0
    }
}
