// A small market without manners: what exchanges do on their worst day, from a seed.
//
// Symbols appear late, books cross, orders come in storms, times jump ahead and step back, trades
// come by the hundred in one instant. It knows its own orders, so most of what it says makes sense.
import Basics
import Market
import TickerFeed

struct ScriptedMarket: Equatable {
    var symbols = 4
    /// Messages of the whole script.
    var messages = 2_000
    /// Between two messages, on average.
    var spacing = Nanoseconds.microseconds(1_500)
    /// One message in so many begins a storm; 0: none does.
    var storms = 0
    /// One message in so many begins another epoch; 0: none does.
    var seeks = 0
    /// Prices are drawn from so many.
    var prices = 30
}

final class ScriptedFeed: Feed {
    let description = "a script"
    private let script: ScriptedMarket
    private let seed: UInt64
    private var random: SeededGenerator
    private var played = 0
    /// When the next message is due, and what the source's clock is ahead of that.
    private var due = Timestamp(raw: 1_700_000_000_000_000_000)
    private var ahead = Nanoseconds.zero
    private var defined: [SymbolID] = []
    private var orders: [(order: UInt64, symbol: SymbolID, side: Side)] = []
    private var number: UInt64 = 0
    /// Matches of this day that may still be taken back.
    private var matches: [UInt64] = []
    private var storm: Storm?

    init(_ script: ScriptedMarket, seed: UInt64) {
        self.script = script
        self.seed = seed
        random = SeededGenerator(seed: seed)
    }

    private var nextTime: Timestamp? { played < script.messages ? due : nil }

    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        var count = 0
        while count < limit, let next = nextTime, next <= time {
            message(received, &builder)
            count += 1
            played += 1
            pass()
        }
        return FeedStep(played: count, next: nextTime.map { .due($0) } ?? .end)
    }

    func rewind() -> Bool {
        random = SeededGenerator(seed: seed)
        played = 0
        (orders, matches) = ([], [])
        ahead = .zero
        storm = nil
        return true
    }

    private func pass() {
        if storm == nil, !random.oneIn(4) {
            due = due + Nanoseconds(raw: Int64(random.below(Int(script.spacing.raw) * 2)))
        }
        // A jump closes bars at once, and the next one may be late.
        if random.oneIn(150) { ahead = ahead + .milliseconds(random.below(70_000)) }
        if random.oneIn(200) { ahead = Nanoseconds(raw: ahead.raw / 2) }
    }

    private func message(_ received: Timestamp, _ builder: inout BookBuilder) {
        number += 1
        let stamp = Stamp(time: due + ahead, received: received, source: number)
        let wanted = 1 + (script.symbols - 1) * played / max(1, script.messages * 2 / 3)
        if defined.count < min(script.symbols, wanted) { return define(stamp, &builder) }
        // The first symbols are the busy ones.
        let symbol = defined[min(random.below(defined.count), random.below(defined.count))]
        if script.seeks > 0, random.oneIn(script.seeks) { return seek(stamp, &builder) }
        if let storm { return rage(storm, stamp, &builder) }
        if script.storms > 0, random.oneIn(script.storms) {
            begin(Storm.Kind.allCases[random.below(Storm.Kind.allCases.count)], symbol)
        }
        switch random.below(100) {
        case 0..<40: add(symbol, stamp, &builder)
        case 40..<54:
            if let known = take() { builder.delete(order: known.order, at: stamp) }
        case 54..<64:
            if let known = some() {
                builder.execute(
                    order: known.order, shares: UInt32(1 + random.below(200)), match: number, at: stamp)
            }
        case 64..<67:
            if let known = some() {
                builder.executeWithPrice(
                    order: known.order, shares: UInt32(1 + random.below(50)), match: number,
                    printable: !random.oneIn(3), price: price(.bid), at: stamp)
            }
        case 67..<74:
            if let known = some() {
                builder.cancel(order: known.order, shares: UInt32(1 + random.below(100)), at: stamp)
            }
        case 74..<84: replace(stamp, &builder)
        case 84..<94:
            matches.append(number)
            if matches.count > 40 { matches.removeFirst(random.below(20)) }
            builder.trade(
                symbol, shares: UInt32(1 + random.below(900)), price: price(.ask), match: number,
                at: stamp)
        case 94: builder.cross(symbol, shares: 5_000, price: price(.bid), match: number, at: stamp)
        case 95..<98: builder.status(symbol, status(), at: stamp)
        case 98:
            if random.oneIn(8) { builder.breakTrade(match: number, at: stamp) }  // nobody's
            guard !matches.isEmpty else { return }
            builder.breakTrade(match: matches.remove(at: random.below(matches.count)), at: stamp)
        default:
            // Once more, or with another lot.
            let name = name(symbol.index)
            _ = builder.define(
                SymbolDefinition(name: name, lot: UInt32(random.below(3)) * 100), at: stamp)
        }
    }

    /// Somewhere else in the script's world, where nothing is known but names.
    private func seek(_ stamp: Stamp, _ builder: inout BookBuilder) {
        builder.beginEpoch(builder.epoch + 1, at: stamp)
        (orders, matches) = ([], [])
        storm = nil
        if random.oneIn(3) { ahead = .milliseconds(random.below(70_000)) }
    }

    private func define(_ stamp: Stamp, _ builder: inout BookBuilder) {
        let definition = SymbolDefinition(name: name(defined.count), priceIncrementE9: 10_000_000)
        if let id = builder.define(definition, at: stamp) { defined.append(id) }
    }

    /// AA, BA, CA, AB …: patterns match some of them.
    private func name(_ index: Int) -> SymbolName {
        let first = UInt8(ascii: "A") + UInt8(index % 3), second = UInt8(ascii: "A") + UInt8(index / 3)
        guard let name = SymbolName([first, second]) else { preconditionFailure("letters are a name") }
        return name
    }

    private func status() -> MarketStatus {
        MarketStatus(
            MarketState.allCases[random.below(MarketState.allCases.count)],
            reason: random.oneIn(2) ? 0x4c55_4450 : 0)
    }

    private func price(_ side: Side) -> Price {
        let middle = 10_000, reach = script.prices
        // Sides overlap a little: some books cross for a while.
        let offset = random.below(reach) - (random.oneIn(25) ? reach / 3 : 0)
        return Price(e4: UInt32(side == .bid ? middle - offset : middle + 1 + offset) * 100)
    }

    private func add(_ symbol: SymbolID, _ stamp: Stamp, _ builder: inout BookBuilder) {
        let side: Side = random.oneIn(2) ? .bid : .ask
        orders.append((number, symbol, side))
        builder.add(
            order: number, symbol: symbol, side: side, shares: UInt32(1 + random.below(500)),
            price: price(side), at: stamp)
    }

    private func replace(_ stamp: Stamp, _ builder: inout BookBuilder) {
        guard let known = take() else { return }
        orders.append((number, known.symbol, known.side))
        builder.replace(
            order: known.order, with: number, shares: UInt32(random.below(400)),
            price: price(known.side), at: stamp)
    }

    private func some() -> (order: UInt64, symbol: SymbolID, side: Side)? {
        orders.isEmpty ? nil : orders[random.below(orders.count)]
    }
    private func take() -> (order: UInt64, symbol: SymbolID, side: Side)? {
        guard !orders.isEmpty else { return nil }
        let index = random.below(orders.count)
        orders.swapAt(index, orders.count - 1)
        return orders.removeLast()
    }

    /// More of one kind than any history remembers, a message after the other in one instant.
    private func begin(_ kind: Storm.Kind, _ symbol: SymbolID) {
        let left =
            switch kind {
            case .trades: 1_100
            case .statuses: 80
            case .seconds: 140
            case .orders: 400
            }
        storm = Storm(kind: kind, symbol: symbol, left: left)
    }

    private func rage(_ raging: Storm, _ stamp: Stamp, _ builder: inout BookBuilder) {
        storm = raging.left > 1 ? Storm(kind: raging.kind, symbol: raging.symbol, left: raging.left - 1) : nil
        switch raging.kind {
        case .trades:
            builder.trade(raging.symbol, shares: 1, price: price(.bid), match: number, at: stamp)
        case .statuses: builder.status(raging.symbol, status(), at: stamp)
        case .seconds:
            // Each second has a trade, each trade closes a bar.
            ahead = ahead + .seconds(1)
            builder.trade(raging.symbol, shares: 2, price: price(.ask), match: number, at: stamp)
        case .orders: add(raging.symbol, stamp, &builder)
        }
    }
}

private struct Storm {
    enum Kind: CaseIterable { case trades, statuses, seconds, orders }
    let kind: Kind
    let symbol: SymbolID
    let left: Int
}

/// Any feed, until somebody says that it was enough.
final class StoppableFeed: Feed {
    private let feed: any Feed
    var isStopped = false

    init(_ feed: any Feed) { self.feed = feed }

    var description: String { feed.description }
    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        if isStopped { return FeedStep(played: 0, next: .end) }
        return feed.play(upTo: time, limit: limit, received: received, into: &builder)
    }
    func rewind() -> Bool { isStopped ? false : feed.rewind() }
}
