// Status: every word of the market's and of the feed's about a symbol, in order.
import Basics
import Dialects
import Market

extension Shard {
    /// - Returns: false when the write is full before all of them are in it.
    mutating func gatherStatuses(_ one: Addressee) -> Bool {
        let newest = latest(in: one.symbol.pointee.statuses) { $0.position }
        guard newest != one.slot.pointee.sent else { return true }
        var next = one.slot.pointee.isNew ? newest : one.slot.pointee.sent + 1
        if next < one.symbol.pointee.statuses.first {
            next = one.symbol.pointee.statuses.first
            gap(to: next - 1, wasLapped: next == one.symbol.pointee.statuses.resumedAt, one)
        }
        while next <= newest {
            guard scratch.count < writeMax else { return false }
            let received = one.symbol.pointee.statuses[next].pointee.receiveTime
            emit(statusBody(one, next), version: next, received: received, to: one)
            next += 1
        }
        return true
    }

    private mutating func statusBody(_ one: Addressee, _ sequence: UInt64) -> UnsafeRawBufferPointer {
        let word = one.symbol.pointee.statuses[sequence]
        return arena.bytes(&word.pointee.bodies, one.encoding, version: sequence) { pen in
            switch one.encoding {
            case .json:
                NativeJSON.status(
                    word.pointee.status, word.pointee.feed, sequence: sequence, at: word.pointee.time,
                    name: one.symbol.pointee.name, to: &pen)
            case .sbe:
                NativeSBE.status(
                    word.pointee.status, word.pointee.feed, sequence: sequence, at: word.pointee.time,
                    symbol: one.slot.pointee.symbol, to: &pen)
            }
        }
    }
}
