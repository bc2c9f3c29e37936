// What a reader compares its own book with: one number for all levels within its depth.
import Basics
import CZlib
import Market

public enum BookChecksum {
    /// CRC-32, as zlib's `crc32`, over the levels best first, bids and then asks, each as price and
    /// size: little-endian Int64, in units of 1e-9 and of 1e-8.
    public static func of(
        bids: UnsafeBufferPointer<Level>, asks: UnsafeBufferPointer<Level>
    ) -> UInt32 {
        var sum = crc32(0, nil, 0)
        for level in bids { add(level, to: &sum) }
        for level in asks { add(level, to: &sum) }
        return UInt32(truncatingIfNeeded: sum)
    }

    private static func add(_ level: Level, to sum: inout uLong) {
        let words: [2 of Int64] = [level.price.e9.littleEndian, level.size.e8.littleEndian]
        words.span.withUnsafeBytes { bytes in
            sum = crc32(sum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), uInt(bytes.count))
        }
    }
}
