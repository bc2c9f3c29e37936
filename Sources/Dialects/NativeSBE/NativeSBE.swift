// Data messages as Simple Binary Encoding: `tickerfeed.sbe.xml` beside this file is the contract.
//
//     | header 8: length, template, schema, version | prev 8 | symbol 4 | flags 4 | seq 8 | ts 8 | … |
//
// Invariants
//   - Every data message begins alike, so a body is shared by all subscribers as it is: what is each
//     one's own, `prev` and the snapshot flag, is stored into the copy at a fixed place.
import Basics
import Market

public enum NativeSBE {
    /// The longest message that is no book.
    public static let bodyMax = 256

    /// The longest book of that many levels on both sides together.
    public static func bookMax(levels: Int) -> Int { 128 + levels * 16 }

    public static func quote(_ quote: Quote, symbol: SymbolID, to pen: inout Pen) {}
    /// One trade as it came.
    public static func trade(_ trade: Tick, to pen: inout Pen) {}
    /// The last of several trades with what was merged into it.
    public static func trade(_ last: Tick, merging merged: DayStatistics, to pen: inout Pen) {}
    public static func book(
        bids: UnsafeBufferPointer<Level>, asks: UnsafeBufferPointer<Level>, crc: UInt32?,
        isCrossed: Bool, sequence: UInt64, at time: Timestamp, symbol: SymbolID, to pen: inout Pen
    ) {}
    public static func bar(
        _ bar: Bar, _ interval: BarInterval, isClosed: Bool, sequence: UInt64, at time: Timestamp,
        symbol: SymbolID, to pen: inout Pen
    ) {}
    public static func stats(
        _ day: DayStatistics, sequence: UInt64, at time: Timestamp, symbol: SymbolID, to pen: inout Pen
    ) {}
    public static func status(
        _ status: MarketStatus, _ feed: FeedState, sequence: UInt64, at time: Timestamp,
        symbol: SymbolID, to pen: inout Pen
    ) {}
    /// Binds a number to a name, before its first use on a connection.
    public static func symbol(
        _ id: SymbolID, _ definition: SymbolDefinition, to pen: inout Pen
    ) {}
    /// Follows a data message in the same frame where `stamps` was asked for.
    public static let stampsCount = 24
    public static func stamps(received: Timestamp, sent: Timestamp, to pen: inout Pen) {}

    /// Makes the copy of a shared message, whose first byte is at `message`, one subscriber's own.
    @inline(__always)
    public static func own(
        _ message: UnsafeMutablePointer<UInt8>, previous: UInt64, isSnapshot: Bool
    ) {}
}
