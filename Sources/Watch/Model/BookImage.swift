// A reader's own book: rebuilt from snapshots and changes, best level first.
import Dialects
import Market

public struct BookImage: Hashable, Sendable {
    public private(set) var bids: [Level] = []
    public private(set) var asks: [Level] = []
    public private(set) var sequence: UInt64 = 0
    public private(set) var isCrossed = false

    public init() {}

    public mutating func take(_ message: BookMessage) {
        if message.version.isSnapshot {
            (bids, asks) = (message.bids, message.asks)
        } else {
            for level in message.bids { BookImage.put(level, into: &bids, isBetter: >) }
            for level in message.asks { BookImage.put(level, into: &asks, isBetter: <) }
        }
        sequence = message.version.sequence
        isCrossed = message.isCrossed
    }

    private static func put(_ level: Level, into side: inout [Level], isBetter: (Price, Price) -> Bool) {
        let at = side.firstIndex { !isBetter($0.price, level.price) } ?? side.count
        let isThere = at < side.count && side[at].price == level.price
        switch (isThere, level.size > .zero) {
        case (true, true): side[at] = level
        case (true, false): side.remove(at: at)
        case (false, true): side.insert(level, at: at)
        case (false, false): break
        }
    }
}
