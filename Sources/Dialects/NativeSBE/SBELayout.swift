// What writer and reader of the binary messages agree on: numbers out of `tickerfeed.sbe.xml`.
import Basics

/// The messages of the schema.
enum SBETemplate: UInt16 {
    case quote = 1
    case trade = 2
    case book = 3
    case bar = 4
    case stats = 5
    case status = 6
    case symbol = 7
    case stamps = 8
    case tradeBreak = 9

    /// Bytes behind the header, groups not counted.
    var blockLength: Int {
        switch self {
        case .quote: 64
        case .trade: 81
        case .book: 36
        case .bar: 97
        case .stats: 96
        case .status: 38
        case .symbol: 40
        case .stamps: 16
        case .tradeBreak: 56
        }
    }
}

enum SBE {
    static let schemaID: UInt16 = 7_400
    /// 1: `TradeBreak`.
    static let version: UInt16 = 1
    static let headerCount = 8
    /// Before a group's entries: their length and their number, two bytes each.
    static let groupHeaderCount = 4
    static let levelCount = 16
    /// `nullValue` of optional prices and sizes.
    static let null = Int64.min
    /// `nullValue` of the enums.
    static let nullEnum: UInt8 = 255

    /// Bits of `flags`.
    struct Flags: OptionSet {
        let rawValue: UInt32
        static let snapshot = Flags(rawValue: 1)
        static let crossed = Flags(rawValue: 2)
        static let closed = Flags(rawValue: 4)
        static let crc = Flags(rawValue: 8)
    }
}

extension NativeSBE {
    /// The text of `tickerfeed.sbe.xml`, as the server hands it out at `/v1/schema.xml`.
    public static let schema = EmbeddedFile.all.first { $0.name == "schema.xml" }?.bytes ?? []
}
