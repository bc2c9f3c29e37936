// Bodies for clients that say `Accept-Encoding: gzip` (RFC 9110 §8.4.1.3).
import CZlib

public enum Gzip {
    /// One gzip member (RFC 1952), as small as zlib makes it. For what is compressed once and kept.
    public static func compress(_ body: UnsafeRawBufferPointer) -> [UInt8] {
        var stream = z_stream()
        precondition(tf_gzip_init(&stream) == Z_OK, "no memory to compress with")
        defer { deflateEnd(&stream) }
        let room = Int(deflateBound(&stream, UInt(body.count)))
        return [UInt8](unsafeUninitializedCapacity: room) { output, count in
            stream.next_in = UnsafeMutablePointer(
                mutating: body.assumingMemoryBound(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(body.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(room)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "compressed bytes beyond their bound")
            count = room - Int(stream.avail_out)
        }
    }

    /// Whether a client takes it: named, or by `*`, and not with `q=0` (RFC 9110 §12.5.3).
    public static func isAccepted(_ headers: HTTPHeaders) -> Bool {
        var byStar = false
        for line in headers.values("accept-encoding") {
            for element in line.lowercased().split(separator: ",") {
                let parts = element.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
                guard let coding = parts.first, ["gzip", "x-gzip", "*"].contains(coding) else { continue }
                let isRefused = parts.dropFirst().contains { part in
                    part.hasPrefix("q=0") && part.dropFirst(3).allSatisfy { $0 == "." || $0 == "0" }
                }
                if coding != "*" { return !isRefused }
                byStar = !isRefused
            }
        }
        return byStar
    }
}
