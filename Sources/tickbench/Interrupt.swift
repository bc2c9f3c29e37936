// ^C while measuring: the signal waits until somebody looks, so that what was measured is told.
import CLinux

/// ^C, SIGTERM or a terminal that closed. Ends the program with the shell's status for it.
struct Interrupted: Error {}

enum Interrupt {
    private static var signals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    /// From now on these signals wait. A second ^C changes nothing; SIGKILL and SIGQUIT still end.
    static func hold() {
        var set = signals
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    static var isPending: Bool {
        var set = sigset_t()
        sigpending(&set)
        return [SIGINT, SIGTERM, SIGHUP].contains { sigismember(&set, $0) == 1 }
    }
}
