// Where OpenSSL's bytes come from and go to: two pieces of memory, no socket, no buffer a connection.
//
//     socket → input ─ SSL_read → plain          plain → SSL_write ─ output → socket
//
// One pipe, with one BIO, serves every session of a thread: an operation is given its input, runs to its
// end, and what it wrote is taken before the next one begins.
//
// Invariants
//   - Reading what is not there says "retry"; writing never fails, the output grows.
//   - `input` is set for the length of one operation only. So no session ever reads another one's.
import Basics
import COpenSSL

final class TLSPipe {
    /// What the BIO's callbacks see, at an address that stays.
    struct Ends: ~Copyable {
        var input = UnsafeRawBufferPointer(start: nil, count: 0)
        var output = ByteBuffer()
    }

    let ends: UnsafeMutablePointer<Ends>
    private let method: OpaquePointer?
    private let bio: OpaquePointer?

    /// An output that grew beyond this is given back once it is empty.
    private static let outputKept = 256 * 1_024

    init() {
        ends = .allocate(capacity: 1)
        ends.initialize(to: Ends())
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pipe")
        BIO_meth_set_read_ex(method, readInput)
        BIO_meth_set_write_ex(method, writeOutput)
        BIO_meth_set_ctrl(method, control)
        bio = BIO_new(method)
        BIO_set_data(bio, ends)
        BIO_set_init(bio, 1)
    }

    /// Sessions made with this pipe have to be gone, or never be asked for anything again.
    deinit {
        BIO_free(bio)
        BIO_meth_free(method)
        ends.deinitialize(count: 1)
        ends.deallocate()
    }

    /// Makes a session read and write here. It holds the BIO as long as it lives.
    func attach(to ssl: OpaquePointer) {
        BIO_up_ref(bio)
        SSL_set_bio(ssl, bio, bio)
    }

    /// What was written since the last `removeOutput`.
    var output: UnsafeRawBufferPointer { ends.pointee.output.readable }

    func removeOutput() {
        ends.pointee.output.removeAll()
        if ends.pointee.output.capacity > TLSPipe.outputKept { ends.pointee.output.release() }
    }
}

/// `BIO_TYPE_SOURCE_SINK`, which is a macro with a cast in it.
private let BIO_TYPE_SOURCE_SINK: Int32 = 0x0400

private func ends(of bio: OpaquePointer?) -> UnsafeMutablePointer<TLSPipe.Ends>? {
    BIO_get_data(bio)?.assumingMemoryBound(to: TLSPipe.Ends.self)
}

private func readInput(
    _ bio: OpaquePointer?, _ room: UnsafeMutablePointer<CChar>?, _ size: Int,
    _ taken: UnsafeMutablePointer<Int>?
) -> Int32 {
    guard let ends = ends(of: bio), let room, let taken else { return 0 }
    tf_bio_clear_retry(bio)
    let count = min(size, ends.pointee.input.count)
    guard count > 0, let source = ends.pointee.input.baseAddress else {
        tf_bio_retry_read(bio)
        return 0
    }
    UnsafeMutableRawPointer(room).copyMemory(from: source, byteCount: count)
    ends.pointee.input = UnsafeRawBufferPointer(rebasing: ends.pointee.input[count...])
    taken.pointee = count
    return 1
}

private func writeOutput(
    _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int,
    _ written: UnsafeMutablePointer<Int>?
) -> Int32 {
    guard let ends = ends(of: bio), let bytes, let written else { return 0 }
    tf_bio_clear_retry(bio)
    ends.pointee.output.append(UnsafeRawBufferPointer(start: bytes, count: count))
    written.pointee = count
    return 1
}

private func control(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}
