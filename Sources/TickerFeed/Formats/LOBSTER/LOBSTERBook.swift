// The first row of LOBSTER's order book file: what rested after the first message.
//
//     ask price, ask size, bid price, bid size · the same of level 2 · …
//
// An empty place has size 0 and a price of ±9999999999.
import Basics
import Market

struct LOBSTERBook {
    struct Level {
        let side: Side
        let price: Price
        let size: Quantity
    }
    private(set) var levels: [Level] = []

    /// More levels a side than LOBSTER writes.
    static let depthMax = 2_000

    /// - Parameter row: one line, with or without its end; what follows it is left.
    init(row: [UInt8]) throws(LineFault) {
        guard let line = row.span.bytes.firstLine else { throw .malformed("no row at all") }
        try read(line)
    }

    private mutating func read(_ line: RawSpan) throws(LineFault) {
        var fields = FieldCursor(line)
        repeat {
            guard levels.count < 2 * LOBSTERBook.depthMax else { throw .malformed("too many levels") }
            for side in [Side.ask, .bid] {
                let price = try (try fields.field()).integer("a price that is no whole number")
                guard !fields.isAtEnd else { throw .malformed("a price without its size") }
                let shares = try (try fields.field()).integer("a size that is no whole number")
                try add(side, price: price, shares: shares)
            }
        } while !fields.isAtEnd
    }

    private mutating func add(_ side: Side, price: Int64, shares: Int64) throws(LineFault) {
        guard shares != 0 else { return }
        let (e9, overflow) = price.multipliedReportingOverflow(by: FeedScale.shares.priceE9)
        guard shares > 0, price > 0, !overflow, let size = Quantity(exactlyShares: shares) else {
            throw .malformed("a level with a price or size that cannot be")
        }
        levels.append(Level(side: side, price: Price(e9: e9), size: size))
    }
}
