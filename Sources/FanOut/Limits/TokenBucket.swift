// A rate as a bucket that fills with time, kept as one number: when it will be full again.
//
//     rate 2 a second, burst 2     taken at 0.0  0.1  0.2  0.7
//     full again at                        0.5  1.0   no  1.5
//
// Invariant: in any span of time `t` no more than burst + t·rate are taken. (The generic cell rate
// algorithm, ITU-T I.371.)
import Basics

struct BucketRate: Hashable {
    let perSecond: Int
    /// What a full bucket holds.
    let burst: Int

    init(perSecond: Int, burst: Int? = nil) {
        self.perSecond = max(1, perSecond)
        self.burst = burst ?? self.perSecond
    }

    /// In which so many come back. Rounded up, so that nobody gets more than the rate.
    func time(for count: Int) -> Nanoseconds {
        let (nanoseconds, overflow) = Int64(count).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow
            ? Nanoseconds(raw: .max / 2) : Nanoseconds(raw: (nanoseconds - 1) / Int64(perSecond) + 1)
    }
}

struct TokenBucket: Hashable {
    private(set) var fullAt = Instant.zero

    /// Takes so many, or none.
    ///
    /// - Returns: nil when they were there, else how long it will be until they are.
    mutating func take(_ count: Int = 1, of rate: BucketRate, _ now: Instant) -> Nanoseconds? {
        guard let wait = wait(for: count, of: rate, now) else {
            fullAt = max(fullAt, now) + rate.time(for: count)
            return nil
        }
        return wait
    }

    /// How long until so many are there; nil when they are.
    func wait(for count: Int = 1, of rate: BucketRate, _ now: Instant) -> Nanoseconds? {
        let wait = max(fullAt, now) + rate.time(for: count) - (now + rate.time(for: 1) * rate.burst)
        return wait.raw > 0 ? wait : nil
    }
}
