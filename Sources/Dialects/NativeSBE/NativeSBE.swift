// Data messages as Simple Binary Encoding: `tickerfeed.sbe.xml` beside this file is the contract.
//
//     | header 8: length, template, schema, version | prev 8 | symbol 4 | flags 4 | seq 8 | ts 8 | … |
//
// Invariants
//   - Every data message begins alike, so a body is shared by all subscribers as it is: what is each
//     one's own, `prev` and the snapshot flag, is stored into the copy at a fixed place.
//   - Fields stand one behind the other, in the schema's order, without padding.
import Basics
import Market

public enum NativeSBE {
    /// The longest message that is no book.
    public static let bodyMax = 256

    /// The longest book of that many levels on both sides together.
    public static func bookMax(levels: Int) -> Int { 128 + levels * 16 }

    /// 72 bytes. A missing side is null in price and size.
    public static func quote(_ quote: Quote, symbol: SymbolID, to pen: inout Pen) {
        let flags: SBE.Flags = quote.isCrossed ? .crossed : []
        pen.begin(.quote, symbol, flags, quote.sequence, quote.eventTime)
        pen.put(quote.bid?.price.e9 ?? SBE.null)
        pen.put(quote.bid?.size.e8 ?? SBE.null)
        pen.put(quote.ask?.price.e9 ?? SBE.null)
        pen.put(quote.ask?.size.e8 ?? SBE.null)
    }

    /// One trade as it came. 89 bytes.
    public static func trade(_ trade: Tick, to pen: inout Pen) {
        pen.begin(.trade, trade.symbol, [], trade.sequence, trade.eventTime)
        pen.put(trade.price.e9)
        pen.put(trade.size.e8)
        pen.put(trade.aux)
        pen.put(UInt64(0))
        pen.put(SBE.null)
        pen.put(SBE.null)
        pen.put(aggressor(trade.side))
    }

    /// A trade taken back: what it was, where the source says so. 64 bytes.
    public static func tradeBreak(_ broken: Tick, to pen: inout Pen) {
        pen.begin(.tradeBreak, broken.symbol, [], broken.sequence, broken.eventTime)
        pen.put(broken.aux)
        pen.put(broken.size == .zero ? SBE.null : broken.price.e9)
        pen.put(broken.size == .zero ? SBE.null : broken.size.e8)
    }

    /// The last of several trades with what was merged into it: at least one.
    public static func trade(_ last: Tick, merging merged: DayStatistics, to pen: inout Pen) {
        pen.begin(.trade, last.symbol, [], last.sequence, last.eventTime)
        pen.put(last.price.e9)
        pen.put(sum: merged.volumeE8)
        pen.put(last.aux)
        pen.put(merged.count)
        pen.put(merged.high.e9)
        pen.put(merged.low.e9)
        pen.put(aggressor(last.side))
    }

    /// Levels of a book: all within a depth, best first, or those that changed (size 0: gone).
    /// At most 65,534 a side.
    public static func book(
        bids: UnsafeBufferPointer<Level>, asks: UnsafeBufferPointer<Level>, crc: UInt32?,
        isCrossed: Bool, sequence: UInt64, at time: Timestamp, symbol: SymbolID, to pen: inout Pen
    ) {
        var flags: SBE.Flags = isCrossed ? .crossed : []
        if crc != nil { flags.insert(.crc) }
        pen.begin(.book, symbol, flags, sequence, time)
        pen.put(crc ?? 0)
        pen.put(bids)
        pen.put(asks)
    }

    /// A bar, open or closed. Only for bars with at least one trade. `time`: the last trade's, or
    /// the interval's end.
    public static func bar(
        _ bar: Bar, _ interval: BarInterval, isClosed: Bool, sequence: UInt64, at time: Timestamp,
        symbol: SymbolID, to pen: inout Pen
    ) {
        pen.begin(.bar, symbol, isClosed ? .closed : [], sequence, time)
        pen.put(bar.start.raw)
        pen.put(bar.trades.open.e9)
        pen.put(bar.trades.high.e9)
        pen.put(bar.trades.low.e9)
        pen.put(bar.trades.last.e9)
        pen.put(sum: bar.trades.volumeE8)
        pen.put(bar.trades.vwap?.e9 ?? SBE.null)
        pen.put(bar.trades.count)
        pen.put(interval.rawValue)
    }

    /// The day so far. Only for statistics with at least one trade.
    public static func stats(
        _ day: DayStatistics, sequence: UInt64, at time: Timestamp, symbol: SymbolID, to pen: inout Pen
    ) {
        pen.begin(.stats, symbol, [], sequence, time)
        pen.put(day.open.e9)
        pen.put(day.high.e9)
        pen.put(day.low.e9)
        pen.put(day.last.e9)
        pen.put(day.change.e9)
        pen.put(sum: day.volumeE8)
        pen.put(day.vwap?.e9 ?? SBE.null)
        pen.put(day.count)
    }

    /// The market's word and the feed's.
    public static func status(
        _ status: MarketStatus, _ feed: FeedState, sequence: UInt64, at time: Timestamp,
        symbol: SymbolID, to pen: inout Pen
    ) {
        pen.begin(.status, symbol, [], sequence, time)
        pen.put(status.state.rawValue)
        pen.put(feed.rawValue)
        let letters = status.letters.bytes
        for place in 0..<4 { pen.byte(letters[place]) }
    }

    /// Binds a number to a name, before its first use on a connection. 48 bytes.
    public static func symbol(
        _ id: SymbolID, _ definition: SymbolDefinition, to pen: inout Pen
    ) {
        pen.header(.symbol)
        pen.put(id.raw)
        pen.put(definition.lot)
        pen.put(definition.priceIncrementE9 == 0 ? SBE.null : Int64(definition.priceIncrementE9))
        pen.put(padded: definition.name.bytes, to: SymbolName.bytesMax)
    }

    /// Follows a data message in the same frame where `stamps` was asked for.
    public static let stampsCount = 24
    public static func stamps(received: Timestamp, sent: Timestamp, to pen: inout Pen) {
        pen.header(.stamps)
        pen.put(received.raw)
        pen.put(sent.raw)
    }

    /// Makes the copy of a shared message, whose first byte is at `message`, one subscriber's own.
    @inlinable @inline(__always)
    public static func own(
        _ message: UnsafeMutablePointer<UInt8>, previous: UInt64, isSnapshot: Bool
    ) {
        UnsafeMutableRawPointer(message)
            .storeBytes(of: previous.littleEndian, toByteOffset: 8, as: UInt64.self)
        // The flag is the lowest bit of `flags`, whose lowest byte comes first.
        message[20] |= isSnapshot ? 1 : 0
    }

    @inline(__always)
    private static func aggressor(_ side: Side?) -> UInt8 { side?.rawValue ?? SBE.nullEnum }
}

extension Pen {
    // Always inlined: whole messages become a row of stores.
    @inline(__always)
    fileprivate mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        UnsafeMutableRawPointer(at).storeBytes(of: value.littleEndian, as: Value.self)
        at += MemoryLayout<Value>.size
    }

    /// A sum of quantities, null where 64 bits are too few.
    @inline(__always)
    fileprivate mutating func put(sum: Int128) { put(Int64(exactly: sum) ?? SBE.null) }

    fileprivate mutating func put(padded text: some Collection<UInt8>, to count: Int) {
        for byte in text { self.byte(byte) }
        for _ in text.count..<count { byte(0) }
    }

    fileprivate mutating func put(_ levels: UnsafeBufferPointer<Level>) {
        precondition(levels.count < UInt16.max, "a side is too long for its group")
        put(UInt16(SBE.levelCount))
        put(UInt16(truncatingIfNeeded: levels.count))
        for level in levels {
            put(level.price.e9)
            put(level.size.e8)
        }
    }

    @inline(__always)
    fileprivate mutating func header(_ template: SBETemplate) {
        put(UInt16(template.blockLength))
        put(template.rawValue)
        put(SBE.schemaID)
        put(SBE.version)
    }

    /// The header and what begins every data message.
    @inline(__always)
    fileprivate mutating func begin(
        _ template: SBETemplate, _ symbol: SymbolID, _ flags: SBE.Flags, _ sequence: UInt64,
        _ time: Timestamp
    ) {
        header(template)
        put(UInt64(0))  // prev: `own` stores it
        put(symbol.raw)
        put(flags.rawValue)
        put(sequence)
        put(time.raw)
    }
}
