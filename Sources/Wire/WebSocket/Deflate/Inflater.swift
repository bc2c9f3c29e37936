// Compressed messages made plain (RFC 7692 §7.2.2): one inflater for all connections of a thread.
//
// Invariants
//   - No context is taken over from one message to the next, so no connection owns a window: what
//     inflating needs is here, once, and is made with the first compressed message.
//   - The output ends with the byte behind the limit, whatever the input would still come to, and
//     text with its first octet that is not UTF-8.
//   - What a large or a bad message needed is given back; between messages 64 KiB are kept at most.
import Basics
import CZlib

public final class Inflater {
    /// Any window that a peer may use.
    private static let windowBits: Int32 = 15
    private static let stepBytes = 16 * 1_024
    private static let keptBytesMax = 64 * 1_024
    /// An empty stored block, without the three bits in front: what the sender has cut off (§7.2.1).
    private static let tail: [UInt8] = [0x00, 0x00, 0xff, 0xff]
    /// In `z_stream.data_type`: the input ended behind a block, and at a byte's border.
    private static let behindBlock: Int32 = 128, bitsLeft: Int32 = 63

    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var isMade = false
    private var output = ByteBuffer()

    public init() { stream.initialize(to: z_stream()) }

    deinit {
        if isMade { inflateEnd(stream) }
        stream.deallocate()
    }

    /// Bytes kept for the next message, besides zlib's own 40 KiB.
    package var keptBytes: Int { output.capacity }

    /// One message, valid until the next call or `giveBack`, and while the inflater lives.
    ///
    /// - Throws: 1009 above `limit`, 1007 for what is no deflate, ends inside a block, or is no text.
    package func inflate(
        _ compressed: UnsafeRawBufferPointer, limit: Int, isText: Bool
    ) throws(WebSocketFault) -> UnsafeRawBufferPointer {
        begin()
        var message = Message(limit: limit, isText: isText)
        do throws(WebSocketFault) {
            try feed(compressed, &message)
            try Inflater.withTail { (tail) throws(WebSocketFault) in try feed(tail, &message) }
            guard stream.pointee.data_type & Inflater.behindBlock != 0,
                stream.pointee.data_type & Inflater.bitsLeft == 0
            else { throw .notDeflate }
            guard message.utf8.isComplete else { throw .notUTF8 }
        } catch {
            output.release()
            throw error
        }
        return output.readable
    }

    /// Frees what a large message needed.
    package func giveBack() {
        output.removeAll()
        if output.capacity > Inflater.keptBytesMax { output.release() }
    }

    private struct Message {
        let limit: Int
        let isText: Bool
        var utf8 = UTF8Validator()
    }

    private func begin() {
        giveBack()
        if isMade {
            inflateReset(stream)
        } else {
            precondition(tf_inflate_init(stream, Inflater.windowBits) == Z_OK, "no memory to inflate with")
            isMade = true
        }
    }

    private func feed(_ piece: UnsafeRawBufferPointer, _ message: inout Message) throws(WebSocketFault) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: piece.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(piece.count)
        while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0 {
            switch try step(&message) {
            case Z_OK: break
            case Z_BUF_ERROR: return  // all is out
            // A block that calls itself the last one; another may follow it (§7.2.3.4).
            case Z_STREAM_END: inflateReset(stream)
            default: throw .notDeflate
            }
        }
    }

    /// As much as fits into one step's room, checked.
    private func step(_ message: inout Message) throws(WebSocketFault) -> Int32 {
        // One byte more than allowed is how an excess shows.
        let room = min(Inflater.stepBytes - 1, message.limit - output.count) + 1
        let start = output.reserve(room)
        stream.pointee.next_out = start
        stream.pointee.avail_out = UInt32(room)
        let code = CZlib.inflate(stream, Z_SYNC_FLUSH)
        let written = room - Int(stream.pointee.avail_out)
        output.commit(written, of: room)
        if message.isText, !message.utf8.feed(UnsafeRawBufferPointer(start: start, count: written)) {
            throw .notUTF8
        }
        guard output.count <= message.limit else {
            throw WebSocketFault(CloseCode.messageTooBig, "message too big when inflated")
        }
        return code
    }

    private static func withTail(
        _ body: (UnsafeRawBufferPointer) throws(WebSocketFault) -> Void
    ) throws(WebSocketFault) {
        var fault: WebSocketFault?
        tail.withUnsafeBytes { bytes in
            do throws(WebSocketFault) { try body(bytes) } catch { fault = error }
        }
        if let fault { throw fault }
    }
}

extension WebSocketFault {
    static var notDeflate: WebSocketFault { .init(CloseCode.invalidText, "compressed data is damaged") }
}
