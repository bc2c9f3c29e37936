// Signals by a descriptor, so that the terminal is always given back in order.
import Basics
import CLinux

struct SignalReader {
    let descriptor: Int32

    /// - Parameter isScreen: ^Z and the window's size are ours to see.
    init(isScreen: Bool) throws(SystemError) {
        tf_ignore_broken_pipes()
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] + (isScreen ? [SIGWINCH, SIGTSTP, SIGCONT] : []) {
            sigaddset(&set, number)
        }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = signalfd(-1, &set, TF_SFD_FLAGS)
        guard descriptor >= 0 else { throw SystemError("signalfd") }
    }

    /// Those that came, the oldest first.
    func read() -> [Int32] {
        var signals: [Int32] = [], info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while CLinux.read(descriptor, &info, size) == size { signals.append(Int32(info.ssi_signo)) }
        return signals
    }
}
