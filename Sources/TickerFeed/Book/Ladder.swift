// One side's prices in order: what tells which level is the best, and finds a level by its price.
//
// Invariants
//   - Keys rise strictly, the best last: the busy end moves the fewest bytes.
//   - A key is the price for bids and its complement for asks, so that "better" is "greater" on
//     both sides and every loop here is written once.
import Basics
import Market

/// A side of a book of a symbol, as one number: levels name theirs in four bytes.
struct SideIndex: Hashable {
    let raw: UInt32
    @inline(__always) init(_ symbol: SymbolID, _ side: Side) {
        raw = symbol.raw << 1 | (side == .ask ? 1 : 0)
    }
    @inline(__always) var index: Int { Int(raw) }
    @inline(__always) var symbol: SymbolID { SymbolID(raw >> 1) }
    @inline(__always) var side: Side { raw & 1 == 0 ? .bid : .ask }

    @inline(__always) func key(_ price: Price) -> Int64 { raw & 1 == 0 ? price.e9 : ~price.e9 }
}

/// Plain memory, trivially copyable: its owner frees it (`deallocate`). 32 bytes, so that both sides
/// of a book share a cache line.
struct Ladder {
    struct Rung {
        var key: Int64
        var level: LevelIndex
    }

    private var rungs: UnsafeMutablePointer<Rung>?
    /// The last rung once more: most questions are about the best, and end here.
    private var best = Ladder.none
    private var used: UInt32 = 0
    private var room: UInt32 = 0

    private static let none = Rung(key: .min, level: LevelIndex(0))

    @inline(__always) var count: Int { Int(used) }
    private var capacity: Int { Int(room) }
    /// Besides the ladder itself.
    var memoryBytes: Int { capacity * MemoryLayout<Rung>.stride }

    @inline(__always)
    private var base: UnsafeMutablePointer<Rung> { rungs.unsafelyUnwrapped }

    /// The key of the best level; where there is none, less than any.
    @inline(__always) var bestKey: Int64 { best.key }
    /// Only where there is one.
    @inline(__always) var bestLevel: LevelIndex { best.level }

    /// Fetches what `position(of:)` will look at first.
    @inline(__always)
    func prefetch() {
        guard let rungs else { return }
        TableMemory.prefetch(rungs + (count &- 1))
    }

    /// The level `depth` places behind the best. Only below `count`.
    @inline(__always)
    func level(_ depth: Int) -> LevelIndex { base[count &- 1 &- depth].level }

    @inline(__always)
    func level(at position: Int) -> LevelIndex { base[position].level }

    /// Where `key` is, or belongs: most changes are near the best. Which rung it is cannot be
    /// predicted, so rungs are compared and counted, and none is branched on.
    @inline(__always)
    func position(of key: Int64) -> (index: Int, found: Bool) {
        var at = count &- Ladder.near
        if at > 0 {
            guard base[at &- 1].key < key else { return search(key, below: at) }
            for i in 0..<Ladder.near { at &+= base[count &- Ladder.near &+ i].key < key ? 1 : 0 }
        } else {
            at = 0
            for i in 0..<count { at &+= base[i].key < key ? 1 : 0 }
        }
        return (at, at < count && base[at].key == key)
    }

    private static let near = 8

    private func search(_ key: Int64, below end: Int) -> (index: Int, found: Bool) {
        var low = 0, length = end
        while length > 1 {
            let half = length / 2
            low &+= base[low &+ half &- 1].key < key ? half : 0
            length &-= half
        }
        low &+= base[low].key < key ? 1 : 0
        return (low, low < end && base[low].key == key)
    }

    @inline(__always)
    mutating func insert(_ key: Int64, _ level: LevelIndex, at index: Int) {
        if used == room { grow() }
        let place = base + index
        (place + 1).update(from: place, count: count &- index)
        place.pointee = Rung(key: key, level: level)
        used &+= 1
        best = base[count &- 1]
    }

    @inline(__always)
    mutating func remove(at index: Int) {
        let place = base + index
        place.update(from: place + 1, count: count &- index &- 1)
        used &-= 1
        best = used == 0 ? Ladder.none : base[count &- 1]
    }

    mutating func removeAll() {
        used = 0
        best = Ladder.none
    }

    mutating func deallocate() {
        rungs?.deallocate()
        self = Ladder()
    }

    @inline(never)
    private mutating func grow() {
        room = max(8, room * 2)
        let larger = TableMemory.allocate(Rung.self, count: capacity)
        if let rungs {
            larger.update(from: rungs, count: count)
            rungs.deallocate()
        }
        rungs = larger
    }

    /// For tests: traps where the order above doesn't hold.
    func checkInvariants() {
        for i in 0..<max(0, count - 1) {
            precondition(base[i].key < base[i + 1].key, "levels out of order")
        }
        precondition(best.key == (count == 0 ? .min : base[count - 1].key), "not the best")
    }
}
