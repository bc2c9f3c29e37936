// Ticks on their way into a record, with room for its head before them: one write(2) takes both.
import Market

struct Batch: ~Copyable {
    let room: UnsafeMutableRawBufferPointer
    let capacity: Int
    private(set) var count = 0
    /// Ticks up to the last end of an event.
    private(set) var wholeCount = 0

    init(capacity: Int) {
        self.capacity = capacity
        room = .allocate(byteCount: JournalFormat.unit * (capacity + 1), alignment: JournalFormat.unit)
    }
    deinit { room.deallocate() }

    private var base: UnsafeMutablePointer<Tick> {
        (room.baseAddress.unsafelyUnwrapped + JournalFormat.unit).assumingMemoryBound(to: Tick.self)
    }

    var ticks: UnsafeBufferPointer<Tick> { UnsafeBufferPointer(start: base, count: count) }
    var free: UnsafeMutableBufferPointer<Tick> {
        UnsafeMutableBufferPointer(start: base + count, count: capacity - count)
    }
    var isFull: Bool { count == capacity }

    /// Takes the first `filled` of `free`, but for those that repeat state.
    mutating func take(_ filled: Int) {
        precondition(filled <= capacity - count)
        for index in count..<count + filled where !base[index].flags.contains(.snapshot) {
            append(base[index])
        }
    }

    mutating func append(_ tick: Tick) {
        base[count] = tick
        count += 1
        if tick.flags.contains(.endOfEvent) { wholeCount = count }
    }

    mutating func removeAll() {
        count = 0
        wholeCount = 0
    }

    mutating func removeFirst(_ n: Int) {
        if n < count { base.update(from: base + n, count: count - n) }
        count -= n
        wholeCount = max(0, wholeCount - n)
    }
}
