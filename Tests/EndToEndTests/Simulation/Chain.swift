// One subscription of one client as the client sees it: the chain of versions, and of a book the
// levels, next to what they ought to be.
import Basics
import Dialects
import Market

@testable import FanOut

struct Chain {
    /// What it was granted for; nil where several requests may have begun it.
    var wish: Wish?
    var first: UInt64
    var last: UInt64
    var delivered: UInt64 = 1
    var merged: UInt64 = 0
    var lost: UInt64 = 0
    /// When its last message was made, where that is known, and whether it was a closed bar.
    var lastMade: Instant?
    var lastWasClosed = false
    var book = TrueBook()

    /// Every version from the first to the last is one of these.
    var isExact: Bool { delivered - 1 + merged + lost == last - first }
}

extension TrueBook {
    typealias Window = (bids: [Level], asks: [Level])

    /// The levels within the depth, best first.
    func window(_ depth: Int) -> Window {
        func levels(_ side: borrowing BookSide) -> [Level] {
            (0..<min(depth, side.count)).map { Level(price: side[$0].price, size: side[$0].size) }
        }
        return (levels(bids), levels(asks))
    }

    /// As a client does it: a message's levels, on nothing or on what is there.
    mutating func apply(_ message: BookMessage) {
        if message.version.isSnapshot { self = TrueBook() }
        for level in message.bids { bids.set(level.price, size: level.size) }
        for level in message.asks { asks.set(level.price, size: level.size) }
    }

    var checksum: UInt32 {
        let (bids, asks) = window(.max)
        return bids.withUnsafeBufferPointer { bids in
            asks.withUnsafeBufferPointer { BookChecksum.of(bids: bids, asks: $0) }
        }
    }
}

extension TrueSymbol {
    /// How many versions there are by now.
    func newest(_ key: Key) -> Int {
        switch key.kind.channel {
        case .quote: quotes.count
        case .book: changes.count
        case .trade, .stats: trades.count
        case .bar: bars[Int(key.kind.interval.rawValue)].count
        case .status: statuses.count
        }
    }

    /// When a version was published.
    func published(_ key: Key, _ version: UInt64) -> Instant {
        let index = Int(version) - 1
        return switch key.kind.channel {
        case .quote: quotes[index].at
        case .book: changes[index].at
        case .trade, .stats: trades[index].at
        case .bar: bars[Int(key.kind.interval.rawValue)][index].at
        case .status: statuses[index].at
        }
    }

    /// The book as it was at a version.
    func book(at version: UInt64) -> TrueBook {
        var book = TrueBook(), from = 0
        if let last = checkpoints.last(where: { $0.version <= version }) {
            book = last.book
            from = Int(last.version)
        }
        for index in from..<max(from, Int(version)) { book.apply(changes[index]) }
        return book
    }

    /// Since when a subscriber at `version` sees another window than it was sent, at `to`; nil where
    /// it is the same again.
    func differs(since version: UInt64, to: UInt64, depth: Int) -> Instant? {
        var book = book(at: version)
        let base = book.window(depth)
        var since: Instant?
        for index in Int(version)..<Int(to) {
            book.apply(changes[index])
            // Within one turn of ingest nobody can look.
            if index + 1 < Int(to), changes[index + 1].at == changes[index].at { continue }
            if book.window(depth) == base { since = nil } else { since = since ?? changes[index].at }
        }
        return since
    }
}

extension TrueSymbol {
    /// The first version behind that one that anybody is told of; of bars some say nothing.
    func told(_ key: Key, after version: UInt64) -> UInt64 {
        guard key.kind.channel == .bar else { return version + 1 }
        let bars = bars[Int(key.kind.interval.rawValue)]
        return UInt64(bars[Int(version)...].firstIndex { !$0.isNothing } ?? Int(version)) + 1
    }

    /// The last one of these; 0: there was none.
    func lastTold(_ key: Key) -> UInt64 {
        guard key.kind.channel == .bar else { return UInt64(newest(key)) }
        let bars = bars[Int(key.kind.interval.rawValue)]
        return UInt64((bars.lastIndex { !$0.isNothing } ?? -1) + 1)
    }
}
