// Whether a file is another one than it was: what live reload asks before it reads.
import Basics
import CLinux

/// What changes when a file is written or replaced.
public struct FileStamp: Hashable, Sendable {
    public var modified: Timestamp
    public var size: Int64
    /// A file that is replaced by another of the same size within a tick of the clock has another one.
    public var inode: UInt64

    public init(modified: Timestamp, size: Int64, inode: UInt64) {
        self.modified = modified
        self.size = size
        self.inode = inode
    }

    /// Of a file as it is now; nil where there is none.
    public static func of(_ path: String) -> FileStamp? {
        var about = stat()
        guard stat(path, &about) == 0 else { return nil }
        let time = about.st_mtim
        return FileStamp(
            modified: Timestamp(raw: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)),
            size: Int64(about.st_size), inode: UInt64(about.st_ino))
    }
}

public struct FileWatch: Hashable, Sendable {
    /// Between two looks.
    public static let interval = Nanoseconds.milliseconds(500)

    private var last: FileStamp?
    private var next: Instant

    /// - Parameter stamp: of the file as it was read; nil where there was none.
    public init(_ stamp: FileStamp?, now: Instant) {
        last = stamp
        next = now + FileWatch.interval
    }

    /// When `isDue` will be true.
    public var wakes: Instant { next }
    public func isDue(_ now: Instant) -> Bool { now >= next }

    /// True where the file is to be read anew. One that is gone is none: what it said still counts, since
    /// editors take a file away for a moment.
    public mutating func hasChanged(_ stamp: FileStamp?, now: Instant) -> Bool {
        next = now + FileWatch.interval
        guard let stamp, stamp != last else { return false }
        last = stamp
        return true
    }

    /// What the program wrote itself is no news.
    public mutating func wrote(_ stamp: FileStamp?) { last = stamp }
}
