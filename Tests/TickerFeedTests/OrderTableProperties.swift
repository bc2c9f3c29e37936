// The order table against a dictionary: where references fall on one another, where buckets run over
// the table's end, and where it grows.
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// Both at once; what one says of an order, the other says, too.
private struct ModelTable: ~Copyable {
    var table: OrderTable
    var model: [UInt64: UInt32] = [:]

    /// Inserts what is not there, and removes what is.
    mutating func toggle(_ id: UInt64, shares: UInt32) throws {
        if let place = table.find(id) {
            let known = model.removeValue(forKey: id)
            try #require(place.pointee.shares == known)
            let vacancy = table.vacancy(for: id)
            try #require(vacancy == nil)
            table.remove(table.find(id) ?? place)  // looking for room may have made some
        } else {
            let known = model.updateValue(shares, forKey: id), vacancy = table.vacancy(for: id)
            try #require(known == nil)
            table.fill(try #require(vacancy), id, shares: shares, level: LevelIndex(shares))
        }
    }

    func check(_ comment: Comment) throws {
        table.checkInvariants()
        let found = Dictionary(table.all.map { ($0.id, $0.shares) }, uniquingKeysWith: { $0 &+ $1 })
        try #require(found == model, comment)
    }
}

/// A key under which an order's home is in the reference's own last bits.
private let plainKey: (UInt64, UInt64) = (0, 1)

@Test("a table agrees with a dictionary while it grows and shrinks", arguments: Seed.smoke)
func tableAgreesWithModel(seed: Seed) throws {
    var random = seed.generator()
    var both = ModelTable(table: OrderTable(bits: 3, key: (random.next(), random.next())))
    for step in 0..<20_000 {
        // Rising runs, as references are, and strangers in between; 0 is a reference as any other.
        let id = random.oneIn(4) ? random.next() % 64 : UInt64(step / 2 * 4)
        try both.toggle(id, shares: UInt32(step + 1))
        if both.model.count > 200, let victim = both.model.keys.min() {
            try both.toggle(victim, shares: 1)
        }
        if step % 500 == 0 { try both.check("\(seed), step \(step)") }
        if step == 15_000 {
            both.table.removeAll()
            both.model = [:]
        }
    }
    try both.check("\(seed), at the end")
}

@Test("orders that want the same few buckets are all found", arguments: Seed.smoke)
func collidingOrders(seed: Seed) throws {
    var random = seed.generator()
    var both = ModelTable(table: OrderTable(bits: 9, key: plainKey))
    for step in 0..<6_000 {
        // Homes are the last three buckets of 128, and the first one: runs go over the end.
        let home = UInt64([500, 504, 508, 0][random.below(4)])
        let id = home | UInt64(random.below(60)) << 16
        let isCrowded = both.model.count > 200 && both.model[id] == nil
        if !isCrowded { try both.toggle(id, shares: UInt32(step + 1)) }
        if step % 100 == 0 { try both.check("\(seed), step \(step)") }
    }
    try both.check("\(seed), at the end")
}

@Test("orders of some are forgotten, and the others stay findable", arguments: Seed.smoke)
func someOrdersForgotten(seed: Seed) throws {
    var random = seed.generator()
    var both = ModelTable(table: OrderTable(bits: 9, key: plainKey))
    for step in 0..<200 {
        let home = UInt64([500, 504, 508, 0][random.below(4)])
        try both.toggle(home | UInt64(random.below(60)) << 16, shares: UInt32(step + 1))
    }
    let third = UInt32(random.below(3))
    both.table.removeAll { $0.shares % 3 == third }
    both.model = both.model.filter { $0.value % 3 != third }
    try both.check("\(seed)")
    for id in both.model.keys {
        let place = both.table.find(id)
        try #require(place != nil, "\(seed): \(id)")
    }
}

@Test("a source that knows the homes is stopped by other homes")
func chosenCollisions() throws {
    var both = ModelTable(table: OrderTable(bits: 10, key: plainKey))
    for order in 0..<300 { try both.toggle(UInt64(order) << 16, shares: 1) }
    try both.check("all of them wanted bucket 0")
    #expect(both.table.longestWay < 64)
}

@Test("references in steps fall on one another no more than chance has it", arguments: Seed.smoke)
func regularReferences(seed: Seed) throws {
    var random = seed.generator()
    for shift in [0, 2, 6, 16, 32, 44] {
        var table = OrderTable(bits: 10, key: (random.next(), random.next()))
        for order in 0..<4_000 {
            let id = UInt64(order) << shift
            guard let vacancy = table.vacancy(for: id) else { continue }
            table.fill(vacancy, id, shares: 1, level: LevelIndex(0))
        }
        let (count, longest) = (table.count, table.longestWay)
        #expect(count == 4_000 && longest <= 12, "\(seed), steps of 1 << \(shift)")
    }
}
