// Text for people and pipes, straight to a descriptor: no buffer to flush, no lock, no surprise.
import CLinux

/// Standard input and output.
public enum Console {
    /// Its descriptor.
    public static let input: Int32 = STDIN_FILENO
    /// Its descriptor.
    public static let output: Int32 = STDOUT_FILENO
    /// Its descriptor.
    public static let errors: Int32 = STDERR_FILENO

    /// Somebody looks, or a file or a pipe takes it.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Writes all of it, waiting where a pipe is full. False when nobody reads any more.
    @discardableResult
    public static func write(_ text: String, to descriptor: Int32 = output) -> Bool {
        var text = text
        return text.withUTF8 { bytes in write(UnsafeRawBufferPointer(bytes), to: descriptor) }
    }

    /// As the other, of bytes.
    @discardableResult
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32 = output) -> Bool {
        var rest = bytes
        while let base = rest.baseAddress, rest.count > 0 {
            let count = CLinux.write(descriptor, base, rest.count)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if tf_errno() == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if tf_errno() != EINTR {
                return false
            }
        }
        return true
    }
}
