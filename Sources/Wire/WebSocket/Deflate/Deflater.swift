// A message compressed (RFC 7692 §7.2.1), with nothing taken over from the one before.
//
// Invariants
//   - The same bytes give the same bytes, whenever and for whomever: a result may be shared.
//   - No reference is farther back than the window agreed on.
import Basics
import CZlib

public final class Deflater {
    /// zlib cannot do raw deflate with a window of 256 bytes.
    public static let windowBits = 9...15
    private static let keptBytesMax = 64 * 1_024
    /// What flushing adds, at most, to what `deflateBound` says of a stream that is finished.
    private static let flushBytesMax = 16

    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var output = ByteBuffer()

    /// Takes up to 256 KiB.
    ///
    /// - Parameter level: 1, fastest, to 9, smallest.
    public init(windowBits: Int, level: Int = 1) {
        precondition(Deflater.windowBits.contains(windowBits))
        stream.initialize(to: z_stream())
        let made = tf_deflate_init(stream, Int32(level), Int32(windowBits))
        precondition(made == Z_OK, "no memory to deflate with")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The payload of a frame with RSV1; valid until the next call, and while the deflater lives.
    public func deflate(_ message: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        deflateReset(stream)
        output.removeAll()
        if output.capacity > Deflater.keptBytesMax { output.release() }
        let room = Int(deflateBound(stream, UInt(message.count))) + Deflater.flushBytesMax
        let start = output.reserve(room)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: message.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(message.count)
        stream.pointee.next_out = start
        stream.pointee.avail_out = UInt32(room)
        let code = CZlib.deflate(stream, Z_SYNC_FLUSH)
        precondition(code == Z_OK && stream.pointee.avail_out > 0, "deflated bytes beyond their bound")
        // Flushed, it ends with an empty stored block, of which the last four bytes are not sent.
        output.commit(room - Int(stream.pointee.avail_out) - 4, of: room)
        return output.readable
    }
}
