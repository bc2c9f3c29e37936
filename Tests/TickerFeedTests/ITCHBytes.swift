// ITCH messages written field by field, as the specification's tables have them.
import Basics

enum ITCHField {
    /// Letters and codes, as they stand in the message.
    case text(String)
    /// Eight bytes, padded on the right.
    case stock(String)
    case u16(UInt16)
    case u32(UInt32)
    case u64(UInt64)

    var bytes: [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .stock(let name): Array(name.utf8) + Array(repeating: 0x20, count: 8 - name.utf8.count)
        case .u16(let value): ITCHField.bigEndian(UInt64(value), 2)
        case .u32(let value): ITCHField.bigEndian(UInt64(value), 4)
        case .u64(let value): ITCHField.bigEndian(value, 8)
        }
    }

    static func bigEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}

/// A message with its head, without a length.
func itch(
    _ type: Character, locate: UInt16 = 1, tracking: UInt16 = 2, at time: UInt64 = 3, _ fields: ITCHField...
) -> [UInt8] {
    [type.asciiValue ?? 0] + ITCHField.bigEndian(UInt64(locate), 2)
        + ITCHField.bigEndian(UInt64(tracking), 2) + ITCHField.bigEndian(time, 6)
        + fields.flatMap(\.bytes)
}

extension [UInt8] {
    /// With its length in front, as in files and in MoldUDP64.
    var framed: [UInt8] { ITCHField.bigEndian(UInt64(count), 2) + self }
}
