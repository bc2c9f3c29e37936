// CRC-32 as zlib's `crc32`, for whoever may not have zlib.
import Basics
import CZlib

public enum Checksum {
    /// - Parameter before: of the bytes in front of these.
    public static func crc32(_ bytes: UnsafeRawBufferPointer, after before: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return before }
        let sum = crc32_z(uLong(before), base.assumingMemoryBound(to: UInt8.self), bytes.count)
        return UInt32(truncatingIfNeeded: sum)
    }
}
