// The reading end of a tape in tests, and what a reader makes of its ticks.
import Basics
import Market
import Testing

@testable import TickerFeed

/// A tape that is read to its end whenever a test asks.
final class TapeEnd {
    let tape: Tape
    let reader: TapeReader
    private let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 12)

    init(capacity: Int = 1 << 16) {
        tape = Tape(capacity: capacity)
        reader = tape.makeReader()
    }
    deinit { buffer.deallocate() }

    func makeBuilder() -> BookBuilder { BookBuilder(Tape.Writer(tape)) }

    /// Everything published and not read yet.
    func drain() -> [Tick] {
        var ticks: [Tick] = []
        while true {
            switch reader.read(into: buffer) {
            case .ticks(let count): ticks.append(contentsOf: buffer[..<count])
            case .nothingNew: return ticks
            case .lapped(let lost): Issue.record("lapped, \(lost) lost")
            }
        }
    }
}

/// A symbol as a reader of the tape knows it: the plainest use of every kind of tick.
struct SeenSymbol: Equatable {
    var definition: SymbolDefinition?
    var bids = SeenSide(.bid), asks = SeenSide(.ask)
    var bestBid = Level(price: .zero, size: .zero), bestAsk = Level(price: .zero, size: .zero)
    var status = MarketStatus(.closed)
    var lastTrade: [UInt64] = []
    var statistics = DayStatistics()
    var nextTradeStartsDay = false
    var book: UInt64 = 0, quote: UInt64 = 0, trade: UInt64 = 0, statusSequence: UInt64 = 0

    struct SeenSide: Equatable {
        var book: BookSide
        init(_ side: Side) { book = BookSide(side) }
        var levels: [Level] { (0..<book.count).map { book[$0] } }
        static func == (a: Self, b: Self) -> Bool { a.levels == b.levels }
    }

    mutating func apply(_ tick: Tick) {
        switch tick.kind {
        case .symbol: definition = tick.definition
        case .level:
            book = tick.sequence
            let orders = UInt32(tick.aux)
            if tick.side == .bid {
                bids.book.set(tick.price, size: tick.size, orders: orders)
            } else {
                asks.book.set(tick.price, size: tick.size, orders: orders)
            }
        case .best:
            quote = tick.sequence
            let level = Level(price: tick.price, size: tick.size, orders: UInt32(tick.aux))
            if tick.side == .bid { bestBid = level } else { bestAsk = level }
        case .trade: applyTrade(tick)
        case .status:
            statusSequence = tick.sequence
            status = MarketStatus(packed: tick.aux)
        case .clear:
            book = tick.sequence
            bids.book.removeAll()
            asks.book.removeAll()
            if tick.aux == 0 { nextTradeStartsDay = true }
        case .statistics:
            statistics.restore(tick)
            nextTradeStartsDay = false
            trade = tick.sequence
        case .barClose, .bar, .epoch, .place, .resync, .tradeBreak: break
        case nil: Issue.record("a tick of no kind")
        }
    }

    private mutating func applyTrade(_ tick: Tick) {
        trade = tick.sequence
        var repeated = tick
        repeated.flags = []
        lastTrade = (0..<8).map { repeated.words[$0] }
        guard !tick.flags.contains(.snapshot) else { return statistics.restore(last: tick.price) }
        if nextTradeStartsDay { statistics = DayStatistics() }
        nextTradeStartsDay = false
        statistics.add(price: tick.price, size: tick.size)
    }
}

extension [Tick] {
    /// The ticks as a reader would know every symbol after them.
    func seen() -> [SymbolID: SeenSymbol] {
        var symbols: [SymbolID: SeenSymbol] = [:]
        for tick in self { symbols[tick.symbol, default: SeenSymbol()].apply(tick) }
        return symbols
    }

    /// Equal hashes, equal streams. `timeless` leaves out what a second round may have different.
    func fingerprint(timeless: Bool = false) -> UInt64 {
        var hash = FNV1a64()
        for var tick in self {
            if timeless {
                tick.sequence = 0
                tick.receiveTime = .zero
            }
            tick.hash(into: &hash)
        }
        return hash.value
    }
}

func name(_ text: String) throws -> SymbolName { try #require(SymbolName(text)) }
