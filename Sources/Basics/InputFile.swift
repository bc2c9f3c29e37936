// A file or pipe that is read from front to back: three system calls with a name.
//
// Invariants
//   - One owner, closed with it. Reading blocks; who must not wait reads files, not pipes.
//   - A call that a signal interrupts is made again, so callers never see EINTR.
import Glibc

public struct InputFile: ~Copyable {
    private let descriptor: Int32

    /// Opens `path` for reading; `-` is standard input.
    public init(_ path: String) throws(SystemError) {
        descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open") }
    }
    deinit { close(descriptor) }

    /// Reads at most `limit` bytes into `room`; 0 at the end.
    public func read(into room: UnsafeMutablePointer<UInt8>, atMost limit: Int) throws(SystemError) -> Int {
        while true {
            let count = Glibc.read(descriptor, room, limit)
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemError("read") }
        }
    }

    /// True where a read would wait for somebody to write: an empty pipe that is still open.
    public var wouldWait: Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, 0) == 0
    }

    /// Back to the first byte. False for what cannot seek, as pipes.
    public func rewind() -> Bool { lseek(descriptor, 0, SEEK_SET) == 0 }

    /// False for pipes, terminals and sockets: what they gave once is gone.
    public var canRewind: Bool { lseek(descriptor, 0, SEEK_CUR) >= 0 }
}
