// The price levels of all books in one run of memory: orders name theirs in four bytes.
//
// Invariants
//   - A level keeps its index until it is given back.
//   - A free one names the next free one in its count of shares.
import Basics

/// Where a level is in the pool. Stays the same as long as the level has orders.
struct LevelIndex: Hashable {
    let raw: UInt32
    @inline(__always) init(_ raw: UInt32) { self.raw = raw }
    @inline(__always) var index: Int { Int(raw) }
}

struct LevelPool: ~Copyable {
    private var levels: UnsafeMutablePointer<BookLevel>
    private var capacity = 256
    private var used = 0
    private var free = LevelPool.none
    private static let none = UInt64.max

    init() { levels = TableMemory.allocate(BookLevel.self, count: capacity) }
    deinit { levels.deallocate() }

    /// All of them, until a level is taken.
    var places: UnsafePointer<BookLevel> { UnsafePointer(levels) }

    var memoryBytes: Int { capacity * MemoryLayout<BookLevel>.stride }

    @inline(__always)
    subscript(index: LevelIndex) -> BookLevel {
        get { levels[index.index] }
        nonmutating set { levels[index.index] = newValue }
    }

    /// To be fetched, not read: any index will do.
    @inline(__always)
    func address(_ index: LevelIndex) -> UnsafeRawPointer { UnsafeRawPointer(levels + index.index) }

    @inline(__always)
    mutating func take(_ level: BookLevel) -> LevelIndex {
        let index: Int
        if free != LevelPool.none {
            index = Int(free)
            free = levels[index].shares
        } else {
            if used == capacity { grow() }
            index = used
            used &+= 1
        }
        (levels + index).initialize(to: level)
        return LevelIndex(UInt32(truncatingIfNeeded: index))
    }

    @inline(__always)
    mutating func give(back index: LevelIndex) {
        levels[index.index].shares = free
        free = UInt64(index.raw)
    }

    mutating func removeAll() {
        used = 0
        free = LevelPool.none
    }

    @inline(never)
    private mutating func grow() {
        let larger = TableMemory.allocate(BookLevel.self, count: capacity * 2)
        larger.moveInitialize(from: levels, count: used)
        levels.deallocate()
        levels = larger
        capacity *= 2
    }
}
