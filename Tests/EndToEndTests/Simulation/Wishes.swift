// What a client asked for and was granted, in the order in which the server granted it.
//
// Invariant: a key's wish is that of the last acknowledged request that was about it. Acknowledgements
// keep their order, so the table here is the server's own, as the protocol describes it.
import Basics
import Dialects
import Market

@testable import FanOut

/// One symbol's stream.
struct Key: Hashable, CustomStringConvertible {
    let symbol: String
    let kind: StreamKind

    var description: String {
        let interval = kind.channel == .bar ? " \(kind.interval.name)" : ""
        return "\(kind.channel.name)\(interval) \(symbol)"
    }
    /// Each version is delivered or declared lost.
    func isComplete(_ wish: Wish) -> Bool {
        switch kind.channel {
        case .quote, .book, .stats: false
        case .trade: wish.mode == .every
        case .bar, .status: true
        }
    }
}

struct Wish: Equatable {
    var rate: Rate
    var mode = TradeMode.every
    var depth = 10
    var checksum = false
    var stamps = false
    /// It goes on from a cursor.
    var isResumed = false
    /// When the server granted it, and the rate it has now.
    var grantedAt = Instant.zero
    var ratedAt = Instant.zero
    /// How many requests about the key were granted before it.
    var number = 0
}

struct Wishes {
    private struct Grant {
        let prefixes: [String]
        let symbols: [String]
        let kind: StreamKind
        let wish: Wish
    }

    private(set) var table: [Key: Wish] = [:]
    private(set) var patterns: [(prefix: String, kind: StreamKind, wish: Wish)] = []
    private var grants: [Grant] = []
    /// What it had when the epoch began, each once more, and how many grants were before that.
    private var renewed: [Key: Wish] = [:]
    private var renewedPatterns: [(prefix: String, kind: StreamKind, wish: Wish)] = []
    private var grantsBefore = 0
    private var symbolsSeen = 0

    mutating func grant(
        _ request: ClientMessage.Subscribe, _ symbols: [String], isResumed: Bool, at: Instant,
        truth: Truth
    ) {
        let kind = StreamKind(request.channel, request.interval)
        var wish = Wish(
            rate: request.rateServed, mode: request.mode,
            depth: request.depthServed)
        wish.checksum = request.checksum
        wish.stamps = request.stamps
        wish.isResumed = isResumed
        wish.grantedAt = at
        wish.ratedAt = at
        wish.number = grants.count
        let named = symbols.filter { !$0.hasSuffix("*") }
        let prefixes = symbols.filter { $0.hasSuffix("*") }.map { String($0.dropLast()) }
        grants.append(Grant(prefixes: prefixes, symbols: named, kind: kind, wish: wish))
        for symbol in named { table[Key(symbol: symbol, kind: kind)] = wish }
        for prefix in prefixes {
            patterns.removeAll { $0.prefix == prefix && $0.kind == kind }
            patterns.append((prefix, kind, wish))
            for symbol in truth.symbols[..<symbolsSeen] where symbol.name.hasPrefix(prefix) {
                table[Key(symbol: symbol.name, kind: kind)] = wish
            }
        }
    }

    /// Symbols that are new since belong to whom they match. A request that the server had at `until`
    /// came before all that were defined later.
    mutating func look(_ truth: Truth, until: Instant = .never) {
        while symbolsSeen < truth.symbols.count, truth.symbols[symbolsSeen].definedAt <= until {
            let symbol = truth.symbols[symbolsSeen]
            symbolsSeen += 1
            for pattern in patterns where symbol.name.hasPrefix(pattern.prefix) {
                var wish = pattern.wish
                wish.grantedAt = max(wish.grantedAt, symbol.definedAt)
                table[Key(symbol: symbol.name, kind: pattern.kind)] = wish
            }
        }
    }

    private func isMeant(_ key: Key, _ selection: ClientMessage.Selection, _ symbols: [String]) -> Bool {
        guard selection.channel == nil || selection.channel == key.kind.channel,
            key.kind.channel != .bar || selection.interval == nil
                || selection.interval == key.kind.interval
        else { return false }
        return symbols.contains {
            $0.hasSuffix("*") ? key.symbol.hasPrefix(String($0.dropLast())) : $0 == key.symbol
        }
    }

    private func covers(
        _ pattern: (prefix: String, kind: StreamKind, wish: Wish), _ selection: ClientMessage.Selection,
        _ symbols: [String]
    ) -> Bool {
        let prefixes = symbols.filter { $0.hasSuffix("*") }
        return isMeant(Key(symbol: pattern.prefix, kind: pattern.kind), selection, prefixes)
    }

    mutating func withdraw(_ selection: ClientMessage.Selection, _ symbols: [String]) {
        for key in table.keys where isMeant(key, selection, symbols) { table[key] = nil }
        patterns = patterns.filter { !covers($0, selection, symbols) }
    }

    mutating func rate(
        _ rate: Rate, _ selection: ClientMessage.Selection, _ symbols: [String], at: Instant
    ) {
        for key in table.keys where isMeant(key, selection, symbols) {
            table[key]?.rate = rate
            table[key]?.ratedAt = at
        }
        for index in patterns.indices where covers(patterns[index], selection, symbols) {
            patterns[index].wish.rate = rate
            patterns[index].wish.ratedAt = at
        }
    }

    /// Another epoch: all that is wished for begins anew, and nothing goes on.
    mutating func renew(at: Instant) {
        func renew(_ wish: inout Wish) {
            wish.isResumed = false
            (wish.grantedAt, wish.ratedAt) = (max(wish.grantedAt, at), max(wish.ratedAt, at))
        }
        for key in table.keys { renew(&table[key]!) }
        for index in patterns.indices { renew(&patterns[index].wish) }
        (renewed, renewedPatterns, grantsBefore) = (table, patterns, grants.count)
    }

    /// The requests about the key that were granted, oldest first: each may begin it anew once.
    func grants(of key: Key) -> [Wish] {
        let old =
            renewed[key]
            ?? renewedPatterns.last { $0.kind == key.kind && key.symbol.hasPrefix($0.prefix) }?.wish
        return (old.map { [$0] } ?? [])
            + grants[grantsBefore...].filter { grant in
                grant.kind == key.kind
                    && (grant.symbols.contains(key.symbol)
                        || grant.prefixes.contains { key.symbol.hasPrefix($0) })
            }.map(\.wish)
    }
}

extension ClientMessage.Subscribe {
    /// What comes of it where there are no tokens.
    var rateServed: Rate { rate ?? .standard }
    var depthServed: Int { depth ?? ClientMessage.Subscribe.depthStandard }
}
