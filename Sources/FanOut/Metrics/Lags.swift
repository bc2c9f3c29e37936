// How long data waited at a border, as counts by size: for the histograms of `/metrics`.
//
// Invariant: nothing but `UInt64`s, as in `Counters`; counting is a comparison of a few constants.
import Basics

/// Counts of waits in buckets of fixed bounds.
struct Lags: BitwiseCopyable {
    /// Upper bounds in nanoseconds, inclusive; whatever is longer falls into the last bucket.
    static let bounds: [Int64] = [
        100_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
        100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 10_000_000_000,
    ]
    private var buckets = InlineArray<15, UInt64>(repeating: 0)
    /// Nanoseconds.
    private(set) var sum: UInt64 = 0

    @inline(__always)
    mutating func count(_ wait: Nanoseconds) {
        let raw = max(0, wait.raw)
        buckets[Lags.bucket(of: raw)] &+= 1
        sum &+= UInt64(raw)
    }

    /// Waits of at most the bound of that bucket, so that they can be shown as they are.
    func cumulated(to bucket: Int) -> UInt64 { (0...bucket).reduce(0) { $0 + buckets[$1] } }
    var total: UInt64 { cumulated(to: Lags.bounds.count) }

    // Spelled out: a table would be looked up behind a reference count.
    static func bucket(of raw: Int64) -> Int {
        switch raw {
        case ...100_000: 0
        case ...500_000: 1
        case ...1_000_000: 2
        case ...2_500_000: 3
        case ...5_000_000: 4
        case ...10_000_000: 5
        case ...25_000_000: 6
        case ...50_000_000: 7
        case ...100_000_000: 8
        case ...250_000_000: 9
        case ...500_000_000: 10
        case ...1_000_000_000: 11
        case ...2_500_000_000: 12
        case ...10_000_000_000: 13
        default: 14
        }
    }
}
