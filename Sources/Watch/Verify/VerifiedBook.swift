// A book rebuilt from the stream alone: the reader's own, which the checksum is of.
//
// Invariant: bids fall, asks rise, no level is empty; else the message that broke it was told.
import Basics
import Dialects
import Market

struct VerifiedBook {
    private(set) var bids: [Level] = []
    private(set) var asks: [Level] = []

    var checksum: UInt32 {
        bids.withUnsafeBufferPointer { bids in
            asks.withUnsafeBufferPointer { BookChecksum.of(bids: bids, asks: $0) }
        }
    }

    var isCrossed: Bool {
        guard let bid = bids.first, let ask = asks.first else { return false }
        return bid.price > ask.price
    }

    /// - Returns: what is wrong with the message: what was expected, what came.
    mutating func apply(_ message: BookMessage, depth: Int) -> (String, String)? {
        if message.version.isSnapshot {
            (bids, asks) = (message.bids, message.asks)
        } else if let problem = VerifiedBook.change(&bids, message.bids, .bid)
            ?? VerifiedBook.change(&asks, message.asks, .ask)
        {
            return problem
        }
        return VerifiedBook.problem(bids, .bid, depth) ?? VerifiedBook.problem(asks, .ask, depth)
    }

    private static func change(_ levels: inout [Level], _ changes: [Level], _ side: Side) -> (String, String)?
    {
        var seen: Set<Price> = []
        for change in changes {
            guard seen.insert(change.price).inserted else {
                return ("each price of a side once", "\(Numbers.price(change.price)) twice")
            }
            // Where it is, or belongs.
            let place = levels.firstIndex { !side.isBetter($0.price, than: change.price) } ?? levels.count
            let isThere = place < levels.count && levels[place].price == change.price
            guard change.size != .zero else {
                guard isThere else {
                    let name = "\(side == .bid ? "bid" : "ask") \(Numbers.price(change.price))"
                    return ("the removal of a level that is there", "one of \(name), which is not")
                }
                levels.remove(at: place)
                continue
            }
            if isThere { levels[place] = change } else { levels.insert(change, at: place) }
        }
        return nil
    }

    private static func problem(_ levels: [Level], _ side: Side, _ depth: Int) -> (String, String)? {
        let name = side == .bid ? "bids" : "asks"
        guard levels.count <= depth else { return ("at most \(depth) \(name)", "\(levels.count)") }
        if let level = levels.first(where: { $0.size <= .zero }) {
            return ("\(name) with a size", "\(Numbers.price(level.price)) with \(Numbers.size(level.size))")
        }
        for (better, worse) in zip(levels, levels.dropFirst())
        where !side.isBetter(better.price, than: worse.price) {
            return (
                "\(name), best first",
                "\(Numbers.price(worse.price)) behind \(Numbers.price(better.price))"
            )
        }
        return nil
    }

    /// Where another book differs from this one, within as many levels as this one may have.
    func difference(_ bids: [Level], _ asks: [Level], depth: Int) -> (String, String)? {
        VerifiedBook.difference(self.bids, Array(bids.prefix(depth)), "bid")
            ?? VerifiedBook.difference(self.asks, Array(asks.prefix(depth)), "ask")
    }

    private static func difference(_ ours: [Level], _ theirs: [Level], _ name: String) -> (String, String)? {
        for place in 0..<max(ours.count, theirs.count) {
            let our = place < ours.count ? ours[place] : nil,
                their = place < theirs.count ? theirs[place] : nil
            if our?.price == their?.price, our?.size == their?.size { continue }
            return ("\(name) \(place + 1) \(text(of: their)) as in the snapshot", text(of: our))
        }
        return nil
    }

    private static func text(of level: Level?) -> String {
        level.map { "\(Numbers.price($0.price)) × \(Numbers.size($0.size))" } ?? "none"
    }
}
