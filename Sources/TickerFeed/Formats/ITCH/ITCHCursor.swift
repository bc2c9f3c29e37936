// From bytes to ITCH 5.0 messages, in place.
//
// Invariants
//   - `offset` is always the start of a length prefix: a bad message costs itself and no other.
//   - No field is read before the whole message is known to be there and of its type's length.
//   - Neither copies nor allocates, does no I/O, and cannot outlive the bytes.
import Basics
import Market

/// A message that was passed over. `offset` counts from the start of the cursor's bytes.
public enum ITCHError: Error, Hashable, Sendable {
    case unknownType(UInt8, offset: Int)
    case wrongLength(type: UInt8, expected: Int, found: Int, offset: Int)
    case badSide(UInt8, offset: Int)

    var offset: Int {
        switch self {
        case .unknownType(_, let offset), .badSide(_, let offset): offset
        case .wrongLength(_, _, _, let offset): offset
        }
    }

    var anomaly: Anomaly {
        switch self {
        case .unknownType: .unknownType
        case .wrongLength: .badLength
        case .badSide: .badSide
        }
    }
}

/// Reads ITCH 5.0 messages, each behind a big-endian UInt16 length (BinaryFILE 1.00).
///
/// A message that the buffer cuts off is no error: `next()` returns nil, `offset` stays, the
/// caller keeps the rest and reads on.
public struct ITCHCursor: ~Copyable, ~Escapable {
    private let bytes: RawSpan
    /// Bytes consumed.
    public private(set) var offset = 0
    /// True behind a length of 0: the source says that nothing follows.
    public private(set) var isAtEndMarker = false

    /// Stands before the first message's length prefix.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    /// The next message; nil at the end marker, or when less than a whole message is left.
    ///
    /// - Throws: `ITCHError` for a message that is none. It is passed over: call again.
    @_lifetime(self: copy self)
    @inline(__always)
    public mutating func next() throws(ITCHError) -> ITCHMessage? {
        guard let length = frameLength else { return nil }
        let start = offset + 2
        offset = start + length
        return try decode(at: start, length: length)
    }

    /// Looks at the messages that `next()` will return.
    var scout: ITCHScout {
        @_lifetime(copy self)
        get { ITCHScout(bytes, from: offset) }
    }

    /// The time of the message that `next()` would return: nil where that is nil, 0 where the
    /// message is too short to have one.
    @inline(__always)
    var nextTimestamp: Nanoseconds? {
        mutating get {
            guard let length = frameLength else { return nil }
            return length >= 11 ? timestamp(at: offset + 2) : .zero
        }
    }

    /// The length of the next message, where all of it is there.
    @inline(__always)
    private var frameLength: Int? {
        mutating get {
            guard !isAtEndMarker, bytes.byteCount - offset >= 2 else { return nil }
            let length = Int(bytes.u16(at: offset))
            if length == 0 {
                isAtEndMarker = true
                offset += 2
                return nil
            }
            return bytes.byteCount - offset - 2 >= length ? length : nil
        }
    }

    @inline(__always)
    private func timestamp(at start: Int) -> Nanoseconds {
        Nanoseconds(raw: Int64(bytes.u48(at: start + 5)))
    }

    @inline(__always)
    private func decode(at start: Int, length: Int) throws(ITCHError) -> ITCHMessage {
        let type = bytes.u8(at: start)
        let body = try body(of: type, at: start, length)
        return ITCHMessage(
            type: type, locate: bytes.u16(at: start + 1), timestamp: timestamp(at: start), body: body)
    }

    /// Behind it the whole message is known to be there, so no field read leaves it.
    @inline(__always)
    private func expect(_ expected: Int, _ length: Int, at start: Int) throws(ITCHError) {
        guard length == expected else {
            throw .wrongLength(
                type: bytes.u8(at: start), expected: expected, found: length, offset: start)
        }
    }

    // The offsets are those of ITCH 5.0, chapter 4; 0 is the type, 11 follows the head. One switch for
    // lengths and fields: what comes next cannot be predicted, and should be asked once.
    @inline(__always)
    private func body(of type: UInt8, at start: Int, _ length: Int) throws(ITCHError) -> ITCHMessage.Body {
        switch type {
        case UInt8(ascii: "A"):
            try expect(36, length, at: start)
            return try addOrder(at: start)
        case UInt8(ascii: "F"):
            try expect(40, length, at: start)
            return try addOrder(at: start)
        case UInt8(ascii: "D"):
            try expect(19, length, at: start)
            return .orderDelete(order: bytes.u64(at: start + 11))
        case UInt8(ascii: "U"):
            try expect(35, length, at: start)
            return .orderReplace(
                order: bytes.u64(at: start + 11), newOrder: bytes.u64(at: start + 19),
                shares: bytes.u32(at: start + 27), price: price(at: start + 31))
        case UInt8(ascii: "E"):
            try expect(31, length, at: start)
            return .orderExecuted(
                order: bytes.u64(at: start + 11), shares: bytes.u32(at: start + 19),
                match: bytes.u64(at: start + 23))
        case UInt8(ascii: "X"):
            try expect(23, length, at: start)
            return .orderCancel(order: bytes.u64(at: start + 11), shares: bytes.u32(at: start + 19))
        case UInt8(ascii: "C"):
            try expect(36, length, at: start)
            return .orderExecutedWithPrice(
                order: bytes.u64(at: start + 11), shares: bytes.u32(at: start + 19),
                match: bytes.u64(at: start + 23),
                printable: bytes.u8(at: start + 31) == UInt8(ascii: "Y"), price: price(at: start + 32))
        case UInt8(ascii: "P"):
            try expect(44, length, at: start)
            return .trade(
                shares: bytes.u32(at: start + 20), stock: stock(at: start + 24),
                price: price(at: start + 32), match: bytes.u64(at: start + 36))
        default: return try rareBody(of: type, at: start, length)
        }
    }

    @inline(__always)
    private func addOrder(at start: Int) throws(ITCHError) -> ITCHMessage.Body {
        .addOrder(
            order: bytes.u64(at: start + 11), side: try side(at: start + 19),
            shares: bytes.u32(at: start + 20), stock: stock(at: start + 24), price: price(at: start + 32))
    }

    @inline(never)
    private func rareBody(
        of type: UInt8, at start: Int, _ length: Int
    ) throws(ITCHError) -> ITCHMessage.Body {
        guard let expected = ITCHMessage.length(ofType: type) else {
            throw .unknownType(type, offset: start)
        }
        try expect(expected, length, at: start)
        return switch type {
        case UInt8(ascii: "S"): .systemEvent(code: bytes.u8(at: start + 11))
        case UInt8(ascii: "R"):
            .stockDirectory(stock: stock(at: start + 11), roundLotSize: bytes.u32(at: start + 21))
        case UInt8(ascii: "H"):
            .tradingAction(
                stock: stock(at: start + 11), state: bytes.u8(at: start + 19),
                reason: bytes.u32(at: start + 21))
        case UInt8(ascii: "h"):
            .operationalHalt(
                stock: stock(at: start + 11), isHalted: bytes.u8(at: start + 20) == UInt8(ascii: "H"))
        case UInt8(ascii: "Q"):
            .crossTrade(
                shares: bytes.u64(at: start + 11), stock: stock(at: start + 19),
                price: price(at: start + 27), match: bytes.u64(at: start + 31))
        case UInt8(ascii: "B"): .brokenTrade(match: bytes.u64(at: start + 11))
        default: .other
        }
    }

    @inline(__always)
    private func side(at offset: Int) throws(ITCHError) -> Side {
        switch bytes.u8(at: offset) {
        case UInt8(ascii: "B"): .bid
        case UInt8(ascii: "S"): .ask
        case let byte: throw .badSide(byte, offset: offset)
        }
    }
    @inline(__always)
    private func price(at offset: Int) -> Price { Price(e4: bytes.u32(at: offset)) }
    @inline(__always)
    private func stock(at offset: Int) -> ITCHStock { ITCHStock(raw: bytes.u64(at: offset)) }
}
