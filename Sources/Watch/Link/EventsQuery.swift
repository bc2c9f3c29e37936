// Subscriptions as the query of one stream of events: one list of symbols and one set of options for
// all of its channels.
//
// Invariant: nobody gets less than was wished for. Where wishes differ, the greater rate and the greater
// depth are asked for, and each symbol on each channel.
import Basics
import Dialects
import Market

struct EventsQuery {
    /// The server's limit is 2,048 for the whole target.
    private static let bytesMax = 1_900
    /// Unreserved (RFC 3986 §2.3), and what stands for any ending.
    private static let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~*".utf8)

    /// Encoded; nil where it cannot be said.
    let text: String?
    /// Why not.
    let problem: String
    /// What it asks for, a channel each.
    let asked: [ClientMessage.Subscribe]

    init(_ wanted: [ClientMessage.Subscribe]) {
        asked = EventsQuery.merged(wanted)
        let channels = asked.map(\.channel)
        let written = asked.first.map { EventsQuery.text($0, channels) } ?? ""
        let intervals = Set(wanted.filter { $0.channel == .bar }.map(\.interval))
        problem =
            if wanted.isEmpty {
                "nothing is subscribed to"
            } else if intervals.count > 1 {
                "events bring bars of one interval; use a WebSocket"
            } else if written.utf8.count > EventsQuery.bytesMax {
                "too many symbols for a URL; use a WebSocket"
            } else {
                ""
            }
        text = problem.isEmpty ? written : nil
    }

    private static func merged(_ wanted: [ClientMessage.Subscribe]) -> [ClientMessage.Subscribe] {
        var symbols: [String] = [], seen: Set<String> = []
        for symbol in wanted.flatMap(\.symbols) where seen.insert(symbol).inserted { symbols.append(symbol) }
        let channels = Channel.allCases.filter { channel in wanted.contains { $0.channel == channel } }
        let isLatest = wanted.allSatisfy { $0.channel == .trade && $0.mode == .latest }
        return channels.map { channel in
            ClientMessage.Subscribe(
                channel: channel, symbols: symbols, rate: rate(wanted.map { $0.rate ?? .standard }),
                // Other channels know no such mode, and refuse it.
                mode: isLatest ? .latest : .every, depth: wanted.compactMap(\.depth).max(),
                checksum: wanted.contains(where: \.checksum),
                interval: wanted.first { $0.channel == .bar }?.interval ?? .minute, stamps: true,
                closesWhenSlow: wanted.allSatisfy(\.closesWhenSlow))
        }
    }

    private static func rate(_ rates: [Rate]) -> Rate {
        var greatest = 100
        for rate in rates {
            guard case .perThousandSeconds(let n) = rate else { return .max }
            greatest = max(greatest, n)
        }
        return .perThousandSeconds(greatest)
    }

    private static func text(_ one: ClientMessage.Subscribe, _ channels: [Channel]) -> String {
        var fields = [
            "channel=" + channels.map { "\($0.name)" }.joined(separator: ","),
            "symbols=" + one.symbols.map(encoded).joined(separator: ","), "stamps=true",
        ]
        switch one.rate ?? .standard {
        case .max: fields.append("rate=max")
        case .perThousandSeconds(let n): fields.append("rate=" + FixedPoint.text(Int64(n), decimals: 3))
        }
        if let depth = one.depth { fields.append("depth=\(depth)") }
        if one.checksum { fields.append("crc=true") }
        if one.mode == .latest { fields.append("mode=latest") }
        if channels.contains(.bar) { fields.append("interval=\(one.interval.name)") }
        if one.closesWhenSlow { fields.append("on_slow=close") }
        return fields.joined(separator: "&")
    }

    private static func encoded(_ symbol: String) -> String {
        symbol.utf8.map { byte in
            if plain.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }
}
