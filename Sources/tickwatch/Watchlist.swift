// What is known of each watched symbol, from the stream alone.
//
// Invariants
//   - Rows stand in the order of the command line.
//   - `prev` is checked: a message that does not continue what was seen counts as a break.
import Basics
import Dialects
import Market

struct Row {
    let symbol: String
    var quote: QuoteMessage?
    var stats: StatsMessage?
    /// How far its feed can be trusted, where that is not `live`.
    var doubt: String?
    /// When the last message came, on our clock.
    var updated: Instant?
    /// The server's code where it refused the symbol.
    var refusal: String?

    var last: Price? { stats?.last }
    var change: Price? { stats?.change }

    /// Change against the day's first trade in hundredths of a percent, rounded half away from zero.
    var changeBasisPoints: Int64? {
        guard let stats, stats.open.e9 != 0 else { return nil }
        let scaled = Int128(stats.change.e9) * 10_000 * 2
        let open = Int128(stats.open.e9)
        return Int64(truncatingIfNeeded: (scaled + (scaled < 0 ? -open : open)) / (2 * open))
    }
}

struct Watchlist {
    private(set) var rows: [Row]
    private(set) var messages: UInt64 = 0
    /// Messages whose `prev` did not continue the chain: something was lost on the way.
    private(set) var breaks: UInt64 = 0
    /// Versions the server merged into newer ones, on purpose.
    private(set) var merged: UInt64 = 0
    private var lagging: Nanoseconds = .zero
    private var index: [String: Int] = [:]
    private var sequences: [String: UInt64] = [:]

    init(_ symbols: [String]) {
        rows = []
        for symbol in symbols where index[symbol] == nil {
            index[symbol] = rows.count
            rows.append(Row(symbol: symbol))
        }
    }

    var symbols: [String] { rows.map(\.symbol) }
    var lag: Nanoseconds { lagging }

    /// Takes a message. Returns the row it changed.
    mutating func apply(_ message: ServerMessage, now: Instant) -> Int? {
        switch message {
        case .quote(let quote):
            guard let row = advance("quote", quote.version, now) else { return nil }
            rows[row].quote = quote
            return row
        case .stats(let stats):
            guard let row = advance("stats", stats.version, now) else { return nil }
            rows[row].stats = stats
            return row
        case .status(let status):
            guard let row = advance("status", status.version, now) else { return nil }
            let doubt = status.feed == "live" ? nil : status.feed
            defer { rows[row].doubt = doubt }
            return doubt == rows[row].doubt ? nil : row
        case .epoch: forget()
        case .heartbeat(let heartbeat):
            lagging = heartbeat.lag
            merged = heartbeat.merged
        case .ack(let ack):
            for refusal in ack.refused {
                if let row = index[refusal.symbol] { rows[row].refusal = refusal.code }
            }
        default: break
        }
        return nil
    }

    private mutating func advance(_ channel: String, _ version: Version, _ now: Instant) -> Int? {
        guard let row = index[version.symbol] else { return nil }
        let key = channel + version.symbol
        messages += 1
        if !version.isSnapshot, sequences[key] != version.previous { breaks += 1 }
        sequences[key] = version.sequence
        rows[row].updated = now
        return row
    }

    /// A new connection begins with snapshots.
    mutating func reconnected() { sequences.removeAll() }

    /// The feed begins a new life: what is shown is of the old one.
    private mutating func forget() {
        sequences.removeAll()
        for row in rows.indices {
            (rows[row].quote, rows[row].stats, rows[row].doubt, rows[row].updated) = (nil, nil, nil, nil)
        }
    }

    var allRefused: Bool { !rows.isEmpty && rows.allSatisfy { $0.refusal != nil } }
}
