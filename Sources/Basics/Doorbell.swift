// Waking a thread that sleeps in epoll or poll: an eventfd with a name.
import CLinux

/// Rung from any thread, heard by the one that polls `descriptor`.
public final class Doorbell: Sendable {
    /// Readable from a ring until `silence`, for poll and epoll.
    public let descriptor: Int32

    /// - Throws: `SystemError` when the process is out of descriptors.
    public init() throws(SystemError) {
        descriptor = eventfd(0, TF_EFD_FLAGS)
        guard descriptor >= 0 else { throw SystemError("eventfd") }
    }
    deinit { close(descriptor) }

    /// Wakes who waits, now or next. From any thread.
    public func ring() {
        var one: UInt64 = 1
        // EAGAIN means the counter is full: then it is rung already.
        _ = write(descriptor, &one, 8)
    }

    /// Sleeps until it was rung, or the time is over. To hear the next ring, silence it.
    public func wait(atMost span: Nanoseconds) {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&waiting, 1, Int32(clamping: (span.raw + 999_999) / 1_000_000))
    }

    /// Forgets all rings so far.
    public func silence() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}

/// A system call that failed, with the errno it left.
public struct SystemError: Error, Hashable, CustomStringConvertible {
    /// As the manual names it.
    public let call: String
    /// Its errno.
    public let code: Int32

    /// With the errno that the call has just left.
    public init(_ call: String, code: Int32 = tf_errno()) {
        self.call = call
        self.code = code
    }
    /// The system's words for the code.
    public var reason: String { String(cString: strerror(code)) }
    public var description: String { "\(call): \(reason)" }
}
