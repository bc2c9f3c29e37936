// Bodies compressed once, and who takes them.
import CZlib
import Testing

@testable import Wire

@Test(
    "who takes gzip",
    arguments: [
        ("gzip", true), ("br, gzip;q=0.5", true), ("GZIP", true), ("x-gzip", true), ("*", true),
        ("deflate, br", false), ("gzip;q=0", false), ("gzip; q=0.000", false), ("*;q=0", false), ("", false),
        ("*, gzip;q=0", false), ("gzip;q=0, *", false), ("identity", false),
    ])
func gzipAccepted(field: String, isAccepted: Bool) {
    #expect(Gzip.isAccepted(["Accept-Encoding": field]) == isAccepted, "\(field)")
}

@Test("a member inflates to what it was made of", arguments: [0, 1, 1_000, 200_000])
func gzipRound(count: Int) {
    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
    let packed = body.withUnsafeBytes(Gzip.compress)
    var stream = z_stream()
    #expect(tf_gunzip_init(&stream) == Z_OK)
    defer { inflateEnd(&stream) }
    var input = packed
    var output = [UInt8](repeating: 0, count: count + 1)
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
            (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
            #expect(inflate(&stream, Z_FINISH) == Z_STREAM_END)
        }
    }
    #expect(Array(output.prefix(Int(stream.total_out))) == body)
}
