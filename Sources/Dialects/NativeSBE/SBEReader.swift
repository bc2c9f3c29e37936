// Binary messages read back, for whoever watches: tickwatch, bench, tests.
//
// Invariants
//   - Nothing is read outside of the bytes given, whatever they hold.
//   - A message is read whole or not at all: after an error `offset` stands at its first byte.
//   - What a later version of the schema adds is skipped by its length.
import Basics
import Market

/// Bytes that are not messages of the schema. Offsets count from the frame's first byte.
public enum SBEError: Error, Hashable {
    /// The frame ends inside of a message: `needed` bytes should have been there.
    case cutOff(needed: Int, offset: Int)
    case foreignSchema(UInt16, offset: Int)
    /// A block or a group's entry is shorter than any version of the schema has it.
    case shortBlock(expected: Int, found: Int, offset: Int)
    /// No `Symbol` message has bound this number to a name.
    case unknownSymbol(UInt32, offset: Int)
    /// A field holds what its type does not allow, or our types cannot hold.
    case badValue(field: String, offset: Int)
    /// More symbols than a server has.
    case tooManySymbols(offset: Int)
}

/// Reads one connection's frames in order: it remembers which numbers mean which symbols.
public struct SBEReader: Sendable {
    public static let symbolsMax = 1 << 20

    private var names: [UInt32: String] = [:]

    public init() {}

    /// The message at `offset`, with the stamps that follow it; nil at the end of the frame.
    ///
    /// Afterwards `offset` is behind it. `Symbol` messages are remembered and not returned, and
    /// templates of a later version come as `unknown`.
    public mutating func next(
        in frame: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(SBEError) -> ServerMessage? {
        while offset < frame.count {
            let header = try SBEHeader(frame, at: offset)
            switch header.template {
            case .symbol:
                try bind(header)
                offset = header.end
            case .stamps: offset = header.end  // behind nothing they could belong to
            case nil:
                offset = header.end
                return .unknown(type: "template \(header.templateID)")
            case .quote, .trade, .tradeBreak, .book, .bar, .stats, .status:
                var end = header.end
                var message = try data(header, &end)
                end = stamp(&message, in: frame, at: end)
                offset = end
                return message
            }
        }
        return nil
    }

    private mutating func bind(_ header: SBEHeader) throws(SBEError) {
        var block = header.block
        let id = block.take(UInt32.self)
        block.skip(12)  // lot and price increment
        let place = block.offset
        let bytes = block.take(bytes: SymbolName.bytesMax).prefix { $0 != 0 }
        guard let name = SymbolName(bytes) else { throw .badValue(field: "name", offset: place) }
        guard names.count < SBEReader.symbolsMax || names[id] != nil else {
            throw .tooManySymbols(offset: header.start)
        }
        names[id] = name.description
    }

    /// `end` comes as the block's end and leaves as the message's: groups follow the block.
    private func data(_ header: SBEHeader, _ end: inout Int) throws(SBEError) -> ServerMessage {
        var block = header.block
        let (version, flags) = try begin(&block)
        switch header.template {
        case .quote: return .quote(QuoteMessage(version, flags, &block))
        case .trade: return .trade(try TradeMessage(version, &block))
        case .tradeBreak: return .broken(BreakMessage(version, &block))
        case .book: return .book(try BookMessage(version, flags, &block, in: header.frame, &end))
        case .bar: return .bar(try BarMessage(version, flags, &block))
        case .stats: return .stats(StatsMessage(version, &block))
        default: return .status(try StatusMessage(version, &block))
        }
    }

    private func begin(_ block: inout SBEBlock) throws(SBEError) -> (Version, SBE.Flags) {
        let previous = block.take(UInt64.self)
        let place = block.offset
        let id = block.take(UInt32.self)
        let flags = SBE.Flags(rawValue: block.take(UInt32.self))
        guard let name = names[id] else { throw .unknownSymbol(id, offset: place) }
        let version = Version(
            symbol: name, sequence: block.take(UInt64.self), previous: previous,
            isSnapshot: flags.contains(.snapshot), time: Timestamp(raw: block.take(Int64.self)))
        return (version, flags)
    }

    /// - Returns: where the frame goes on.
    private func stamp(
        _ message: inout ServerMessage, in frame: UnsafeRawBufferPointer, at end: Int
    ) -> Int {
        // Another message that is wrong is the next call's business.
        guard let header = try? SBEHeader(frame, at: end), header.template == .stamps else { return end }
        var block = header.block
        message.stamp(
            received: Timestamp(raw: block.take(Int64.self)), sent: Timestamp(raw: block.take(Int64.self)))
        return header.end
    }
}

/// A message's header, checked: its block is there and long enough for its template.
private struct SBEHeader {
    let frame: UnsafeRawBufferPointer
    let start: Int
    let templateID: UInt16
    /// Where the block ends.
    let end: Int

    var template: SBETemplate? { SBETemplate(rawValue: templateID) }
    var block: SBEBlock { SBEBlock(bytes: frame, offset: start + SBE.headerCount) }

    init(_ frame: UnsafeRawBufferPointer, at start: Int) throws(SBEError) {
        guard frame.count - start >= SBE.headerCount else {
            throw .cutOff(needed: SBE.headerCount, offset: start)
        }
        var block = SBEBlock(bytes: frame, offset: start)
        let length = Int(block.take(UInt16.self))
        templateID = block.take(UInt16.self)
        let schema = block.take(UInt16.self)
        guard schema == SBE.schemaID else { throw .foreignSchema(schema, offset: start) }
        self.frame = frame
        self.start = start
        end = start + SBE.headerCount + length
        guard end <= frame.count else { throw .cutOff(needed: end - start, offset: start) }
        let expected = template?.blockLength ?? 0
        guard length >= expected else {
            throw .shortBlock(expected: expected, found: length, offset: start)
        }
    }
}

/// Fields one behind the other. Whoever makes one has checked that all of them are there.
private struct SBEBlock {
    let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int

    mutating func take<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value {
        defer { offset += MemoryLayout<Value>.size }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    mutating func take(bytes count: Int) -> Slice<UnsafeRawBufferPointer> {
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    mutating func skip(_ count: Int) { offset += count }

    mutating func price() -> Price { Price(e9: take(Int64.self)) }
    mutating func optional() -> Int64? {
        let value = take(Int64.self)
        return value == SBE.null ? nil : value
    }
}

extension QuoteMessage {
    fileprivate init(_ version: Version, _ flags: SBE.Flags, _ block: inout SBEBlock) {
        self.init(
            version: version, bid: block.optional().map(Price.init(e9:)),
            bidSize: block.optional().map(Quantity.init(e8:)),
            ask: block.optional().map(Price.init(e9:)),
            askSize: block.optional().map(Quantity.init(e8:)), isCrossed: flags.contains(.crossed))
    }
}

extension TradeMessage {
    fileprivate init(_ version: Version, _ block: inout SBEBlock) throws(SBEError) {
        let price = block.price()
        let sizeAt = block.offset
        // Only a sum beyond 64 bits is null, and there is no `Quantity` for it.
        guard let size = block.optional() else { throw .badValue(field: "size", offset: sizeAt) }
        let id = block.take(UInt64.self)
        let count = block.take(UInt64.self)
        let high = block.price(), low = block.price()
        let sideAt = block.offset
        let side = block.take(UInt8.self)
        guard side == SBE.nullEnum || Side(rawValue: side) != nil else {
            throw .badValue(field: "side", offset: sideAt)
        }
        self.init(
            version: version, price: price, size: Quantity(e8: size), aggressor: Side(rawValue: side),
            tradeID: id == 0 ? nil : String(id),
            merged: count == 0 ? nil : Merged(count: count, high: high, low: low))
    }
}

extension BreakMessage {
    fileprivate init(_ version: Version, _ block: inout SBEBlock) {
        self.init(
            version: version, tradeID: String(block.take(UInt64.self)),
            price: block.optional().map(Price.init(e9:)), size: block.optional().map(Quantity.init(e8:)))
    }
}

extension BookMessage {
    fileprivate init(
        _ version: Version, _ flags: SBE.Flags, _ block: inout SBEBlock,
        in frame: UnsafeRawBufferPointer, _ end: inout Int
    ) throws(SBEError) {
        let crc = block.take(UInt32.self)
        let bids = try BookMessage.levels(in: frame, from: &end)
        let asks = try BookMessage.levels(in: frame, from: &end)
        self.init(
            version: version, bids: bids, asks: asks, crc: flags.contains(.crc) ? crc : nil,
            isCrossed: flags.contains(.crossed))
    }

    private static func levels(
        in frame: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(SBEError) -> [Level] {
        let start = offset
        guard frame.count - start >= SBE.groupHeaderCount else {
            throw .cutOff(needed: SBE.groupHeaderCount, offset: start)
        }
        var group = SBEBlock(bytes: frame, offset: start)
        let length = Int(group.take(UInt16.self)), count = Int(group.take(UInt16.self))
        guard length >= SBE.levelCount || count == 0 else {
            throw .shortBlock(expected: SBE.levelCount, found: length, offset: start)
        }
        let size = SBE.groupHeaderCount + length * count
        guard frame.count - start >= size else { throw .cutOff(needed: size, offset: start) }
        offset = start + size
        return (0..<count).map { _ in
            let level = Level(price: group.price(), size: Quantity(e8: group.take(Int64.self)))
            group.skip(length - SBE.levelCount)
            return level
        }
    }
}

extension BarMessage {
    fileprivate init(
        _ version: Version, _ flags: SBE.Flags, _ block: inout SBEBlock
    ) throws(SBEError) {
        let start = Timestamp(raw: block.take(Int64.self))
        let open = block.price(), high = block.price(), low = block.price(), close = block.price()
        let volume = block.optional(), vwap = block.optional()
        let count = block.take(UInt64.self)
        let place = block.offset
        guard let interval = BarInterval(rawValue: block.take(UInt8.self)) else {
            throw .badValue(field: "interval", offset: place)
        }
        self.init(
            version: version, interval: interval, start: start, open: open, high: high, low: low,
            close: close, volumeE8: volume, vwap: vwap.map(Price.init(e9:)), count: count,
            isClosed: flags.contains(.closed))
    }
}

extension StatsMessage {
    fileprivate init(_ version: Version, _ block: inout SBEBlock) {
        self.init(
            version: version, open: block.price(), high: block.price(), low: block.price(),
            last: block.price(), change: block.price(), volumeE8: block.optional(),
            vwap: block.optional().map(Price.init(e9:)), count: block.take(UInt64.self))
    }
}

extension StatusMessage {
    fileprivate init(_ version: Version, _ block: inout SBEBlock) throws(SBEError) {
        let place = block.offset
        guard let market = MarketState(rawValue: block.take(UInt8.self)) else {
            throw .badValue(field: "market", offset: place)
        }
        guard let feed = FeedState(rawValue: block.take(UInt8.self)) else {
            throw .badValue(field: "feed", offset: place + 1)
        }
        let reason = block.take(bytes: 4).prefix { $0 != 0 }
        guard reason.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .badValue(field: "reason", offset: place + 2)
        }
        self.init(
            version: version, market: "\(market.name)", feed: "\(feed.name)",
            reason: String(decoding: reason, as: UTF8.self))
    }
}

extension ServerMessage {
    /// Data messages alone have stamps.
    fileprivate mutating func stamp(received: Timestamp, sent: Timestamp) {
        func stamp(_ version: inout Version) {
            version.received = received
            version.sent = sent
        }
        switch self {
        case .quote(var message):
            stamp(&message.version)
            self = .quote(message)
        case .trade(var message):
            stamp(&message.version)
            self = .trade(message)
        case .broken(var message):
            stamp(&message.version)
            self = .broken(message)
        case .book(var message):
            stamp(&message.version)
            self = .book(message)
        case .bar(var message):
            stamp(&message.version)
            self = .bar(message)
        case .stats(var message):
            stamp(&message.version)
            self = .stats(message)
        case .status(var message):
            stamp(&message.version)
            self = .status(message)
        default: break
        }
    }
}
