// Runs ahead of a cursor and reads no more of a message than whom it is about.
//
// Invariants
//   - Every message is taken to have an order's reference where order messages have it: telling them
//     apart costs more than a hint in vain.
//   - Judges nothing: what is no message is the cursor's to find.
import Basics
import Market

struct ITCHScout: ~Copyable, ~Escapable {
    /// How many messages it runs ahead: what memory takes, twice, and a little.
    static let lead = 20

    private let bytes: RawSpan
    private var offset: Int

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// `none` at the end of the bytes, or near it.
    ///
    /// - Parameter symbols: by locate code; what is not below `unknown` has no number.
    @_lifetime(self: copy self)
    @inline(__always)
    mutating func next(
        _ symbols: UnsafeMutablePointer<UInt32>, unknown: UInt32
    ) -> OrderHint {
        guard bytes.byteCount &- offset >= 2 &+ 36 else { return .none }
        let start = offset &+ 2
        offset = start &+ Int(bytes.u16(at: offset))
        let symbol = symbols[Int(bytes.u16(at: start &+ 1))]
        let type = bytes.u8(at: start), order = bytes.u64(at: start &+ 11)
        let isReplace = type == UInt8(ascii: "U")
        let other = bytes.u64(at: start &+ 19)
        return OrderHint(
            order: order, newOrder: isReplace ? other : order,
            price: Price(e4: bytes.u32(at: start &+ (isReplace ? 31 : 32))),
            symbol: symbol < unknown ? symbol : OrderHint.noSymbol,
            isAdd: type == UInt8(ascii: "A") || type == UInt8(ascii: "F"), isReplace: isReplace,
            isAsk: bytes.u8(at: start &+ 19) == UInt8(ascii: "S"))
    }
}
