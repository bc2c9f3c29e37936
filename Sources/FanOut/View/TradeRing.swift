// A symbol's latest trades, for subscribers that want every one and are allowed to be a bit late.
//
// Invariants
//   - Trades are consecutive: `firstSequence`…`lastSequence` without a hole.
//   - Memory grows by doubling with what was traded, up to `capacityMax` trades, and no further.
import Basics
import Market

struct TradeRing: ~Copyable {
    static let capacityMax = 1_024
    private static let capacityMin = 16

    struct Entry {
        var tick: Tick
        var body: SharedBody
    }

    private var entries: UnsafeMutablePointer<Entry>?
    private var capacity = 0
    private(set) var count = 0
    private(set) var lastSequence: UInt64 = 0
    /// The first trade behind a hole: what is missing before it, the tape had lost.
    private(set) var resumedAt: UInt64 = 0

    deinit { entries?.deallocate() }

    var firstSequence: UInt64 { lastSequence - UInt64(count) + 1 }

    mutating func append(_ tick: Tick) {
        if tick.sequence != lastSequence + 1 {
            count = 0  // a hole: what was before is history
            resumedAt = tick.sequence
        }
        if count == capacity, capacity < TradeRing.capacityMax { grow() }
        lastSequence = tick.sequence
        count = min(count + 1, capacity)
        address(of: tick.sequence).initialize(to: Entry(tick: tick, body: SharedBody()))
    }

    /// Where the trade of that sequence number lies. Only between first and last.
    @inline(__always)
    func address(of sequence: UInt64) -> UnsafeMutablePointer<Entry> {
        // capacity is a power of two and not zero once anything was appended
        entries.unsafelyUnwrapped + Int(truncatingIfNeeded: sequence & UInt64(capacity - 1))
    }

    private mutating func grow() {
        let larger = max(TradeRing.capacityMin, capacity * 2)
        let new = UnsafeMutablePointer<Entry>.allocate(capacity: larger)
        if count > 0 {
            for sequence in firstSequence...lastSequence {
                (new + Int(truncatingIfNeeded: sequence & UInt64(larger - 1)))
                    .initialize(to: address(of: sequence).pointee)
            }
        }
        entries?.deallocate()
        entries = new
        capacity = larger
    }
}
