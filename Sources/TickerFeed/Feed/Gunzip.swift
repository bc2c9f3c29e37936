// gzip taken off on the way in: bytes of a file to bytes of a format (RFC 1952).
//
// Invariants
//   - Members follow one another without a seam. What isn't gzip behind a member is a fault.
//   - Output is written where there is room for it: a small file that would grow without end takes
//     no more memory than a large one.
import Basics
import CZlib

struct Gunzip: ~Copyable {
    enum Outcome {
        case more
        /// A member is complete, and so is the input if nothing follows.
        case memberEnd
        case broken(String)
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private(set) var isInMember = true

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = tf_gunzip_init(stream)
        precondition(status == Z_OK, "zlib: no memory for a window")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    static func isMark(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

    /// Turns some of `input` into at most `room` bytes behind `output`, and consumes it.
    mutating func inflate(_ input: inout ByteBuffer, into output: inout ByteBuffer, atMost room: Int)
        -> Outcome
    {
        if !isInMember {
            guard input.count >= 2 else { return .more }
            guard Gunzip.isMark(input.readable) else { return .broken("something that is no gzip follows") }
            inflateReset(stream)
            isInMember = true
        }
        let readable = input.mutable
        stream.pointee.next_in = readable.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(clamping: readable.count)
        stream.pointee.next_out = output.reserve(room)
        stream.pointee.avail_out = UInt32(clamping: room)
        let status = CZlib.inflate(stream, Z_NO_FLUSH)
        input.consume(readable.count - Int(stream.pointee.avail_in))
        output.commit(room - Int(stream.pointee.avail_out), of: room)
        switch status {
        case Z_OK, Z_BUF_ERROR: return .more
        case Z_STREAM_END:
            isInMember = false
            return .memberEnd
        default: return .broken(stream.pointee.msg.map { String(cString: $0) } ?? "no valid gzip")
        }
    }
}
