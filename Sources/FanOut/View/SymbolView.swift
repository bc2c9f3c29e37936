// What a loop knows of one symbol: the newest state of each channel, with its version.
import Basics
import Market

/// Which states of a symbol something touched, as bits.
struct Changes: OptionSet {
    let rawValue: UInt8
    static let quote = Changes(rawValue: 1)
    static let book = Changes(rawValue: 2)
    /// Trades, and with them statistics and bars.
    static let trades = Changes(rawValue: 4)
    static let status = Changes(rawValue: 8)
}

/// A trade, or a broken one, that subscribers may still be owed.
struct PastTrade {
    let tick: Tick
    /// Ticks on the tape before it.
    let position: UInt64
    var bodies = Bodies()
}

/// A word of the market's, with the feed's at that time.
struct PastStatus {
    let status: MarketStatus
    let feed: FeedState
    let time: Timestamp
    let receiveTime: Timestamp
    let position: UInt64
    var bodies = Bodies()
}

struct SymbolView: ~Copyable {
    static let tradesMax = 1_024
    static let statusesMax = 64

    let definition: SymbolDefinition
    /// The name's bytes, kept flat for the encoder.
    let name: UnsafeRawBufferPointer
    private let nameMemory: UnsafeMutableRawPointer

    private(set) var quote = Quote()
    private(set) var book = BookState()
    private(set) var lastTrade: Tick?
    /// What gave the trades their newest version: a trade, or that one was taken back.
    private(set) var lastPrint: Tick?
    private(set) var day = DayStatistics()
    private(set) var status = MarketStatus(.closed)
    private(set) var feed = FeedState.live
    private(set) var lastEvent = Timestamp.zero
    /// Where on the tape the states changed last: what stood before, a long poll's client knows.
    private var quoteAt: UInt64 = 0
    private var bookAt: UInt64 = 0
    private var tradeAt: UInt64 = 0
    private var statusAt: UInt64 = 0
    /// The source began a new day: the next trade opens it.
    private var startsNewDay = false
    /// The tape lapped this loop: nothing counts until this symbol's snapshot came by.
    var awaitsSnapshot = false
    /// False where the feed has to be asked for it: what was before is known once it came.
    var isKnown = true
    /// Subscriptions of this loop.
    var subscriptions: Int32 = 0
    /// What changed since the loop looked last.
    var changes: Changes = []

    var trades = History<PastTrade>(capacityMax: tradesMax)
    var statuses = History<PastStatus>(capacityMax: statusesMax)
    /// The bars of each interval, by its raw value.
    let bars: UnsafeMutablePointer<BarSeries>
    var quoteBodies = Bodies()
    var statsBodies = Bodies()

    init(_ definition: SymbolDefinition) {
        self.definition = definition
        let bytes = definition.name.bytes
        nameMemory = .allocate(byteCount: SymbolName.bytesMax, alignment: 1)
        nameMemory.copyMemory(from: bytes, byteCount: bytes.count)
        name = UnsafeRawBufferPointer(start: nameMemory, count: bytes.count)
        bars = .allocate(capacity: BarInterval.allCases.count)
        for interval in BarInterval.allCases {
            (bars + Int(interval.rawValue)).initialize(to: BarSeries(interval))
        }
    }
    deinit {
        nameMemory.deallocate()
        bars.deinitialize(count: BarInterval.allCases.count)
        bars.deallocate()
    }

    var tradeSequence: UInt64 { trades.last }
    var statusSequence: UInt64 { statuses.last }

    /// The newest version of a stream; 0: there is nothing yet.
    func newest(_ kind: StreamKind) -> UInt64 {
        switch kind.channel {
        case .quote: quote.sequence
        case .book: book.sequence
        case .trade, .stats: tradeSequence
        case .bar: series(kind.interval).pointee.newest(after: tradeSequence)
        case .status: statusSequence
        }
    }

    /// The tick that made it so, by its place on the tape.
    func changedAt(_ kind: StreamKind) -> UInt64 {
        switch kind.channel {
        case .quote: quoteAt
        case .book: bookAt
        case .trade, .stats: tradeAt
        case .bar: series(kind.interval).pointee.changedAt
        case .status: statusAt
        }
    }

    func series(_ interval: BarInterval) -> UnsafeMutablePointer<BarSeries> {
        bars + Int(interval.rawValue)
    }

    /// Somebody follows the book from now on, or no longer: level changes are remembered for those.
    mutating func addBookReaders(_ count: Int) { book.addReaders(count) }

    /// Takes one tick, `position` ticks behind the tape's start. Repeated state (a snapshot for
    /// somebody else) is left alone by the caller.
    mutating func apply(_ tick: Tick, _ kind: Tick.Kind, position: UInt64) {
        lastEvent = tick.eventTime
        switch kind {
        case .level:
            book.apply(tick)
            bookAt = position
            changes.formUnion(.book)
        case .best:
            quote.apply(tick)
            quoteAt = position
            changes.formUnion(.quote)
        case .trade: applyTrade(tick, position)
        case .status: applyStatus(tick, position)
        case .clear:
            clear(tick)
            bookAt = position
        case .statistics:
            day.restore(tick)
            startsNewDay = false
        case .barClose:
            series(tick.interval).pointee.close(tick, position: position)
            changes.formUnion(.trades)
        case .bar:
            restoreBar(tick, position)
        case .tradeBreak: applyBreak(tick, position)
        case .symbol, .epoch, .place, .resync: break
        }
    }

    /// Another epoch begins: nothing is known but the name. Memory of the past is kept for what comes;
    /// bodies that were encoded are the arena's to forget.
    mutating func forgetAll(position: UInt64) {
        quote = Quote()
        book.forgetAll()
        (lastTrade, lastPrint) = (nil, nil)
        day = DayStatistics()
        (status, feed) = (MarketStatus(.closed), .live)
        lastEvent = .zero
        (quoteAt, bookAt, tradeAt, statusAt) = (position, position, position, position)
        startsNewDay = false
        trades.forgetAll()
        statuses.forgetAll()
        for interval in BarInterval.allCases { series(interval).pointee.forgetAll(position: position) }
    }

    private mutating func clear(_ tick: Tick) {
        book.clear(tick)
        changes.formUnion(.book)
        guard tick.aux == 0 else { return }
        startsNewDay = true
        for interval in BarInterval.allCases { series(interval).pointee.startOver() }
    }

    private mutating func applyTrade(_ tick: Tick, _ position: UInt64) {
        tradeAt = position
        changes.formUnion(.trades)
        guard !tick.flags.contains(.snapshot) else {
            // The last trade again, not one more: its statistics come in ticks of their own.
            if tick.sequence > tradeSequence { remember(tick, position) }
            (lastTrade, lastPrint) = (tick, tick)
            day.restore(last: tick.price)
            return
        }
        if startsNewDay {
            day = DayStatistics()
            startsNewDay = false
        }
        day.add(price: tick.price, size: tick.size)
        (lastTrade, lastPrint) = (tick, tick)
        remember(tick, position)
        // Not `bars[0]`: with the thread sanitizer the compiler (6.3.1) ends by itself over that.
        series(.second).pointee.add(tick, position: position)
        series(.minute).pointee.add(tick, position: position)
    }

    /// A trade is taken back: of the sums, and of nothing that was shown.
    private mutating func applyBreak(_ tick: Tick, _ position: UInt64) {
        tradeAt = position
        changes.formUnion(.trades)
        lastPrint = tick
        if tick.sequence > tradeSequence { remember(tick, position) }
        // Repeated, it is in the sums that are repeated behind it.
        guard !tick.flags.contains(.snapshot) else { return }
        if tick.size != .zero { day.remove(price: tick.price, size: tick.size) }
        series(.second).pointee.takeBack(tick, position: position)
        series(.minute).pointee.takeBack(tick, position: position)
    }

    private mutating func remember(_ tick: Tick, _ position: UInt64) {
        trades.append(PastTrade(tick: tick, position: position), number: tick.sequence)
    }

    private mutating func applyStatus(_ tick: Tick, _ position: UInt64) {
        changes.formUnion(.status)
        statusAt = position
        let words = SymbolStatus(packed: tick.aux)
        (status, feed) = (words.market, words.feed)
        // Number 0: the source has said nothing yet.
        guard tick.sequence != statusSequence, tick.sequence != 0 else { return }
        statuses.append(
            PastStatus(
                status: status, feed: feed,
                time: tick.eventTime, receiveTime: tick.receiveTime, position: position),
            number: tick.sequence)
    }

    private mutating func restoreBar(_ tick: Tick, _ position: UInt64) {
        series(tick.interval).pointee.restore(
            tick, after: tradeSequence, last: lastTrade?.price ?? .zero, position: position)
        changes.formUnion(.trades)
    }
}
