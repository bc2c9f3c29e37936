// A descriptor kept for the moment when there are no others: without one, whoever knocks could not even be
// told to come back later, and would hang in the listener's queue.
import CLinux

struct SpareDescriptor: ~Copyable {
    private var descriptor: Int32 = -1

    init() {}
    deinit { if descriptor >= 0 { closeDescriptor(descriptor) } }

    /// Makes room for one descriptor. Another thread may be faster to take it.
    mutating func lend() {
        guard descriptor >= 0 else { return }
        closeDescriptor(descriptor)
        descriptor = -1
    }

    /// For the first time, and when what it was lent for is closed.
    mutating func takeBack() {
        if descriptor < 0 { descriptor = tf_open_to_read("/dev/null") }
    }
}
