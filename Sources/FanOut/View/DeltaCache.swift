// Where bodies lie that depend on where a subscriber stood before: from one version to another.
//
// Direct-mapped: two that fall on one place push each other out, and are encoded again.
import Market

struct DeltaCache: ~Copyable {
    struct Key: Equatable {
        let symbol: SymbolID
        /// Whatever else changes the bytes: channel, depth, checksum, encoding.
        let variant: UInt32
        let from: UInt64
        let to: UInt64

        fileprivate var hash: Int {
            var mixed = UInt64(symbol.raw) << 32 | UInt64(variant)
            mixed = (mixed ^ from &* 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 29) ^ to) &* 0x94d0_49bb_1331_11eb
            return Int(truncatingIfNeeded: mixed >> 40)
        }
    }

    private let entries: UnsafeMutablePointer<(key: Key, body: SharedBody)>
    private let mask: Int

    /// - Parameter capacity: bodies, a power of two.
    init(capacity: Int) {
        precondition(capacity & (capacity - 1) == 0)
        mask = capacity - 1
        entries = .allocate(capacity: capacity)
        let nothing = Key(symbol: SymbolID(UInt32.max), variant: 0, from: 0, to: 0)
        entries.initialize(repeating: (nothing, SharedBody()), count: capacity)
    }
    deinit { entries.deallocate() }

    @inline(__always)
    func body(_ key: Key) -> SharedBody? {
        let entry = entries + (key.hash & mask)
        return entry.pointee.key == key ? entry.pointee.body : nil
    }

    @inline(__always)
    func store(_ body: SharedBody, _ key: Key) { (entries + (key.hash & mask)).pointee = (key, body) }
}
