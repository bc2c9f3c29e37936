// One side's resting orders in the order in which they will trade: what a feed doesn't tell and
// a simulation must know.
//
// Invariants
//   - The next to trade is last: best price, and among equals the oldest.
//   - `levels` is the number of distinct prices.
import Market

struct SimulatedOrder {
    var id: UInt64
    /// Cents.
    var price: Int
    var shares: UInt32
}

struct SimulatedSide {
    let side: Side
    private(set) var orders: [SimulatedOrder] = []
    private(set) var levels = 0

    init(_ side: Side) { self.side = side }

    var count: Int { orders.count }
    /// Of the order that trades next. Only where there is one.
    var best: Int { orders[orders.count - 1].price }

    /// 0 where no order is.
    func shares(at index: Int) -> UInt32 { index >= 0 ? orders[index].shares : 0 }

    func isBetter(_ a: Int, than b: Int) -> Bool { side == .bid ? a > b : a < b }

    mutating func insert(_ order: SimulatedOrder) {
        var low = 0, high = orders.count
        while low < high {
            let middle = (low + high) / 2
            if isBetter(order.price, than: orders[middle].price) { low = middle + 1 } else { high = middle }
        }
        // Equal prices stand from `low` on: a newcomer trades after them.
        if low == orders.count || orders[low].price != order.price { levels += 1 }
        orders.insert(order, at: low)
    }

    mutating func remove(at index: Int) -> SimulatedOrder {
        let order = orders.remove(at: index)
        let before = index > 0 && orders[index - 1].price == order.price
        let behind = index < orders.count && orders[index].price == order.price
        if !before && !behind { levels -= 1 }
        return order
    }

    /// Takes shares off an order, not all of them.
    mutating func reduce(at index: Int, by shares: UInt32) { orders[index].shares -= shares }

    /// Shares of the order that trades next: so many, or all it has. Only where there is one.
    mutating func takeBest(_ wanted: UInt32) -> (order: UInt64, shares: UInt32) {
        let order = orders[orders.count - 1], shares = min(wanted, order.shares)
        if shares == order.shares {
            _ = remove(at: orders.count - 1)
        } else {
            reduce(at: orders.count - 1, by: shares)
        }
        return (order.id, shares)
    }
}
