// One wheel for all deadlines of a loop: a connection has one place on it, not a timer.
//
// Invariants
//   - Nothing fires early; it fires at most one tick (1 ms) late plus the loop's own delay.
//   - Setting and clearing cost the same whatever the number of connections.
//   - A deadline farther away than the wheel's turn waits at its rim and is placed again.
import Basics

struct TimerWheel: ~Copyable {
    static let tick = Nanoseconds.milliseconds(1)
    private static let bucketCount = 1_024

    private struct Entry {
        var due = Instant.never
        var next: Int32 = -1
        var previous: Int32 = -1
        var bucket: Int32 = -1
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let heads: UnsafeMutablePointer<Int32>
    private var occupied = [UInt64](repeating: 0, count: bucketCount / 64)
    /// The last tick whose bucket was emptied.
    private var current: Int64

    /// - Parameter capacity: indices are `0..<capacity`.
    init(capacity: Int, now: Instant) {
        entries = .allocate(capacity: capacity)
        entries.initialize(repeating: Entry(), count: capacity)
        heads = .allocate(capacity: TimerWheel.bucketCount)
        heads.initialize(repeating: -1, count: TimerWheel.bucketCount)
        current = now.raw / TimerWheel.tick.raw
    }
    deinit {
        entries.deallocate()
        heads.deallocate()
    }

    /// Moves `index` to `due`; `.never` takes it off.
    mutating func set(_ index: Int, _ due: Instant) {
        if entries[index].due == due { return }
        unlink(index)
        entries[index].due = due
        if due != .never { link(index) }
    }

    /// The next moment at which `fire` has something to do; `.never` on an empty wheel.
    var next: Instant {
        // Word by word from the bucket behind the current one, and once around.
        let first = Int((current + 1) & Int64(TimerWheel.bucketCount - 1))
        let words = TimerWheel.bucketCount / 64
        for step in 0...words {
            let word = (first / 64 + step) % words
            var bits = occupied[word]
            if step == 0 { bits &= ~0 << UInt64(first % 64) }
            if step == words { bits &= ~(~0 << UInt64(first % 64)) }
            guard bits != 0 else { continue }
            let bucket = word * 64 + bits.trailingZeroBitCount
            let ahead = (bucket - first) & (TimerWheel.bucketCount - 1)
            return Instant(raw: (current + 1 + Int64(ahead)) * TimerWheel.tick.raw)
        }
        return .never
    }

    /// Takes whatever is due at `now` off the wheel and appends it to `due`.
    mutating func fire(_ now: Instant, into fired: inout [Int32]) {
        let target = now.raw / TimerWheel.tick.raw
        // Longer than a turn away: every bucket once is enough.
        let first = max(current + 1, target - Int64(TimerWheel.bucketCount) + 1)
        guard first <= target else { return }
        for tick in first...target {
            current = tick
            empty(Int(tick & Int64(TimerWheel.bucketCount - 1)), now, into: &fired)
        }
    }

    private mutating func empty(_ bucket: Int, _ now: Instant, into fired: inout [Int32]) {
        var index = heads[bucket]
        while index >= 0 {
            let following = entries[Int(index)].next
            let due = entries[Int(index)].due
            unlink(Int(index))
            if due <= now {
                entries[Int(index)].due = .never
                fired.append(index)
            } else {
                link(Int(index))
            }
            index = following
        }
    }

    private mutating func link(_ index: Int) {
        let exact = (entries[index].due.raw + TimerWheel.tick.raw - 1) / TimerWheel.tick.raw
        let tick = min(max(exact, current + 1), current + Int64(TimerWheel.bucketCount) - 1)
        let bucket = Int(tick & Int64(TimerWheel.bucketCount - 1))
        entries[index].bucket = Int32(bucket)
        entries[index].previous = -1
        entries[index].next = heads[bucket]
        if heads[bucket] >= 0 { entries[Int(heads[bucket])].previous = Int32(index) }
        heads[bucket] = Int32(index)
        occupied[bucket >> 6] |= 1 << UInt64(bucket & 63)
    }

    private mutating func unlink(_ index: Int) {
        let bucket = Int(entries[index].bucket)
        guard bucket >= 0 else { return }
        let (previous, next) = (entries[index].previous, entries[index].next)
        if previous >= 0 { entries[Int(previous)].next = next } else { heads[bucket] = next }
        if next >= 0 { entries[Int(next)].previous = previous }
        if heads[bucket] < 0 { occupied[bucket >> 6] &= ~(1 << UInt64(bucket & 63)) }
        entries[index].bucket = -1
    }
}
