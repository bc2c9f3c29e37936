// Where a reader's files are, and how one is written so that nobody ever finds half of it.
//
// Invariants
//   - A file is replaced whole, by a rename: a crash or a full disk leaves the old one.
//   - A link to it stays a link, and its permissions stay as they were.
import Basics
import CLinux

public enum UserFiles {
    /// `$XDG_CONFIG_HOME/tickwatch/config`, or `$HOME/.config/tickwatch/config`; nil where neither is an
    /// absolute path (XDG Base Directory Specification: others are to be ignored).
    public static func configuration(environment: [String: String]) -> String? {
        if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") {
            return base + "/tickwatch/config"
        }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.config/tickwatch/config" }
        return nil
    }

    /// The file's bytes, one more than a configuration may have at most; nil where there is no such file.
    public static func read(_ path: String) throws(SystemError) -> [UInt8]? {
        do throws(SystemError) {
            return try InputFile.bytes(path, atMost: Configuration.bytesMax + 1)
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return nil
        }
    }

    /// Puts `text` in the place of the file, whose folder is made where it is missing.
    public static func write(_ text: String, to path: String) throws(SystemError) {
        let target = resolved(path)
        if let end = target.lastIndex(of: "/") { try makeFolder(String(target[..<end])) }
        let partial = "\(target).\(getpid()).part"
        unlink(partial)
        let descriptor = tf_create(partial)
        guard descriptor >= 0 else { throw SystemError("open") }
        do throws(SystemError) {
            defer { close(descriptor) }
            var about = stat()
            if stat(target, &about) == 0, fchmod(descriptor, about.st_mode & 0o7777) != 0 {
                throw SystemError("fchmod")
            }
            guard Console.write(text, to: descriptor) else { throw SystemError("write") }
            guard fsync(descriptor) == 0 else { throw SystemError("fsync") }
        } catch {
            unlink(partial)
            throw error
        }
        guard rename(partial, target) == 0 else {
            let fault = SystemError("rename")
            unlink(partial)
            throw fault
        }
    }

    /// The file that a link leads to: people keep theirs in folders of their own.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// With what is above it, for its owner alone.
    private static func makeFolder(_ path: String) throws(SystemError) {
        guard !path.isEmpty, mkdir(path, 0o700) != 0, tf_errno() != EEXIST else { return }
        let fault = SystemError("mkdir")
        guard fault.code == ENOENT, let end = path.lastIndex(of: "/") else { throw fault }
        try makeFolder(String(path[..<end]))
        guard mkdir(path, 0o700) == 0 || tf_errno() == EEXIST else { throw SystemError("mkdir") }
    }
}
