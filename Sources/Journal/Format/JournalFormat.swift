// The journal's bytes: sizes, names and limits. docs/REPLAY.md is the whole specification.
//
//     000001.tfj   [header] [snapshot] [ticks] [ticks] [snapshot] [ticks] … [end]
//     000001.tfi   [header] [entry] [entry] …                      where the snapshots are
//
// Invariants
//   - Little-endian, and everything begins at a multiple of 64 bytes, so that ticks are used in place.
//   - Every byte is covered by a checksum. A length is checked against a limit before it is believed.
import Basics
import CZlib
import Market

public enum JournalFormat {
    public static let version: UInt16 = 1
    /// Bytes of a tick, of a record's head, of what is least in a header; everything is a multiple.
    public static let unit = 64

    /// Ticks that a record holds.
    public static let ticksMax = 65_536
    public static let payloadMax = ticksMax * unit
    public static let recordMax = unit + payloadMax

    /// Bytes of the words on what was recorded.
    public static let sourceMax = 1_024
    public static let headerMax = unit + sourceMax

    public static let segmentsMax: UInt32 = 999_999
    /// Files of a folder that are looked at.
    public static let filesMax = 2_100_000

    public static let segmentSuffix = ".tfj"
    public static let indexSuffix = ".tfi"

    /// `000001.tfj`
    public static func segmentName(_ number: UInt32) -> String { padded(number) + segmentSuffix }
    public static func indexName(_ number: UInt32) -> String { padded(number) + indexSuffix }

    /// The number in a segment's name; nil for any other name.
    public static func segmentNumber(_ name: String) -> UInt32? {
        guard name.hasSuffix(segmentSuffix) else { return nil }
        let digits = name.utf8.dropLast(segmentSuffix.utf8.count)
        guard digits.count == 6, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt32(String(decoding: Array(digits), as: UTF8.self)), number > 0
        else { return nil }
        return number
    }

    private static func padded(_ number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// CRC-32 as zlib has it (RFC 1952 §8).
    public static func checksum(_ bytes: UnsafeRawBufferPointer, after before: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return before }
        let crc = crc32_z(UInt(before), base.assumingMemoryBound(to: UInt8.self), bytes.count)
        return UInt32(truncatingIfNeeded: crc)
    }
}

/// Why bytes are not what they should be, as a few words for a message: `checksum of the ticks`.
public struct JournalFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// Whoever follows a recording to its end does not wait for these, so they may not see them.
    public static let bytesBehindEnd = JournalFlaw("bytes behind the end")
}

extension UnsafeRawBufferPointer {
    /// A little-endian number; the bounds are the caller's to check, and checked once more by the load.
    @inline(__always)
    func load<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, at offset: Int) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }
    func zero() { for index in indices { self[index] = 0 } }
}
