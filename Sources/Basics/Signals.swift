// Signals by a descriptor, so that the wait for them may end for other reasons too, and what ends is put in order.
import CLinux

/// `^C` and the like as something to read, not something that interrupts.
public struct Signals: Sendable {
    /// Readable when one came, for poll and epoll.
    public let descriptor: Int32

    /// Blocks signals in this thread and all that it starts from now on: to be made before other threads are.
    /// A write to a broken pipe or past a file's limit is an error from now on, and no signal.
    ///
    /// - Parameter numbers: by default those that ask a process to end, and SIGHUP.
    /// - Throws: `SystemError` when the process is out of descriptors.
    public init(_ numbers: [Int32] = [SIGINT, SIGTERM, SIGHUP]) throws(SystemError) {
        tf_ignore_broken_pipes()
        tf_ignore_size_limits()
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = signalfd(-1, &set, TF_SFD_FLAGS)
        guard descriptor >= 0 else { throw SystemError("signalfd") }
    }

    /// Those that came, oldest first; none: there was none yet.
    public func read() -> [Int32] {
        var signals: [Int32] = [], info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while CLinux.read(descriptor, &info, size) == size { signals.append(Int32(info.ssi_signo)) }
        return signals
    }

    /// Sleeps until one comes, the bell rings, which is silenced then, or the time is over.
    ///
    /// - Parameter milliseconds: -1 is for ever.
    /// - Returns: as `read`.
    public func wait(_ bell: Doorbell, atMost milliseconds: Int32 = -1) -> [Int32] {
        var polled = [descriptor, bell.descriptor].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        poll(&polled, 2, milliseconds)
        if polled[1].revents != 0 { bell.silence() }
        return read()
    }
}
