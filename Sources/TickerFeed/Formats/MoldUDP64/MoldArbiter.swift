// From the packets of all lines of a session to its messages, each once and in order.
//
//     line A ─┐                        ┌─▶ message 4711 · 4712 · 4713
//     line B ─┴─▶ repeated? ahead? ────┼─▶ lost 4714-4720      nobody sent them in time
//                                      └─▶ a session begins
//
// Invariants
//   - A number is delivered once, from the line that brings it first, whoever that is.
//   - What is ahead of the next number waits, bounded by packets, bytes and time of the capture. Then
//     the missing numbers are lost: said once, kept in `missing`, never waited for or delivered again.
//   - A session that another one has followed is over: its late packets are counted.
import Basics

/// How long, and how much of, what is ahead waits for what is missing.
struct ReorderLimits {
    /// Lines are apart by microseconds to a few milliseconds, re-ordering is by a few packets. No
    /// amount of waiting fills a recorded gap: 100 ms is ten times what is seen.
    var time = Nanoseconds.milliseconds(100)
    /// At 10,000 packets a second, a busy feed's, `time` comes first.
    var packets = 1_024
    /// As many packets of an Ethernet frame's size have 1.5 MB.
    var bytes = 2 << 20
}

/// Merges lines. Owns what waits, and the packet that is being delivered.
struct MoldArbiter: ~Copyable {
    enum Front: Equatable {
        /// The next message; its bytes are `frontMessage`.
        case message(UInt64)
        /// These numbers will not come.
        case lost(Range<UInt64>)
        /// A session after another one, which is over.
        case sessionBegins
    }

    private(set) var counts = MoldCounts()
    private(set) var missing = MissingNumbers()
    /// Number of the next message to deliver.
    private(set) var expected: UInt64 = 1

    private let limits: ReorderLimits
    private var session: MoldSession?
    private var finished: [MoldSession] = []
    private var announcesSession = false
    /// Behind the highest number that is known to exist, and since when.
    private var known: UInt64 = 1
    private var knownSince = Timestamp.zero
    /// When the first of those that are missing became so, in the capture's time.
    private var missingSince = Timestamp.zero
    private var patience = Patience.normal
    /// The last packet, where something is to be given up before it.
    private var held: KeptPacket?
    /// Ahead of `expected`, lowest number first.
    private var waiting: [KeptPacket] = []
    private var waitingBytes = 0
    /// What is delivered, from `place` on.
    private var current: KeptPacket?
    private var place = 0

    private enum Patience { case normal, giveUpOnce, giveUp }
    private static let finishedMax = 8

    init(limits: ReorderLimits = ReorderLimits()) { self.limits = limits }

    // MARK: In

    /// The next packet of the capture. Only when `front` is nil.
    ///
    /// - Parameters:
    ///   - bytes: where `packet` was found. They are copied.
    ///   - offset: where the packet's messages are in the capture.
    ///   - time: of the capture.
    mutating func take(_ packet: MoldPacket, in bytes: RawSpan, at offset: Int, seen time: Timestamp) {
        counts.count(packet)
        admit(KeptPacket(packet, bytes, offset: offset, time: time))
    }

    /// Nothing will follow: what is missing is lost.
    mutating func finish() { patience = .giveUp }

    /// Files a packet, or holds it until `front` has given up what is in its way.
    private mutating func admit(_ kept: KeptPacket) {
        let packet = kept.packet
        if let session, packet.session != session {
            if finished.contains(packet.session) { return counts.oldSessions += 1 }
            guard expected == known else { return hold(kept, .giveUp) }
            begin(packet.session)
        }
        session = packet.session
        let isInTime = expected == known || kept.time - missingSince <= limits.time
        guard isInTime, hasRoom(for: packet) else { return hold(kept, .giveUpOnce) }
        patience = .normal
        file(kept)
    }

    private mutating func hold(_ kept: KeptPacket, _ patience: Patience) {
        held = kept
        self.patience = patience
    }

    private mutating func begin(_ next: MoldSession) {
        if let session { finished.append(session) }
        if finished.count > MoldArbiter.finishedMax { finished.removeFirst() }
        (expected, known) = (1, 1)
        missing.beginSession()
        announcesSession = true
    }

    private func hasRoom(for packet: MoldPacket) -> Bool {
        guard packet.count > 0, packet.sequence > expected, !waiting.isEmpty else { return true }
        return waiting.count < limits.packets && waitingBytes + packet.messages.count <= limits.bytes
    }

    private mutating func file(_ kept: KeptPacket) {
        let packet = kept.packet, wasComplete = expected == known
        if packet.count > 0, packet.sequence < known { counts.behind += 1 }
        if packet.end > known { (known, knownSince) = (packet.end, kept.time) }
        if wasComplete, known > expected { missingSince = kept.time }
        guard packet.count > 0 else { return }
        if missing.contains(packet.sequence..<min(packet.end, max(expected, packet.sequence))) {
            counts.late += 1
        }
        if packet.end <= expected {
            counts.duplicates += UInt64(packet.count)
        } else if packet.sequence <= expected {
            deliver(kept)
        } else {
            keep(kept)
        }
    }

    /// Puts a packet among those that wait. One that adds nothing to another with the same beginning
    /// is a repetition.
    private mutating func keep(_ kept: KeptPacket) {
        let packet = kept.packet
        var index = waiting.count
        while index > 0, waiting[index - 1].packet.sequence > packet.sequence { index -= 1 }
        if index > 0 {
            let before = waiting[index - 1].packet
            guard before.sequence < packet.sequence || before.end < packet.end else {
                return counts.duplicates += UInt64(packet.count)
            }
        }
        waiting.insert(kept, at: index)
        waitingBytes += kept.bytes.count
        counts.ahead += 1
    }

    // MARK: Out

    /// What comes next, where it is known. Stays until `advance`.
    var front: Front? {
        mutating get {
            while true {
                if let front = frontInOrder { return front }
                guard let kept = held else { return nil }
                held = nil
                admit(kept)
            }
        }
    }

    private var frontInOrder: Front? {
        mutating get {
            if announcesSession { return .sessionBegins }
            while current == nil {
                guard let first = waiting.first, first.packet.sequence <= expected else {
                    return patience == .normal || expected == known ? nil : .lost(expected..<firstKnown)
                }
                waiting.removeFirst()
                waitingBytes -= first.bytes.count
                if first.packet.end > expected {
                    deliver(first)
                } else {
                    counts.duplicates += UInt64(first.packet.count)
                }
            }
            return .message(expected)
        }
    }

    /// The front message behind its length. Only while `front` is a message.
    var frontMessage: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            guard let bytes = current?.bytes.span.bytes else { return RawSpan() }
            return bytes.extracting(place..<place + 2 + Int(bytes.u16(at: place)))
        }
    }

    /// Where the front message is in the capture.
    var frontOffset: Int { (current?.offset ?? 0) + place }

    /// The front was taken.
    mutating func advance() {
        if announcesSession {
            announcesSession = false
        } else if let packet = current?.packet {
            step()
            if expected + 1 == packet.end { current = nil }
            moveOn(to: expected + 1)
        } else {
            missing.add(expected..<firstKnown)
            if patience == .giveUpOnce { patience = .normal }
            moveOn(to: firstKnown)
        }
    }

    /// The first number that waits, or that is known to be the next one.
    private var firstKnown: UInt64 { waiting.first?.packet.sequence ?? known }

    private mutating func moveOn(to number: UInt64) {
        expected = number
        guard current == nil, expected < firstKnown else { return }
        // Others are missing now, and have been since the first packet beyond them.
        missingSince = waiting.lazy.map(\.time).min() ?? knownSince
    }

    /// Begins with a packet, at the number that is expected.
    private mutating func deliver(_ kept: KeptPacket) {
        current = kept
        place = 0
        for _ in kept.packet.sequence..<expected {
            step()
            counts.duplicates += 1
        }
    }

    /// Behind the message at `place`.
    private mutating func step() {
        let length = current?.bytes.span.bytes.u16(at: place) ?? 0
        place += 2 + Int(length)
    }
}

/// A packet with its messages, copied: its capture may be gone when it is its turn.
private struct KeptPacket {
    let packet: MoldPacket
    let time: Timestamp
    let offset: Int
    let bytes: [UInt8]

    init(_ packet: MoldPacket, _ bytes: RawSpan, offset: Int, time: Timestamp) {
        self.packet = packet
        self.time = time
        self.offset = offset
        self.bytes = bytes.extracting(packet.messages).withUnsafeBytes { Array($0) }
    }
}
