// Events of a symbol that wait for a snapshot, oldest first, packed behind each other.
//
//     | KeptDepth | bids: price, size … | asks: price, size … | KeptDepth | …
//
// Invariants
//   - Bounded by events and bytes. Beyond, the oldest goes: a snapshot may then be too old for the
//     rest, which shows when it comes.
import Basics
import Market

/// What is kept of an event besides its levels.
struct KeptDepth: BitwiseCopyable {
    var range: DepthRange
    /// Of the event, in nanoseconds.
    var time: Int64
    /// The line it stood in.
    var line: UInt64
    var bidCount: Int
    var askCount: Int

    var byteCount: Int {
        MemoryLayout<KeptDepth>.size + (bidCount + askCount) * MemoryLayout<SessionLevel>.size
    }
}

struct DepthBacklog: ~Copyable {
    /// Seven minutes of a stream that speaks every 100 ms.
    static let eventsMax = 4_096
    /// Not a power of two, so that the buffer has room to move on in.
    static let bytesMax = 3 << 20
    /// What all symbols of a session keep together.
    static let sessionBytesMax = 64 << 20

    private(set) var count = 0
    private var buffer = ByteBuffer()

    init() {}

    var byteCount: Int { buffer.count }

    var first: KeptDepth? {
        count == 0 ? nil : buffer.readable.loadUnaligned(as: KeptDepth.self)
    }

    /// A level of the first event: its bids, then its asks.
    func levelOfFirst(_ index: Int) -> SessionLevel {
        buffer.readable.loadUnaligned(
            fromByteOffset: MemoryLayout<KeptDepth>.size + index * MemoryLayout<SessionLevel>.size,
            as: SessionLevel.self)
    }

    mutating func removeFirst() {
        guard let first else { return }
        buffer.consume(first.byteCount)
        count -= 1
    }

    mutating func removeAll() {
        buffer.release()
        count = 0
    }

    /// Keeps an event, and lets go of the oldest until there is room.
    ///
    /// - Parameter roomBytes: what the session has left; this symbol's own come on top.
    /// - Returns: how many events went: the new one, too, where it alone is too much.
    mutating func append(
        _ event: KeptDepth, bids: borrowing SessionLevels, asks: borrowing SessionLevels, roomBytes: Int
    ) -> Int {
        let room = min(DepthBacklog.bytesMax, byteCount + roomBytes)
        var dropped = 0
        while count > 0, count == DepthBacklog.eventsMax || byteCount + event.byteCount > room {
            removeFirst()
            dropped += 1
        }
        guard byteCount + event.byteCount <= room else { return dropped + 1 }
        withUnsafeBytes(of: event) { buffer.append($0) }
        buffer.append(bids.bytes)
        buffer.append(asks.bytes)
        count += 1
        return dropped
    }
}
