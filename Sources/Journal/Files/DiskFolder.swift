// A journal's folder on a disk.
//
// A call that a signal interrupts is made again, so callers never see EINTR.
import Basics
import CLinux

public final class DiskFolder: JournalFolder {
    public let path: String
    /// Holds the lock, and is what a new file's name is made durable by.
    private let descriptor: Int32

    /// Opens a folder that is there.
    public init(_ path: String) throws(SystemError) {
        self.path = path
        descriptor = tf_open_to_read(path)
        guard descriptor >= 0 else { throw SystemError("open") }
        guard tf_is_folder(descriptor) == 1 else {
            close(descriptor)
            throw SystemError("open", code: ENOTDIR)
        }
    }
    deinit { close(descriptor) }

    /// Makes the folder where there is none; not those above it.
    public static func make(_ path: String) throws(SystemError) -> DiskFolder {
        guard mkdir(path, 0o755) == 0 || tf_errno() == EEXIST else { throw SystemError("mkdir") }
        return try DiskFolder(path)
    }

    /// Whether there is a folder of that name.
    public static func exists(_ path: String) -> Bool {
        let descriptor = tf_open_to_read(path)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return tf_is_folder(descriptor) == 1
    }

    public func names() throws(SystemError) -> [String] {
        guard let folder = opendir(path) else { throw SystemError("opendir") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder), names.count < JournalFormat.filesMax {
            names.append(String(cString: tf_entry_name(entry)))
        }
        return names
    }

    public func open(_ name: String) throws(SystemError) -> any JournalInput {
        let file = tf_open_to_read("\(path)/\(name)")
        guard file >= 0 else { throw SystemError("open") }
        return DiskFile(file)
    }

    public func create(_ name: String) throws(SystemError) -> any JournalOutput {
        let file = tf_create("\(path)/\(name)")
        guard file >= 0 else { throw SystemError("open") }
        return DiskFile(file)
    }

    public func truncate(_ name: String, to count: UInt64) throws(SystemError) {
        guard CLinux.truncate("\(path)/\(name)", Int(clamping: count)) == 0 else {
            throw SystemError("truncate")
        }
    }

    public func remove(_ name: String) throws(SystemError) {
        guard unlink("\(path)/\(name)") == 0 else { throw SystemError("unlink") }
    }

    public func lock() throws(SystemError) {
        guard tf_lock(descriptor) == 0 else { throw SystemError("flock") }
    }
}

private final class DiskFile: JournalInput, JournalOutput {
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    func read(at offset: UInt64, into room: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        while true {
            let count = pread(descriptor, room.baseAddress, room.count, Int(clamping: offset))
            if count >= 0 { return count }
            guard tf_errno() == EINTR else { throw SystemError("pread") }
        }
    }

    func size() throws(SystemError) -> UInt64 {
        let size = tf_file_size(descriptor)
        guard size >= 0 else { throw SystemError("fstat") }
        return UInt64(size)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int {
        while true {
            let count = CLinux.write(descriptor, bytes.baseAddress, bytes.count)
            if count > 0 { return count }
            // A disk that takes nothing and says nothing is full, too.
            guard count < 0 else { throw SystemError("write", code: ENOSPC) }
            guard tf_errno() == EINTR else { throw SystemError("write") }
        }
    }

    func truncate(to count: UInt64) throws(SystemError) {
        guard ftruncate(descriptor, Int(clamping: count)) == 0,
            lseek(descriptor, Int(clamping: count), SEEK_SET) >= 0
        else { throw SystemError("ftruncate") }
    }

    func synchronize() throws(SystemError) {
        while fdatasync(descriptor) != 0 {
            guard tf_errno() == EINTR else { throw SystemError("fdatasync") }
        }
    }
}
