// From ITCH messages to the builder: locate codes to symbols, midnights to dates.
//
// Invariants
//   - A message's source number is its place in the file from 1; rejected ones count too.
//   - A locate means one symbol until R says otherwise. A file cut out of a day has no R: then the
//     first message that names the stock defines it.
//   - Messages are applied in file order, whatever their times say.
import Basics
import Market

struct ITCHRouter: ~Copyable {
    /// Midnight, US Eastern, of the day the file is of.
    let midnight: Timestamp
    /// Messages so far, with the rejected ones.
    private(set) var messages: UInt64 = 0
    private var previous = Nanoseconds.zero
    private var hints = OrderHints()
    private let symbols: UnsafeMutablePointer<UInt32>
    private let types: UnsafeMutablePointer<UInt64>

    private static let unknown = UInt32.max
    /// A stock that nobody here wants: its orders are never looked for.
    private static let unwanted = UInt32.max - 1
    private static let locates = 65_536

    init(midnight: Timestamp) {
        self.midnight = midnight
        symbols = .allocate(capacity: ITCHRouter.locates)
        symbols.initialize(repeating: ITCHRouter.unknown, count: ITCHRouter.locates)
        types = .allocate(capacity: 256)
        types.initialize(repeating: 0, count: 256)
    }
    deinit {
        symbols.deallocate()
        types.deallocate()
    }

    /// Messages by type.
    var counts: [FeedCount] {
        (0..<256).filter { types[$0] > 0 }
            .map { FeedCount("types.\(UnicodeScalar(UInt8($0)))", types[$0]) }
    }

    /// The time of the last message that had one.
    var lastTime: Timestamp { midnight + previous }

    /// Forgets locates, times and numbers: the first message of the file comes next.
    mutating func rewind() {
        messages = 0
        previous = .zero
        symbols.update(repeating: ITCHRouter.unknown, count: ITCHRouter.locates)
        types.update(repeating: 0, count: 256)
    }

    /// - Parameter base: what the error's own offset counts from.
    mutating func reject(_ error: ITCHError, at base: Int, into builder: inout BookBuilder) {
        messages &+= 1
        builder.count(error.anomaly, message: messages, offset: base + error.offset)
    }

    @inline(__always)
    mutating func apply(
        _ message: ITCHMessage, received: Timestamp, into builder: inout BookBuilder
    ) {
        messages &+= 1
        types[Int(message.type)] &+= 1
        if message.timestamp < previous { builder.count(.timeBackwards, message: messages) }
        previous = message.timestamp
        let at = Stamp(time: midnight + message.timestamp, received: received, source: messages)
        if builder.isChoosy, symbols[Int(message.locate)] == ITCHRouter.unwanted { return }
        switch message.body {
        case .addOrder(let order, let side, let shares, let stock, let price):
            guard let symbol = symbol(message.locate, stock, at: at, &builder) else { return }
            builder.add(
                order: order, symbol: symbol, side: side, shares: shares, price: price, at: at)
        case .orderExecuted(let order, let shares, let match):
            builder.execute(order: order, shares: shares, match: match, at: at)
        case .orderExecutedWithPrice(let order, let shares, let match, let printable, let price):
            builder.executeWithPrice(
                order: order, shares: shares, match: match, printable: printable, price: price, at: at)
        case .orderCancel(let order, let shares):
            builder.cancel(order: order, shares: shares, at: at)
        case .orderDelete(let order): builder.delete(order: order, at: at)
        case .orderReplace(let order, let newOrder, let shares, let price):
            builder.replace(order: order, with: newOrder, shares: shares, price: price, at: at)
        case .trade, .crossTrade, .brokenTrade: print(message, at: at, &builder)
        case .stockDirectory, .tradingAction: describe(message, at: at, &builder)
        case .systemEvent, .other: break
        }
    }

    /// Fetches what the next messages will need.
    ///
    /// - Returns: how many messages that is for.
    @inline(__always)
    mutating func lookAhead(_ cursor: borrowing ITCHCursor, _ builder: borrowing BookBuilder) -> Int {
        var scout = cursor.scout, messages = 0
        hints.removeAll()
        while !hints.isFull, let message = scout.next() {
            messages &+= 1
            let symbol = symbols[Int(message.locate)]
            guard symbol < ITCHRouter.unwanted else { continue }
            hints.append(order: message.order, symbol: SymbolID(symbol))
            guard let order = message.newOrder, !hints.isFull else { continue }
            hints.append(order: order, symbol: SymbolID(symbol))
        }
        builder.prefetch(hints)
        return max(1, messages)
    }

    private func print(_ message: ITCHMessage, at stamp: Stamp, _ builder: inout BookBuilder) {
        switch message.body {
        case .trade(let shares, let stock, let price, let match):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder) else { return }
            builder.trade(symbol, shares: shares, price: price, match: match, at: stamp)
        case .crossTrade(let shares, let stock, let price, let match):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder) else { return }
            builder.cross(symbol, shares: shares, price: price, match: match, at: stamp)
        case .brokenTrade(let match): builder.breakTrade(match: match, at: stamp)
        default: break
        }
    }

    private func describe(_ message: ITCHMessage, at stamp: Stamp, _ builder: inout BookBuilder) {
        switch message.body {
        case .stockDirectory(let stock, let lot):
            _ = define(message.locate, stock, lot: lot, at: stamp, &builder)
        case .tradingAction(let stock, let state, let reason):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder),
                let state = MarketState(itch: state)
            else { return }
            builder.status(symbol, MarketStatus(state, reason: reason), at: stamp)
        default: break
        }
    }

    @inline(__always)
    private func symbol(
        _ locate: UInt16, _ stock: ITCHStock, at stamp: Stamp, _ builder: inout BookBuilder
    ) -> SymbolID? {
        let known = symbols[Int(locate)]
        if known < ITCHRouter.unwanted { return SymbolID(known) }
        return define(locate, stock, lot: 0, at: stamp, &builder)
    }

    @inline(never)
    private func define(
        _ locate: UInt16, _ stock: ITCHStock, lot: UInt32, at stamp: Stamp,
        _ builder: inout BookBuilder
    ) -> SymbolID? {
        guard let name = stock.name else {
            builder.count(.badSymbol, message: messages)
            return nil
        }
        // ITCH says nothing of price steps: they depend on the price (17 CFR 242.612).
        let id = builder.define(SymbolDefinition(name: name, lot: lot), at: stamp)
        symbols[Int(locate)] = id?.raw ?? ITCHRouter.unwanted
        return id
    }
}

extension MarketState {
    /// The trading state of ITCH 5.0, 4.2.2; nil for a letter of no meaning.
    init?(itch letter: UInt8) {
        switch letter {
        case UInt8(ascii: "T"): self = .trading
        case UInt8(ascii: "H"): self = .halted
        case UInt8(ascii: "P"): self = .paused
        case UInt8(ascii: "Q"): self = .auction
        default: return nil
        }
    }
}
