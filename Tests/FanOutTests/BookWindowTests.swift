// A book's window and its differences, against a reader that only ever applies messages.
import Basics
import Market
import TestSupport
import Testing

@testable import FanOut

/// A subscriber's own book: what the messages told it, and nothing else.
private struct ReaderBook {
    var bids: [Price: Quantity] = [:]
    var asks: [Price: Quantity] = [:]

    mutating func apply(_ window: borrowing BookWindow) {
        for level in window.bids { bids[level.price] = level.size == .zero ? nil : level.size }
        for level in window.asks { asks[level.price] = level.size == .zero ? nil : level.size }
    }
}

private func visible(_ side: BookSide, _ depth: Int) -> [Price: Quantity] {
    Dictionary(
        uniqueKeysWithValues: (0..<min(depth, side.count)).map { (side[$0].price, side[$0].size) })
}

private func level(_ side: Side, _ cents: Int, _ size: Int, _ sequence: UInt64) -> Tick {
    Tick(
        .level, SymbolID(0), side: side, sequence: sequence, price: Price(e4: UInt32(cents) * 100),
        size: Quantity(shares: UInt32(size)))
}

@Test(
    "who applies every difference sees the window, at any depth and from any version", arguments: Seed.smoke)
func differences(seed: Seed) {
    var random = seed.generator()
    var book = BookState()
    book.addReaders(1)
    var window = BookWindow()
    let depths = [1, 2, 5, 10, 50]
    var readers = depths.map { _ in (book: ReaderBook(), version: UInt64(0)) }
    for sequence in 1...4_000 as ClosedRange<UInt64> {
        let side = random.oneIn(2) ? Side.bid : .ask
        // Few prices, so that levels come and go, and sizes often return to what they were.
        let cents = side == .bid ? 1_000 - random.below(80) : 1_001 + random.below(80)
        book.apply(level(side, cents, random.below(4), sequence))
        for (index, depth) in depths.enumerated() where random.oneIn(index * 9 + 2) {
            if readers[index].version > 0, book.knows(since: readers[index].version) {
                window.show(book, depth: depth, since: readers[index].version)
            } else {
                readers[index].book = ReaderBook()
                window.show(book, depth: depth)
            }
            readers[index].book.apply(window)
            readers[index].version = sequence
            #expect(readers[index].book.bids == visible(book.bids, depth), "\(seed), \(sequence), \(depth)")
            #expect(readers[index].book.asks == visible(book.asks, depth), "\(seed), \(sequence), \(depth)")
        }
    }
}

@Test("a level that is pushed out is deleted, one that comes back is told; nothing else is")
func edges() {
    var book = BookState()
    book.addReaders(1)
    var window = BookWindow()
    for (index, cents) in [1_000, 999, 998, 997].enumerated() {
        book.apply(level(.bid, cents, 5, UInt64(index) + 1))
    }
    func difference(since version: UInt64) -> [String] {
        window.show(book, depth: 3, since: version)
        return window.bids.map { "\($0.size.e8 / 100_000_000)@\($0.price.e9 / 10_000_000)" }
    }
    book.apply(level(.bid, 1_001, 7, 5))
    #expect(difference(since: 4) == ["7@1001", "0@998"])
    book.apply(level(.bid, 1_001, 0, 6))
    #expect(difference(since: 5) == ["0@1001", "5@998"])
    #expect(difference(since: 4) == [])  // it came and went between two messages
    book.apply(level(.bid, 990, 1, 7))
    #expect(difference(since: 6) == [])  // below the depth
    book.apply(level(.bid, 999, 6, 8))
    book.apply(level(.bid, 999, 5, 9))
    #expect(difference(since: 7) == [])  // as it was
    #expect(difference(since: 8) == ["5@999"])
}

@Test("changes are remembered while somebody follows, so far back and no further")
func memory() {
    var book = BookState()
    func known(_ version: Int) -> Bool { book.knows(since: UInt64(version)) }
    book.apply(level(.bid, 1_000, 1, 1))
    #expect(!known(1))
    book.addReaders(2)
    #expect(known(1) && !known(0))
    for sequence in 2...2_000 as ClosedRange<UInt64> {
        book.apply(level(.bid, 1_000, Int(sequence % 5) + 1, sequence))
    }
    let kept = BookState.changesMax
    #expect(known(2_000 - kept) && !known(2_000 - kept - 1))
    book.clear(Tick(.clear, SymbolID(0), sequence: 2_001))
    #expect(known(2_001) && !known(2_000))
    book.addReaders(-1)
    #expect(known(2_001))
    book.addReaders(-1)
    #expect(!known(2_001))
}
