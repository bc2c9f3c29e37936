// A table of fixed capacity in plain memory: what a loop owns, addressed by small numbers.
//
// Memory is asked for at once and touched when used, so a large capacity costs address space only.
// No bounds of the caller's are trusted: every access checks the index.

/// `capacity` places for values that are made and destroyed one by one.
public struct Slab<Element: ~Copyable>: ~Copyable {
    public let capacity: Int
    @usableFromInline let base: UnsafeMutablePointer<Element>
    @usableFromInline let live: UnsafeMutablePointer<Bool>

    public init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
        live = .allocate(capacity: capacity)
        live.initialize(repeating: false, count: capacity)
    }

    deinit {
        for index in 0..<capacity where live[index] { (base + index).deinitialize(count: 1) }
        base.deallocate()
        live.deallocate()
    }

    @inlinable @inline(__always)
    public func contains(_ index: Int) -> Bool { index >= 0 && index < capacity && live[index] }

    public mutating func insert(_ element: consuming Element, at index: Int) {
        precondition(index < capacity && !live[index], "a place is made once")
        live[index] = true
        (base + index).initialize(to: element)
    }

    public mutating func remove(at index: Int) {
        precondition(contains(index), "a place is destroyed once")
        live[index] = false
        (base + index).deinitialize(count: 1)
    }

    /// The value's address: stable until it is removed.
    @inlinable @inline(__always)
    public func address(of index: Int) -> UnsafeMutablePointer<Element> {
        precondition(contains(index), "nothing lives here")
        return base + index
    }
}
