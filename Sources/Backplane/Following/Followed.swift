// What a node keeps of each symbol that it may follow.
import Basics
import Market

struct Followed {
    enum Phase: Equatable {
        /// Nobody here wants it.
        case idle
        /// Wanted; its picture is to be asked for, not before then.
        case due(Instant)
        case fetching
        /// What comes continues what is known.
        case live
    }

    let name: SymbolName
    var phase = Phase.idle
    /// When it is to be let go, unless somebody wants it by then; nil: somebody does, or it is idle.
    var letGoAt: Instant?
    /// Its state was told to readers here.
    var isKnown = false
    /// It was live, and something of it is missing: cursors wait for it.
    var isBehind = false
    /// Up to which flush it is known.
    var flush: UInt64 = 0
    /// Frames that came while it was not live, in order.
    var kept: [[UInt8]] = []
    var keptBytes = 0
    /// Parts of the picture so far.
    var picture: [UInt8] = []
    /// The engine was asked for it, and has not answered yet.
    var isAsked = false
    /// In a row, in vain.
    var attempts = 0

    /// The number of its last trade, as told here.
    var trade: UInt64 = 0
    /// Of its words of status: the publisher's number, what they say, and the number here, which counts
    /// what only this node said, too.
    var status: UInt64 = 0
    var words = SymbolStatus(MarketStatus(.closed)).packed
    var statusHere: UInt64 = 0
    /// Readers here were told not to trust it.
    var isSuspect = false

    init(_ name: SymbolName) { self.name = name }

    var isWanted: Bool { phase != .idle }

    /// Of another life of the feed nothing of this holds.
    mutating func forget() {
        isKnown = false
        isBehind = false
        flush = 0
        (kept, keptBytes, picture, attempts) = ([], 0, [], 0)
        (trade, status, statusHere) = (0, 0, 0)
        words = SymbolStatus(MarketStatus(.closed)).packed
        isSuspect = false
    }
}
