// What benchmarks do with a decoded ITCH message: apply it to books without ticks, or only look.
import Market
import TickerFeed

/// A locate code's symbol: numbers in the order in which they are first seen.
struct LocateTable {
    private var symbols = [UInt32](repeating: .max, count: 65_536)

    @inline(__always)
    mutating func symbol(_ locate: UInt16, in books: inout OrderBooks) -> SymbolID {
        if symbols[Int(locate)] == .max { symbols[Int(locate)] = books.addSymbol().raw }
        return SymbolID(symbols[Int(locate)])
    }

    /// As `ITCHRouter` does it.
    @inline(__always)
    func lookAhead(
        _ cursor: borrowing ITCHCursor, _ books: borrowing OrderBooks, _ hints: inout OrderHints
    ) -> Int {
        var scout = cursor.scout, messages = 0
        hints.removeAll()
        while !hints.isFull, let message = scout.next() {
            messages &+= 1
            let symbol = symbols[Int(message.locate)]
            guard symbol != .max else { continue }
            hints.append(order: message.order, symbol: SymbolID(symbol))
            guard let order = message.newOrder, !hints.isFull else { continue }
            hints.append(order: order, symbol: SymbolID(symbol))
        }
        books.prefetch(hints)
        return max(1, messages)
    }
}

extension OrderBooks {
    /// - Returns: what an order message did to its level, a replace to the old one.
    @inline(__always)
    mutating func apply(_ message: ITCHMessage, _ symbols: inout LocateTable) -> LevelChange? {
        switch message.body {
        case .addOrder(let order, let side, let shares, _, let price):
            let symbol = symbols.symbol(message.locate, in: &self)
            return add(order: order, symbol: symbol, side: side, shares: shares, price: price)
        case .orderExecuted(let order, let shares, _):
            return reduce(order: order, by: shares, .executed)
        case .orderExecutedWithPrice(let order, let shares, _, _, _):
            return reduce(order: order, by: shares, .executedWithPrice)
        case .orderCancel(let order, let shares): return reduce(order: order, by: shares, .cancelled)
        case .orderDelete(let order): return delete(order: order)
        case .orderReplace(let order, let newOrder, let shares, let price):
            return replace(order: order, with: newOrder, shares: shares, price: price)?.left
        default: return nil
        }
    }
}

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
