// What a symbol is called and how its prices step, as a record on the tape and in a directory.
import Basics

/// A symbol's name: 1 to 24 printable ASCII bytes without spaces, quotes or commas, held inline.
public struct SymbolName: Hashable, Comparable, Sendable, CustomStringConvertible {
    // Big-endian words, zero padded, so that equal names are equal words.
    let words: [3 of UInt64]

    /// Nil for a name that is empty, too long, or has a byte no market uses in a symbol.
    public init?(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty, bytes.count <= SymbolName.bytesMax else { return nil }
        var words: [3 of UInt64] = [0, 0, 0]
        for (index, byte) in bytes.enumerated() {
            guard SymbolName.allows(byte) else { return nil }
            words[index / 8] |= UInt64(byte) << UInt64(56 - index % 8 * 8)
        }
        self.words = words
    }
    /// As the other, of text.
    public init?(_ text: String) { self.init(text.utf8) }
    /// As the others, from bytes in place.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount > 0, bytes.byteCount <= SymbolName.bytesMax else { return nil }
        var words: [3 of UInt64] = [0, 0, 0]
        for index in 0..<bytes.byteCount {
            let byte = bytes.u8(at: index)
            guard SymbolName.allows(byte) else { return nil }
            words[index / 8] |= UInt64(byte) << UInt64(56 - index % 8 * 8)
        }
        self.words = words
    }

    init(words: [3 of UInt64]) { self.words = words }

    /// The longest.
    public static let bytesMax = 24

    /// A name goes into JSON, URLs, subjects and terminals: nothing here needs escaping in them.
    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: ","), UInt8(ascii: "*"): false
        default: byte > 0x20 && byte < 0x7f
        }
    }

    /// ASCII.
    public var bytes: [UInt8] {
        (0..<SymbolName.bytesMax)
            .map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(56 - $0 % 8 * 8)) }
            .filter { $0 != 0 }
    }
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    public static func == (a: Self, b: Self) -> Bool {
        a.words[0] == b.words[0] && a.words[1] == b.words[1] && a.words[2] == b.words[2]
    }
    /// By their bytes.
    public static func < (a: Self, b: Self) -> Bool {
        for i in 0..<3 where a.words[i] != b.words[i] { return a.words[i] < b.words[i] }
        return false
    }
    public func hash(into hasher: inout Hasher) {
        for i in 0..<3 { hasher.combine(words[i]) }
    }
}

/// What stays the same about a symbol for a day.
public struct SymbolDefinition: Hashable, Sendable {
    /// No two of a feed are the same.
    public let name: SymbolName
    /// The smallest step of a price, in units of 1e-9; 0 where the source doesn't say.
    public let priceIncrementE9: UInt32
    /// Shares in a round lot; 0 where the source doesn't say.
    public let lot: UInt32

    /// Increment in units of 1e-9; 0 where the source doesn't say.
    public init(name: SymbolName, priceIncrementE9: UInt32 = 0, lot: UInt32 = 0) {
        self.name = name
        self.priceIncrementE9 = priceIncrementE9
        self.lot = lot
    }

    /// The smallest step of a price; zero where the source doesn't say.
    public var priceIncrement: Price { Price(e9: Int64(priceIncrementE9)) }
}

extension Tick {
    /// The definition as a tick: the name in `price`, `size`, `source`; increment and lot in `aux`.
    public static func symbol(
        _ id: SymbolID, _ definition: SymbolDefinition, flags: Flags, at time: Timestamp,
        received: Timestamp
    ) -> Tick {
        let name = definition.name.words
        return Tick(
            .symbol, id, flags: flags, eventTime: time, receiveTime: received,
            price: Price(e9: Int64(bitPattern: name[0])), size: Quantity(e8: Int64(bitPattern: name[1])),
            source: name[2],
            aux: UInt64(definition.priceIncrementE9) << 32 | UInt64(definition.lot))
    }

    /// What a `.symbol` tick says. Only for ticks of that kind.
    public var definition: SymbolDefinition {
        SymbolDefinition(
            name: SymbolName(words: [
                UInt64(bitPattern: price.e9), UInt64(bitPattern: size.e8), source,
            ]),
            priceIncrementE9: UInt32(truncatingIfNeeded: aux >> 32),
            lot: UInt32(truncatingIfNeeded: aux))
    }
}

/// Names to numbers and back, one for each thread that needs it: built from the tape's records.
public struct Directory: Sendable {
    /// By `SymbolID`.
    public private(set) var definitions: [SymbolDefinition] = []
    private var ids: [SymbolName: SymbolID] = [:]

    public init() {}
    /// Numbers are below it.
    public var count: Int { definitions.count }

    /// Only for a number below `count`.
    public subscript(id: SymbolID) -> SymbolDefinition { definitions[id.index] }
    /// Nil for a name that is not known.
    public func find(_ name: SymbolName) -> SymbolID? { ids[name] }

    /// The symbol's number: the one it has, or the next free one.
    public mutating func add(_ definition: SymbolDefinition) -> SymbolID {
        if let known = ids[definition.name] {
            definitions[known.index] = definition
            return known
        }
        let id = SymbolID(definitions.count)
        definitions.append(definition)
        ids[definition.name] = id
        return id
    }
}
