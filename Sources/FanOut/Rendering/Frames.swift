// Control frames and messages in a buffer: rare, so a copy more does not matter.
import Basics
import Wire

extension ByteBuffer {
    mutating func appendFrame(_ text: String) {
        var text = text
        text.withUTF8 { appendFrame(.text, UnsafeRawBufferPointer($0)) }
    }

    mutating func appendFrame(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
        write(atMost: 16 + payload.count) { pen in
            WebSocketFrame.writeHeader(into: &pen, opcode: opcode, payload: payload.count)
            pen.bytes(payload)
        }
    }

    /// A close frame (RFC 6455 §5.5.1). The reason is cut to what fits.
    mutating func appendClose(_ code: UInt16, _ reason: String) {
        let bytes = [UInt8(code >> 8), UInt8(code & 0xff)] + Array(reason.utf8.prefix(100))
        bytes.withUnsafeBytes { appendFrame(.close, $0) }
    }
}
