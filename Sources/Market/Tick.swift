// A tick: one normalised event, 64 bytes, the only thing that goes from ingest to anybody.
//
//     byte  0        1       2      3         4           8     16           24
//          +--------+-------+------+---------+-----------+-----+------------+--------------+
//          | kind   | flags | side | interval| symbol    | seq | event time | receive time |
//          +--------+-------+------+---------+-----------+-----+------------+--------------+
//          | price          | size           | source    | aux                             |
//          +----------------+----------------+-----------+---------------------------------+
//     byte 32               40               48          56
//
// Little-endian, trivially copyable. The journal stores it as it is, a tape moves it as eight
// words. Ingest assigns `seq`; nobody behind the tape ever counts.
import Basics

/// A symbol's number, dense from 0, for one epoch of one feed.
public struct SymbolID: Hashable, Comparable, Sendable {
    /// As it stands in a tick.
    public let raw: UInt32
    /// From a tick.
    @inlinable public init(_ raw: UInt32) { self.raw = raw }
    /// From a place in an array.
    @inlinable public init(_ index: Int) { raw = UInt32(index) }
    /// As a place in an array.
    @inlinable public var index: Int { Int(raw) }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.raw < b.raw }
}

/// What happened to one symbol: 64 bytes, laid out as above.
public struct Tick: Hashable, Sendable {
    /// What a tick says. `seq` names whose number its `sequence` is.
    public enum Kind: UInt8, Sendable {
        /// A symbol comes to be: its name is in the payload (`Tick.symbol(…)`).
        case symbol = 1
        /// A price level's new total: `price`, `size` (0 = gone), `aux` = orders. `seq`: book.
        case level = 2
        /// One side's new best: `price`, `size` (0 = empty side), `aux` = orders. `seq`: quote.
        case best = 3
        /// A trade: `side` the aggressor's where known, `aux` = trade id. `seq`: trade.
        case trade = 4
        /// What market and feed say of the symbol: `aux` = `SymbolStatus`. `seq`: status.
        case status = 5
        /// The symbol's book is empty. `aux` 0: and its day starts anew; 1: the day goes on, only the
        /// book is told from the start (a resynchronisation). `seq`: book.
        case clear = 6
        /// Half of a day's statistics, in snapshots only (`DayStatistics.ticks`). `seq`: trade.
        case statistics = 7
        /// The end of an interval in which the symbol traded: its bar is closed. `seq`: bar.
        case barClose = 8
        /// Half of an open bar, in snapshots only (as `statistics`; event time = start). `seq`: bar.
        case bar = 9
        /// A new life of the feed, `aux` its number: behind it all states are empty and every version
        /// counts from 1 again. Symbols keep their numbers. In a snapshot: the present one is told again,
        /// and `seq` is how many symbols there are.
        case epoch = 10
        /// A trade taken back: `aux` = its trade id, `price` and `size` its own; size 0 where they are not
        /// known, and nothing else changes then. Flags say which open bars it was in. `seq`: trade,
        /// counted like a trade.
        case tradeBreak = 11
        /// Of a feed that was published elsewhere: where the ticks behind it stand on the publisher's tape,
        /// so that cursors are good at all its nodes (`Place`).
        case place = 12
        /// The symbol's state is told anew behind this, as a snapshot (`aux` 0); or it is not followed any
        /// more, and nothing is known of it until that (1).
        case resync = 13
    }

    /// Bits of the second byte.
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        /// As it stands in `head`.
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The last tick of one event of the source: only behind it is the book consistent.
        public static let endOfEvent = Flags(rawValue: 1)
        /// Part of a snapshot: repeats state, for a reader that lost its place.
        public static let snapshot = Flags(rawValue: 2)
        /// The book may be wrong: a gap in the source has not been mended.
        public static let suspect = Flags(rawValue: 4)
        /// Of `tradeBreak`: the trade is in the bar of that interval that is still open.
        public static let inOpenSecond = Flags(rawValue: 8)
        /// The same of the minute's.
        public static let inOpenMinute = Flags(rawValue: 16)
        /// By the interval.
        @inlinable public static func inOpen(_ interval: BarInterval) -> Flags {
            interval == .second ? inOpenSecond : inOpenMinute
        }
    }

    /// Kind, flags, side, interval and symbol, packed.
    public var head: UInt64
    /// The number of the symbol's quote, book, trade, … that this makes, from 1.
    public var sequence: UInt64
    /// By the source's clock.
    public var eventTime: Timestamp
    /// When ingest read it.
    public var receiveTime: Timestamp
    /// By the kind: of the level, of the trade.
    public var price: Price
    /// By the kind; 0 is none.
    public var size: Quantity
    /// The source's own number of the message that caused this tick.
    public var source: UInt64
    /// By the kind: a count of orders, a trade's id, a status.
    public var aux: UInt64

    /// A tick without what is not said.
    @inlinable
    public init(
        _ kind: Kind, _ symbol: SymbolID, side: Side? = nil, flags: Flags = [],
        interval: BarInterval = .second, sequence: UInt64 = 0, eventTime: Timestamp = .zero,
        receiveTime: Timestamp = .zero, price: Price = .zero,
        size: Quantity = .zero, source: UInt64 = 0, aux: UInt64 = 0
    ) {
        head =
            UInt64(kind.rawValue) | UInt64(flags.rawValue) << 8
            | UInt64(side?.rawValue ?? 0) << 16 | UInt64(interval.rawValue) << 24
            | UInt64(symbol.raw) << 32
        self.sequence = sequence
        self.eventTime = eventTime
        self.receiveTime = receiveTime
        self.price = price
        self.size = size
        self.source = source
        self.aux = aux
    }

    /// Nil for a kind of a later version: readers skip it.
    @inlinable public var kind: Kind? { Kind(rawValue: UInt8(truncatingIfNeeded: head)) }
    /// Nil where the kind has none.
    @inlinable public var side: Side? { Side(rawValue: UInt8(truncatingIfNeeded: head >> 16)) }
    /// Of ticks about bars; `second` for all others.
    @inlinable public var interval: BarInterval {
        BarInterval(rawValue: UInt8(truncatingIfNeeded: head >> 24)) ?? .second
    }
    /// Of `epoch` and `place` ticks 0, which means none.
    @inlinable public var symbol: SymbolID { SymbolID(UInt32(truncatingIfNeeded: head >> 32)) }
    /// See `Flags`.
    @inlinable public var flags: Flags {
        get { Flags(rawValue: UInt8(truncatingIfNeeded: head >> 8)) }
        set { head = head & ~0xff00 | UInt64(newValue.rawValue) << 8 }
    }

    /// Adds the tick's 64 bytes to a hash: equal hashes, equal streams.
    public func hash(into hash: inout FNV1a64) {
        let words = words
        for i in words.indices { hash.add(word: words[i]) }
    }

    /// The eight words of the layout above.
    @inlinable public var words: [8 of UInt64] {
        [
            head, sequence, UInt64(bitPattern: eventTime.raw), UInt64(bitPattern: receiveTime.raw),
            UInt64(bitPattern: price.e9), UInt64(bitPattern: size.e8), source, aux,
        ]
    }
}
