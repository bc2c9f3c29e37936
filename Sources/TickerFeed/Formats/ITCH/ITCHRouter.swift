// From ITCH messages to the builder: locate codes to symbols, midnights to dates.
//
// Invariants
//   - A message's source number is its place in the file from 1, unless the source has numbers of its
//     own; rejected ones count too.
//   - A locate means one symbol until R says otherwise. A file cut out of a day has no R: then the
//     first message that names the stock defines it.
//   - Messages are applied in file order, whatever their times say.
import Basics
import Market

struct ITCHRouter: ~Copyable {
    /// Midnight, US Eastern, of the day the messages are of.
    private(set) var midnight: Timestamp
    /// The last message's source number: messages so far, with the rejected ones.
    private(set) var messages: UInt64 = 0
    private var previous = Nanoseconds.zero
    private var states = ITCHStates()
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
        types.update(repeating: 0, count: 256)
        beginDay(at: midnight)
    }

    /// The first message of a day comes next. Locates and references of the last one mean nothing.
    mutating func beginDay(at midnight: Timestamp) {
        self.midnight = midnight
        messages = 0
        previous = .zero
        states = ITCHStates()
        symbols.update(repeating: ITCHRouter.unknown, count: ITCHRouter.locates)
    }

    /// The next message has this number.
    mutating func skip(to number: UInt64) { messages = number - 1 }

    /// Messages were lost, nobody knows of which stock: what is known is suspect, and what comes.
    mutating func lose(received: Timestamp, into builder: inout BookBuilder) {
        states.isIncomplete = true
        builder.suspectAll(at: Stamp(time: lastTime, received: received, source: messages))
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
        // Not `types[…]`: the thread sanitizer's compiler (6.3.1) ends by itself over that.
        (types + Int(message.type)).pointee &+= 1
        if message.timestamp < previous { builder.count(.timeBackwards, message: messages) }
        previous = message.timestamp
        let at = Stamp(time: midnight + message.timestamp, received: received, source: messages)
        if builder.isChoosy, symbols[Int(message.locate)] == ITCHRouter.unwanted {
            return builder.pass(at: at)
        }
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
        case .brokenTrade(let match): builder.breakTrade(match: match, at: at)
        case .trade, .crossTrade: print(message, at: at, &builder)
        case .stockDirectory, .tradingAction, .operationalHalt: describe(message, at: at, &builder)
        case .systemEvent(let code): mark(code, at: at, &builder)
        case .other: builder.pass(at: at)
        }
    }

    /// Looks at one message more.
    @inline(__always)
    mutating func lookAhead(_ scout: inout ITCHScout, _ builder: borrowing BookBuilder) {
        let hint = scout.next(symbols, unknown: ITCHRouter.unwanted)
        let (second, third) = hints.exchange(hint)
        builder.prefetch(hint, second, third)
    }

    private func print(_ message: ITCHMessage, at stamp: Stamp, _ builder: inout BookBuilder) {
        switch message.body {
        case .trade(let shares, let stock, let price, let match):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder) else { return }
            builder.trade(symbol, shares: shares, price: price, match: match, at: stamp)
        case .crossTrade(let shares, let stock, let price, let match):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder) else { return }
            builder.cross(symbol, shares: shares, price: price, match: match, at: stamp)
        default: break
        }
    }

    private mutating func describe(_ message: ITCHMessage, at stamp: Stamp, _ builder: inout BookBuilder) {
        switch message.body {
        case .stockDirectory(let stock, let lot):
            _ = define(message.locate, stock, lot: lot, at: stamp, &builder)
        case .tradingAction(let stock, let state, let reason):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder),
                let state = MarketState(itch: state)
            else { return }
            let status = states.act(MarketStatus(state, reason: reason), on: message.locate)
            builder.status(symbol, status, at: stamp)
        case .operationalHalt(let stock, let isHalted):
            guard let symbol = symbol(message.locate, stock, at: stamp, &builder) else { return }
            let market = builder.marketStatus(of: symbol)
            if let status = states.operate(isHalted: isHalted, on: message.locate, market) {
                builder.status(symbol, status, at: stamp)
            }
        default: break
        }
    }

    /// System events (ITCH 5.0, 4.1): most say what time it is, which everybody knows.
    @inline(never)
    private mutating func mark(_ code: UInt8, at stamp: Stamp, _ builder: inout BookBuilder) {
        builder.pass(at: stamp)
        switch code {
        case UInt8(ascii: "O") where messages > 1:
            let number = messages
            builder.clearAll(received: stamp.received)
            beginDay(at: midnight)
            skip(to: number + 1)
        case UInt8(ascii: "E"):
            for index in 0..<builder.symbolCount {
                let symbol = SymbolID(index)
                guard builder.marketStatus(of: symbol).state != .closed else { continue }
                builder.status(symbol, MarketStatus(.closed), at: stamp)
            }
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
        if let id, states.isIncomplete { builder.suspect(id, at: stamp) }
        return id
    }
}
