// One side of a book against a dictionary.
import Market
import TestSupport
import Testing

@Test("a side agrees with a dictionary", arguments: Seed.smoke)
func sideAgreesWithModel(seed: Seed) throws {
    var random = seed.generator()
    let which: Side = seed.raw % 2 == 0 ? .bid : .ask
    var side = BookSide(which), model: [Price: Level] = [:]
    for step in 0..<2_000 {
        let price = Price(e4: UInt32(random.below(40)) * 100)  // few prices, so they collide
        let size = Quantity(e8: Int64(random.below(4)))  // 0 removes the level
        let orders = UInt32(random.below(9))
        side.set(price, size: size, orders: orders)
        model[price] = size == .zero ? nil : Level(price: price, size: size, orders: orders)
        side.checkInvariants()
        let expected = model.values.sorted { which.isBetter($0.price, than: $1.price) }
        try #require((0..<side.count).map { side[$0] } == expected, "\(seed), step \(step)")
        try #require(side.best == expected.first)
        if random.oneIn(500) {
            side.removeAll()
            model = [:]
        }
    }
}
