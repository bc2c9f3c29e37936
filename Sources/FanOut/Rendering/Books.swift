// Books: the whole window to begin with, then how it differs from the version the subscriber has.
//
// Invariants
//   - A message goes out only where the window changed; what changed below it moves `seen` alone.
//   - Subscribers at one version and depth share a difference; one that is too far behind, or was
//     lapped, gets the window anew, flagged as a snapshot.
import Basics
import Dialects
import Market

extension Shard {
    mutating func gatherBook(_ one: Addressee) {
        let newest = one.symbol.pointee.book.sequence
        guard newest != one.slot.pointee.seen else { return }
        let seen = one.slot.pointee.seen
        let isWhole = one.slot.pointee.sent == 0 || !one.symbol.pointee.book.knows(since: seen)
        one.slot.pointee.seen = newest
        if one.slot.pointee.sent == 0, seen != 0, looksAlike(one, since: seen) { return }
        let body = bookBody(one, since: isWhole ? nil : seen, to: newest)
        guard body.count > 0 else { return }
        emitBook(
            body, version: newest, received: one.symbol.pointee.book.receiveTime, isSnapshot: isWhole,
            to: one)
    }

    /// A long poll's client has the window of that version: it need not be sent another one like it.
    private mutating func looksAlike(_ one: Addressee, since version: UInt64) -> Bool {
        guard one.symbol.pointee.book.knows(since: version) else { return false }
        window.show(one.symbol.pointee.book, depth: Int(one.slot.pointee.depth), since: version)
        return window.isEmpty
    }

    /// Empty where nothing changed within the depth.
    private mutating func bookBody(
        _ one: Addressee, since version: UInt64?, to newest: UInt64
    ) -> UnsafeRawBufferPointer {
        let key = DeltaCache.Key(
            symbol: one.slot.pointee.symbol, variant: one.variant, from: version ?? .max, to: newest)
        if let body = deltas.body(key), let bytes = arena.bytes(of: body, version: newest) { return bytes }
        let depth = Int(one.slot.pointee.depth)
        var checksum: UInt32?
        if version == nil || one.slot.pointee.options.contains(.checksum) {
            window.show(one.symbol.pointee.book, depth: depth)
            if one.slot.pointee.options.contains(.checksum) { checksum = window.checksum }
        }
        if let version { window.show(one.symbol.pointee.book, depth: depth, since: version) }
        let body = encodeBook(one, checksum, newest, isEmpty: version != nil && window.isEmpty)
        deltas.store(body, key)
        return arena.bytes(of: body, version: newest).unsafelyUnwrapped
    }

    private mutating func encodeBook(
        _ one: Addressee, _ checksum: UInt32?, _ newest: UInt64, isEmpty: Bool
    ) -> SharedBody {
        let levels = BookWindow.levels(depth: Int(one.slot.pointee.depth))
        let isCrossed = one.symbol.pointee.book.isCrossed
        let time = one.symbol.pointee.book.eventTime
        let (bids, asks) = (window.bids, window.asks)
        return arena.encode(version: newest, atMost: NativeJSON.bookMax(levels: levels)) { pen in
            guard !isEmpty else { return }
            switch one.encoding {
            case .json:
                NativeJSON.book(
                    bids: bids, asks: asks, crc: checksum, isCrossed: isCrossed, sequence: newest, at: time,
                    name: one.symbol.pointee.name, to: &pen)
            case .sbe:
                NativeSBE.book(
                    bids: bids, asks: asks, crc: checksum, isCrossed: isCrossed, sequence: newest, at: time,
                    symbol: one.slot.pointee.symbol, to: &pen)
            }
        }
    }
}
