// Books in plain memory against a dictionary.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// The rules of bad inputs as plainly as they can be said.
private struct ModelBooks {
    struct Order { var place: SideIndex, price: Price, shares: UInt32 }
    var orders: [UInt64: Order] = [:]
    var anomalies: [Anomaly: UInt64] = [:]
    var updates: UInt64 = 0

    mutating func add(_ id: UInt64, _ place: SideIndex, _ shares: UInt32, _ price: Price) {
        if shares == 0 { return anomalies[.zeroSizeAdd, default: 0] += 1 }
        if orders[id] != nil { return anomalies[.duplicateRef, default: 0] += 1 }
        orders[id] = Order(place: place, price: price, shares: shares)
        updates += 1
    }
    mutating func reduce(_ id: UInt64, _ shares: UInt32, _ how: Reduction) {
        guard let order = orders[id] else { return anomalies[how.unknown, default: 0] += 1 }
        if shares > order.shares { anomalies[how.tooMuch, default: 0] += 1 }
        orders[id]?.shares -= min(shares, order.shares)
        if orders[id]?.shares == 0 { orders[id] = nil }
        updates += 1
    }
    mutating func delete(_ id: UInt64) {
        guard orders.removeValue(forKey: id) != nil else {
            return anomalies[.unknownRefD, default: 0] += 1
        }
        updates += 1
    }
    mutating func replace(_ id: UInt64, _ new: UInt64, _ shares: UInt32, _ price: Price) {
        guard let order = orders[id] else { return anomalies[.unknownRefU, default: 0] += 1 }
        if orders[new] != nil { return anomalies[.duplicateRef, default: 0] += 1 }
        orders[id] = nil
        updates += 1
        guard shares > 0 else { return }
        orders[new] = Order(place: order.place, price: price, shares: shares)
    }

    func levels(_ symbol: SymbolID, _ side: Side) -> [BookLevel] {
        let place = SideIndex(symbol, side)
        var totals: [Price: BookLevel] = [:]
        for order in orders.values where order.place == place {
            let empty = BookLevel(price: order.price, shares: 0, orders: 0, place: place)
            totals[order.price, default: empty].shares += UInt64(order.shares)
            totals[order.price, default: empty].orders += 1
        }
        return totals.values.sorted { side.isBetter($0.price, than: $1.price) }
    }
}

@Test("books agree with a dictionary of orders", arguments: Seed.smoke)
func booksAgreeWithModel(seed: Seed) throws {
    var random = seed.generator()
    var books = OrderBooks(), model = ModelBooks()
    let symbols = (0..<3).map { _ in books.addSymbol() }
    // Few references and prices, so that everything happens; odd seeds reach the binary search.
    let prices = seed.raw % 2 == 0 ? 6 : 60
    for step in 0..<4_000 {
        let id = UInt64(random.below(150)), new = UInt64(random.below(150))
        let shares = UInt32(random.below(5)) * 50, price = Price(e4: UInt32(1 + random.below(prices)))
        let symbol = symbols[random.below(3)], side: Side = random.oneIn(2) ? .bid : .ask
        switch random.below(8) {
        case 0..<3:
            _ = books.add(order: id, symbol: symbol, side: side, shares: shares, price: price)
            model.add(id, SideIndex(symbol, side), shares, price)
        case 3:
            _ = books.reduce(order: id, by: shares, .executed)
            model.reduce(id, shares, .executed)
        case 4:
            _ = books.reduce(order: id, by: shares, .cancelled)
            model.reduce(id, shares, .cancelled)
        case 5:
            _ = books.delete(order: id)
            model.delete(id)
        default:
            _ = books.replace(order: id, with: new, shares: shares, price: price)
            model.replace(id, new, shares, price)
        }
        if step == 3_000 {
            books.removeAll()
            model.orders = [:]
        }
        guard step % 20 == 0 else { continue }
        books.checkInvariants()
        for symbol in symbols {
            for side in Side.allCases {
                let levels = (0..<books.depth(symbol, side)).map { books.level(symbol, side, $0) }
                try #require(levels == model.levels(symbol, side), "\(seed), step \(step)")
                let best = books.best(symbol, side)
                try #require(best == levels.first)
            }
        }
        let (live, updates) = (books.liveOrders, books.updates)
        try #require(live == model.orders.count && updates == model.updates)
    }
    for anomaly in Anomaly.allCases {
        let count = books.anomalies[anomaly]
        #expect(count == model.anomalies[anomaly] ?? 0, "\(seed): \(anomaly)")
    }
}

@Test(
    "what an order message says of its level",
    arguments: [
        (shares: 40, left: 60, orders: 1, moved: 40),
        (shares: 100, left: 0, orders: 0, moved: 100),
        (shares: 400, left: 0, orders: 0, moved: 100),  // never more than there is
        (shares: 0, left: 100, orders: 1, moved: 0),
    ])
func reductionOfOneOrder(shares: Int, left: Int, orders: Int, moved: Int) throws {
    var books = OrderBooks()
    let symbol = books.addSymbol(), price = Price(e4: 1_871_500)
    _ = books.add(order: 7, symbol: symbol, side: .ask, shares: 100, price: price)
    let reduced = books.reduce(order: 7, by: UInt32(shares), .executed)
    let change = try #require(reduced), best = books.best(symbol, .ask)
    #expect(change.level.price == price && change.level.side == .ask)
    #expect(change.level.shares == UInt64(left) && change.level.orders == UInt32(orders))
    #expect(change.moved == UInt32(moved))
    #expect((best == nil) == (left == 0))
}
