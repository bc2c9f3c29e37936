// What a benchmark does with a decoded ITCH message that it has no other use for.
import Market
import TickerFeed

extension ITCHMessage {
    /// Every field in one word, so that none may stay undecoded.
    @inline(__always)
    var fingerprint: UInt64 {
        let head = UInt64(type) &+ UInt64(locate) << 8 &+ UInt64(bitPattern: timestamp.raw)
        return switch body {
        case .addOrder(let order, let side, let shares, let stock, let price):
            head &+ order &+ UInt64(side.rawValue) &+ UInt64(shares) &+ stock.raw
                &+ UInt64(bitPattern: price.e9)
        case .orderExecuted(let order, let shares, let match): head &+ order &+ UInt64(shares) &+ match
        case .orderExecutedWithPrice(let order, let shares, let match, let printable, let price):
            head &+ order &+ UInt64(shares) &+ match &+ (printable ? 1 : 0) &+ UInt64(bitPattern: price.e9)
        case .orderCancel(let order, let shares): head &+ order &+ UInt64(shares)
        case .orderDelete(let order): head &+ order
        case .orderReplace(let order, let newOrder, let shares, let price):
            head &+ order &+ newOrder &+ UInt64(shares) &+ UInt64(bitPattern: price.e9)
        case .trade(let shares, let stock, let price, let match):
            head &+ UInt64(shares) &+ stock.raw &+ UInt64(bitPattern: price.e9) &+ match
        case .crossTrade(let shares, let stock, let price, let match):
            head &+ shares &+ stock.raw &+ UInt64(bitPattern: price.e9) &+ match
        case .stockDirectory(let stock, let lot): head &+ stock.raw &+ UInt64(lot)
        case .tradingAction(let stock, let state, let reason):
            head &+ stock.raw &+ UInt64(state) &+ UInt64(reason)
        case .operationalHalt(let stock, let isHalted): head &+ stock.raw &+ (isHalted ? 1 : 0)
        case .systemEvent(let code): head &+ UInt64(code)
        case .brokenTrade(let match): head &+ match
        case .other: head
        }
    }
}
