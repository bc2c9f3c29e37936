// One symbol of the simulated market: a fair price that wanders, and orders that follow it.
//
// Invariants
//   - One step is one message of the source, and says when the next one comes.
//   - Everything is drawn from the symbol's own generator, in integers: one seed, one stream.
//   - Neither side is ever empty once open, the book never crosses or locks, and stays within
//     `levelsMax` and `ordersMax` a side.
import Basics
import Market

/// Numbers that are unique in the whole market.
struct SimulatedNumbers {
    private var order: UInt64 = 0
    private var match: UInt64 = 0
    mutating func nextOrder() -> UInt64 {
        order += 1
        return order
    }
    mutating func nextMatch() -> UInt64 {
        match += 1
        return match
    }
}

struct SimulatedSymbol {
    static let levelsMax = 24
    static let ordersMax = 110
    /// Fewer are never left on a side.
    private static let ordersMin = 8
    private static let ordersWanted = 55
    private static let openingOrders = 44
    /// Of the fair price, which moves in steps of this length.
    private static let driftInterval = Nanoseconds.milliseconds(100)
    /// Cents in the unit of the fair price.
    private static let cent = 1_000_000

    /// Of the next message, since the start.
    private(set) var due = Nanoseconds.zero

    private let listing: Listing
    private var random: SeededGenerator
    private var id = SymbolID(0)
    private var bids = SimulatedSide(.bid)
    private var asks = SimulatedSide(.ask)
    private var fair: Int
    private var drifted = Nanoseconds.zero
    private var isBursting = false
    private var stepsOfOpening = 0
    /// A marketable order on its way: what is left of it, whom it meets, and at which price.
    private var sweep: (shares: UInt32, resting: Side, price: Int) = (0, .bid, 0)

    init(_ listing: Listing, seed: UInt64) {
        self.listing = listing
        random = SeededGenerator(seed: seed)
        fair = listing.cents * SimulatedSymbol.cent
    }

    mutating func step(
        _ numbers: inout SimulatedNumbers, at stamp: Stamp, into builder: inout BookBuilder
    ) {
        if stepsOfOpening < 2 + SimulatedSymbol.openingOrders {
            open(&numbers, at: stamp, &builder)
            guard stepsOfOpening == 2 + SimulatedSymbol.openingOrders else { return }
        } else {
            drift()
            act(&numbers, at: stamp, &builder)
        }
        if sweep.shares == 0 { due = due + pause() }
    }

    // MARK: Time and the fair price

    /// Two states of intensity: events come in bursts, as they do.
    private mutating func pause() -> Nanoseconds {
        isBursting = isBursting ? !random.oneIn(60) : random.oneIn(200)
        let mean = 1_000_000_000 / listing.rate / (isBursting ? 5 : 1)
        return Nanoseconds(raw: Int64(random.exponential(mean: mean)))
    }

    /// A random walk on a long leash: back to the listing's price in half an hour or so.
    private mutating func drift() {
        // 3.26e-5 of the price in 100 ms is 25 % a year; a uniform step of 5.65e-5 has as much.
        let reach = fair / 1_000 * 565 / 10_000 * listing.volatility / 25
        while drifted + SimulatedSymbol.driftInterval <= due {
            drifted = drifted + SimulatedSymbol.driftInterval
            fair += random.below(2 * reach + 1) - reach
            fair -= (fair - listing.cents * SimulatedSymbol.cent) / 18_000
        }
    }

    /// Where this side would quote if nobody stood there, in cents.
    private func fairPrice(_ side: Side) -> Int {
        let half = listing.halfSpread * SimulatedSymbol.cent / 1_000
        let bid = (fair - half) / SimulatedSymbol.cent
        let ask = (fair + half + SimulatedSymbol.cent - 1) / SimulatedSymbol.cent
        return side == .bid ? bid : max(ask, bid + 1)
    }

    // MARK: Opening

    private mutating func open(
        _ numbers: inout SimulatedNumbers, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        switch stepsOfOpening {
        case 0: define(at: stamp, &builder)
        case 1: builder.status(id, MarketStatus(.trading), at: stamp)
        default: add(stepsOfOpening % 2 == 0 ? .bid : .ask, &numbers, at: stamp, &builder)
        }
        stepsOfOpening += 1
    }

    private mutating func define(at stamp: Stamp, _ builder: inout BookBuilder) {
        guard let name = SymbolName(listing.name),
            let id = builder.define(
                SymbolDefinition(name: name, priceIncrementE9: 10_000_000, lot: listing.lot), at: stamp)
        else { return }
        self.id = id
    }

    // MARK: Acts. Each is one message.

    private mutating func act(
        _ numbers: inout SimulatedNumbers, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        if sweep.shares > 0 { return execute(&numbers, at: stamp, &builder) }
        let side: Side = random.oneIn(2) ? .bid : .ask
        guard orders(side).count > SimulatedSymbol.ordersMin else {
            return add(side, &numbers, at: stamp, &builder)
        }
        if isFull(side) { return delete(side, at: 0, stamp, &builder) }
        if isStale(side), random.below(10) < 6 { return leaveStale(side, &numbers, at: stamp, &builder) }
        if isThin(side), random.oneIn(2) { return add(side, steps: 0, &numbers, at: stamp, &builder) }
        let adds = orders(side).count < SimulatedSymbol.ordersWanted ? 50 : 36
        switch random.below(100) {
        case ..<adds: add(side, &numbers, at: stamp, &builder)
        case ..<76: delete(side, at: pick(side), stamp, &builder)
        case ..<82: cancel(side, at: pick(side), &numbers, stamp, &builder)
        case ..<90: replace(side, at: pick(side), &numbers, stamp, &builder)
        case ..<98: take(side, &numbers, at: stamp, &builder)
        default: tradeHidden(&numbers, at: stamp, &builder)
        }
    }

    private func isFull(_ side: Side) -> Bool {
        let orders = orders(side)
        return orders.levels >= SimulatedSymbol.levelsMax || orders.count >= SimulatedSymbol.ordersMax
    }

    /// The fair price has left this side's best behind: too good to stand.
    private func isStale(_ side: Side) -> Bool {
        orders(side).isBetter(orders(side).best, than: fairPrice(side))
    }

    /// The best stands back from the fair price: somebody steps in front of it.
    private func isThin(_ side: Side) -> Bool {
        let fair = fairPrice(side), back = 2 * listing.spacing
        return orders(side).isBetter(fair + (side == .bid ? -back : back), than: orders(side).best)
    }

    /// Whoever is quicker: its owner, or who takes it.
    private mutating func leaveStale(
        _ side: Side, _ numbers: inout SimulatedNumbers, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        if random.below(10) < 7 {
            delete(side, at: orders(side).count - 1, stamp, &builder)
        } else {
            take(side, &numbers, at: stamp, &builder)
        }
    }

    private mutating func add(
        _ side: Side, steps: Int? = nil, _ numbers: inout SimulatedNumbers, at stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        let price = price(side, steps: steps ?? stepsBehindTouch())
        let order = SimulatedOrder(id: numbers.nextOrder(), price: price, shares: shares())
        self[side].insert(order)
        builder.add(
            order: order.id, symbol: id, side: side, shares: order.shares,
            price: Price(cents: order.price), at: stamp)
    }

    private mutating func delete(
        _ side: Side, at index: Int, _ stamp: Stamp, _ builder: inout BookBuilder
    ) {
        let order = self[side].remove(at: index)
        builder.delete(order: order.id, at: stamp)
    }

    /// Takes a part off; an order of one share goes as a whole.
    private mutating func cancel(
        _ side: Side, at index: Int, _ numbers: inout SimulatedNumbers, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        let order = orders(side).orders[index]
        guard order.shares > 1 else { return delete(side, at: index, stamp, &builder) }
        let off = UInt32(1 + random.below(Int(order.shares) - 1))
        self[side].reduce(at: index, by: off)
        builder.cancel(order: order.id, shares: off, at: stamp)
    }

    private mutating func replace(
        _ side: Side, at index: Int, _ numbers: inout SimulatedNumbers, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        let old = self[side].remove(at: index)
        let price = price(side, steps: stepsBehindTouch())
        let new = SimulatedOrder(id: numbers.nextOrder(), price: price, shares: shares())
        self[side].insert(new)
        builder.replace(
            order: old.id, with: new.id, shares: new.shares, price: Price(cents: new.price), at: stamp)
    }

    /// A marketable order against `side`: at its best price, oldest first, no further.
    private mutating func take(
        _ side: Side, _ numbers: inout SimulatedNumbers, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        sweep = (shares() * (random.oneIn(4) ? 3 : 1), side, orders(side).best)
        execute(&numbers, at: stamp, &builder)
    }

    private mutating func execute(
        _ numbers: inout SimulatedNumbers, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        let side = sweep.resting, index = orders(side).count - 1
        let order = orders(side).orders[index]
        let shares = min(sweep.shares, order.shares)
        if shares == order.shares {
            _ = self[side].remove(at: index)
        } else {
            self[side].reduce(at: index, by: shares)
        }
        builder.execute(order: order.id, shares: shares, match: numbers.nextMatch(), at: stamp)
        sweep.shares -= shares
        let left = orders(side)
        if left.count <= SimulatedSymbol.ordersMin || left.best != sweep.price { sweep.shares = 0 }
    }

    /// Two that nobody saw meet in the middle.
    private mutating func tradeHidden(
        _ numbers: inout SimulatedNumbers, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        let middle = Price(e9: Int64(bids.best + asks.best) * 5_000_000)
        builder.trade(
            id, shares: shares(), price: middle, match: numbers.nextMatch(), at: stamp)
    }

    // MARK: Draws

    /// Half at or next to the touch, the rest spread over the depth.
    private mutating func stepsBehindTouch() -> Int {
        switch random.below(10) {
        case ..<3: 0
        case ..<5: 1 + random.below(2)
        default: 1 + random.below(20)
        }
    }

    /// So many steps behind the fair price; never at or through the other side's best.
    private mutating func price(_ side: Side, steps: Int) -> Int {
        let away = steps * listing.spacing - (steps > 0 ? random.below(listing.spacing) : 0)
        let price = fairPrice(side) + (side == .bid ? -away : away)
        let other = orders(side.opposite)
        guard other.count > 0 else { return price }
        return side == .bid ? min(price, other.best - 1) : max(price, other.best + 1)
    }

    /// Round lots mostly, odd lots often, big ones now and then.
    private mutating func shares() -> UInt32 {
        switch random.below(20) {
        case ..<9: 100
        case ..<15: UInt32(1 + random.below(99))
        case ..<19: UInt32(100 * (2 + random.below(5)))
        default: UInt32(100 * (5 + random.below(30)))
        }
    }

    /// An order of this side: near the touch as often as anywhere.
    private mutating func pick(_ side: Side) -> Int {
        let count = orders(side).count
        return random.oneIn(2) ? count - 1 - random.below(min(6, count)) : random.below(count)
    }

    private func orders(_ side: Side) -> SimulatedSide { side == .bid ? bids : asks }

    private subscript(side: Side) -> SimulatedSide {
        _read { if side == .bid { yield bids } else { yield asks } }
        _modify { if side == .bid { yield &bids } else { yield &asks } }
    }
}

extension Price {
    fileprivate init(cents: Int) { self.init(e9: Int64(cents) * 10_000_000) }
}

extension SeededGenerator {
    /// A pause of a Poisson process, at most 64 ln 2 times the mean.
    ///
    /// -log2 of a uniform number: the leading zeros are its whole part, and between powers of two
    /// the logarithm is taken as straight, which is right within 0.09.
    mutating func exponential(mean: Int) -> Int {
        let draw = next() | 1
        let zeros = draw.leadingZeroBitCount
        let fraction = UInt64(1 << 16) - ((draw << UInt64(zeros)) << 1) >> 48
        let log2 = UInt64(zeros) << 16 + fraction
        // ln 2 is 45426 / 65536.
        return Int((UInt64(mean) * ((log2 * 45_426) >> 16)) >> 16)
    }
}
