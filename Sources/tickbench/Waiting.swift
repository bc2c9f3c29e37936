// Waiting that ^C ends, and for sockets that somebody else understands.
import Basics
import CLinux

/// Sleeps, or stops at ^C.
func pause(_ span: Nanoseconds) throws {
    let end = Moment.read().instant + span
    while Moment.read().instant < end {
        if Interrupt.isPending { throw Interrupted() }
        let left = min((end - Moment.read().instant).raw, 10_000_000)
        var time = timespec(tv_sec: 0, tv_nsec: Int(max(0, left)))
        nanosleep(&time, nil)
    }
}

/// Looks every few milliseconds until it is so.
///
/// - Parameter complaint: what is thrown after `patience`.
func wait(
    atMost patience: Nanoseconds, else complaint: @autoclosure () -> String, until isDone: () throws -> Bool
) throws {
    let limit = Moment.read().instant + patience
    while try !isDone() {
        guard Moment.read().instant < limit else { throw BenchError(complaint()) }
        try pause(.milliseconds(10))
    }
}

/// What can be done with a socket, which its end is too; nil where nothing was in so many milliseconds.
func awaitSocket(
    _ descriptor: Int32, writing: Bool, milliseconds: Int32
) -> (readable: Bool, writable: Bool)? {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN | (writing ? POLLOUT : 0)), revents: 0)
    guard poll(&entry, 1, milliseconds) > 0 else { return nil }
    return (entry.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0, entry.revents & Int16(POLLOUT) != 0)
}
