// ITCH to books and no further, for those who want no ticks: the path of the server without its tape.
//
// Invariants
//   - A locate means one symbol; symbols are numbered in the order in which their locates first come
//     in R or in an order. Names are not kept.
import Basics
import Market

package struct ITCHBooks: ~Copyable {
    package private(set) var books = OrderBooks()
    private var hints = OrderHints()
    private let symbols: UnsafeMutablePointer<UInt32>
    private static let locates = 65_536

    package init() {
        symbols = .allocate(capacity: ITCHBooks.locates)
        symbols.initialize(repeating: .max, count: ITCHBooks.locates)
    }
    deinit { symbols.deallocate() }

    /// Messages so far, with those that were none.
    package var messages: UInt64 { books.message }

    /// Forgets every order. Locates keep their symbols.
    package mutating func removeAll() { books.removeAll() }

    /// Applies messages from an offset on. Those that are none count as such and change nothing.
    ///
    /// - Returns: where the next message begins: fewer than `count` come only at the end of the bytes.
    package mutating func play(_ bytes: RawSpan, from offset: Int, count: Int) -> Int {
        let rest = bytes.extracting(droppingFirst: offset)
        var cursor = ITCHCursor(rest), scout = cursor.scout, left = count
        let looksAhead = books.wantsHints
        if looksAhead { for _ in 0..<ITCHScout.lead { lookAhead(&scout) } }
        while left > 0 {
            if looksAhead { lookAhead(&scout) }
            books.message &+= 1
            do throws(ITCHError) {
                guard let message = try cursor.next() else {
                    books.message &-= 1
                    break
                }
                apply(message)
            } catch {
                books.anomalies.count(error.anomaly, message: books.message, offset: offset + error.offset)
            }
            left &-= 1
        }
        return offset + cursor.offset
    }

    @inline(__always)
    private mutating func lookAhead(_ scout: inout ITCHScout) {
        let hint = scout.next(symbols, unknown: .max)
        let (second, third) = hints.exchange(hint)
        books.prefetch(hint)
        books.prefetchLevels(second)
        books.prefetchNewLevel(third)
    }

    @inline(__always)
    private mutating func apply(_ message: ITCHMessage) {
        switch message.body {
        case .addOrder(let order, let side, let shares, _, let price):
            let symbol = symbol(message.locate)
            _ = books.add(order: order, symbol: symbol, side: side, shares: shares, price: price)
        case .orderExecuted(let order, let shares, _):
            _ = books.reduce(order: order, by: shares, .executed)
        case .orderExecutedWithPrice(let order, let shares, _, _, _):
            _ = books.reduce(order: order, by: shares, .executedWithPrice)
        case .orderCancel(let order, let shares): _ = books.reduce(order: order, by: shares, .cancelled)
        case .orderDelete(let order): _ = books.delete(order: order)
        case .orderReplace(let order, let newOrder, let shares, let price):
            _ = books.replace(order: order, with: newOrder, shares: shares, price: price)
        case .stockDirectory: _ = symbol(message.locate)
        default: break
        }
    }

    @inline(__always)
    private mutating func symbol(_ locate: UInt16) -> SymbolID {
        if symbols[Int(locate)] == .max { symbols[Int(locate)] = books.addSymbol().raw }
        return SymbolID(symbols[Int(locate)])
    }
}
