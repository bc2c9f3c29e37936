// How long a price takes from its source to this screen, hop by hop.
//
//     source ─▶ ingest ─▶ socket ─▶ here ─▶ screen
//       ts       recv      sent    arrival   painted
//
// Invariants
//   - The server's clock is brought to ours by the offset that pings tell; hops within one clock need none.
//   - Quantiles are of the past ten to twenty seconds; memory is fixed.
import Basics

/// Counts of spans in buckets an eighth of an octave wide: a tenth is as near as a screen shows.
public struct SpanCounts: Hashable, Sendable {
    private static let perOctave = 8, octaves = 40
    private var now = [UInt32](repeating: 0, count: perOctave * octaves)
    private var before = [UInt32](repeating: 0, count: perOctave * octaves)

    public mutating func record(_ span: Nanoseconds) {
        let bucket = SpanCounts.bucket(max(1, span.raw))
        now[bucket] = now[bucket] == .max ? .max : now[bucket] + 1
    }

    /// The least span that a share of all was not above, to an eighth of an octave; nil of none.
    ///
    /// - Parameter permille: 500 is the median.
    public func quantile(permille: UInt64) -> Nanoseconds? {
        var total: UInt64 = 0
        for bucket in now.indices { total += UInt64(now[bucket]) + UInt64(before[bucket]) }
        guard total > 0 else { return nil }
        var left = (total * permille + 999) / 1_000
        for bucket in now.indices {
            let count = UInt64(now[bucket]) + UInt64(before[bucket])
            if count >= left { return SpanCounts.upper(bucket) }
            left -= count
        }
        return nil
    }

    /// Ten seconds have passed: what is older than those is forgotten.
    mutating func turn() {
        swap(&now, &before)
        for bucket in now.indices { now[bucket] = 0 }
    }

    private static func bucket(_ value: Int64) -> Int {
        let octave = 63 - value.leadingZeroBitCount
        let part = octave < 3 ? 0 : Int(value >> Int64(octave - 3)) & 7
        return min(octave * perOctave + part, perOctave * octaves - 1)
    }

    private static func upper(_ bucket: Int) -> Nanoseconds {
        let (octave, part) = (bucket / perOctave, Int64(bucket % perOctave))
        let base = Int64(1) << Int64(octave)
        return Nanoseconds(raw: octave < 3 ? base : base + (base >> 3) * (part + 1))
    }
}

public struct Hops: Hashable, Sendable {
    public internal(set) var ingest = SpanCounts()
    public internal(set) var server = SpanCounts()
    public internal(set) var network = SpanCounts()
    public internal(set) var screen = SpanCounts()
    /// From the feed's entry into the server to this screen: what the server and we answer for.
    public internal(set) var whole = SpanCounts()
    private var turnDue = Instant.zero
    private static let window = Nanoseconds.seconds(10)

    mutating func turn(_ now: Instant) {
        guard now >= turnDue else { return }
        let isFirst = turnDue == .zero
        turnDue = now + Hops.window
        guard !isFirst else { return }
        ingest.turn()
        server.turn()
        network.turn()
        screen.turn()
        whole.turn()
    }
}
