// What the simulated market says: the messages of an exchange that knows every order.
//
// Invariants
//   - A market has no other way to a book, and a message that is lost leaves no trace in one.
import Market

/// One message about one symbol. Prices in cents.
enum SimulatedMessage {
    case status(MarketStatus)
    case add(SimulatedOrder, Side)
    case cancel(UInt64, shares: UInt32)
    case delete(UInt64)
    case replace(UInt64, by: SimulatedOrder)
    case execute(UInt64, shares: UInt32, match: UInt64)
    /// An order's part in a cross, of which `cross` tells the whole.
    case executeInCross(UInt64, shares: UInt32, cents: Int, match: UInt64)
    case cross(shares: UInt64, cents: Int, match: UInt64)
    /// Of two that nobody saw, at half this price.
    case hidden(shares: UInt32, halfCents: Int, match: UInt64)
    /// What sending a book anew ends with, behind the state and every order.
    case bookIsWhole

    @inline(__always)
    func apply(to symbol: SymbolID, at stamp: Stamp, into builder: inout BookBuilder) {
        switch self {
        case .status(let status): builder.status(symbol, status, at: stamp)
        case .add(let order, let side):
            builder.add(
                order: order.id, symbol: symbol, side: side, shares: order.shares,
                price: Price(cents: order.price), at: stamp)
        case .cancel(let order, let shares): builder.cancel(order: order, shares: shares, at: stamp)
        case .delete(let order): builder.delete(order: order, at: stamp)
        case .replace(let old, let new):
            builder.replace(
                order: old, with: new.id, shares: new.shares, price: Price(cents: new.price), at: stamp)
        case .execute(let order, let shares, let match):
            builder.execute(order: order, shares: shares, match: match, at: stamp)
        case .executeInCross(let order, let shares, let cents, let match):
            builder.executeWithPrice(
                order: order, shares: shares, match: match, printable: false,
                price: Price(cents: cents), at: stamp)
        case .cross(let shares, let cents, let match):
            builder.cross(symbol, shares: shares, price: Price(cents: cents), match: match, at: stamp)
        case .hidden(let shares, let halfCents, let match):
            builder.trade(
                symbol, shares: shares, price: Price(e9: Int64(halfCents) * 5_000_000), match: match,
                at: stamp)
        case .bookIsWhole: builder.trust(symbol, at: stamp)
        }
    }
}

extension Price {
    fileprivate init(cents: Int) { self.init(e9: Int64(cents) * 10_000_000) }
}
