// Sleeps until a descriptor or the clock speaks.
import Basics
import CLinux

struct Poller {
    private var polled: [pollfd] = []

    /// - Returns: its place, for `isReadable` and `isWritable`. A descriptor below 0 never speaks.
    mutating func add(_ descriptor: Int32, reads: Bool = true, writes: Bool = false) -> Int {
        polled.append(
            pollfd(
                fd: descriptor, events: (reads ? Int16(POLLIN) : 0) | (writes ? Int16(POLLOUT) : 0),
                revents: 0))
        return polled.count - 1
    }

    mutating func wait(until next: Instant) {
        var milliseconds: Int32 = -1
        if next != .never {
            let left = (next - Moment.read().instant).raw
            milliseconds = Int32(clamping: max(0, left + 999_999) / 1_000_000)
        }
        if poll(&polled, nfds_t(polled.count), milliseconds) < 0 {
            for at in polled.indices { polled[at].revents = 0 }
        }
    }

    /// Whether writing does not wait now.
    static func isWritable(_ descriptor: Int32) -> Bool {
        var one = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&one, 1, 0) == 1
    }

    private static let ended = Int16(POLLHUP) | Int16(POLLERR) | Int16(POLLNVAL)
    func isReadable(_ place: Int) -> Bool { polled[place].revents & (Int16(POLLIN) | Poller.ended) != 0 }
    func isWritable(_ place: Int) -> Bool { polled[place].revents & (Int16(POLLOUT) | Poller.ended) != 0 }
}
