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
//   - A packet is refused rather than kept beyond a bound: take what `front` has, and offer it again.
//   - A session that another one has followed is over: its late packets are counted.
import Basics

/// How long, and how much of, what is ahead waits for what is missing.
struct ReorderLimits {
    /// Lines are apart by microseconds to a few milliseconds, re-ordering is by a few packets. A
    /// recorded gap is not filled by any amount of waiting: 100 ms is ten times what is seen.
    var time = Nanoseconds.milliseconds(100)
    /// At 10,000 packets a second, a busy feed's, `time` comes first.
    var packets = 1_024
    /// As many packets of an Ethernet frame's size have 1.5 MB; those of a UDP datagram's size 64.
    var bytes = 2 << 20
}

/// Merges lines. Owns what waits and the packet that is being delivered.
struct MoldArbiter: ~Copyable {
    enum Front: Equatable {
        /// The next message; its bytes are `messageBytes`.
        case message(UInt64)
        /// These numbers will not come.
        case lost(Range<UInt64>)
        /// A session after another one, which is over.
        case sessionBegins
    }

    private let limits: ReorderLimits
    private(set) var counts = MoldCounts()
    private(set) var missing = MissingNumbers()
    private(set) var session: MoldSession?
    /// Number of the next message to deliver.
    private(set) var expected: UInt64 = 1

    /// Behind the highest number that is known to exist.
    private var known: UInt64 = 1
    private var knownSince = Timestamp.zero
    /// When the first of those that are missing became so, in the capture's time.
    private var missingSince = Timestamp.zero
    private var waiting: [WaitingPacket] = []
    private var waitingBytes = 0
    private var current = WaitingPacket()
    private var place = 0
    private var patience = Patience.normal
    private var announcesSession = false
    private var finished: [MoldSession] = []

    private enum Patience { case normal, giveUpOnce, giveUp }
    private static let finishedMax = 8

    init(limits: ReorderLimits = ReorderLimits()) { self.limits = limits }

    // MARK: In

    enum Verdict { case taken, takeFrontFirst, oldSession, lostBefore }

    /// A packet's turn. Only when `front` is nil.
    ///
    /// - Parameters:
    ///   - bytes: where `packet` was found.
    ///   - time: of the capture.
    /// - Returns: `takeFrontFirst` where it has to be offered again after `front` was taken until nil.
    mutating func take(_ packet: MoldPacket, in bytes: RawSpan, at time: Timestamp) -> Verdict {
        if let session, packet.session != session {
            guard !finished.contains(packet.session) else {
                counts.oldSessions += 1
                return .oldSession
            }
            guard expected == known else { return makeWay(.giveUp) }
            begin(packet.session)
        }
        session = packet.session
        guard expected == known || time - missingSince <= limits.time else { return makeWay(.giveUpOnce) }
        guard hasRoom(for: packet) else { return makeWay(.giveUpOnce) }
        patience = .normal
        return file(packet, bytes, time)
    }

    /// Nothing will follow: what is missing is lost.
    mutating func finish() { patience = .giveUp }

    private mutating func makeWay(_ patience: Patience) -> Verdict {
        self.patience = patience
        return .takeFrontFirst
    }

    private mutating func begin(_ next: MoldSession) {
        if let session { finished.append(session) }
        if finished.count > MoldArbiter.finishedMax { finished.removeFirst() }
        (expected, known) = (1, 1)
        current.end = 0
        missing.beginSession()
        announcesSession = true
    }

    private func hasRoom(for packet: MoldPacket) -> Bool {
        guard packet.count > 0, packet.sequence > expected, !waiting.isEmpty else { return true }
        return waiting.count < limits.packets && waitingBytes + packet.messages.count <= limits.bytes
    }

    private mutating func file(_ packet: MoldPacket, _ bytes: RawSpan, _ time: Timestamp) -> Verdict {
        counts.count(packet, behind: packet.count > 0 && packet.sequence < known)
        let wasComplete = expected == known
        if packet.end > known { (known, knownSince) = (packet.end, time) }
        if wasComplete, known > expected { missingSince = time }
        guard packet.count > 0 else { return .taken }
        guard packet.end > expected else {
            counts.duplicates += UInt64(packet.count)
            return missing.contains(packet.sequence..<packet.end) ? .lostBefore : .taken
        }
        if packet.sequence <= expected {
            let isLate = missing.contains(packet.sequence..<min(expected, packet.end))
            deliver(WaitingPacket(packet, bytes, time))
            return isLate ? .lostBefore : .taken
        }
        keep(packet, bytes, time)
        return .taken
    }

    /// Puts a packet among those that wait, lowest number first. One that adds nothing to another
    /// with the same beginning is a repetition.
    private mutating func keep(_ packet: MoldPacket, _ bytes: RawSpan, _ time: Timestamp) {
        var index = waiting.count
        while index > 0, waiting[index - 1].sequence > packet.sequence { index -= 1 }
        if index > 0, waiting[index - 1].sequence == packet.sequence, waiting[index - 1].end >= packet.end {
            counts.duplicates += UInt64(packet.count)
            return
        }
        waiting.insert(WaitingPacket(packet, bytes, time), at: index)
        waitingBytes += packet.messages.count
        counts.ahead += 1
    }

    // MARK: Out

    /// What comes next, where it is known. Stays until `advance`.
    var front: Front? {
        mutating get {
            if announcesSession { return .sessionBegins }
            while expected >= current.end {
                guard let first = waiting.first, first.sequence <= expected else {
                    return patience == .normal || expected == known ? nil : .lost(expected..<firstKnown)
                }
                waiting.removeFirst()
                waitingBytes -= first.bytes.count
                guard first.end > expected else {
                    counts.duplicates += first.end - first.sequence
                    continue
                }
                deliver(first)
            }
            return .message(expected)
        }
    }

    /// The front message, without its length. Only while `front` is a message.
    var messageBytes: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let bytes = current.bytes.span.bytes
            return bytes.extracting(place + 2..<place + 2 + Int(bytes.u16(at: place)))
        }
    }

    /// The front was taken.
    mutating func advance() {
        if announcesSession {
            announcesSession = false
        } else if expected < current.end {
            place += 2 + Int(current.bytes.span.bytes.u16(at: place))
            moveOn(to: expected + 1)
        } else {
            missing.add(expected..<firstKnown)
            if patience == .giveUpOnce { patience = .normal }
            moveOn(to: firstKnown)
        }
    }

    /// The first number that waits, or that is known to be the next one.
    private var firstKnown: UInt64 { waiting.first?.sequence ?? known }

    private mutating func moveOn(to number: UInt64) {
        expected = number
        guard expected >= current.end, expected < firstKnown else { return }
        // Others are missing now, and have been since the first packet beyond them.
        missingSince = waiting.lazy.map(\.time).min() ?? knownSince
    }

    /// Begins with a packet at the number that is expected.
    private mutating func deliver(_ packet: WaitingPacket) {
        current = packet
        place = 0
        for _ in packet.sequence..<expected {
            place += 2 + Int(current.bytes.span.bytes.u16(at: place))
            counts.duplicates += 1
        }
    }
}

/// A packet's messages, copied: its capture may be gone when it is its turn.
private struct WaitingPacket {
    var sequence: UInt64 = 0, end: UInt64 = 0
    var time = Timestamp.zero
    var bytes: [UInt8] = []

    init() {}
    init(_ packet: MoldPacket, _ bytes: RawSpan, _ time: Timestamp) {
        sequence = packet.sequence
        end = packet.end
        self.time = time
        self.bytes = bytes.extracting(packet.messages).withUnsafeBytes { Array($0) }
    }
}
