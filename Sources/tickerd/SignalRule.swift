// What signals mean to the server, and what it ends with.
//
//     SIGTERM, SIGINT    drain; the second one ends the process at once
//     SIGHUP             read the configuration again
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
