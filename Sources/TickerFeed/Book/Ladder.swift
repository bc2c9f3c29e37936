// One side's prices in order: what tells which level is the best, and finds a level by its price.
//
// Invariants
//   - Keys rise strictly, the best last: the busy end moves the fewest bytes.
//   - Keys lie together, eight to a cache line, and levels behind them: to find a price is to read keys.
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

/// Trivially copyable; its rungs are in its owner's `LadderMemory`. 32 bytes, so that both sides
/// of a book share a cache line.
struct Ladder {
    /// `room` keys, and behind them as many levels.
    private var rungs: UnsafeMutablePointer<Int64>?
    /// The last rung once more: most questions are about the best, and end here.
    private(set) var bestKey = Int64.min
    /// Only where there is one.
    private(set) var bestLevel = LevelIndex(0)
    private var used: UInt32 = 0
    private var room: UInt32 = 0

    @inline(__always) var count: Int { Int(used) }
    private var capacity: Int { Int(room) }
    private static let rungBytes = 12

    @inline(__always)
    private var keys: UnsafeMutablePointer<Int64> { rungs.unsafelyUnwrapped }
    @inline(__always)
    private var levels: UnsafeMutablePointer<LevelIndex> {
        UnsafeMutableRawPointer(keys + capacity).assumingMemoryBound(to: LevelIndex.self)
    }

    /// Where `position(of:)` will look first. To be fetched, not read: without rungs it is anywhere.
    @inline(__always)
    var busyEnd: (keys: UnsafeRawPointer, levels: UnsafeRawPointer) {
        let start = Int(bitPattern: rungs)
        let key = start &+ (count &- 1) &* 8, level = start &+ capacity &* 8 &+ (count &- 1) &* 4
        return (Ladder.anywhere(key), Ladder.anywhere(level))
    }

    @inline(__always)
    private static func anywhere(_ address: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(bitPattern: address | 1).unsafelyUnwrapped
    }

    /// The level of a key that is near the best; else of another one. Only where there is one.
    @inline(__always)
    func likelyLevel(of key: Int64) -> LevelIndex {
        // Behind the last key there is room, at least eight in all: what it says doesn't matter.
        let position = nearPosition(of: key, from: max(0, count &- Ladder.near))
        return levels[min(position, count &- 1)]
    }

    /// The level `depth` places behind the best. Only below `count`.
    @inline(__always)
    func level(_ depth: Int) -> LevelIndex { levels[count &- 1 &- depth] }

    @inline(__always)
    func level(at position: Int) -> LevelIndex { levels[position] }

    /// Where `key` is, or belongs: most changes are near the best.
    @inline(__always)
    func position(of key: Int64) -> (index: Int, found: Bool) {
        var at = count &- Ladder.near
        if at > 0 {
            guard keys[at &- 1] < key else { return search(key, below: at) }
            at = nearPosition(of: key, from: at)
        } else {
            at = 0
            for i in 0..<count { at &+= keys[i] < key ? 1 : 0 }
        }
        return (at, at < count && keys[at] == key)
    }

    /// Which of eight rungs it is cannot be predicted: they are compared and counted, and none is branched
    /// on. Written out, because a loop is compiled to branches.
    @inline(__always)
    private func nearPosition(of key: Int64, from start: Int) -> Int {
        let keys = keys + start
        @inline(__always) func less(_ i: Int) -> Int { Int(unsafeBitCast(keys[i] < key, to: UInt8.self)) }
        return start &+ less(0) &+ less(1) &+ less(2) &+ less(3) &+ less(4) &+ less(5) &+ less(6) &+ less(7)
    }

    private static let near = 8

    private func search(_ key: Int64, below end: Int) -> (index: Int, found: Bool) {
        var low = 0, length = end
        while length > 1 {
            let half = length / 2
            low &+= keys[low &+ half &- 1] < key ? half : 0
            length &-= half
        }
        low &+= keys[low] < key ? 1 : 0
        return (low, low < end && keys[low] == key)
    }

    @inline(__always)
    mutating func insert(_ key: Int64, _ level: LevelIndex, at index: Int, in memory: inout LadderMemory) {
        if used == room { grow(&memory) }
        let place = keys + index, behind = count &- index
        (place + 1).update(from: place, count: behind)
        (levels + index + 1).update(from: levels + index, count: behind)
        place.pointee = key
        levels[index] = level
        used &+= 1
        noteBest()
    }

    @inline(__always)
    mutating func remove(at index: Int) {
        let place = keys + index, behind = count &- index &- 1
        place.update(from: place + 1, count: behind)
        (levels + index).update(from: levels + index + 1, count: behind)
        used &-= 1
        if used == 0 { removeAll() } else { noteBest() }
    }

    @inline(__always)
    private mutating func noteBest() {
        bestKey = keys[count &- 1]
        bestLevel = levels[count &- 1]
    }

    mutating func removeAll() {
        used = 0
        bestKey = .min
    }

    /// The least room, and rungs in the least run of memory.
    private static let roomMin: UInt32 = 8

    private var runSize: Int { room.trailingZeroBitCount &- Ladder.roomMin.trailingZeroBitCount }

    @inline(never)
    private mutating func grow(_ memory: inout LadderMemory) {
        assert(LadderMemory.unit == Int(Ladder.roomMin) * Ladder.rungBytes)
        let old = self
        room = max(Ladder.roomMin, room * 2)
        rungs = memory.take(size: runSize).bindMemory(
            to: Int64.self, capacity: capacity * Ladder.rungBytes / 8)
        keys.initialize(repeating: .max, count: capacity)
        UnsafeMutableRawPointer(levels).bindMemory(to: LevelIndex.self, capacity: capacity)
        guard let oldKeys = old.rungs else { return }
        keys.update(from: oldKeys, count: count)
        levels.update(from: old.levels, count: count)
        memory.give(back: UnsafeMutableRawPointer(oldKeys), size: old.runSize)
    }

    /// For tests: traps where the order above doesn't hold.
    func checkInvariants() {
        for i in 0..<max(0, count - 1) {
            precondition(keys[i] < keys[i + 1], "levels out of order")
        }
        precondition(bestKey == (count == 0 ? .min : keys[count - 1]), "not the best")
        precondition(count == 0 || bestLevel == levels[count - 1], "not the best's level")
    }
}
