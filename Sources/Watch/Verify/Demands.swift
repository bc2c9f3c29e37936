// What was asked for on this connection, as far as it says what may come.
//
// Invariant: answers overtake data, so nobody knows which request a message was made for. Of all that
// was asked about a symbol, the most generous counts: nothing right is ever called wrong.
import Basics
import Dialects
import Market

/// One stream of versions.
struct StreamKey: Hashable {
    var symbol: String
    var channel: Channel
    /// Of bars.
    var interval: BarInterval?

    var name: String { interval.map { "\(channel.name) \($0.name)" } ?? "\(channel.name)" }
}

/// What may come of one stream at most.
struct Demand: Hashable {
    /// The least time between two messages.
    var spacing: Nanoseconds
    var depth: Int
    /// Always asked for each trade; for the checksum.
    var isEvery: Bool
    var isChecked: Bool

    init(_ wish: ClientMessage.Subscribe) {
        spacing = (wish.rate ?? .standard).interval
        depth = wish.depth ?? ClientMessage.Subscribe.depthStandard
        isEvery = wish.mode == .every
        isChecked = wish.checksum
    }

    mutating func allow(_ other: Demand) {
        spacing = min(spacing, other.spacing)
        depth = max(depth, other.depth)
        isEvery = isEvery && other.isEvery
        isChecked = isChecked && other.isChecked
    }
}

struct Demands {
    private var names: [StreamKey: Demand] = [:]
    /// Their symbol is what a name begins with.
    private var patterns: [StreamKey: Demand] = [:]

    mutating func add(_ wanted: [ClientMessage.Subscribe]) {
        for wish in wanted {
            let demand = Demand(wish)
            for symbol in wish.symbols {
                let isPattern = symbol.hasSuffix("*")
                let key = StreamKey(
                    symbol: isPattern ? String(symbol.dropLast()) : symbol, channel: wish.channel,
                    interval: wish.channel == .bar ? wish.interval : nil)
                if isPattern {
                    patterns[key] = allowed(patterns[key], demand)
                } else {
                    names[key] = allowed(names[key], demand)
                }
            }
        }
    }

    private func allowed(_ known: Demand?, _ other: Demand) -> Demand {
        var known = known ?? other
        known.allow(other)
        return known
    }

    /// Nil where nobody asked for it.
    subscript(key: StreamKey) -> Demand? {
        var demand = names[key]
        for (pattern, other) in patterns
        where pattern.channel == key.channel && pattern.interval == key.interval
            && key.symbol.hasPrefix(pattern.symbol)
        {
            demand = allowed(demand, other)
        }
        return demand
    }
}
