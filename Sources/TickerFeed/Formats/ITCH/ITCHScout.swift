// Runs ahead of a cursor and reads no more of a message than whom it is about.
//
// Invariants
//   - Every message is taken to have an order's reference where order messages have it: telling them
//     apart costs more than a hint in vain.
//   - Judges nothing: what is no message is the cursor's to find.
import Basics

public struct ITCHScout: ~Copyable, ~Escapable {
    private let bytes: RawSpan
    private var offset: Int

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Nil at the end of the bytes, or near it.
    @_lifetime(self: copy self)
    @inline(__always)
    public mutating func next() -> (locate: UInt16, order: UInt64, newOrder: UInt64?)? {
        guard bytes.byteCount &- offset >= 2 &+ 27 else { return nil }
        let start = offset &+ 2
        offset = start &+ Int(bytes.u16(at: offset))
        let isReplace = bytes.u8(at: start) == UInt8(ascii: "U")
        return (
            bytes.u16(at: start &+ 1), bytes.u64(at: start &+ 11),
            isReplace ? bytes.u64(at: start &+ 19) : nil
        )
    }
}
