// What a loop holds on behalf of its connections: how tests see that nothing outgrows its limit,
// nobody starves, and nothing stays behind. Walks everything, so it is no business of a turn.
import Basics
import Market

/// All zero once everybody has left.
package struct Holdings: Equatable {
    package static let none = Holdings()

    var connections = 0
    var webSockets = 0
    var slots = 0
    var followers = 0
    var patternHolders = 0
    var bookReaders = 0
    /// Unsent bytes of all connections, and of the one that has most.
    var buffered = 0
    var bufferedMax = 0
}

extension Shard {
    var holdings: Holdings {
        var held = Holdings(
            connections: connectionCount, webSockets: count(on: .webSocket), slots: slotCount,
            followers: followers.count, patternHolders: patternHolders.count)
        for index in 0..<view.directory.count {
            held.bookReaders += view.symbol(SymbolID(index)).pointee.book.readers
        }
        for index in 0..<limits.connections where connections.contains(index) {
            let connection = connections.address(of: index)
            let bytes = connection.pointee.tail.count + connection.pointee.control.count
            held.buffered += bytes
            held.bufferedMax = max(held.bufferedMax, bytes)
        }
        return held
    }

    /// How long the rate class that waits longest is due, of connections whose socket takes bytes.
    func overdue(_ now: Instant) -> Nanoseconds {
        var longest = Nanoseconds.zero
        for index in 0..<limits.connections where connections.contains(index) {
            let connection = connections.address(of: index)
            guard connection.pointee.phase == .streaming, !connection.pointee.isBlocked else { continue }
            let due = max(connection.pointee.subscriptions.due, connection.pointee.heldUntil)
            if due < now { longest = max(longest, now - due) }
        }
        return longest
    }
}
