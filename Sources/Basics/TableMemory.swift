// Memory for tables that are looked into at random, where each look may miss the caches.
//
// Invariants
//   - An entry of a size that divides 64 never lies in two cache lines.
//   - A large table asks for huge pages: with small ones a look misses the address cache (TLB), too.
import CLinux
import Glibc

public enum TableMemory {
    private static let cacheLineBytes = 64
    private static let hugePageBytes = 2 << 20

    /// Room for `count` entries, to be given back by `deallocate()`.
    public static func allocate<Entry: ~Copyable>(
        _ type: Entry.Type, count: Int
    ) -> UnsafeMutablePointer<Entry> {
        let bytes = count * MemoryLayout<Entry>.stride
        let isLarge = bytes >= hugePageBytes
        let room = UnsafeMutableRawPointer.allocate(
            byteCount: bytes, alignment: isLarge ? hugePageBytes : cacheLineBytes)
        // Only a wish: where the kernel refuses, small pages are slower and as right.
        if isLarge { madvise(room, bytes, MADV_HUGEPAGE) }
        return room.bindMemory(to: type, capacity: count)
    }

    /// Fetches what is at an address into the caches. A hint: any address will do.
    @inlinable @inline(__always)
    public static func prefetch(_ address: UnsafeRawPointer) { tf_prefetch(address) }
}
