// Large book messages, compressed once for all who are sent the very same bytes (RFC 7692).
//
//     body + tail ─ 1 KiB or more ─ deflate ─→ arena ─→ everybody at that version, of that window
//
// Invariants
//   - A message is shared by those who have the same version and asked for the same: nothing in it is
//     one subscriber's own, so one with stamps is not compressed.
//   - Subscribers of one depth at one `sent` saw the same window, and so get the same difference.
//   - Who did not agree to compression pays a comparison for it, and only with books.
import Basics
import Dialects
import Wire

extension Shard {
    /// The smallest message that compression is worth: it costs 10 µs and more.
    static let deflatedMin = 1_024

    /// As `emit`, compressed where that is agreed on and worth it.
    mutating func emitBook(
        _ body: UnsafeRawBufferPointer, version: UInt64, received: Timestamp, isSnapshot: Bool,
        to one: Addressee
    ) {
        guard one.connection.pointee.deflateBits != 0, body.count >= Shard.deflatedMin,
            !one.slot.pointee.options.contains(.stamps)
        else { return emit(body, version: version, received: received, isSnapshot: isSnapshot, to: one) }
        if one.encoding == .sbe { nameSymbol(one) }
        let payload = compressed(body, version: version, isSnapshot: isSnapshot, one)
        scratch.write(atMost: payload.count + 16) { pen in
            WebSocketFrame.writeHeader(
                into: &pen, opcode: one.encoding == .json ? .text : .binary, payload: payload.count,
                isCompressed: true)
            pen.bytes(payload)
        }
        delivered(version, to: one)
    }

    private mutating func compressed(
        _ body: UnsafeRawBufferPointer, version: UInt64, isSnapshot: Bool, _ one: Addressee
    ) -> UnsafeRawBufferPointer {
        let bits = one.connection.pointee.deflateBits
        let variant = one.variant | UInt32(bits) << 24 | (isSnapshot ? 1 << 28 : 0)
        let key = DeltaCache.Key(
            symbol: one.slot.pointee.symbol, variant: variant, from: one.slot.pointee.sent, to: version)
        if let known = deflated.body(key), let bytes = arena.bytes(of: known, version: version) {
            return bytes
        }
        assemble(body, one.slot.pointee.sent, isSnapshot: isSnapshot, one.encoding)
        let payload = deflaters[bits: bits].deflate(plain.readable)
        let new = arena.encode(version: version, atMost: payload.count) { $0.bytes(payload) }
        deflated.store(new, key)
        counters.deflates += 1
        return arena.bytes(of: new, version: version).unsafelyUnwrapped
    }

    /// The whole message in one piece, outside of the arena, which writes over itself as it turns.
    private mutating func assemble(
        _ body: UnsafeRawBufferPointer, _ previous: UInt64, isSnapshot: Bool, _ encoding: Encoding
    ) {
        let isSnapshot = isSnapshot || previous == 0
        plain.removeAll()
        plain.write(atMost: body.count + NativeJSON.tailMax) { pen in
            let message = pen.at
            pen.bytes(body)
            switch encoding {
            case .json:
                NativeJSON.Tail(previous: previous, isSnapshot: isSnapshot, stamps: nil).write(to: &pen)
            case .sbe: NativeSBE.own(message, previous: previous, isSnapshot: isSnapshot)
            }
        }
    }
}
