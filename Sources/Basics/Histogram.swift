// How many times something took how long, for any number of times, in 30 KB that never grow.
//
//     0 … 127        a bucket each
//     2^k … 2^(k+1)  64 buckets of equal width, for each k up to 62
//
// Invariants
//   - What is told lies within 1/64 (1.6 %) above the value that was recorded, and never above the
//     greatest; least and greatest are exact.
//   - Recording allocates nothing and costs a few instructions. Negative values count as 0.

/// A histogram of nanoseconds, bytes or any other count, with buckets as wide as they are high.
public struct Histogram: ~Copyable {
    private static let perOctaveBits = 6
    private static let perOctave = 1 << perOctaveBits
    private static let bucketCount = (63 - perOctaveBits + 1) * perOctave

    private let buckets: UnsafeMutablePointer<UInt64>
    public private(set) var count: UInt64 = 0
    public private(set) var greatest: Int64 = 0

    public init() {
        buckets = .allocate(capacity: Histogram.bucketCount)
        buckets.initialize(repeating: 0, count: Histogram.bucketCount)
    }
    deinit { buckets.deallocate() }

    public mutating func record(_ value: Int64) {
        let value = max(0, value)
        buckets[Histogram.bucket(of: value)] &+= 1
        count &+= 1
        greatest = max(greatest, value)
    }

    public mutating func removeAll() {
        buckets.update(repeating: 0, count: Histogram.bucketCount)
        count = 0
        greatest = 0
    }

    /// The least value that at least `share` of all are not above: 0.5 is the median. Nil of none.
    public func quantile(_ share: Double) -> Int64? {
        guard count > 0 else { return nil }
        let wanted = max(1, UInt64((Double(count) * min(1, share)).rounded(.up)))
        var seen: UInt64 = 0
        for bucket in 0..<Histogram.bucketCount {
            seen += buckets[bucket]
            if seen >= wanted { return min(Histogram.last(of: bucket), greatest) }
        }
        return greatest
    }

    static func bucket(of value: Int64) -> Int {
        guard value >= Int64(perOctave) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - perOctaveBits
        return shift * perOctave + Int(value >> Int64(shift))
    }

    /// The greatest value that falls into a bucket.
    static func last(of bucket: Int) -> Int64 {
        guard bucket >= 2 * perOctave else { return Int64(bucket) }
        let shift = bucket / perOctave - 1
        let first = Int64(bucket - shift * perOctave) << Int64(shift)
        return first + ((Int64(1) << Int64(shift)) - 1)
    }
}
