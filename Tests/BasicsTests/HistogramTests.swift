// The histogram: exact where it is small, within its promise where it is large, always bounded.
import TestSupport
import Testing

@testable import Basics

@Test("every value falls into a bucket that ends at most 1/64 above it, and buckets are in order")
func buckets() throws {
    var random = Seed(7).generator()
    var values = Array(0...1_000) as [Int64] + [.max, .max - 1]
    for bit in 6..<63 {
        let power = Int64(1) << Int64(bit)
        values += [power - 1, power, power + 1, power | Int64(random.next() & UInt64(power - 1))]
    }
    var before = -1
    for value in values.sorted() {
        let bucket = Histogram.bucket(of: value), last = Histogram.last(of: bucket)
        try #require(bucket >= before && last >= value && last - value <= value / 64, "\(value)")
        try #require(Histogram.bucket(of: last) == bucket)
        if last < .max { try #require(Histogram.bucket(of: last + 1) == bucket + 1, "\(value)") }
        before = bucket
    }
}

@Test("quantiles agree with a sorted list within 2 %", arguments: Seed.smoke)
func quantiles(seed: Seed) {
    var random = seed.generator(), histogram = Histogram(), values: [Int64] = []
    for _ in 0..<5_000 {
        let value = Int64(random.next() >> UInt64(20 + random.below(40)))
        values.append(value)
        histogram.record(value)
    }
    values.sort()
    for share in [0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1] {
        let exact = values[Int((Double(values.count) * share).rounded(.up)) - 1]
        let told = histogram.quantile(share) ?? -1
        #expect(told >= exact && told - exact <= exact / 50, "\(seed), \(share): \(exact), \(told)")
    }
    #expect(histogram.quantile(1) == values.last && histogram.count == 5_000)
}

@Test("nothing recorded, negative values, and forgetting")
func edges() {
    var histogram = Histogram()
    #expect(histogram.quantile(0.5) == nil)
    histogram.record(-5)
    histogram.record(3)
    #expect(histogram.quantile(0) == 0 && histogram.quantile(0.5) == 0 && histogram.quantile(0.51) == 3)
    #expect(histogram.greatest == 3)
    histogram.removeAll()
    #expect(histogram.count == 0 && histogram.greatest == 0 && histogram.quantile(1) == nil)
}
