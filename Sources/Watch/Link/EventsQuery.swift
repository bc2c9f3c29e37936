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

    init(_ wanted: [ClientMessage.Subscribe]) {
        let text = EventsQuery.text(wanted)
        let intervals = Set(wanted.filter { $0.channel == .bar }.map(\.interval))
        problem =
            if wanted.isEmpty {
                "nothing is subscribed to"
            } else if intervals.count > 1 {
                "events bring bars of one interval; use a WebSocket"
            } else if text.utf8.count > EventsQuery.bytesMax {
                "too many symbols for a URL; use a WebSocket"
            } else {
                ""
            }
        self.text = problem.isEmpty ? text : nil
    }

    private static func text(_ wanted: [ClientMessage.Subscribe]) -> String {
        var symbols: [String] = [], seen: Set<String> = []
        for symbol in wanted.flatMap(\.symbols) where seen.insert(symbol).inserted { symbols.append(symbol) }
        let channels = Channel.allCases.filter { channel in wanted.contains { $0.channel == channel } }
        var fields = [
            "channel=" + channels.map { "\($0.name)" }.joined(separator: ","),
            "symbols=" + symbols.map(encoded).joined(separator: ","), "stamps=true",
            "rate=" + rate(wanted.map { $0.rate ?? .standard }),
        ]
        if let depth = wanted.compactMap(\.depth).max() { fields.append("depth=\(depth)") }
        if wanted.contains(where: \.checksum) { fields.append("crc=true") }
        let trades = wanted.filter { $0.channel == .trade }
        // Other channels know no such mode, and refuse it.
        if channels == [.trade], trades.allSatisfy({ $0.mode == .latest }) { fields.append("mode=latest") }
        if let bar = wanted.first(where: { $0.channel == .bar }) {
            fields.append("interval=\(bar.interval.name)")
        }
        if wanted.allSatisfy(\.closesWhenSlow) { fields.append("on_slow=close") }
        return fields.joined(separator: "&")
    }

    private static func rate(_ rates: [Rate]) -> String {
        var greatest: Int64 = 0
        for rate in rates {
            guard case .perThousandSeconds(let n) = rate else { return "max" }
            greatest = max(greatest, Int64(n))
        }
        return ControlMessage.decimal(greatest, 3)
    }

    private static func encoded(_ symbol: String) -> String {
        symbol.utf8.map { byte in
            if plain.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }
}
