// What a symbol does because it must: opening, auctions with their cross, halts, a crash, recovery.
//
// Invariants
//   - Duties come before free acts, in one order: opening, orders sent anew, cross, state.
//   - All messages of one duty have one time; each is one step.
//   - A cross trades the most that can be traded at one price; whoever is left stands behind it.
import Basics
import Market

extension SimulatedSymbol {
    /// What a crash does: by how much, how fast, and how long until it is made good.
    struct Fall {
        /// It is down before the crash is over, so that trades come down, too.
        let length: Nanoseconds
        let partsPerMillion: Int
        let recovery: Nanoseconds

        init(_ scenario: Scenario) {
            length = Nanoseconds(raw: Int64(scenario[.crash]) * 4 / 5)
            partsPerMillion = scenario[.crashPercent] * 10_000
            recovery = scenario[span: .recovery]
        }
    }

    /// A crash under way, in the market's time.
    struct Crash {
        let fall: Fall
        /// When it began, and when the recovery did.
        var since: Nanoseconds
        var recovering = false

        private func share(at now: Nanoseconds, of length: Nanoseconds) -> Int {
            let passed = now - since
            return passed >= length ? 1_000_000 : Int(passed.raw / max(1, length.raw / 1_000_000))
        }

        /// What is missing of the fair price, in parts per million.
        func depth(at now: Nanoseconds) -> Int {
            let share =
                recovering ? 1_000_000 - share(at: now, of: fall.recovery) : share(at: now, of: fall.length)
            return fall.partsPerMillion * min(1_000_000, max(0, share)) / 1_000_000
        }

        func isOver(at now: Nanoseconds) -> Bool { recovering && now - since >= fall.recovery }
    }

    /// A cross under way: its price, and what is left of either side to be told.
    struct Cross {
        let cents: Int
        let match: UInt64
        let shares: UInt64
        var left: (bid: UInt64, ask: UInt64)
    }

    /// Limit Up-Limit Down: the price moved too fast.
    private static let luldPause: UInt32 = 0x4c55_4450

    // MARK: Cues. What they ask for is told from the next step on.

    mutating func fall(_ fall: Fall, at now: Nanoseconds) { crash = Crash(fall: fall, since: now) }

    mutating func recover(at now: Nanoseconds) {
        crash?.since = now
        crash?.recovering = true
    }

    mutating func halt() { become(.paused) }
    mutating func callAuction() { become(.auction) }

    private mutating func become(_ state: MarketState) {
        self.state = state
        sweep.shares = 0
        owesState = true
        isBusy = true
    }

    /// Ends the auction.
    mutating func uncross() {
        owesCross = true
        isBusy = true
    }

    /// Sends the book from its beginning, for whoever lost messages.
    mutating func sendAnew() {
        resent = 0
        isBusy = true
    }

    // MARK: Duties

    /// The next message of a duty; nil for the definition.
    mutating func duty(_ numbers: inout SimulatedNumbers) -> SimulatedMessage? {
        let message = nextDuty(&numbers)
        isBusy = !isOpen || resent != nil || owesCross || owesState
        if isBusy { return message }
        due = state == .paused ? .max : due + pause()
        return message
    }

    private var isOpen: Bool { stepsOfOpening == 2 + depth * 4 / 5 }

    private mutating func nextDuty(_ numbers: inout SimulatedNumbers) -> SimulatedMessage? {
        if !isOpen { return open(&numbers) }
        if let sent = resent { return sendAnew(sent) }
        if owesCross { return uncross(&numbers) }
        owesState = false
        return .status(status)
    }

    private var status: MarketStatus {
        MarketStatus(state, reason: state == .paused ? SimulatedSymbol.luldPause : 0)
    }

    private mutating func open(_ numbers: inout SimulatedNumbers) -> SimulatedMessage? {
        defer { stepsOfOpening += 1 }
        switch stepsOfOpening {
        case 0: return nil
        case 1: return .status(status)
        default: return add(stepsOfOpening % 2 == 0 ? .bid : .ask, &numbers)
        }
    }

    /// Best orders first, so that the best is right from the first order on.
    private mutating func sendAnew(_ sent: Int) -> SimulatedMessage {
        resent = sent + 1
        switch sent {
        case 0: return .status(status)
        case ...bids.count: return .add(bids[bids.count - sent], .bid)
        case ...(bids.count + asks.count): return .add(asks[bids.count + asks.count - sent], .ask)
        default:
            resent = nil
            return .bookIsWhole
        }
    }

    // MARK: Auctions

    /// Orders come and go, one in four at a price where the other side trades; nobody trades yet.
    mutating func actInAuction(_ numbers: inout SimulatedNumbers) -> SimulatedMessage {
        let side: Side = random.oneIn(2) ? .bid : .ask
        if isFull(side) { return delete(side, at: 0) }
        guard self[side].count > SimulatedSymbol.ordersMin, random.below(4) == 0 else {
            return rest(side, at: auctionPrice(side), &numbers)
        }
        return random.oneIn(2) ? delete(side, at: pick(side)) : cancel(side, at: pick(side))
    }

    private mutating func auctionPrice(_ side: Side) -> Int {
        let reach = halfSpread / 1_000 + 4 * spacing
        let away = random.below(4 * reach) - reach
        return level / SimulatedSymbol.cent + (side == .bid ? -away : away)
    }

    /// Order by order on either side, then the trade of all of them; the state follows.
    private mutating func uncross(_ numbers: inout SimulatedNumbers) -> SimulatedMessage {
        guard var cross = cross ?? findCross(&numbers) else {
            endAuction()
            owesState = false
            return .status(status)
        }
        let side: Side = cross.left.bid >= cross.left.ask ? .bid : .ask
        let wanted = max(cross.left.bid, cross.left.ask)
        guard wanted > 0 else {
            endAuction()
            return .cross(shares: cross.shares, cents: cross.cents, match: cross.match)
        }
        let (order, shares) = self[side].takeBest(UInt32(clamping: wanted))
        if side == .bid { cross.left.bid -= UInt64(shares) } else { cross.left.ask -= UInt64(shares) }
        self.cross = cross
        return .executeInCross(order, shares: shares, cents: cross.cents, match: cross.match)
    }

    private mutating func endAuction() {
        (owesCross, cross) = (false, nil)
        state = .trading
        owesState = true
    }

    /// Nil where no bid reaches an ask.
    private func findCross(_ numbers: inout SimulatedNumbers) -> Cross? {
        var bid = bids.count - 1, ask = asks.count - 1, shares: UInt64 = 0
        var (bidLeft, askLeft) = (bids.shares(at: bid), asks.shares(at: ask))
        // No bid that trades may have offered less, no ask that trades may have wanted more.
        var lowest = Int.min, highest = Int.max
        while bid >= 0, ask >= 0, bids[bid].price >= asks[ask].price {
            (lowest, highest) = (asks[ask].price, bids[bid].price)
            let met = min(bidLeft, askLeft)
            shares += UInt64(met)
            (bidLeft, askLeft) = (bidLeft - met, askLeft - met)
            if bidLeft == 0 {
                bid -= 1
                bidLeft = bids.shares(at: bid)
            }
            if askLeft == 0 {
                ask -= 1
                askLeft = asks.shares(at: ask)
            }
        }
        guard shares > 0 else { return nil }
        // Nor may anybody be left who would have traded at the price.
        if bid >= 0 { lowest = max(lowest, bids[bid].price) }
        if ask >= 0 { highest = min(highest, asks[ask].price) }
        let cents = min(max(level / SimulatedSymbol.cent, lowest), highest)
        return Cross(cents: cents, match: numbers.nextMatch(), shares: shares, left: (shares, shares))
    }
}
