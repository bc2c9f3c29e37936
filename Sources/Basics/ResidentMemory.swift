// What the process holds of the machine's memory, for whoever has to stop taking more.
import CLinux

/// `/proc/self/statm`, kept open: a process that is out of descriptors can still look.
public final class ResidentMemory: Sendable {
    private let descriptor: Int32
    private let pageBytes: Int

    public init() {
        descriptor = tf_open_to_read("/proc/self/statm")
        pageBytes = max(1, sysconf(Int32(_SC_PAGESIZE)))
    }
    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Resident bytes; nil where the system does not tell. One system call, some microseconds.
    public func bytes() -> Int? {
        var room = InlineArray<128, UInt8>(repeating: 0)
        let count = withUnsafeMutableBytes(of: &room) { pread(descriptor, $0.baseAddress, $0.count, 0) }
        // `size resident shared …`, in pages (proc_pid_statm(5)).
        var pages = 0, field = 0
        for at in 0..<max(0, count) {
            let byte = room[at]
            if byte == UInt8(ascii: " ") { field += 1 }
            if field == 2 { return pages * pageBytes }
            if field == 1, byte >= 0x30, byte <= 0x39 { pages = pages * 10 + Int(byte - 0x30) }
        }
        return nil
    }
}
