// What messages do to books: kept until a snapshot comes, applied in the exchange's order, doubted
// where something is missing.
//
// Invariants
//   - A book is shown as good only between a snapshot and the next gap, loss of room, or connection.
//   - A snapshot is one event, and each kept event that fits behind it another.
//   - Best prices make a book only for a symbol of whose depth nothing is known: they run ahead of it.
import Basics
import Market

struct BinanceSession: ~Copyable {
    private(set) var symbols = BinanceSymbols()
    var counts = BinanceCounts()
    private var backlogBytes = 0
    /// The symbol whose kept events follow its snapshot now.
    private var releasing: Int?

    init() {}

    /// The line that is being applied: what time it has, and where it stands.
    struct Line {
        let number: UInt64
        let offset: Int
        let received: Timestamp
        /// By the recorder's clock.
        let time: Timestamp

        func stamp(_ eventTime: Timestamp?) -> Stamp {
            Stamp(time: eventTime ?? time, received: received, source: number)
        }
    }

    // MARK: Messages

    mutating func apply(_ message: borrowing BinanceMessage, _ line: Line, into builder: inout BookBuilder) {
        counts.add(BinanceCount(message.kind))
        if let eventTime = message.eventTime, message.kind != .snapshot, line.time < eventTime {
            counts.add(.receivedEarly)
        }
        switch message.kind {
        case .depthUpdate, .snapshot, .bookTicker, .trade, .aggTrade: break
        case .kline, .opened, .outbound, .other: return
        }
        let stamp = line.stamp(message.eventTime)
        guard let place = wantedPlace(of: message.symbol, line, stamp, &builder) else { return }
        switch message.kind {
        case .depthUpdate: takeDepth(place, message, line, stamp, &builder)
        case .snapshot: takeSnapshot(place, message, line, stamp, &builder)
        case .bookTicker: takeTicker(place, message.ticker, stamp, &builder)
        default: takeTrade(place, message, stamp, &builder)
        }
    }

    mutating func reject(_ fault: JSONFault, _ line: Line, into builder: inout BookBuilder) {
        counts.add(.malformed)
        let anomaly: Anomaly =
            fault == .numberRange || fault == .inexactNumber ? .numberRange : .malformedLine
        builder.count(anomaly, message: line.number, offset: line.offset, fault.reason)
    }

    mutating func rejectTooLong(_ line: Line, into builder: inout BookBuilder) {
        counts.add(.malformed)
        builder.count(.tooLong, message: line.number, offset: line.offset, "a line of more than 16 MiB")
    }

    /// The place of a symbol whose messages matter to somebody.
    private mutating func wantedPlace(
        of name: SymbolName?, _ line: Line, _ stamp: Stamp, _ builder: inout BookBuilder
    ) -> Int? {
        guard let name else {
            builder.count(.badSymbol, message: line.number, offset: line.offset, "a name of no symbol")
            return nil
        }
        guard let place = symbols.place(of: name) else {
            counts.add(.overflow)
            builder.count(.bufferOverflow, message: line.number, offset: line.offset, "too many symbols")
            return nil
        }
        let symbol = symbols[place]
        if !symbol.pointee.isDefined {
            symbol.pointee.isDefined = true
            symbol.pointee.id = builder.define(SymbolDefinition(name: name), at: stamp, unit: .e8)
            // Nobody says so, and nobody closes here.
            if let id = symbol.pointee.id { builder.status(id, MarketStatus(.trading), at: stamp) }
        }
        return symbol.pointee.id == nil ? nil : place
    }

    private mutating func takeTrade(
        _ place: Int, _ message: borrowing BinanceMessage, _ stamp: Stamp, _ builder: inout BookBuilder
    ) {
        let symbol = symbols[place]
        guard let id = symbol.pointee.id else { return }
        if symbol.pointee.tradeKind == nil { symbol.pointee.tradeKind = message.kind }
        guard symbol.pointee.tradeKind == message.kind else { return }
        let trade = message.trade
        builder.trade(
            id, aggressor: trade.buyerIsMaker ? .ask : .bid, size: trade.print.size,
            price: trade.print.price, id: UInt64(trade.id), at: stamp)
    }

    // MARK: Best prices

    private mutating func takeTicker(
        _ place: Int, _ ticker: BinanceMessage.Ticker, _ stamp: Stamp, _ builder: inout BookBuilder
    ) {
        let symbol = symbols[place]
        guard let id = symbol.pointee.id else { return }
        guard ticker.id >= symbol.pointee.tickers.last else { return counts.add(.old) }
        symbol.pointee.tickers.add(ticker)
        guard !symbol.pointee.hasDepth else {
            if symbol.pointee.sequence.last == ticker.id { compare(id, ticker, builder) }
            return
        }
        builder.trust(id, at: stamp)
        builder.beginLevels(id, at: stamp)
        builder.setBest(.bid, price: ticker.bid.price, size: ticker.bid.size)
        builder.setBest(.ask, price: ticker.ask.price, size: ticker.ask.size)
        builder.endLevels()
    }

    /// The exchange's own word on the best of the book that stands at the same number.
    private mutating func compare(
        _ id: SymbolID, _ ticker: BinanceMessage.Ticker, _ builder: borrowing BookBuilder
    ) {
        counts.add(.tickersCompared)
        let isEqual =
            builder.hasBest(id, .bid, ticker.bid.price, ticker.bid.size)
            && builder.hasBest(id, .ask, ticker.ask.price, ticker.ask.size)
        if isEqual { counts.add(.tickersEqual) }
    }

    // MARK: Depth

    private mutating func takeDepth(
        _ place: Int, _ message: borrowing BinanceMessage, _ line: Line, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        let symbol = symbols[place]
        guard let id = symbol.pointee.id else { return }
        symbol.pointee.hasDepth = true
        guard symbol.pointee.sequence.state != .waiting else {
            counts.add(.buffered)
            builder.suspect(id, at: stamp)
            return keep(place, message, line, stamp, &builder)
        }
        switch symbol.pointee.sequence.judge(message.range) {
        case .next:
            symbol.pointee.sequence.take(message.range)
            builder.beginLevels(id, at: stamp)
            for index in 0..<message.bids.count { set(id, .bid, message.bids[index], &builder) }
            for index in 0..<message.asks.count { set(id, .ask, message.asks[index], &builder) }
            finish(place, id, &builder)
        case .olderThanSnapshot: counts.add(.olderThanSnapshot)
        case .old:
            counts.add(.old)
            builder.count(.oldSequence, message: line.number, offset: line.offset, "an event came again")
        case .gap:
            noteGap(place, id, line, stamp, &builder)
            keep(place, message, line, stamp, &builder)
        }
    }

    private mutating func noteGap(
        _ place: Int, _ id: SymbolID, _ line: Line, _ stamp: Stamp, _ builder: inout BookBuilder
    ) {
        counts.add(.gap)
        let symbol = symbols[place]  // in two steps for the thread sanitizer's compiler (6.3.1)
        symbol.pointee.sequence.lose()
        builder.count(.sequenceGap, message: line.number, offset: line.offset, "events are missing")
        builder.suspect(id, at: stamp)
    }

    private mutating func keep(
        _ place: Int, _ message: borrowing BinanceMessage, _ line: Line, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        let symbol = symbols[place]
        let event = KeptDepth(
            range: message.range, time: stamp.time.raw, line: line.number,
            bidCount: message.bids.count, askCount: message.asks.count)
        let before = symbol.pointee.backlog.byteCount
        let dropped = symbol.pointee.backlog.append(
            event, bids: message.bids, asks: message.asks,
            roomBytes: DepthBacklog.sessionBytesMax - backlogBytes)
        backlogBytes += symbol.pointee.backlog.byteCount - before
        guard dropped > 0 else { return }
        counts.add(.overflow, dropped)
        builder.count(
            .bufferOverflow, message: line.number, offset: line.offset, "too many events wait for a snapshot")
    }

    private mutating func set(
        _ id: SymbolID, _ side: Side, _ level: SessionLevel, _ builder: inout BookBuilder
    ) {
        // Normal: a snapshot has not all levels, and the stream tells of all.
        if level.sizeE8 == 0, builder.levelSize(id, side, price: level.price) == .zero {
            return counts.add(.absentLevel)
        }
        builder.setLevel(side, price: level.price, size: level.size)
    }

    /// What every applied event ends with.
    private mutating func finish(_ place: Int, _ id: SymbolID, _ builder: inout BookBuilder) {
        builder.endLevels()
        let symbol = symbols[place], last = symbol.pointee.sequence.last
        symbol.pointee.tickers.forEach(at: last) { compare(id, $0, builder) }
    }

    // MARK: Snapshots

    private mutating func takeSnapshot(
        _ place: Int, _ message: borrowing BinanceMessage, _ line: Line, _ stamp: Stamp,
        _ builder: inout BookBuilder
    ) {
        let symbol = symbols[place]
        guard let id = symbol.pointee.id else { return }
        symbol.pointee.hasDepth = true
        let standing = symbol.pointee.sequence
        var primed = standing
        primed.take(snapshot: message.range.last)
        dropOlder(place, than: primed)
        if let first = symbol.pointee.backlog.first, primed.judge(first.range) == .gap {
            return counts.add(.snapshotTooOld)  // what is kept waits for a newer one
        }
        symbol.pointee.sequence = primed
        builder.beginLevels(id, at: stamp)
        builder.clearLevels()
        for index in 0..<message.bids.count { show(message.bids[index], .bid, &builder) }
        for index in 0..<message.asks.count { show(message.asks[index], .ask, &builder) }
        builder.endLevels()
        if message.range.last >= standing.last {
            builder.trust(id, at: stamp)
        } else {
            // It was asked for, so it is taken; what lies between it and the next event is gone.
            builder.count(
                .oldSequence, message: line.number, offset: line.offset, "a snapshot is older than the book")
            builder.suspect(id, at: stamp)
        }
        releasing = symbol.pointee.backlog.count > 0 ? place : nil
    }

    private func show(_ level: SessionLevel, _ side: Side, _ builder: inout BookBuilder) {
        builder.setLevel(side, price: level.price, size: level.size)
    }

    /// Lets go of kept events that a book at `sequence` has already.
    private mutating func dropOlder(_ place: Int, than sequence: DepthSequence) {
        let symbol = symbols[place]
        let before = symbol.pointee.backlog.byteCount
        while let first = symbol.pointee.backlog.first {
            switch sequence.judge(first.range) {
            case .olderThanSnapshot: counts.add(.olderThanSnapshot)
            case .old: counts.add(.old)
            case .next, .gap:
                backlogBytes -= before - symbol.pointee.backlog.byteCount
                return
            }
            symbol.pointee.backlog.removeFirst()
        }
        symbol.pointee.backlog.removeAll()
        backlogBytes -= before
    }

    /// Whether a kept event comes before the next line.
    var isReleasing: Bool { releasing != nil }

    /// Applies the oldest kept event to the book that its snapshot made.
    mutating func release(at line: Line, into builder: inout BookBuilder) {
        guard let place = releasing else { return }
        let symbol = symbols[place]
        guard let id = symbol.pointee.id, let event = symbol.pointee.backlog.first else { return }
        let stamp = Stamp(
            time: Timestamp(raw: event.time), received: line.received, source: event.line)
        guard symbol.pointee.sequence.judge(event.range) == .next else {
            releasing = nil
            return noteGap(place, id, line, stamp, &builder)
        }
        symbol.pointee.sequence.take(event.range)
        builder.beginLevels(id, at: stamp)
        for index in 0..<event.bidCount + event.askCount {
            let side: Side = index < event.bidCount ? .bid : .ask
            set(id, side, symbol.pointee.backlog.levelOfFirst(index), &builder)
        }
        finish(place, id, &builder)
        symbol.pointee.backlog.removeFirst()
        backlogBytes -= event.byteCount
        dropOlder(place, than: symbol.pointee.sequence)
        if symbol.pointee.backlog.count == 0 { releasing = nil }
    }

    // MARK: Connections

    /// A connection was made anew: books that came over it are wrong until told again.
    mutating func connected(_ url: [UInt8], _ line: Line, into builder: inout BookBuilder) {
        guard let streams = BinanceURL.bookStreams(url) else {
            for place in 0..<symbols.count { lose(place, line, &builder) }
            return
        }
        for stream in streams {
            guard let place = symbols.place(of: stream.symbol) else { continue }
            if stream.isDepth { symbols[place].pointee.hasDepth = true }
        }
        for stream in streams {
            guard let place = symbols.place(of: stream.symbol) else { continue }
            if stream.isDepth || !symbols[place].pointee.hasDepth { lose(place, line, &builder) }
        }
    }

    private mutating func lose(_ place: Int, _ line: Line, _ builder: inout BookBuilder) {
        let symbol = symbols[place]
        backlogBytes -= symbol.pointee.backlog.byteCount
        symbol.pointee.lose()
        if let id = symbol.pointee.id { builder.suspect(id, at: line.stamp(nil)) }
    }
}

extension BookBuilder {
    /// Whether the best of a side is this; size 0: there is none.
    fileprivate func hasBest(_ symbol: SymbolID, _ side: Side, _ price: Price, _ size: Quantity) -> Bool {
        guard let best = books.best(symbol, side) else { return size == .zero }
        return best.price == price && best.shares == UInt64(size.e8)
    }
}
