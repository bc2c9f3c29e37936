// What a decoder can tell of messages before it decodes them: whose memory they will want.
//
//     now        +4                +12                    +20 messages
//      ▲          ▲                 ▲                      ▲
//   applied    a new order's     an order's level, or    the order's bucket,
//              level             its ladder's best end   the symbol's ladders and state
//
// One after the other, messages would each wait for their memory, three times; so far ahead, the
// memory of twenty is under way at once, and a message finds its own there.
//
// Invariants
//   - Hints may be wrong: they change nothing but the time that messages take.
//   - A step reads only what the steps before it have fetched.
import Market

/// One message ahead: whom it is about.
struct OrderHint {
    let order: UInt64
    /// Of a replace; of all others the same once more.
    let newOrder: UInt64
    /// Where a new order goes: of adds, and of replaces but for the side.
    let price: Price
    /// `none` where nothing is known.
    let symbol: UInt32
    let isAdd: Bool
    let isReplace: Bool
    let isAsk: Bool

    @inline(__always) static var noSymbol: UInt32 { .max }
    @inline(__always) static var none: OrderHint {
        OrderHint(
            order: 0, newOrder: 0, price: .zero, symbol: noSymbol, isAdd: false, isReplace: false,
            isAsk: false)
    }
    @inline(__always) var isNone: Bool { symbol == OrderHint.noSymbol }
}

/// The hints between their steps.
struct OrderHints {
    /// Between one step and the next.
    static let distance = 8
    private var ring = InlineArray<16, OrderHint>(repeating: .none)
    private var at = 0

    /// Takes a new hint, and gives the ones that came `distance` and twice `distance` hints before.
    @inline(__always)
    mutating func exchange(_ hint: OrderHint) -> (second: OrderHint, third: OrderHint) {
        let second = ring[(at &+ OrderHints.distance) & 15], third = ring[at & 15]
        ring[at & 15] = hint
        at &+= 1
        return (second, third)
    }
}
