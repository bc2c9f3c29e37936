// The last prices of the past minutes, one a slot of time, in a fixed number of places.
import Basics
import Market

public struct Sparkline: Hashable, Sendable {
    public static let slot = Nanoseconds.seconds(5)
    public static let places = 60

    /// The oldest first.
    public private(set) var prices: [Int64] = []
    private var newest: Int64 = 0

    /// A price by the time that counts here, be it the source's or ours.
    mutating func add(_ price: Price, at time: Timestamp) {
        let number = time.raw / Sparkline.slot.raw
        if prices.isEmpty || number < newest {
            (prices, newest) = ([price.e9], number)
        } else if number == newest {
            prices[prices.count - 1] = price.e9
        } else {
            // Where nothing was traded the price stood.
            for _ in 0..<min(number - newest - 1, Int64(Sparkline.places)) { push(prices[prices.count - 1]) }
            push(price.e9)
            newest = number
        }
    }

    private mutating func push(_ price: Int64) {
        if prices.count == Sparkline.places { prices.removeFirst() }
        prices.append(price)
    }

    /// The newest `count` prices as heights from 0 to `levels - 1`; of a price that stood, all in the middle.
    public func heights(_ count: Int, levels: Int) -> [Int] {
        let shown = prices.suffix(max(0, count))
        guard let low = shown.min(), let high = shown.max(), levels > 0 else { return [] }
        guard high > low else { return shown.map { _ in (levels - 1) / 2 } }
        return shown.map { Int(Int128($0 - low) * Int128(levels - 1) / Int128(high - low)) }
    }
}
