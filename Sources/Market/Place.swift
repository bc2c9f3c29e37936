// Places on the tape of who numbered the ticks, for readers of another tape that carries them.
//
//     publisher   … │ 1,000 … 1,199 │ 1,200 … 1,230 │          one flush each
//     node          place(1,000..<1,200, told 1,000) · this symbol's 3 of them: 1,000, 1,001, 1,002
//                   place(1,200..<1,200, told 1,200)           all of the flush has come
//
// Invariants
//   - Ticks of one symbol and one flush always come together, so that every node gives them the same
//     places. They are in order, and before the flush's end, but not the ones they had on the tape.
//   - `told` is a cursor: whatever is before it has come to this node.
import Basics

/// What a `.place` tick says.
public struct Place: Hashable, Sendable {
    /// Of the tick behind it; those that follow count on, and stay before `end`.
    public var first: UInt64
    public var end: UInt64
    public var told: UInt64

    public init(first: UInt64, end: UInt64, told: UInt64) {
        self.first = first
        self.end = end
        self.told = told
    }
}

extension Tick {
    public static func place(_ place: Place, flags: Flags = [], at time: Timestamp, received: Timestamp)
        -> Tick
    {
        Tick(
            .place, SymbolID(0), flags: flags, sequence: place.first, eventTime: time, receiveTime: received,
            source: place.end, aux: place.told)
    }

    /// Only for ticks of that kind.
    public var place: Place { Place(first: sequence, end: source, told: aux) }

    /// - Parameter forgets: nothing is known of the symbol until it is told anew.
    public static func resync(
        _ symbol: SymbolID, forgets: Bool, flags: Flags = [], at time: Timestamp, received: Timestamp
    ) -> Tick {
        Tick(.resync, symbol, flags: flags, eventTime: time, receiveTime: received, aux: forgets ? 1 : 0)
    }
}
