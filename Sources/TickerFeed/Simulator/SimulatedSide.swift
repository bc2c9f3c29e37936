// One side's resting orders in the order in which they will trade: what a feed doesn't tell and
// a simulation must know.
//
// Invariants
//   - The next to trade is last: best price, and among equals the oldest.
//   - `levels` is the number of distinct prices.
//   - At most `capacity` orders, in a place of their own in the market's one piece of memory.
import Market

struct SimulatedOrder {
    var id: UInt64
    private let cents: Int32
    var shares: UInt32

    init(id: UInt64, price: Int, shares: UInt32) {
        self.id = id
        cents = Int32(price)
        self.shares = shares
    }

    /// Cents.
    @inline(__always) var price: Int { Int(cents) }
}

/// Memory for the orders of every side of a market. Whoever has it outlives them.
struct SimulatedOrders: ~Copyable {
    private let places: UnsafeMutablePointer<SimulatedOrder>
    private var free: UnsafeMutablePointer<SimulatedOrder>

    init(_ listings: [Listing]) {
        let count = listings.reduce(0) { $0 + 2 * SimulatedSide.capacity(of: $1) }
        places = .allocate(capacity: count)
        free = places
    }
    deinit { places.deallocate() }

    /// A side of the next listing, in the order of those that the memory was made for.
    mutating func take(_ side: Side, of listing: Listing) -> SimulatedSide {
        defer { free += SimulatedSide.capacity(of: listing) }
        return SimulatedSide(side, of: listing, at: free)
    }
}

struct SimulatedSide {
    private let isBid: Bool
    private let capacity: Int32
    private let orders: UnsafeMutablePointer<SimulatedOrder>
    private(set) var count = 0
    private(set) var levels = 0

    fileprivate init(_ side: Side, of listing: Listing, at place: UnsafeMutablePointer<SimulatedOrder>) {
        isBid = side == .bid
        capacity = Int32(SimulatedSide.capacity(of: listing))
        orders = place
    }

    /// Somebody adds to a side only where it is not full, or has lost an order before.
    fileprivate static func capacity(of listing: Listing) -> Int { listing.ordersMax + 1 }

    @inline(__always)
    subscript(index: Int) -> SimulatedOrder {
        precondition(index >= 0 && index < count, "no such order")
        return orders[index]
    }

    /// Of the order that trades next. Only where there is one.
    @inline(__always) var best: Int { self[count - 1].price }

    /// 0 where no order is.
    func shares(at index: Int) -> UInt32 { index >= 0 ? self[index].shares : 0 }

    @inline(__always) func isBetter(_ a: Int, than b: Int) -> Bool { isBid ? a > b : a < b }

    mutating func insert(_ order: SimulatedOrder) {
        precondition(count < Int(capacity), "a side is full")
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if isBetter(order.price, than: orders[middle].price) { low = middle + 1 } else { high = middle }
        }
        // Equal prices stand from `low` on: a newcomer trades after them.
        if low == count || orders[low].price != order.price { levels += 1 }
        (orders + low + 1).update(from: orders + low, count: count - low)
        orders[low] = order
        count += 1
    }

    mutating func remove(at index: Int) -> SimulatedOrder {
        let order = self[index]
        let before = index > 0 && orders[index - 1].price == order.price
        let behind = index + 1 < count && orders[index + 1].price == order.price
        if !before && !behind { levels -= 1 }
        count -= 1
        (orders + index).update(from: orders + index + 1, count: count - index)
        return order
    }

    /// Takes shares off an order, not all of them.
    mutating func reduce(at index: Int, by shares: UInt32) {
        precondition(index < count && orders[index].shares > shares, "a part, not the whole")
        orders[index].shares -= shares
    }

    /// Shares of the order that trades next: so many, or all it has. Only where there is one.
    mutating func takeBest(_ wanted: UInt32) -> (order: UInt64, shares: UInt32) {
        let order = self[count - 1], shares = min(wanted, order.shares)
        if shares == order.shares {
            count -= 1
            if count == 0 || orders[count - 1].price != order.price { levels -= 1 }
        } else {
            reduce(at: count - 1, by: shares)
        }
        return (order.id, shares)
    }
}
