// Which subscriptions are wanted, and what has to be said so that a connection has them.
//
// Invariants
//   - A change is said as little as it is: a rate by `set`, which keeps the chain of versions, anything
//     else by subscribing again.
//   - A name that a pattern covers is one subscription with it, and the wish that names it counts more.
//   - A message names at most 512 symbols and has at most 64 KiB.
import Basics
import Dialects
import Market

struct Wishes: Hashable {
    private struct Key: Hashable {
        var channel: Channel
        /// Of bars.
        var interval: BarInterval?
        var symbol: String

        /// What a request says once for many symbols.
        var stream: Stream { Stream(channel: channel, interval: interval) }
        var isPattern: Bool { symbol.hasSuffix("*") }
        func covers(_ other: Key) -> Bool {
            isPattern && self != other && stream == other.stream && other.symbol.hasPrefix(symbol.dropLast())
        }
    }

    private struct Stream: Hashable {
        var channel: Channel
        var interval: BarInterval?
    }

    private struct Options: Hashable {
        var rate: Rate
        var mode: TradeMode
        var depth: Int?
        var checksum: Bool
        var closesWhenSlow: Bool
    }

    private var order: [Key] = []
    private var table: [Key: Options] = [:]

    private static let symbolsMax = 512
    /// Names and what quotes them; the rest of a message is some hundred bytes.
    private static let namesMax = 60_000

    init(_ wanted: [ClientMessage.Subscribe] = []) {
        for wish in wanted {
            let options = Options(
                rate: wish.rate ?? .standard, mode: wish.mode, depth: wish.depth, checksum: wish.checksum,
                closesWhenSlow: wish.closesWhenSlow)
            for symbol in wish.symbols {
                let key = Key(
                    channel: wish.channel, interval: wish.channel == .bar ? wish.interval : nil,
                    symbol: symbol)
                if table.updateValue(options, forKey: key) == nil { order.append(key) }
            }
        }
        // A name counts more than a pattern that covers it: so it is said later.
        order = order.filter(\.isPattern) + order.filter { !$0.isPattern }
    }

    /// All of them, for a new connection.
    func requests(resume: Cursor?) -> [ClientMessage.Operation] { subscribe(order, resume) }

    /// What turns the subscriptions of `old` into these.
    func requests(since old: Wishes) -> [ClientMessage.Operation] {
        var gone: [Key] = [], anew: Set<Key> = [], rates: Set<Key> = []
        let patterns = order.filter(\.isPattern)
        for key in old.order where table[key] == nil {
            // It is to stay subscribed to by the pattern, and as the pattern says.
            anew.formUnion(patterns.filter { $0.covers(key) })
            gone.append(key)
        }
        for key in order {
            guard let options = table[key] else { continue }
            guard var before = old.table[key] else {
                anew.insert(key)
                continue
            }
            guard before != options else { continue }
            before.rate = options.rate
            if before == options { rates.insert(key) } else { anew.insert(key) }
        }
        // What is done to a pattern is done to the names that it covers.
        for pattern in gone + anew where pattern.isPattern { anew.formUnion(order.filter(pattern.covers)) }
        for pattern in rates where pattern.isPattern { rates.formUnion(order.filter(pattern.covers)) }
        return unsubscribe(gone) + subscribe(order.filter(anew.contains), nil)
            + set(order.filter { rates.contains($0) && !anew.contains($0) })
    }

    // MARK: Requests

    private func subscribe(_ keys: [Key], _ resume: Cursor?) -> [ClientMessage.Operation] {
        chunks(keys) { Group(stream: $0.stream, options: table[$0]) }.map { group, symbols in
            .subscribe(
                ClientMessage.Subscribe(
                    channel: group.stream.channel, symbols: symbols, rate: group.options?.rate,
                    mode: group.options?.mode ?? .every, depth: group.options?.depth,
                    checksum: group.options?.checksum ?? false,
                    interval: group.stream.interval ?? .minute, stamps: true,
                    closesWhenSlow: group.options?.closesWhenSlow ?? false, resume: resume))
        }
    }

    private func set(_ keys: [Key]) -> [ClientMessage.Operation] {
        chunks(keys) { Group(stream: $0.stream, options: table[$0]) }.map { group, symbols in
            .set(.rate(group.options?.rate ?? .standard, of: selection(group.stream, symbols)))
        }
    }

    private func unsubscribe(_ keys: [Key]) -> [ClientMessage.Operation] {
        chunks(keys) { Group(stream: $0.stream, options: nil) }.map { group, symbols in
            .unsubscribe(selection(group.stream, symbols))
        }
    }

    private func selection(_ stream: Stream, _ symbols: [String]) -> ClientMessage.Selection {
        ClientMessage.Selection(channel: stream.channel, interval: stream.interval, symbols: symbols)
    }

    private struct Group: Hashable {
        var stream: Stream
        var options: Options?
    }

    /// Symbols of which the same is said, in order, as many as a message may name.
    private func chunks(_ keys: [Key], _ group: (Key) -> Group) -> [(Group, [String])] {
        var chunks: [(Group, [String])] = [], open: [Group: (index: Int, bytes: Int)] = [:]
        for key in keys {
            let group = group(key), bytes = key.symbol.utf8.count * 6 + 3
            if let (index, used) = open[group], chunks[index].1.count < Wishes.symbolsMax,
                used + bytes <= Wishes.namesMax
            {
                chunks[index].1.append(key.symbol)
                open[group] = (index, used + bytes)
            } else {
                open[group] = (chunks.count, bytes)
                chunks.append((group, [key.symbol]))
            }
        }
        return chunks
    }
}
