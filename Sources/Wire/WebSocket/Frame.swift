// The frame header, written; and masking, which is the same in both directions.
//
//      0               1               2 …
//     +-+-+-+-+-------+-+-------------+----------------- - - ------+-----------+
//     |F|R|R|R|opcode |M| length      | 16 or 64 bits of length,   | mask key, |
//     |I|S|S|S|  (4)  |A|    (7)      | when those 7 are 126, 127  | when M    |
//     |N|V|V|V|       |S|             |                            |           |
//     +-+-+-+-+-------+-+-------------+----------------- - - ------+-----------+   RFC 6455 §5.2
import Basics

public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xa

    @inlinable public var isControl: Bool { rawValue & 0x8 != 0 }
}

public enum WebSocketFrame {
    /// The longest header: 2 bytes, 8 of length, 4 of mask.
    public static let headerBytesMax = 14
    /// The longest payload of a control frame (§5.5).
    public static let controlBytesMax = 125

    /// Bytes of the header before a payload of this size; the length is always in its shortest form.
    @inlinable public static func headerLength(payload: Int, masked: Bool) -> Int {
        let length = payload < 126 ? 2 : payload <= 0xffff ? 4 : 10
        return masked ? length + 4 : length
    }

    /// Writes `headerLength(payload:masked:)` bytes, at most `headerBytesMax`.
    ///
    /// - Parameters:
    ///   - isCompressed: RSV1 (RFC 7692 §6), only where it was agreed on and on a message's first frame.
    ///   - mask: the key, its first byte on the wire being the most significant. The payload is the
    ///     caller's to mask.
    @inlinable public static func writeHeader(
        into pen: inout Pen, opcode: WebSocketOpcode, payload: Int, fin: Bool = true,
        isCompressed: Bool = false, mask: UInt32? = nil
    ) {
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        pen.byte(opcode.rawValue | (fin ? 0x80 : 0) | (isCompressed ? 0x40 : 0))
        if payload < 126 {
            pen.byte(UInt8(truncatingIfNeeded: payload) | maskBit)
        } else if payload <= 0xffff {
            pen.byte(126 | maskBit)
            bigEndian(UInt64(truncatingIfNeeded: payload), bytes: 2, into: &pen)
        } else {
            pen.byte(127 | maskBit)
            bigEndian(UInt64(truncatingIfNeeded: payload), bytes: 8, into: &pen)
        }
        if let mask { bigEndian(UInt64(mask), bytes: 4, into: &pen) }
    }

    @inlinable static func bigEndian(_ value: UInt64, bytes: Int, into pen: inout Pen) {
        for index in 0..<bytes {
            pen.byte(UInt8(truncatingIfNeeded: value >> UInt64((bytes - 1 - index) * 8)))
        }
    }

    /// Appends a whole frame, masked if there is a key. For what is written once, not for data that
    /// many share.
    public static func write(
        into buffer: inout ByteBuffer, opcode: WebSocketOpcode, payload: UnsafeRawBufferPointer,
        isCompressed: Bool = false, mask: UInt32? = nil
    ) {
        buffer.write(atMost: headerBytesMax + payload.count) { pen in
            writeHeader(
                into: &pen, opcode: opcode, payload: payload.count, isCompressed: isCompressed, mask: mask)
            let body = UnsafeMutableRawBufferPointer(start: pen.at, count: payload.count)
            pen.bytes(payload)
            if let mask { apply(mask: mask, to: body, from: 0) }
        }
    }

    /// Appends a close frame. A reason is cut, between characters, to what fits (123 bytes).
    public static func writeClose(
        into buffer: inout ByteBuffer, code: UInt16?, reason: String = "", mask: UInt32? = nil
    ) {
        var payload: [UInt8] = []
        if let code {
            payload = [UInt8(code >> 8), UInt8(code & 0xff)]
            for character in reason {
                guard payload.count + character.utf8.count <= controlBytesMax else { break }
                payload.append(contentsOf: character.utf8)
            }
        }
        payload.withUnsafeBytes { write(into: &buffer, opcode: .close, payload: $0, mask: mask) }
    }

    /// Masks or unmasks in place (§5.3), eight bytes a step.
    ///
    /// - Parameter offset: how many bytes of the payload came before these.
    public static func apply(mask: UInt32, to bytes: UnsafeMutableRawBufferPointer, from offset: Int) {
        let shift = UInt32(offset & 3) * 8
        let key = shift == 0 ? mask : mask << shift | mask >> (32 - shift)
        let word = UInt64(key.bigEndian) << 32 | UInt64(key.bigEndian)
        var index = 0
        while index + 8 <= bytes.count {
            let masked = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            bytes.storeBytes(of: masked ^ word, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count {
            bytes[index] ^= UInt8(truncatingIfNeeded: key >> UInt32(24 - (index & 3) * 8))
            index += 1
        }
    }
}
