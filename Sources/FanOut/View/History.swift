// A symbol's latest numbered events, for subscribers that want each one and are a bit late.
//
// Invariants
//   - Numbers are consecutive: `first`…`last` without a hole.
//   - Memory grows by doubling with what happened, up to `capacityMax` values, and no further.
import Basics

struct History<Value>: ~Copyable {
    private static var capacityMin: Int { 16 }

    private let capacityMax: Int
    private var values: UnsafeMutablePointer<Value>?
    private var capacity = 0
    private(set) var count = 0
    private(set) var last: UInt64 = 0
    /// The first number behind a hole: what is missing before it, the tape had lost.
    private(set) var resumedAt: UInt64 = 0

    /// - Parameter capacityMax: a power of two, 16 or more.
    init(capacityMax: Int) { self.capacityMax = capacityMax }
    deinit { values?.deallocate() }

    /// The oldest number that is still there; `last + 1` in an empty history.
    var first: UInt64 { last - UInt64(count) + 1 }

    mutating func append(_ value: Value, number: UInt64) {
        if number != last + 1 { startOver(at: number) }
        if count == capacity, capacity < capacityMax { grow() }
        last = number
        count = min(count + 1, capacity)
        self[number].initialize(to: value)
    }

    /// Forgets everything; the next value has `number`.
    mutating func startOver(at number: UInt64) {
        count = 0
        last = number - 1
        resumedAt = number
    }

    /// As if there had never been any: the next value has number 1. The memory stays.
    mutating func forgetAll() {
        count = 0
        last = 0
        resumedAt = 0
    }

    /// Where the value of that number lies. Only between first and last.
    @inline(__always)
    subscript(number: UInt64) -> UnsafeMutablePointer<Value> {
        // capacity is a power of two and not zero once anything was appended
        values.unsafelyUnwrapped + Int(truncatingIfNeeded: number & UInt64(capacity - 1))
    }

    /// The first number whose value does not satisfy `isBefore`; `last + 1` where all do.
    func partition(_ isBefore: (Value) -> Bool) -> UInt64 {
        var low = first, high = last + 1
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle].pointee) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Gives the memory back and forgets everything up to `number`.
    mutating func release(at number: UInt64) {
        values?.deallocate()
        values = nil
        capacity = 0
        startOver(at: number + 1)
    }

    private mutating func grow() {
        let larger = max(History.capacityMin, capacity * 2)
        let new = UnsafeMutablePointer<Value>.allocate(capacity: larger)
        if count > 0 {
            for number in first...last {
                (new + Int(truncatingIfNeeded: number & UInt64(larger - 1)))
                    .initialize(to: self[number].pointee)
            }
        }
        values?.deallocate()
        values = new
        capacity = larger
    }
}
