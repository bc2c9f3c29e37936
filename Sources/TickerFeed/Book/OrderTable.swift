// Live orders by their reference: where most cache misses of a book are, so one line an order.
//
//     slot   id: 8 bytes | shares: 4 | level: 4        16 bytes, four to a cache line
//
// Invariants
//   - A live order has shares; a slot without shares is empty.
//   - Linear probing, at most half full; between an order's home and its slot no slot is empty
//     (deleting shifts back what follows, so there are no tombstones and no slow decay).
//   - References come in rising runs: the hash is multiplicative, never the identity.

/// Where a level is in the pool. Stays the same as long as the level has orders.
struct LevelIndex: Hashable {
    let raw: UInt32
    @inline(__always) init(_ raw: UInt32) { self.raw = raw }
    @inline(__always) var index: Int { Int(raw) }
}

struct OrderTable: ~Copyable {
    struct Slot {
        var id: UInt64
        var shares: UInt32
        var level: LevelIndex
        fileprivate static let empty = Slot(id: 0, shares: 0, level: LevelIndex(0))
    }
    /// A place in the table, good until the next insertion or removal.
    typealias Place = UnsafeMutablePointer<Slot>

    private var slots: UnsafeMutablePointer<Slot>
    private var bits: UInt64
    private(set) var count = 0

    var memoryBytes: Int { capacity * MemoryLayout<Slot>.stride }
    private var capacity: Int { 1 << Int(bits) }
    private var mask: Int { capacity &- 1 }

    init(bits: Int = 10) {
        self.bits = UInt64(bits)
        slots = OrderTable.emptySlots(1 << bits)
    }
    deinit { slots.deallocate() }

    @inline(__always)
    private func home(_ id: UInt64) -> Int {
        Int(truncatingIfNeeded: (id &* 0x9E37_79B9_7F4A_7C15) &>> (64 &- bits))
    }

    @inline(__always)
    func find(_ id: UInt64) -> Place? {
        var at = home(id)
        while slots[at].shares != 0 {
            if slots[at].id == id { return slots + at }
            at = (at &+ 1) & mask
        }
        return nil
    }

    /// Only for a reference that `find` does not know.
    @inline(__always)
    mutating func insert(_ id: UInt64, shares: UInt32, level: LevelIndex) {
        assert(shares > 0 && find(id) == nil)
        if count &* 2 >= capacity { grow() }
        place(Slot(id: id, shares: shares, level: level))
        count &+= 1
    }

    @inline(__always)
    private func place(_ slot: Slot) {
        var at = home(slot.id)
        while slots[at].shares != 0 { at = (at &+ 1) & mask }
        slots[at] = slot
    }

    @inline(__always)
    mutating func remove(_ place: Place) {
        var hole = place - slots
        var at = (hole &+ 1) & mask
        while slots[at].shares != 0 {
            // An order may move back to the hole unless its home lies behind the hole.
            let fromHome = (at &- home(slots[at].id)) & mask
            if fromHome >= (at &- hole) & mask {
                slots[hole] = slots[at]
                hole = at
            }
            at = (at &+ 1) & mask
        }
        slots[hole].shares = 0
        count &-= 1
    }

    /// Forgets all orders, keeps the memory.
    mutating func removeAll() {
        slots.update(repeating: .empty, count: capacity)
        count = 0
    }

    @inline(never)
    private mutating func grow() {
        let old = slots, oldCapacity = capacity
        bits += 1
        slots = OrderTable.emptySlots(capacity)
        for at in 0..<oldCapacity where old[at].shares != 0 { place(old[at]) }
        old.deallocate()
    }

    private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        slots.initialize(repeating: .empty, count: count)
        return slots
    }

    /// For tests: every live order, in no order.
    var all: [Slot] { (0..<capacity).map { slots[$0] }.filter { $0.shares != 0 } }
}
