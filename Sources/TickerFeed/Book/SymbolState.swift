// What was last said about a symbol: enough to number the next tick and to say all of it again.
import Basics
import Market

/// When something happened, by both clocks, and the source's number of the message that said so.
public struct Stamp: Hashable, Sendable {
    /// By the source's clock.
    public let time: Timestamp
    /// By ours.
    public let received: Timestamp
    /// The source's own number of it; 0 where it has none.
    public let source: UInt64

    /// A message's; all three go into the ticks that it causes.
    @inlinable public init(time: Timestamp, received: Timestamp, source: UInt64) {
        self.time = time
        self.received = received
        self.source = source
    }
    static let none = Stamp(time: .zero, received: .zero, source: 0)
}

/// What one unit of a book's size is.
public enum SizeUnit: UInt8, Sendable {
    case shares
    /// 1e-8 of one, as `Quantity`.
    case e8
}

/// Trivially copyable: the builder keeps one for each symbol in plain memory.
struct SymbolState {
    // What every order message reads and writes comes first, in 128 bytes: `SymbolStates.prefetch`.
    var bookSequence: UInt64 = 0
    var bookAt = Stamp.none

    var quoteSequence: UInt64 = 0
    var quoteAt = Stamp.none
    /// The best as last published; without orders the side is empty, and price and size are 0.
    var bid = Best()
    var ask = Best()

    /// Until the source says something: "to be taken as not trading" (ITCH 5.0, 4.2.2).
    var status = SymbolStatus(MarketStatus(.closed))
    /// Something was heard since the last mark (`SymbolRhythm`).
    var isHeard = false

    var definition: SymbolDefinition
    var definedAt: Stamp
    /// What the sizes of its book count.
    var unit = SizeUnit.shares

    var tradeSequence: UInt64 = 0
    var lastTrade: Tick?
    /// The trade taken back last, where no trade followed.
    var lastBreak: Tick?
    var statistics = DayStatistics()
    /// The books were cleared: the next trade is the first of its day.
    var nextTradeStartsDay = false
    /// A symbol that nobody here follows: its feed has to be asked for it.
    var isForgotten = false
    /// The open bar of each interval, by its raw value.
    var bars: [2 of OpenBar] = [OpenBar(), OpenBar()]

    var statusSequence: UInt64 = 0
    var statusAt = Stamp.none

    var rhythm = SymbolRhythm()
    /// Less is heard than usual, and that was said.
    @inline(__always) var isSilent: Bool { status.feed == .quiet || status.feed == .stale }

    subscript(side: Side) -> Best {
        get { side == .bid ? bid : ask }
        set { if side == .bid { bid = newValue } else { ask = newValue } }
    }

    struct Best {
        var price = Price.zero
        var shares: UInt64 = 0
        var orders: UInt32 = 0

        var isEmpty: Bool { shares == 0 }
    }
}

/// States by symbol, in one run of memory, each from a cache line's beginning.
struct SymbolStates: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity = 32
    private(set) var count = 0
    private static let stride = (MemoryLayout<SymbolState>.size + 63) & ~63

    init() { base = SymbolStates.room(capacity) }
    deinit { base.deallocate() }

    private static func room(_ count: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(TableMemory.allocate(UInt8.self, count: count * stride))
    }

    @inline(__always)
    subscript(symbol: SymbolID) -> UnsafeMutablePointer<SymbolState> {
        precondition(symbol.index < count, "a symbol that was never defined")
        return (base + symbol.index &* SymbolStates.stride).assumingMemoryBound(to: SymbolState.self)
    }

    /// Fetches the part that every order message reads and writes.
    @inline(__always)
    func prefetch(_ symbol: UInt32) {
        let state = UnsafeRawPointer(base + Int(symbol) &* SymbolStates.stride)
        TableMemory.prefetch(state)
        TableMemory.prefetch(state + 64)
    }

    mutating func append(_ state: SymbolState) {
        if count == capacity {
            let larger = SymbolStates.room(capacity * 2)
            larger.copyMemory(from: base, byteCount: count * SymbolStates.stride)
            base.deallocate()
            base = larger
            capacity *= 2
        }
        (base + count * SymbolStates.stride).initializeMemory(as: SymbolState.self, to: state)
        count += 1
    }
}
