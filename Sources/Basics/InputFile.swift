// A file or pipe that is read from front to back: three system calls with a name.
//
// Invariants
//   - One owner, closed with it. Reading a pipe blocks; who must not wait asks first.
//   - A call that a signal interrupts is made again, so callers never see EINTR.
import Glibc

public struct InputFile: ~Copyable {
    private let descriptor: Int32
    /// Bytes of a file; nil for pipes, terminals and sockets, whose end nobody knows.
    public let size: Int?

    /// Opens `path` for reading; `-` is standard input.
    public init(_ path: String) throws(SystemError) {
        descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open") }
        var about = stat()
        let isFile = fstat(descriptor, &about) == 0 && about.st_mode & S_IFMT == S_IFREG
        size = isFile ? Int(about.st_size) : nil
    }
    deinit { close(descriptor) }

    /// False for standard input and pipes; true for what isn't there.
    public static func isFile(_ path: String) -> Bool {
        var about = stat()
        guard path != "-" else { return fstat(0, &about) == 0 && about.st_mode & S_IFMT == S_IFREG }
        return stat(path, &about) != 0 || about.st_mode & S_IFMT != S_IFIFO
    }

    /// Reads at most `limit` bytes into `room`; 0 at the end.
    public func read(into room: UnsafeMutablePointer<UInt8>, atMost limit: Int) throws(SystemError) -> Int {
        while true {
            let count = Glibc.read(descriptor, room, limit)
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemError("read") }
        }
    }

    /// True where a read would wait for somebody to write: an empty pipe that is still open.
    public var wouldWait: Bool { size == nil && isEmpty(after: .zero) }

    /// Sleeps until there is something to read, at most that long.
    public func wait(atMost span: Nanoseconds) { _ = isEmpty(after: span) }

    private func isEmpty(after span: Nanoseconds) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, Int32(clamping: (span.raw + 999_999) / 1_000_000)) == 0
    }

    /// Back to the first byte. False for what cannot seek, as pipes.
    public func rewind() -> Bool { lseek(descriptor, 0, SEEK_SET) == 0 }
}

extension InputFile {
    /// The first `limit` bytes of a file, a pipe, or standard input (`-`), waiting for what is to come.
    public static func bytes(_ path: String, atMost limit: Int) throws(SystemError) -> [UInt8] {
        let file = try InputFile(path)
        var bytes: [UInt8] = [], room = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            let most = min(room.count, limit - bytes.count)
            let count = try room.withUnsafeMutableBufferPointer { room throws(SystemError) in
                guard let base = room.baseAddress else { return 0 }
                return try file.read(into: base, atMost: most)
            }
            guard count > 0 else { break }
            bytes += room[..<count]
        }
        return bytes
    }
}
