// The frame header, read: the rules of RFC 6455 §5.2 to §5.5, each at the byte that can break it.

struct WebSocketFrameHeader {
    var opcode = WebSocketOpcode.text
    var fin = true
    /// RSV1 of a data frame (RFC 7692 §6): its message is compressed.
    var isCompressed = false
    /// Bytes of payload, not more than the context has room for.
    var length = 0
    var mask: UInt32 = 0
    /// Bytes of this header.
    var size = 0

    /// What a header is judged by.
    struct Context {
        /// Frames come masked.
        let isServer: Bool
        /// A fragmented message is going on.
        let isInMessage: Bool
        /// `permessage-deflate` was agreed on.
        let allowsDeflate: Bool
        /// Bytes the message may still take.
        let room: Int
    }

    /// The header at the front of `bytes`, or nil when they end inside it and are right so far.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, _ context: Context
    ) throws(WebSocketFault) -> WebSocketFrameHeader? {
        guard bytes.count > 0 else { return nil }
        var header = WebSocketFrameHeader()
        try header.first(bytes[0], context)
        guard bytes.count > 1 else { return nil }
        let lengthBytes = try header.second(bytes[1], context)
        let maskAt = 2 + lengthBytes
        guard bytes.count >= maskAt else { return nil }
        if lengthBytes > 0 {
            try header.long(bigEndian(UnsafeRawBufferPointer(rebasing: bytes[2..<maskAt])), lengthBytes)
        }
        guard header.opcode.isControl || header.length <= context.room else {
            throw WebSocketFault(CloseCode.messageTooBig, "message too big")
        }
        header.size = context.isServer ? maskAt + 4 : maskAt
        guard bytes.count >= header.size else { return nil }
        header.mask = UInt32(bigEndian(UnsafeRawBufferPointer(rebasing: bytes[maskAt..<header.size])))
        return header
    }

    private mutating func first(_ byte: UInt8, _ context: Context) throws(WebSocketFault) {
        let extended: UInt8 = context.allowsDeflate ? 0x40 : 0
        guard byte & 0x70 & ~extended == 0 else { throw .violation("reserved bit without an extension") }
        guard let opcode = WebSocketOpcode(rawValue: byte & 0x0f) else { throw .violation("unknown opcode") }
        self.opcode = opcode
        fin = byte & 0x80 != 0
        isCompressed = byte & 0x40 != 0
        guard !isCompressed || opcode == .text || opcode == .binary else {
            throw .violation("RSV1 not on the first frame of a message")
        }
        if opcode.isControl {
            guard fin else { throw .violation("fragmented control frame") }
        } else if (opcode == .continuation) != context.isInMessage {
            throw .violation(
                context.isInMessage ? "new message inside of a fragmented one" : "continuation of nothing")
        }
    }

    /// - Returns: how many bytes of length follow.
    private mutating func second(_ byte: UInt8, _ context: Context) throws(WebSocketFault) -> Int {
        guard (byte & 0x80 != 0) == context.isServer else {
            throw .violation(context.isServer ? "frame is not masked" : "frame is masked")
        }
        length = Int(byte & 0x7f)
        if opcode.isControl, length > WebSocketFrame.controlBytesMax {
            throw .violation("control frame of more than 125 bytes")
        }
        if opcode == .close, length == 1 { throw .violation("close frame of one byte") }
        return length == 126 ? 2 : length == 127 ? 8 : 0
    }

    private mutating func long(_ value: UInt64, _ lengthBytes: Int) throws(WebSocketFault) {
        guard value > (lengthBytes == 2 ? 125 : 0xffff) else {
            throw .violation("length not in its shortest form")
        }
        guard let length = Int(exactly: value) else { throw .violation("length above 2^63") }
        self.length = length
    }

    private static func bigEndian(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
