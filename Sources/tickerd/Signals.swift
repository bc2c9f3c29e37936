// Signals as the main thread hears them, and what they mean.
//
//     SIGTERM, SIGINT    drain; the second one ends the process at once
//     SIGHUP             read the configuration again
import Basics
import CLinux

/// The process's exit status once it has served.
enum Status {
    /// Asked to stop, and everybody was told goodbye.
    static let drained: Int32 = 0
    /// A second signal cut that short; also of a process that could not start.
    static let aborted: Int32 = 1
}

/// What a signal asks for depends on those before it.
struct SignalRule {
    enum Request: Equatable { case reload, drain, abort }

    private(set) var isDraining = false

    /// Nil where there is nothing to do about it.
    mutating func take(_ signal: Int32) -> Request? {
        switch signal {
        case SIGHUP: return isDraining ? nil : .reload
        case SIGTERM, SIGINT:
            defer { isDraining = true }
            return isDraining ? .abort : .drain
        default: return nil
        }
    }
}

/// Signals by a descriptor, so that the wait for them may end for other reasons too.
struct Signals {
    private let descriptor: Int32

    /// Blocks them in this thread and all that it starts from now on.
    init() throws(SystemError) {
        tf_ignore_broken_pipes()
        tf_ignore_size_limits()
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = signalfd(-1, &set, TF_SFD_FLAGS)
        guard descriptor >= 0 else { throw SystemError("signalfd") }
    }

    /// The signals that came, oldest first; none when the bell rang or the time is over.
    func wait(_ bell: Doorbell, atMost milliseconds: Int32) -> [Int32] {
        var polled = [descriptor, bell.descriptor].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        poll(&polled, 2, milliseconds)
        if polled[1].revents != 0 { bell.silence() }
        var signals: [Int32] = [], info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while read(descriptor, &info, size) == size { signals.append(Int32(info.ssi_signo)) }
        return signals
    }
}
