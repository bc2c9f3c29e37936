// The books of a stream as plainly as they can be had: dictionaries, and a reader of its own.
// What `tickbench book --check` compares the fast ones with.
import Basics
import Market
import TickerFeed

/// A hash over every level of every symbol, best first: equal hashes, equal books.
struct BookDigest {
    private var hash = FNV1a64()
    var value: UInt64 { hash.value }

    mutating func add(symbol: Int, side: Side, price: Int64, shares: UInt64, orders: UInt64) {
        hash.add(word: UInt64(symbol) << 8 | UInt64(side.rawValue))
        hash.add(word: UInt64(bitPattern: price))
        hash.add(word: shares)
        hash.add(word: orders)
    }

    static func of(_ books: borrowing OrderBooks) -> UInt64 {
        var digest = BookDigest()
        for symbol in 0..<books.symbolCount {
            for side in Side.allCases {
                for depth in 0..<books.depth(SymbolID(symbol), side) {
                    let level = books.level(SymbolID(symbol), side, depth)
                    digest.add(
                        symbol: symbol, side: side, price: level.price.e9, shares: level.shares,
                        orders: UInt64(level.orders))
                }
            }
        }
        return digest.value
    }
}

/// For streams without faults; symbols are numbered as their directory messages come.
struct BookReference {
    private struct Order { var symbol: Int, side: Side, price: Int64, shares: UInt64 }
    private struct Level { var shares: UInt64 = 0, orders: UInt64 = 0 }
    private struct Book { var bids: [Int64: Level] = [:], asks: [Int64: Level] = [:] }

    private var orders: [UInt64: Order] = [:]
    private var books: [Book] = []
    private var symbols: [UInt64: Int] = [:]

    init(_ bytes: RawSpan) {
        var at = 0
        while at < bytes.byteCount {
            let length = Int(bytes.u16(at: at))
            apply(bytes, at + 2)
            at += 2 + length
        }
    }

    var digest: UInt64 {
        var digest = BookDigest()
        for (symbol, book) in books.enumerated() {
            let bids = book.bids.sorted { $0.key > $1.key }, asks = book.asks.sorted { $0.key < $1.key }
            for (side, levels) in [(Side.bid, bids), (.ask, asks)] {
                for (price, level) in levels {
                    digest.add(
                        symbol: symbol, side: side, price: price, shares: level.shares, orders: level.orders)
                }
            }
        }
        return digest.value
    }

    private mutating func apply(_ bytes: RawSpan, _ at: Int) {
        let order = bytes.byteCount >= at + 19 ? bytes.u64(at: at + 11) : 0
        switch bytes.u8(at: at) {
        case UInt8(ascii: "R"):
            symbols[UInt64(bytes.u16(at: at + 1))] = books.count
            books.append(Book())
        case UInt8(ascii: "A"), UInt8(ascii: "F"):
            add(
                order,
                Order(
                    symbol: symbols[UInt64(bytes.u16(at: at + 1))] ?? 0,
                    side: bytes.u8(at: at + 19) == UInt8(ascii: "B") ? .bid : .ask,
                    price: Int64(bytes.u32(at: at + 32)) * 100_000, shares: UInt64(bytes.u32(at: at + 20))))
        case UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"):
            reduce(order, by: UInt64(bytes.u32(at: at + 19)))
        case UInt8(ascii: "D"): reduce(order, by: .max)
        case UInt8(ascii: "U"):
            guard var moved = orders[order] else { return }
            reduce(order, by: .max)
            moved.shares = UInt64(bytes.u32(at: at + 27))
            moved.price = Int64(bytes.u32(at: at + 31)) * 100_000
            add(bytes.u64(at: at + 19), moved)
        default: break
        }
    }

    private mutating func add(_ id: UInt64, _ order: Order) {
        orders[id] = order
        change(order) { level in
            level.shares += order.shares
            level.orders += 1
        }
    }

    private mutating func reduce(_ id: UInt64, by shares: UInt64) {
        guard let order = orders[id] else { return }
        let taken = min(shares, order.shares)
        orders[id]?.shares -= taken
        if taken == order.shares { orders[id] = nil }
        change(order) { level in
            level.shares -= taken
            level.orders -= taken == order.shares ? 1 : 0
        }
    }

    private mutating func change(_ order: Order, _ body: (inout Level) -> Void) {
        func apply(_ levels: inout [Int64: Level]) {
            body(&levels[order.price, default: Level()])
            if levels[order.price]?.orders == 0 { levels[order.price] = nil }
        }
        if order.side == .bid { apply(&books[order.symbol].bids) } else { apply(&books[order.symbol].asks) }
    }
}
