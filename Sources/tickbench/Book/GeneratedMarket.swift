// The market that the book benchmark's messages are about: who rests where, and who is next to go.
//
//     symbol × tick ──▶ queue of orders, oldest first        live: every order, for the patient
//                                                            young: the last ones that came
// Invariants
//   - Never crossed: an order is placed at least a tick away from the best of the other side.
//   - Executions take the oldest order at the best price, so prices wander as they do in life, and
//     are drawn back to the middle of their range the further they went.
//   - The same generator gives the same market on every machine.
import Basics
import Market

struct GeneratedOrder {
    var reference: UInt64 = 0
    var shares: UInt32 = 0
    var symbol: Int32 = 0
    var tick: Int32 = 0
    var side = Side.bid
    /// Neighbours in the queue at its price.
    fileprivate var older: Int32 = -1
    fileprivate var newer: Int32 = -1
    /// Where `live` has it.
    fileprivate var place: Int32 = 0
}

struct GeneratedMarket: ~Copyable {
    /// Prices of a symbol lie within this many steps.
    static let ticks = 1_024

    let symbols: Int
    private var random: SeededGenerator
    private var orders: [GeneratedOrder] = []
    private var free: [Int32] = []
    private var live: [Int32] = []
    private var young: [(order: Int32, reference: UInt64)]
    private var born = 0
    private var queues: [(oldest: Int32, newest: Int32)]
    private var bestBids: [Int32]
    private var bestAsks: [Int32]
    private var nextReference: UInt64 = 1
    /// Symbols by how busy they are: a draw from it is a symbol.
    private var busy: [Int32]

    init(symbols: Int, live: Int, random: SeededGenerator) {
        self.symbols = symbols
        self.random = random
        young = .init(repeating: (0, 0), count: max(64, live / 16))
        queues = .init(repeating: (-1, -1), count: symbols * Self.ticks)
        bestBids = .init(repeating: -1, count: symbols)
        bestAsks = .init(repeating: Int32(Self.ticks), count: symbols)
        busy = Self.busySymbols(symbols)
    }

    var liveOrders: Int { live.count }

    subscript(order: Int32) -> GeneratedOrder { orders[Int(order)] }

    /// The symbol of rank r has a share of 1 / (r + 50): of 8,000 the first hundred have a fifth.
    private static func busySymbols(_ count: Int) -> [Int32] {
        let draws = 1 << 16
        let total = (0..<count).reduce(0.0) { $0 + 1 / Double($1 + 50) }
        var reached = 0.0, symbols: [Int32] = []
        for rank in 0..<count {
            reached += 1 / Double(rank + 50)
            let upTo = Int((reached / total * Double(draws)).rounded())
            while symbols.count < upTo { symbols.append(Int32(rank)) }
        }
        return symbols
    }

    // MARK: Draws

    mutating func below(_ bound: Int) -> Int { random.below(bound) }

    mutating func drawSymbol() -> Int { Int(busy[random.below(busy.count)]) }

    /// Whole lots, most of them one.
    mutating func drawShares() -> UInt32 { UInt32(random.oneIn(3) ? 1 + random.below(10) : 1) * 100 }

    /// An order that leaves before it trades: three times in five a young one, else any.
    mutating func drawVictim() -> Int32? {
        guard !live.isEmpty else { return nil }
        if random.below(5) < 3, born > 0 {
            let reach = min(born, young.count)
            let age = random.below(reach) * random.below(reach) / reach  // the youngest are likeliest
            let (order, reference) = young[(born - 1 - age) % young.count]
            if orders[Int(order)].reference == reference { return order }
        }
        return live[random.below(live.count)]
    }

    /// The order that trades next in a symbol; nil where the side that is hit is empty.
    mutating func drawMatch() -> Int32? {
        let symbol = drawSymbol(), bid = Int(bestBids[symbol]), ask = Int(bestAsks[symbol])
        let tick = random.below(Self.ticks) * 2 < bid + ask ? bid : ask
        guard tick >= 0, tick < Self.ticks else { return nil }
        return queues[symbol * Self.ticks + tick].oldest
    }

    /// Where a new order goes: most within a few steps of the other side's best, some deep.
    private mutating func drawTick(_ symbol: Int, _ side: Side) -> Int32? {
        let distance: Int
        switch random.below(16) {
        case 0..<10: distance = 1 + random.below(4)
        case 10..<15: distance = 1 + random.below(32)
        default: distance = 1 + random.below(400)
        }
        let middle = Self.ticks / 2
        let bid = bestBids[symbol] < 0 ? middle : Int(bestBids[symbol])
        let ask = bestAsks[symbol] >= Self.ticks ? middle + 1 : Int(bestAsks[symbol])
        let tick = side == .bid ? max(0, ask - distance) : min(Self.ticks - 1, bid + distance)
        return (side == .bid ? tick < ask : tick > bid) ? Int32(tick) : nil
    }

    // MARK: Changes

    /// A new order; nil where its side has no room left.
    mutating func add(_ symbol: Int, _ side: Side) -> Int32? {
        guard let tick = drawTick(symbol, side) else { return nil }
        let order = GeneratedOrder(
            reference: takeReference(), shares: drawShares(), symbol: Int32(symbol), tick: tick, side: side,
            place: Int32(live.count))
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            orders[Int(index)] = order
        } else {
            index = Int32(orders.count)
            orders.append(order)
        }
        live.append(index)
        young[born % young.count] = (index, order.reference)
        born += 1
        enqueue(index)
        return index
    }

    mutating func reduce(_ index: Int32, by shares: UInt32) {
        orders[Int(index)].shares -= shares
        if orders[Int(index)].shares == 0 { remove(index) }
    }

    mutating func remove(_ index: Int32) {
        dequeue(index)
        let place = orders[Int(index)].place, last = live[live.count - 1]
        live[Int(place)] = last
        orders[Int(last)].place = place
        live.removeLast()
        orders[Int(index)].reference = 0
        free.append(index)
    }

    /// Rising by 4, as on a day of 2020, with gaps.
    private mutating func takeReference() -> UInt64 {
        nextReference += random.oneIn(4) ? 4 * UInt64(1 + random.below(8)) : 4
        return nextReference
    }

    private mutating func enqueue(_ index: Int32) {
        let order = orders[Int(index)], symbol = Int(order.symbol)
        let queue = symbol * Self.ticks + Int(order.tick)
        let newest = queues[queue].newest
        orders[Int(index)].older = newest
        if newest >= 0 { orders[Int(newest)].newer = index } else { queues[queue].oldest = index }
        queues[queue].newest = index
        switch order.side {
        case .bid: bestBids[symbol] = max(bestBids[symbol], order.tick)
        case .ask: bestAsks[symbol] = min(bestAsks[symbol], order.tick)
        }
    }

    private mutating func dequeue(_ index: Int32) {
        let order = orders[Int(index)], queue = Int(order.symbol) * Self.ticks + Int(order.tick)
        if order.older >= 0 {
            orders[Int(order.older)].newer = order.newer
        } else {
            queues[queue].oldest = order.newer
        }
        if order.newer >= 0 {
            orders[Int(order.newer)].older = order.older
        } else {
            queues[queue].newest = order.older
        }
        if queues[queue].oldest < 0 { findBest(order) }
    }

    /// The best behind a price that has just become empty.
    private mutating func findBest(_ gone: GeneratedOrder) {
        let symbol = Int(gone.symbol), base = symbol * Self.ticks
        var tick = Int(gone.tick)
        if gone.side == .bid, gone.tick == bestBids[symbol] {
            while tick >= 0, queues[base + tick].oldest < 0 { tick -= 1 }
            bestBids[symbol] = Int32(tick)
        } else if gone.side == .ask, gone.tick == bestAsks[symbol] {
            while tick < Self.ticks, queues[base + tick].oldest < 0 { tick += 1 }
            bestAsks[symbol] = Int32(tick)
        }
    }
}
