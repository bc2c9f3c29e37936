// A market without life but with a known load: so many symbols, so many updates a second, evenly.
//
//     update n:  symbol n mod symbols, due at start + n / rate, one level tick and one best tick
//
// Invariants
//   - Start, symbols and rate decide everything; how it is cut into calls of `play` nothing.
//   - Times come from n, never from the time before: no rounding adds up in any length of a day.
//   - Each update changes the best of one side. Prices keep two cents between bid and ask.
import Basics
import Market

/// Symbols S0, S1, … in turn, each update a changed best bid or offer. For measuring.
///
/// `start` is to be now and the pace `Pace.live`: then an event's time is when it was due, and what
/// a subscriber's clock says more than that is the age of what it reads.
final class UniformMarket: Feed {
    let description: String
    private let symbols: Int
    private let rate: Int
    private let start: Timestamp
    private var play: UniformPlay

    /// - Parameters:
    ///   - rate: updates a second of all symbols together.
    ///   - start: the time of all openings and of the first update.
    init(symbols: Int, rate: Int, start: Timestamp) {
        precondition(symbols > 0 && rate > 0, "a market of nothing")
        self.symbols = symbols
        self.rate = rate
        self.start = start
        play = UniformPlay(symbols: symbols, rate: rate)
        description = "uniform market of \(symbols) symbols, \(rate) updates a second"
    }

    var nextTime: Timestamp { start + play.due }

    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        let played =
            time < start
            ? 0 : play.run(from: start, upTo: time - start, limit: limit, received: received, &builder)
        return FeedStep(played: played, next: .due(nextTime))
    }

    func rewind() -> Bool {
        play = UniformPlay(symbols: symbols, rate: rate)
        return true
    }
}

/// How far it was played.
struct UniformPlay {
    private let symbols: Int
    private let rate: Int
    /// Messages of openings so far, four a symbol.
    private var openings = 0
    private var updates = 0
    /// The references that stand, four a symbol: on each side one that stays and one in front.
    private var standing: [UInt64]
    /// Nil: nobody wants it.
    private var ids: [SymbolID?] = []
    private var lastOrder: UInt64 = 0

    /// Updates of a side until its price is where it was.
    private static let cycle = 8
    private static let openingShares: UInt32 = 1_000

    init(symbols: Int, rate: Int) {
        self.symbols = symbols
        self.rate = rate
        standing = Array(repeating: 0, count: symbols * 4)
        ids.reserveCapacity(symbols)
    }

    private var isOpen: Bool { openings == symbols * 4 }

    /// Of the next message, since the start.
    var due: Nanoseconds {
        isOpen ? UniformPlay.due(update: updates, rate: rate) : .zero
    }

    /// n / rate, rounded down. Whole seconds apart, so that no product overflows in a lifetime.
    static func due(update: Int, rate: Int) -> Nanoseconds {
        let (seconds, rest) = update.quotientAndRemainder(dividingBy: rate)
        return Nanoseconds(raw: Int64(seconds &* 1_000_000_000 &+ rest &* 1_000_000_000 / rate))
    }

    mutating func run(
        from start: Timestamp, upTo time: Nanoseconds, limit: Int, received: Timestamp,
        _ builder: inout BookBuilder
    ) -> Int {
        var played = 0
        while played < limit {
            let due = due
            guard due <= time else { break }
            let stamp = Stamp(
                time: start + due, received: received, source: UInt64(openings + updates + 1))
            if isOpen { update(stamp, &builder) } else { open(stamp, &builder) }
            played += 1
        }
        return played
    }

    // MARK: Openings

    private mutating func open(_ stamp: Stamp, _ builder: inout BookBuilder) {
        let (symbol, step) = openings.quotientAndRemainder(dividingBy: 4)
        openings += 1
        if step == 0 { return define(symbol, stamp, &builder) }
        guard let id = ids[symbol] else { return }
        switch step {
        case 1: builder.status(id, MarketStatus(.trading), at: stamp)
        default:
            let side: Side = step == 2 ? .bid : .ask
            add(symbol, id, side, inFront: false, shares: UniformPlay.openingShares, stamp, &builder)
        }
    }

    private mutating func define(_ symbol: Int, _ stamp: Stamp, _ builder: inout BookBuilder) {
        ids.append(
            SymbolName("S\(symbol)").flatMap {
                builder.define(
                    SymbolDefinition(name: $0, priceIncrementE9: 10_000_000, lot: 100), at: stamp)
            })
    }

    // MARK: Updates

    /// Sides in turn. Of each eight updates of a side one steps in front, one back, and the others
    /// change the size of whoever is best: always one level and one best.
    private mutating func update(_ stamp: Stamp, _ builder: inout BookBuilder) {
        let (turn, symbol) = updates.quotientAndRemainder(dividingBy: symbols)
        let (step, parity) = turn.quotientAndRemainder(dividingBy: 2)
        let side: Side = parity == 0 ? .bid : .ask
        updates += 1
        guard let id = ids[symbol] else { return }
        // Nine sizes against a cycle of eight: whoever is resized had another size before.
        let shares = UInt32(100 * (1 + step % 9))
        switch step % UniformPlay.cycle {
        case 0: add(symbol, id, side, inFront: true, shares: shares, stamp, &builder)
        case 4: builder.delete(order: standing[place(symbol, side, inFront: true)], at: stamp)
        case let phase: resize(symbol, side, inFront: phase < 4, shares: shares, stamp, &builder)
        }
    }

    private mutating func add(
        _ symbol: Int, _ id: SymbolID, _ side: Side, inFront: Bool, shares: UInt32, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        lastOrder += 1
        standing[place(symbol, side, inFront: inFront)] = lastOrder
        builder.add(
            order: lastOrder, symbol: id, side: side, shares: shares,
            price: price(symbol, side, inFront: inFront), at: stamp)
    }

    private mutating func resize(
        _ symbol: Int, _ side: Side, inFront: Bool, shares: UInt32, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        lastOrder += 1
        let place = place(symbol, side, inFront: inFront)
        builder.replace(
            order: standing[place], with: lastOrder, shares: shares,
            price: price(symbol, side, inFront: inFront), at: stamp)
        standing[place] = lastOrder
    }

    private func place(_ symbol: Int, _ side: Side, inFront: Bool) -> Int {
        symbol * 4 + (side == .bid ? 0 : 2) + (inFront ? 1 : 0)
    }

    /// 20.01 to 499.01 and four cents above; in front is a cent better.
    private func price(_ symbol: Int, _ side: Side, inFront: Bool) -> Price {
        let bid = 20_01 + symbol % 480 * 100
        let cents = side == .bid ? bid + (inFront ? 1 : 0) : bid + 4 - (inFront ? 1 : 0)
        return Price(e9: Int64(cents) * 10_000_000)
    }
}
