// What a subscriber sees of a book: the levels within its depth, or how they differ from before.
//
//     depth 3, bids      then  10.03  10.02  10.01 | 10.00        now  10.04  10.03  10.02 | 10.01
//     the difference     10.04 with its size, 10.01 with size 0: it left at the depth's edge
//
// Invariants
//   - Who has the old window and applies the difference has the new one: no level more, none less.
//   - Both windows are walked once, best first; changed prices come from the book's own memory.
//   - Nothing is allocated once made.
import Basics
import Dialects
import Market

struct BookWindow: ~Copyable {
    static let depthMax = ClientMessage.Subscribe.depthMax

    /// A price that changed, with what was there before the first of its changes.
    private struct Touched {
        let price: Price
        let before: Quantity
    }

    private let touched: UnsafeMutablePointer<Touched>
    private var touchedCount = 0
    private let bidLevels: UnsafeMutablePointer<Level>
    private let askLevels: UnsafeMutablePointer<Level>
    private var bidCount = 0
    private var askCount = 0
    /// A window has `depth` levels, a difference at most those that came and those that went.
    private static let levelsMax = depthMax * 2

    init() {
        touched = .allocate(capacity: BookState.changesMax)
        bidLevels = .allocate(capacity: BookWindow.levelsMax)
        askLevels = .allocate(capacity: BookWindow.levelsMax)
    }
    deinit {
        touched.deallocate()
        bidLevels.deallocate()
        askLevels.deallocate()
    }

    var bids: UnsafeBufferPointer<Level> { UnsafeBufferPointer(start: bidLevels, count: bidCount) }
    var asks: UnsafeBufferPointer<Level> { UnsafeBufferPointer(start: askLevels, count: askCount) }
    var isEmpty: Bool { bidCount + askCount == 0 }

    /// Levels both sides may have together at that depth.
    static func levels(depth: Int) -> Int { depth * 4 }

    /// All that is visible now.
    mutating func show(_ book: borrowing BookState, depth: Int) {
        bidCount = BookWindow.copy(book.bids, depth, to: bidLevels)
        askCount = BookWindow.copy(book.asks, depth, to: askLevels)
    }

    /// What is visible now and was not, or differs, since `version`. Only where the book knows.
    mutating func show(_ book: borrowing BookState, depth: Int, since version: UInt64) {
        collect(book, .bid, since: version)
        bidCount = compare(book.bids, depth, to: bidLevels)
        collect(book, .ask, since: version)
        askCount = compare(book.asks, depth, to: askLevels)
    }

    /// Of the window shown, as PROTOCOL says. Only after `show(_:depth:)`.
    var checksum: UInt32 { BookChecksum.of(bids: bids, asks: asks) }

    private static func copy(
        _ side: borrowing BookSide, _ depth: Int, to levels: UnsafeMutablePointer<Level>
    ) -> Int {
        let count = min(depth, side.count)
        for index in 0..<count { (levels + index).initialize(to: side[index]) }
        return count
    }

    // MARK: Differences

    /// The prices of one side that changed, best first.
    private mutating func collect(_ book: borrowing BookState, _ side: Side, since version: UInt64) {
        touchedCount = 0
        guard version < book.sequence else { return }
        for number in (version + 1)...book.sequence {
            let change = book.changes[number].pointee
            if change.side == side { note(change, side) }
        }
    }

    /// Of several changes of one price the first tells what was there before.
    private mutating func note(_ change: LevelChange, _ side: Side) {
        var low = 0, high = touchedCount
        while low < high {
            let middle = (low + high) / 2
            let price = touched[middle].price
            if price == change.price { return }
            if side.isBetter(price, than: change.price) { low = middle + 1 } else { high = middle }
        }
        (touched + low + 1).update(from: touched + low, count: touchedCount - low)
        (touched + low).initialize(to: Touched(price: change.price, before: change.sizeBefore))
        touchedCount += 1
    }

    /// Walks the old window and the new one together.
    private func compare(
        _ side: borrowing BookSide, _ depth: Int, to levels: UnsafeMutablePointer<Level>
    ) -> Int {
        var count = 0, at = 0, mark = 0, oldRank = 0, newRank = 0
        func emit(_ price: Price, _ size: Quantity) {
            (levels + count).initialize(to: Level(price: price, size: size))
            count += 1
        }
        while oldRank < depth || newRank < depth, at < side.count || mark < touchedCount {
            let level = at < side.count ? side[at] : nil
            let change = mark < touchedCount ? touched[mark] : nil
            let isTouched = BookWindow.isNext(change, level, side.side)
            let isThere = !isTouched || level?.price == change?.price
            let now = isThere ? level?.size ?? .zero : .zero
            let before = isTouched ? change?.before ?? .zero : now
            let price = (isTouched ? change?.price : level?.price) ?? .zero
            let wasVisible = before != .zero && oldRank < depth
            let isVisible = now != .zero && newRank < depth
            if isVisible, !wasVisible || before != now { emit(price, now) }
            if wasVisible, !isVisible { emit(price, .zero) }
            oldRank += before != .zero ? 1 : 0
            newRank += now != .zero ? 1 : 0
            at += isThere && level != nil ? 1 : 0
            mark += isTouched ? 1 : 0
        }
        return count
    }

    /// True where the changed price comes before the level, or is the level's.
    private static func isNext(_ change: Touched?, _ level: Level?, _ side: Side) -> Bool {
        guard let change else { return false }
        guard let level else { return true }
        return !side.isBetter(level.price, than: change.price)
    }
}
