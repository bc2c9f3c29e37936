// What waits for a slow pipe, and how two of the same become one that says what both said.
//
// Invariant: a reader that takes the merged one stands where it would stand had it taken both.
import Basics
import Dialects
import Market

public enum PipeItem: Hashable, Sendable {
    case row(PipeRow)
    /// A data message, a gap or an epoch; others have no line.
    case message(ServerMessage)

    /// What a newer one replaces; nil for an event, which stands for itself.
    struct Key: Hashable {
        let symbol: String
        /// Nil: of rows.
        let channel: Channel?
        /// Bars of a second and of a minute are two states.
        var interval: BarInterval?
    }

    var key: Key? {
        switch self {
        case .row(let row): return Key(symbol: row.symbol, channel: nil)
        case .message(let message):
            switch message {
            case .quote(let quote): return Key(symbol: quote.version.symbol, channel: .quote)
            case .book(let book): return Key(symbol: book.version.symbol, channel: .book)
            case .stats(let stats): return Key(symbol: stats.version.symbol, channel: .stats)
            case .status(let status): return Key(symbol: status.version.symbol, channel: .status)
            // A closed bar is final: the next one says nothing of it.
            case .bar(let bar) where !bar.isClosed:
                return Key(symbol: bar.version.symbol, channel: .bar, interval: bar.interval)
            default: return nil
            }
        }
    }

    /// The symbol and channel of an event; nil for what is said of all, and is always kept.
    var event: Key? {
        guard case .message(let message) = self, let version = message.version, key == nil,
            let channel = message.channel
        else { return nil }
        if case .bar(let bar) = message {
            return Key(symbol: version.symbol, channel: channel, interval: bar.interval)
        }
        return Key(symbol: version.symbol, channel: channel)
    }

    /// This one and a newer of the same key.
    func merged(with newer: PipeItem) -> PipeItem {
        switch (self, newer) {
        case (.message(.quote(let old)), .message(.quote(var new))):
            new.version.follow(old.version)
            return .message(.quote(new))
        case (.message(.stats(let old)), .message(.stats(var new))):
            new.version.follow(old.version)
            return .message(.stats(new))
        case (.message(.status(let old)), .message(.status(var new))):
            new.version.follow(old.version)
            return .message(.status(new))
        case (.message(.bar(let old)), .message(.bar(var new))):
            new.version.follow(old.version)
            return .message(.bar(new))
        case (.message(.book(let old)), .message(.book(let new))):
            return .message(.book(old.merged(with: new)))
        default: return newer
        }
    }
}

extension Version {
    /// Stands for itself and the one before: continues what that continued, unless it begins anew itself.
    fileprivate mutating func follow(_ old: Version) {
        guard !isSnapshot else {
            // One in the middle of a chain has the chain's `prev`; so has what it swallows.
            if previous != 0 { previous = old.previous }
            return
        }
        previous = old.previous
        isSnapshot = old.isSnapshot
    }
}

extension BookMessage {
    fileprivate func merged(with new: BookMessage) -> BookMessage {
        var merged = new
        merged.version.follow(version)
        guard !new.version.isSnapshot else { return merged }
        merged.bids = BookMessage.levels(bids, new.bids, isWhole: version.isSnapshot, side: .bid)
        merged.asks = BookMessage.levels(asks, new.asks, isWhole: version.isSnapshot, side: .ask)
        return merged
    }

    /// Older levels, and newer ones in their places. A whole side has no level of size 0 and begins with the
    /// best; of changes, those of size 0 stay, since the reader may have what they remove.
    private static func levels(_ old: [Level], _ new: [Level], isWhole: Bool, side: Side) -> [Level] {
        var levels = old, places: [Price: Int] = [:]
        for (place, level) in old.enumerated() { places[level.price] = place }
        for level in new {
            if let place = places[level.price] {
                levels[place] = level
            } else {
                places[level.price] = levels.count
                levels.append(level)
            }
        }
        guard isWhole else { return levels }
        return levels.filter { $0.size != .zero }.sorted { side.isBetter($0.price, than: $1.price) }
    }
}
