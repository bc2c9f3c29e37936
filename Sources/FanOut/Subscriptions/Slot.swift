// A slot: one subscription of one connection to one symbol's channel. Instead of a queue.
import Basics
import Dialects
import Market

/// One of the streams a symbol has: a channel, and for bars the interval.
struct StreamKind: Hashable {
    let raw: UInt8
    init(_ channel: Channel, _ interval: BarInterval = .second) {
        raw = channel.rawValue << 1 | (channel == .bar ? interval.rawValue : 0)
    }
    @inline(__always) var channel: Channel { Channel(rawValue: raw >> 1).unsafelyUnwrapped }
    @inline(__always) var interval: BarInterval { raw & 1 == 0 ? .second : .minute }

    /// Only its newest version counts.
    var isState: Bool { channel == .quote || channel == .book || channel == .stats }

    /// The changes of a symbol that may make a slot of this kind due.
    var changes: Changes {
        switch channel {
        case .quote: .quote
        case .book: .book
        case .trade, .bar, .stats: .trades
        case .status: .status
        }
    }
}

/// What a subscription asks for besides its symbol and its rate.
struct SlotOptions: OptionSet, Hashable {
    let rawValue: UInt8
    /// Trades: the last one, with what was merged into it.
    static let latest = SlotOptions(rawValue: 1)
    static let stamps = SlotOptions(rawValue: 2)
    static let checksum = SlotOptions(rawValue: 4)
    /// It came with a pattern, and doesn't count as a symbol of its own.
    static let byPattern = SlotOptions(rawValue: 8)
    /// The connection was told which number the symbol has (binary encoding).
    static let isNamed = SlotOptions(rawValue: 16)
    /// It goes on from a cursor: `sent` is what the client was told, though it be nothing.
    static let resumed = SlotOptions(rawValue: 32)
    /// Before anything is lost to a gap, the connection is closed.
    static let closesWhenSlow = SlotOptions(rawValue: 64)
    /// It is to go on from a cursor, and its symbol's past is not here yet.
    static let awaitsPast = SlotOptions(rawValue: 128)
}

struct Slot {
    let symbol: SymbolID
    let kind: StreamKind
    /// Which of the connection's rate classes it belongs to.
    var rateClass: UInt8
    /// Levels of a book.
    let depth: UInt8
    var options: SlotOptions
    /// The version this subscriber was given last; 0: it gets a snapshot next.
    var sent: UInt64 = 0
    /// How far it is known to need nothing newer: of a book the version that looks like the last
    /// one sent within its depth, of bars the number of the last one that was closed.
    var seen: UInt64 = 0

    /// Slots are kept in this order.
    @inline(__always) var key: UInt64 { Slot.key(symbol, kind) }
    /// A snapshot comes next, and nothing before it is owed.
    @inline(__always) var isNew: Bool { sent == 0 && !options.contains(.resumed) }
    @inline(__always) var awaitsPast: Bool { options.contains(.awaitsPast) }
    static func key(_ symbol: SymbolID, _ kind: StreamKind) -> UInt64 {
        UInt64(symbol.raw) << 8 | UInt64(kind.raw)
    }
}

/// A subscription to be: what its slots have in common.
struct SlotTemplate: Hashable {
    var kind: StreamKind
    var rate: Rate
    var depth: UInt8 = 0
    var options: SlotOptions = []
}
