// The market of a scenario: its symbols take turns, and the script interferes.
//
//     script ──cues──▶ symbols ──message──▶ heard? ──▶ builder
//                        ▲
//     queue ──whose turn─┘
//
// Invariants
//   - Messages come in the order of their times; of equal times the earlier listing's first.
//   - A cue comes before every message of its time, and before anybody asks what is due next.
//   - What is lost is numbered and moves the market on like any message; no book hears of it. The
//     first message behind a gap finds the gap in the numbers: from then on books are suspect,
//     until all of their orders were sent anew.
import Basics
import Market

struct SimulatedMarket: ~Copyable {
    private let clock: TradingClock
    private let crashing: Int
    private let fall: SimulatedSymbol.Fall
    private let silence: Nanoseconds
    private let spread: Int64
    private let orders: SimulatedOrders
    private(set) var symbols: [SimulatedSymbol]
    private var ids: [SymbolID?]
    private var queue: DueQueue
    private var script: Script
    private var random: SeededGenerator
    private var numbers = SimulatedNumbers()
    private var messages: UInt64 = 0
    private var gap: Gap
    /// Of the next message, since the start.
    private(set) var due = Nanoseconds.zero

    /// A hole in what is heard.
    private struct Gap {
        /// Whose messages are lost; nil: everybody's.
        let symbol: Int?
        var isOpen = false
        /// Nobody knows of these yet.
        var lost: UInt64 = 0
        /// The next message is the first of the books sent anew.
        var isMending = false
        /// The next message that is heard finds something new.
        var isFresh: Bool { lost > 0 || isMending }

        func concerns(_ symbol: Int) -> Bool { self.symbol == nil || self.symbol == symbol }
    }

    init(_ scenario: Scenario, seed: UInt64) {
        let listings = Listing.first(scenario[.symbols])
        // Seeds one after the other would overlap; draws of one generator don't.
        var seeds = SeededGenerator(seed: seed)
        let manners = SimulatedSymbol.Manners(scenario, listings)
        var orders = SimulatedOrders(listings)
        symbols = listings.map {
            let bids = orders.take(.bid, of: $0), asks = orders.take(.ask, of: $0)
            return SimulatedSymbol($0, manners, bids: bids, asks: asks, seed: seeds.next())
        }
        self.orders = orders
        random = SeededGenerator(seed: seeds.next())
        ids = Array(repeating: nil, count: symbols.count)
        queue = DueQueue(symbols: symbols.count)
        script = Script(scenario)
        clock = TradingClock(scenario)
        crashing = scenario[.crashSymbol]
        fall = SimulatedSymbol.Fall(scenario)
        silence = scenario[span: .lull]
        spread = Int64(scenario[.spread])
        gap = Gap(symbol: scenario[.gapSymbol] == ScenarioKey.allSymbols ? nil : scenario[.gapSymbol])
    }

    /// Plays the next message.
    ///
    /// - Parameter start: what times count from.
    mutating func step(from start: Timestamp, received: Timestamp, into builder: inout BookBuilder) {
        let symbol = queue.first
        messages += 1
        let stamp = Stamp(time: start + due, received: received, source: messages)
        if let message = symbols[symbol].step(&numbers, at: due) {
            tell(message, of: symbol, at: stamp, &builder)
        } else {
            ids[symbol] = symbols[symbol].definition.flatMap { builder.define($0, at: stamp) }
            symbols[symbol].wait(until: turn(of: symbol, from: .zero))
        }
        queue.putOff(to: symbols[symbol].due)
        look()
    }

    /// Cues that come before the next message are taken, so that it is the next.
    private mutating func look() {
        while true {
            due = Nanoseconds(raw: clock.time(of: symbols[queue.first].due))
            guard script.due <= due, let now = Optional(script.due), let act = script.take() else { return }
            perform(act, at: now)
        }
    }

    // MARK: What is heard

    @inline(__always)
    private mutating func tell(
        _ message: SimulatedMessage, of symbol: Int, at stamp: Stamp, _ builder: inout BookBuilder
    ) {
        if gap.isOpen, gap.concerns(symbol) {
            gap.lost += 1
            return
        }
        if gap.isFresh, gap.concerns(symbol) { mind(at: stamp, &builder) }
        // Nobody wants a symbol without a number.
        if let id = ids[symbol] { message.apply(to: id, at: stamp, into: &builder) }
    }

    /// The numbers tell that something is missing, or the books are about to come.
    private mutating func mind(at stamp: Stamp, _ builder: inout BookBuilder) {
        if gap.lost > 0 {
            builder.count(.sequenceGap, message: stamp.source)
            if let symbol = gap.symbol {
                if let id = ids[symbol] { builder.suspect(id, at: stamp) }
            } else {
                builder.suspectAll(at: stamp)
            }
        }
        if gap.isMending { builder.clearSuspects(at: stamp) }
        (gap.lost, gap.isMending) = (0, false)
    }

    // MARK: Cues

    private mutating func perform(_ act: Script.Act, at now: Nanoseconds) {
        switch act {
        case .open: cueAll(at: now) { $0.uncross() }
        case .lull: fallSilent(at: now)
        case .fall: cue(crashing, at: now) { [fall] in $0.fall(fall, at: now) }
        case .pause: cue(crashing, at: now) { $0.halt() }
        case .auction: cue(crashing, at: now) { $0.callAuction() }
        case .reopen:
            cue(crashing, at: now) {
                $0.recover(at: now)
                $0.uncross()
            }
        case .lose: gap.isOpen = true
        case .hear: gap.isOpen = false
        case .mend:
            gap.isMending = true
            if let symbol = gap.symbol {
                cue(symbol, at: now) { $0.sendAnew() }
            } else {
                cueAll(at: now) { $0.sendAnew() }
            }
        }
    }

    private mutating func cue(
        _ symbol: Int, at now: Nanoseconds, _ act: (inout SimulatedSymbol) -> Void
    ) {
        act(&symbols[symbol])
        symbols[symbol].wait(until: clock.trading(at: now.raw))
        queue.move(symbol, to: symbols[symbol].due)
    }

    private mutating func cueAll(at now: Nanoseconds, _ act: (inout SimulatedSymbol) -> Void) {
        for symbol in symbols.indices {
            act(&symbols[symbol])
            symbols[symbol].wait(until: turn(of: symbol, from: now))
        }
        queue.moveAll { symbols[$0].due }
    }

    /// When a symbol's turn is of what comes to all of them from `now` on, in trading time.
    private func turn(of symbol: Int, from now: Nanoseconds) -> Int64 {
        clock.trading(at: now.raw + spread * Int64(symbol) / Int64(symbols.count))
    }

    private mutating func fallSilent(at now: Nanoseconds) {
        let symbol = random.below(symbols.count)
        guard symbols[symbol].isFree else { return }
        symbols[symbol].wait(until: clock.trading(at: (now + silence).raw))
        queue.move(symbol, to: symbols[symbol].due)
    }
}
