// The tape: order, laps, waking, and two threads at once.
import Basics
import Foundation
import Market
import Synchronization
import Testing

/// Every word tells the tick's number, so that a torn tick shows.
private func numbered(_ n: UInt64) -> Tick {
    Tick(
        .level, SymbolID(UInt32(truncatingIfNeeded: n)), sequence: n,
        eventTime: Timestamp(raw: Int64(n)), receiveTime: Timestamp(raw: Int64(n)),
        price: Price(e9: Int64(n)), size: Quantity(e8: Int64(n)), source: n, aux: n)
}

private func isWhole(_ tick: Tick) -> Bool {
    let n = tick.sequence
    return tick.symbol.raw == UInt32(truncatingIfNeeded: n) && (1..<8).allSatisfy { tick.words[$0] == n }
}

private func withBuffer<R>(_ capacity: Int, _ body: (UnsafeMutableBufferPointer<Tick>) throws -> R) rethrows
    -> R
{
    let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: capacity)
    defer { buffer.deallocate() }
    return try body(buffer)
}

@Test("a reader gets what is published, in order, in pieces of its own size")
func inOrder() {
    let tape = Tape(capacity: 512), reader = tape.makeReader()
    var writer = Tape.Writer(tape)
    withBuffer(7) { buffer in
        #expect(reader.read(into: buffer) == .nothingNew)
        var expected: UInt64 = 0
        for n in 0..<2_000 {
            writer.append(numbered(UInt64(n)))
            if n % 10 != 9 { continue }
            #expect(reader.read(into: buffer) == .nothingNew)
            writer.publish()
            for count in [7, 3] {
                #expect(reader.read(into: buffer) == .ticks(count))
                for tick in buffer[..<count] {
                    #expect(tick == numbered(expected))
                    expected += 1
                }
            }
        }
        #expect(expected == 2_000 && writer.lag == 0)
    }
}

@Test("a lapped reader is told what it lost and goes on from the end")
func lapped() {
    let tape = Tape(capacity: 512), reader = tape.makeReader()
    var writer = Tape.Writer(tape)
    withBuffer(64) { buffer in
        for n in 0..<600 { writer.append(numbered(UInt64(n))) }
        writer.publish()
        #expect(writer.lag == 600)
        #expect(reader.read(into: buffer) == .lapped(lost: 600))
        #expect(reader.read(into: buffer) == .nothingNew)
        writer.append(numbered(600))
        writer.publish()
        #expect(reader.read(into: buffer) == .ticks(1) && buffer[0] == numbered(600))
    }
}

@Test("what the writer may be overwriting is never handed out")
func overwriting() {
    let tape = Tape(capacity: 512), reader = tape.makeReader()
    var writer = Tape.Writer(tape)
    withBuffer(64) { buffer in
        for n in 0..<512 { writer.append(numbered(UInt64(n))) }
        writer.publish()
        #expect(reader.read(into: buffer) == .ticks(64))
        // Not published: but 256 slots are announced, and the reader stands in them.
        writer.append(numbered(512))
        #expect(reader.read(into: buffer) == .lapped(lost: 448))
    }
}

@Test("each reader has its own place; a late one begins at the end")
func severalReaders() {
    let tape = Tape(capacity: 512), first = tape.makeReader()
    var writer = Tape.Writer(tape)
    writer.append(numbered(0))
    writer.publish()
    let late = tape.makeReader()
    withBuffer(8) { buffer in
        #expect(late.read(into: buffer) == .nothingNew)
        #expect(first.read(into: buffer) == .ticks(1))
    }
    _ = Tape.Writer(tape)  // the tape holds a reader until a writer takes it
}

@Test("the end of an event is marked on the tick written last, across announcements")
func endOfEvent() {
    let tape = Tape(capacity: 512), reader = tape.makeReader()
    var writer = Tape.Writer(tape)
    withBuffer(512) { buffer in
        for n in 0..<300 {
            writer.append(numbered(UInt64(n)))
            if n % 3 == 2 || n == 255 { writer.endEvent() }
        }
        writer.publish()
        #expect(reader.read(into: buffer) == .ticks(300))
        for n in 0..<300 {
            let ends = n % 3 == 2 || n == 255
            #expect(buffer[n].flags == (ends ? .endOfEvent : []) && buffer[n].sequence == UInt64(n))
        }
    }
}

@Test("a sleeper is woken once, by the tick it asked for, and never sleeps past one")
func waking() throws {
    let bell = try Doorbell()
    let tape = Tape(capacity: 512), reader = tape.makeReader(bell: bell)
    var writer = Tape.Writer(tape)
    func isRung() -> Bool {
        var polled = pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)
        defer { bell.silence() }
        return poll(&polled, 1, 0) == 1
    }
    func write(_ count: Int) {
        for _ in 0..<count { writer.append(numbered(0)) }
        writer.publish()
    }
    write(1)
    #expect(!isRung())  // awake: nobody rings
    #expect(!reader.willSleep(untilBehindBy: 1))  // there is something already
    withBuffer(8) { #expect(reader.read(into: $0) == .ticks(1)) }
    #expect(reader.willSleep(untilBehindBy: 3))
    write(2)
    #expect(!isRung())
    write(1)
    #expect(isRung())
    write(5)
    #expect(!isRung())  // once
}

@Test("a tape is freed with its writer and its readers")
func freed() {
    weak var leaked: Tape?
    do {
        let tape = Tape(capacity: 512), reader = tape.makeReader()
        let writer = Tape.Writer(tape)
        leaked = tape
        let lag = writer.lag
        #expect(lag == 0 && reader.capacity == 512 && leaked != nil)
    }
    #expect(leaked == nil)
}

@Test("a request for snapshots is taken once, however many asked")
func snapshotRequests() {
    let tape = Tape(capacity: 512), a = tape.makeReader(), b = tape.makeReader()
    let writer = Tape.Writer(tape)
    var taken = writer.takeSnapshotRequest()
    #expect(!taken)
    a.askForSnapshot()
    b.askForSnapshot()
    taken = writer.takeSnapshotRequest()
    #expect(taken)
    taken = writer.takeSnapshotRequest()
    #expect(!taken)
}

@Test("a reader on another thread sees whole ticks in order, or is told of every lap")
func twoThreads() throws {
    let total: UInt64 = 400_000
    let tape = Tape(capacity: 1_024), reader = tape.makeReader()
    let faults = Atomic<Int>(0), accounted = Atomic<UInt64>(0)
    let other = try Basics.Thread("reader") {
        withBuffer(100) { buffer in
            var next: UInt64 = 0
            while next < total {
                switch reader.read(into: buffer) {
                case .ticks(let count):
                    for tick in buffer[..<count] {
                        if tick.sequence != next || !isWhole(tick) { faults.add(1, ordering: .relaxed) }
                        next += 1
                    }
                case .lapped(let lost): next += lost
                case .nothingNew: continue
                }
            }
            accounted.store(next, ordering: .relaxed)
        }
    }
    var writer = Tape.Writer(tape)
    for n in 0..<total {
        writer.append(numbered(n))
        // Pieces of 1 to 64, now and then holding back as unpaced play does.
        if n % (1 + n / 1_000 % 64) == 0 || n == total - 1 {
            writer.publish()
            if n % 3 == 0 { while writer.lag > 512 {} }
        }
    }
    other.join()
    #expect(faults.load(ordering: .relaxed) == 0)
    #expect(accounted.load(ordering: .relaxed) == total)
}
