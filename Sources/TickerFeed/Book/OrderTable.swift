// Live orders by their reference: where most cache misses of a book are, so one line an order.
//
//     slot     id: 8 bytes | shares: 4 | level: 4        16 bytes
//     bucket   slot · slot · slot · slot                 a cache line; live ones in front
//
// Invariants
//   - A live order has shares; an empty slot is all zero.
//   - An order lies in its home bucket or, where that was full, in the next one that was not: between
//     home and order all buckets are full (removing brings back what could not stay at home).
//   - At most half full. A table is as large as its orders want it: it doubles, and when it
//     is emptied it shrinks to what lived in it.
//   - The four slots are looked at without a branch: which one it is cannot be predicted.
//   - Where an order lies is drawn at random when the table is made, and shows nowhere: references
//     that fall on one another cannot be chosen, however many a source may choose. Where chance makes a
//     way of `wayMax` buckets all the same, it is drawn anew: no message looks at more.
import Basics

struct OrderTable: ~Copyable {
    struct Slot {
        var id: UInt64
        var shares: UInt32
        var level: LevelIndex
        fileprivate static let empty = Slot(id: 0, shares: 0, level: LevelIndex(0))
        @inline(__always) fileprivate var isLive: Bool { shares != 0 }
    }
    /// A place in the table, good until the next insertion or removal.
    typealias Place = UnsafeMutablePointer<Slot>

    private var slots: UnsafeMutablePointer<Slot>
    /// Of slots; a power of two.
    private var capacity: Int
    private(set) var count = 0
    private var key: (UInt64, UInt64)

    /// How far from home an order may lie. At half full chance never comes to a fifth of it.
    private static let wayMax = 64

    var memoryBytes: Int { capacity * MemoryLayout<Slot>.stride }

    /// - Parameter key: tests choose it. Nothing but the time that a message takes depends on it.
    init(bits: Int = 10, key: (UInt64, UInt64) = (.random(in: 0 ... .max), .random(in: 0 ... .max))) {
        capacity = 1 << bits
        slots = OrderTable.emptySlots(1 << bits)
        self.key = OrderTable.odd(key)
    }
    deinit { slots.deallocate() }

    // MARK: Buckets, named by their first slot

    /// Both halves of a product with a secret, folded: one multiplication mixes all 64 bits.
    @inline(__always)
    private func home(_ id: UInt64) -> Int {
        let (high, low) = (id ^ key.0).multipliedFullWidth(by: key.1)
        return Int(truncatingIfNeeded: high ^ low) & (capacity &- 4)
    }

    @inline(__always)
    private func next(_ bucket: Int) -> Int { (bucket &+ 4) & (capacity &- 1) }

    @inline(__always)
    private func isFull(_ bucket: Int) -> Bool { slots[bucket &+ 3].isLive }

    /// How many of the first three slots are live: where the next order goes, unless it is full.
    @inline(__always)
    private func used(_ bucket: Int) -> Int {
        let slot = slots + bucket
        return (slot[0].isLive ? 1 : 0) &+ (slot[1].isLive ? 1 : 0) &+ (slot[2].isLive ? 1 : 0)
    }

    /// A bit for each slot that has this reference. The lowest is live if any is.
    @inline(__always)
    private func matches(_ bucket: Int, _ id: UInt64) -> UInt32 {
        let slot = slots + bucket
        return (slot[0].id == id ? 1 : 0) | (slot[1].id == id ? 2 : 0)
            | (slot[2].id == id ? 4 : 0) | (slot[3].id == id ? 8 : 0)
    }

    // MARK: Orders

    @inline(__always)
    func find(_ id: UInt64) -> Place? {
        var bucket = home(id)
        while true {
            let matches = matches(bucket, id)
            if matches != 0 {
                let place = slots + (bucket &+ matches.trailingZeroBitCount)
                return place.pointee.isLive ? place : nil
            }
            guard isFull(bucket) else { return nil }
            bucket = next(bucket)
        }
    }

    /// Where a new order goes: for `fill`. Nil where the reference is known.
    @inline(__always)
    mutating func vacancy(for id: UInt64) -> Place? {
        if count &* 2 >= capacity { rebuild(capacity: capacity &* 2) }
        var bucket = home(id), way = 0
        while true {
            let matches = matches(bucket, id)
            if matches != 0, slots[bucket &+ matches.trailingZeroBitCount].isLive { return nil }
            guard isFull(bucket) else { return slots + (bucket &+ used(bucket)) }
            bucket = next(bucket)
            way &+= 1
            if way == OrderTable.wayMax { bucket = drawKey(id) }
        }
    }

    @inline(__always)
    mutating func fill(_ vacancy: Place, _ id: UInt64, shares: UInt32, level: LevelIndex) {
        assert(shares > 0 && !vacancy.pointee.isLive)
        vacancy.pointee = Slot(id: id, shares: shares, level: level)
        count &+= 1
    }

    @inline(__always)
    mutating func remove(_ place: Place) {
        let bucket = (place - slots) & ~3
        count &-= 1
        guard isFull(bucket) else { return empty(place, as: bucket &+ used(bucket) &- 1) }
        empty(place, as: bucket &+ 3)
        bringHome(to: bucket)
    }

    /// The last live slot of a bucket moves into the hole.
    @inline(__always)
    private func empty(_ place: Place, as last: Int) {
        place.pointee = slots[last]
        slots[last] = .empty
    }

    /// The last slot of `hole` has become free, and an order further on may have wanted it.
    private func bringHome(to hole: Int) {
        var hole = hole, bucket = next(hole), goesOn = true
        while goesOn {
            goesOn = isFull(bucket)
            if let stray = stray(in: bucket, from: hole) {
                slots[hole &+ 3] = stray.pointee
                empty(stray, as: goesOn ? bucket &+ 3 : bucket &+ used(bucket) &- 1)
                hole = bucket
            }
            bucket = next(bucket)
        }
    }

    /// An order in `bucket` on whose way from home `hole` lies.
    private func stray(in bucket: Int, from hole: Int) -> Place? {
        let reach = (bucket &- hole) & (capacity &- 1)
        for at in bucket..<bucket &+ 4 where slots[at].isLive {
            if (bucket &- home(slots[at].id)) & (capacity &- 1) >= reach { return slots + at }
        }
        return nil
    }

    /// Forgets the orders that `isGone` says; costs a look at every slot.
    mutating func removeAll(where isGone: (Slot) -> Bool) {
        var at = 0
        while at < capacity {
            // What is removed makes room for what follows: the same slot is looked at again.
            if slots[at].shares != 0, isGone(slots[at]) { remove(slots + at) } else { at &+= 1 }
        }
    }

    /// Forgets all orders, and gives back the room that their number did not need.
    mutating func removeAll() {
        while capacity > 1_024, count &* 4 < capacity { capacity /= 2 }
        slots.deallocate()
        slots = OrderTable.emptySlots(capacity)
        count = 0
    }

    // MARK: Hints

    /// Fetches what `find` will look at first.
    @inline(__always)
    func prefetch(_ id: UInt64) { TableMemory.prefetch(slots + home(id)) }

    /// The bucket behind home where that is full, else home.
    @inline(__always)
    func overflow(_ id: UInt64) -> UnsafeRawPointer {
        let bucket = home(id)
        return UnsafeRawPointer(slots + (isFull(bucket) ? next(bucket) : bucket))
    }

    /// The level of an order that is at home; else of another one.
    @inline(__always)
    func likelyLevel(_ id: UInt64) -> LevelIndex {
        let bucket = home(id)
        return slots[bucket &+ (matches(bucket, id) | 8).trailingZeroBitCount].level
    }

    // MARK: Room

    /// Other homes for all.
    ///
    /// - Returns: the home of `id`, which was not found on its way.
    @inline(never)
    private mutating func drawKey(_ id: UInt64) -> Int {
        key = OrderTable.odd((.random(in: 0 ... .max), .random(in: 0 ... .max)))
        rebuild(capacity: capacity)
        return home(id)
    }

    private static func odd(_ key: (UInt64, UInt64)) -> (UInt64, UInt64) { (key.0, key.1 | 1) }

    @inline(never)
    private mutating func rebuild(capacity newCapacity: Int) {
        let old = slots, oldCapacity = capacity
        capacity = newCapacity
        slots = OrderTable.emptySlots(capacity)
        for at in 0..<oldCapacity where old[at].isLive {
            var bucket = home(old[at].id)
            while isFull(bucket) { bucket = next(bucket) }
            slots[bucket &+ used(bucket)] = old[at]
        }
        old.deallocate()
    }

    private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = TableMemory.allocate(Slot.self, count: count)
        slots.initialize(repeating: .empty, count: count)
        return slots
    }

    /// For tests: every live order, in no order.
    var all: [Slot] { (0..<capacity).map { slots[$0] }.filter(\.isLive) }

    /// For tests: the buckets between the order furthest from home and its home.
    var longestWay: Int {
        (0..<capacity).filter { slots[$0].isLive }
            .map { (($0 & ~3) &- home(slots[$0].id)) & (capacity &- 1) }.max().map { $0 / 4 } ?? 0
    }

    /// For tests: traps where the invariants above don't hold.
    func checkInvariants() {
        precondition(all.count == count && count * 2 <= capacity, "another number of orders")
        for bucket in stride(from: 0, to: capacity, by: 4) {
            for at in bucket..<bucket + 4 {
                let slot = slots[at]
                guard slot.isLive else {
                    precondition(slot.id == 0 && slot.level.raw == 0, "an empty slot that says something")
                    continue
                }
                precondition(at == bucket || slots[at - 1].isLive, "a hole in front of an order")
                var way = home(slot.id)
                while way != bucket {
                    precondition(isFull(way), "an order away from home though there was room")
                    way = next(way)
                }
            }
        }
    }
}
