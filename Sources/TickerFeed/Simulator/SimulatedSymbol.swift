// One symbol of the simulated market: a fair price that wanders, and orders that follow it.
//
// Invariants
//   - One step is one message of the source, and says when the next one comes.
//   - Everything is drawn from the symbol's own generator, in integers: one seed, one stream.
//   - While it trades, the book never crosses or locks. In an auction it does both.
//   - A side stays within `levelsMax` and twice its depth, and is never empty but behind a cross.
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
    /// Fewer are never left on a side by those who take.
    static let ordersMin = 8
    /// While the price falls, nobody wants to stand in its way.
    private static let ordersWantedFalling = 12
    /// How much more than usual happens around a crash.
    private static let haste = 20
    /// Of the fair price, which moves in steps of this length of trading time.
    private static let driftInterval: Int64 = 100_000_000
    /// Cents in the unit of the fair price.
    static let cent = 1_000_000

    /// What the scenario asks of all symbols alike.
    struct Manners {
        /// Nanoseconds from one message to the next, times a symbol's activity.
        let pace: Int
        /// In percent of the listing's.
        let volatility: Int
        /// Opens with an auction.
        let isCalled: Bool

        init(_ scenario: Scenario, _ listings: [Listing]) {
            pace = 1_000_000_000_000 * Listing.rate(of: listings) / scenario[.rate]
            volatility = scenario[.volatility]
            isCalled = scenario[.open] > 0
        }
    }

    let definition: SymbolDefinition?
    /// Of the next message, in trading time; `.max` while nothing happens until a cue comes.
    var due: Int64 = 0

    private let cents: Int
    let halfSpread: Int
    let spacing: Int
    private let volatility: Int
    /// Between two messages of quiet times, in nanoseconds of trading time.
    private let meanPause: Int
    /// Orders that are wanted on a side.
    let depth: Int

    var random: SeededGenerator
    private var sides: [2 of SimulatedSide]
    var fair: Int
    /// The fair price after what a crash takes off.
    var level: Int
    var crash: Crash?
    private var drifted: Int64 = 0
    private var isBursting = false
    var stepsOfOpening = 0
    /// A marketable order on its way: what is left of it, whom it meets, and at which price.
    var sweep: (shares: UInt32, resting: Side, price: Int) = (0, .bid, 0)

    var state: MarketState
    /// Something comes before the next free act.
    var isBusy = true
    var owesState = false
    var owesCross = false
    var cross: Cross?
    /// How many messages of a recovery were sent; nil where there is none.
    var resent: Int?

    init(
        _ listing: Listing, _ manners: Manners, bids: SimulatedSide, asks: SimulatedSide, seed: UInt64
    ) {
        sides = [bids, asks]
        definition = listing.definition
        cents = listing.cents
        halfSpread = listing.halfSpread
        spacing = listing.spacing
        volatility = listing.volatility * manners.volatility / 100
        depth = listing.depth
        meanPause = manners.pace / listing.activity
        state = manners.isCalled ? .auction : .trading
        random = SeededGenerator(seed: seed)
        fair = listing.cents * SimulatedSymbol.cent
        level = fair
    }

    /// What comes next; nil where that is the definition.
    ///
    /// - Parameter now: the market's time, which a crash goes by; all else goes by trading time.
    @inline(__always)
    mutating func step(_ numbers: inout SimulatedNumbers, at now: Nanoseconds) -> SimulatedMessage? {
        if isBusy { return duty(&numbers) }
        drift(at: now)
        let message = state == .trading ? act(&numbers) : actInAuction(&numbers)
        if sweep.shares == 0 { due += pause() }
        return message
    }

    /// Puts off what comes next, or brings it forward.
    mutating func wait(until time: Int64) { due = time }

    /// Nothing special is going on.
    var isFree: Bool { !isBusy && state == .trading && sweep.shares == 0 && crash == nil }

    // MARK: Time and the fair price

    /// Two states of intensity: events come in bursts, as they do.
    @inline(__always)
    mutating func pause() -> Int64 {
        isBursting = isBursting ? !random.oneIn(60) : random.oneIn(200)
        let mean = meanPause / (isBursting ? 5 : 1) / (crash == nil ? 1 : SimulatedSymbol.haste)
        return Int64(random.exponential(mean: mean))
    }

    /// A random walk on a long leash: back to the listing's price in half an hour or so.
    @inline(__always)
    private mutating func drift(at now: Nanoseconds) {
        while drifted + SimulatedSymbol.driftInterval <= due {
            drifted += SimulatedSymbol.driftInterval
            // 3.26e-5 of the price in 100 ms is 25 % a year; a uniform step of 5.65e-5 has as much.
            let reach = fair / 1_000 * 565 / 10_000 * volatility / 25
            fair += random.below(2 * reach + 1) - reach
            fair -= (fair - cents * SimulatedSymbol.cent) / 18_000
        }
        level = fair
        guard let crash else { return }
        level -= fair / 1_000_000 * crash.depth(at: now)
        if crash.isOver(at: now) { self.crash = nil }
    }

    /// Where this side would quote if nobody stood there, in cents.
    private func fairPrice(_ side: Side) -> Int {
        let half = halfSpread * SimulatedSymbol.cent / 1_000
        let bid = (level - half) / SimulatedSymbol.cent
        let ask = (level + half + SimulatedSymbol.cent - 1) / SimulatedSymbol.cent
        return side == .bid ? bid : max(ask, bid + 1)
    }

    // MARK: Acts. Each is one message.

    private mutating func act(_ numbers: inout SimulatedNumbers) -> SimulatedMessage {
        if sweep.shares > 0 { return execute(&numbers) }
        let side: Side = random.oneIn(2) ? .bid : .ask
        guard self[side].count > SimulatedSymbol.ordersMin else { return add(side, &numbers) }
        if isFull(side) { return delete(side, at: 0) }
        if isStale(side), random.below(10) < 6 { return leaveStale(side, &numbers) }
        if isThin(side), random.oneIn(2) { return add(side, steps: 0, &numbers) }
        let adds = self[side].count < ordersWanted ? 50 : 36
        switch random.below(100) {
        case ..<adds: return add(side, &numbers)
        case ..<76: return delete(side, at: pick(side))
        case ..<82: return cancel(side, at: pick(side))
        case ..<90: return replace(side, at: pick(side), &numbers)
        case ..<98: return take(side, &numbers)
        default: return self[side.opposite].count > 0 ? tradeHidden(&numbers) : add(side.opposite, &numbers)
        }
    }

    private var ordersWanted: Int {
        crash?.recovering == false ? SimulatedSymbol.ordersWantedFalling : depth
    }

    func isFull(_ side: Side) -> Bool {
        self[side].levels >= SimulatedSymbol.levelsMax || self[side].count >= 2 * depth
    }

    /// The fair price has left this side's best behind: too good to stand.
    private func isStale(_ side: Side) -> Bool {
        self[side].isBetter(self[side].best, than: fairPrice(side))
    }

    /// The best stands back from the fair price: somebody steps in front of it.
    private func isThin(_ side: Side) -> Bool {
        let fair = fairPrice(side), back = 2 * spacing
        return self[side].isBetter(fair + (side == .bid ? -back : back), than: self[side].best)
    }

    /// Whoever is quicker: its owner, or who takes it.
    private mutating func leaveStale(
        _ side: Side, _ numbers: inout SimulatedNumbers
    ) -> SimulatedMessage {
        random.below(10) < 7 ? delete(side, at: self[side].count - 1) : take(side, &numbers)
    }

    mutating func add(
        _ side: Side, steps: Int? = nil, _ numbers: inout SimulatedNumbers
    ) -> SimulatedMessage {
        rest(side, at: price(side, steps: steps ?? stepsBehindTouch()), &numbers)
    }

    mutating func rest(
        _ side: Side, at price: Int, _ numbers: inout SimulatedNumbers
    ) -> SimulatedMessage {
        let order = SimulatedOrder(id: numbers.nextOrder(), price: price, shares: shares())
        self[side].insert(order)
        return .add(order, side)
    }

    mutating func delete(_ side: Side, at index: Int) -> SimulatedMessage {
        .delete(self[side].remove(at: index).id)
    }

    /// Takes a part off; an order of one share goes as a whole.
    mutating func cancel(_ side: Side, at index: Int) -> SimulatedMessage {
        let order = self[side][index]
        guard order.shares > 1 else { return delete(side, at: index) }
        let off = UInt32(1 + random.below(Int(order.shares) - 1))
        self[side].reduce(at: index, by: off)
        return .cancel(order.id, shares: off)
    }

    private mutating func replace(
        _ side: Side, at index: Int, _ numbers: inout SimulatedNumbers
    ) -> SimulatedMessage {
        let old = self[side].remove(at: index)
        let price = price(side, steps: stepsBehindTouch())
        let new = SimulatedOrder(id: numbers.nextOrder(), price: price, shares: shares())
        self[side].insert(new)
        return .replace(old.id, by: new)
    }

    /// A marketable order against `side`: at its best price, oldest first, no further.
    private mutating func take(_ side: Side, _ numbers: inout SimulatedNumbers) -> SimulatedMessage {
        sweep = (shares() * (random.oneIn(4) ? 3 : 1), side, self[side].best)
        return execute(&numbers)
    }

    private mutating func execute(_ numbers: inout SimulatedNumbers) -> SimulatedMessage {
        let side = sweep.resting
        let (order, shares) = self[side].takeBest(sweep.shares)
        sweep.shares -= shares
        if self[side].count <= SimulatedSymbol.ordersMin || self[side].best != sweep.price {
            sweep.shares = 0
        }
        return .execute(order, shares: shares, match: numbers.nextMatch())
    }

    /// Two that nobody saw meet in the middle.
    private mutating func tradeHidden(_ numbers: inout SimulatedNumbers) -> SimulatedMessage {
        .hidden(shares: shares(), halfCents: bids.best + asks.best, match: numbers.nextMatch())
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
        let away = steps * spacing - (steps > 0 ? random.below(spacing) : 0)
        let price = fairPrice(side) + (side == .bid ? -away : away)
        let other = self[side.opposite]
        guard other.count > 0 else { return price }
        return side == .bid ? min(price, other.best - 1) : max(price, other.best + 1)
    }

    /// Round lots mostly, odd lots often, big ones now and then.
    mutating func shares() -> UInt32 {
        switch random.below(20) {
        case ..<9: 100
        case ..<15: UInt32(1 + random.below(99))
        case ..<19: UInt32(100 * (2 + random.below(5)))
        default: UInt32(100 * (5 + random.below(30)))
        }
    }

    /// An order of this side: near the touch as often as anywhere.
    mutating func pick(_ side: Side) -> Int {
        let count = self[side].count
        return random.oneIn(2) ? count - 1 - random.below(min(6, count)) : random.below(count)
    }

    var bids: SimulatedSide { self[.bid] }
    var asks: SimulatedSide { self[.ask] }

    subscript(side: Side) -> SimulatedSide {
        @inline(__always) get { sides[side == .bid ? 0 : 1] }
        @inline(__always) _modify { yield &sides[side == .bid ? 0 : 1] }
    }
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
