// What a loop knows of one symbol: the newest state of each channel, with its version.
import Basics
import Market

struct SymbolView: ~Copyable {
    let definition: SymbolDefinition
    /// The name's bytes, kept flat for the encoder.
    let name: UnsafeRawBufferPointer
    private let nameMemory: UnsafeMutableRawPointer

    private(set) var quote = Quote()
    private(set) var bids = BookSide(.bid)
    private(set) var asks = BookSide(.ask)
    private(set) var bookSequence: UInt64 = 0
    private(set) var lastTrade: Tick?
    private(set) var day = DayStatistics()
    private(set) var status = MarketStatus(.closed)
    private(set) var statusSequence: UInt64 = 0
    private(set) var lastEvent = Timestamp.zero
    /// The source began a new day: the next trade opens it.
    private var startsNewDay = false
    /// The tape lapped this loop: nothing counts until this symbol's snapshot came by.
    var awaitsSnapshot = false

    var trades = TradeRing()
    var quoteBody = SharedBody()
    var statsBody = SharedBody()

    init(_ definition: SymbolDefinition) {
        self.definition = definition
        let bytes = definition.name.bytes
        nameMemory = .allocate(byteCount: SymbolName.bytesMax, alignment: 1)
        nameMemory.copyMemory(from: bytes, byteCount: bytes.count)
        name = UnsafeRawBufferPointer(start: nameMemory, count: bytes.count)
    }
    deinit { nameMemory.deallocate() }

    var tradeSequence: UInt64 { trades.lastSequence }

    /// Takes one tick. Repeated state (a snapshot for somebody else) is left alone by the caller.
    mutating func apply(_ tick: Tick, _ kind: Tick.Kind) {
        lastEvent = tick.eventTime
        switch kind {
        case .level: applyLevel(tick)
        case .best: quote.apply(tick)
        case .trade: applyTrade(tick)
        case .status:
            status = MarketStatus(packed: tick.aux)
            statusSequence = tick.sequence
        case .clear:
            bids.removeAll()
            asks.removeAll()
            bookSequence = tick.sequence
            startsNewDay = true
        case .statistics:
            day.restore(tick)
            startsNewDay = false
        case .symbol, .barClose, .bar: break
        }
    }

    private mutating func applyLevel(_ tick: Tick) {
        let orders = UInt32(truncatingIfNeeded: tick.aux)
        if tick.side == .bid {
            bids.set(tick.price, size: tick.size, orders: orders)
        } else {
            asks.set(tick.price, size: tick.size, orders: orders)
        }
        bookSequence = tick.sequence
    }

    private mutating func applyTrade(_ tick: Tick) {
        guard !tick.flags.contains(.snapshot) else {
            // The last trade again, not one more: its statistics come in ticks of their own.
            if tick.sequence != tradeSequence { trades.append(tick) }
            lastTrade = tick
            day.restore(last: tick.price)
            return
        }
        if startsNewDay {
            day = DayStatistics()
            startsNewDay = false
        }
        day.add(price: tick.price, size: tick.size)
        lastTrade = tick
        trades.append(tick)
    }
}
