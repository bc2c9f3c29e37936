// ITCH 5.0 as it was multicast: a capture of MoldUDP64 packets, from one line or several.
//
//     pcap, pcapng ─▶ Ethernet · IPv4 · UDP ─▶ MoldUDP64 ─▶ lines merged ─▶ ITCH ─▶ builder
//
// Invariants
//   - A packet that cannot be used costs itself: it is counted, and what it carried is missing.
//   - Behind a number that nobody brought, every book is suspect, and play goes on.
//   - Events have the times of their messages; the capture's own say how long to wait for a number,
//     and which day it is where nobody else does.
import Basics
import Market

extension FeedFormat {
    package static let itchCapture = FeedFormat(
        name: "ITCH over MoldUDP64 in pcap or pcapng",
        recognise: { head, _ in head.byteCount >= 4 && PcapReader.isMark(head.u32(at: 0)) },
        make: { options throws(FeedError) in ITCHCaptureDecoder(options) })
}

final class ITCHCaptureDecoder: FeedDecoder {
    let description: String
    let scale = FeedScale.shares
    private let day: CalendarDate?
    private var player: ITCHCapturePlayer

    init(_ options: FeedOptions) {
        day = options.date ?? CalendarDate(inFileName: options.path)
        description = "ITCH 5.0 over MoldUDP64" + (day.map { " of \($0)" } ?? "")
        player = ITCHCapturePlayer(day)
    }

    /// Midnight in New York: of the day that is given, or of the first packet's.
    var timeZero: Timestamp { player.router.midnight }
    var counts: [FeedCount] { player.counts }
    var missingNumbers: [Range<UInt64>]? { player.arbiter.missing.ranges }
    func reset() { player = ITCHCapturePlayer(day) }

    func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        player.play(
            bytes, at: offset, isLast: isLast, upTo: time, limit: limit, received: received, into: &builder)
    }
}

/// What the decoder does, as a value.
private struct ITCHCapturePlayer: ~Copyable {
    private(set) var router: ITCHRouter
    private(set) var arbiter = MoldArbiter()
    private var reader = PcapReader()
    private var transport = CaptureCounts()
    /// The day is the capture's own, a new one with each session.
    private let isDayOpen: Bool
    private var lastSeen = Timestamp.zero
    private var isFinished = false
    private var complaints: UInt64 = 0

    init(_ day: CalendarDate?) {
        isDayOpen = day == nil
        router = ITCHRouter(midnight: day.map { EasternTime.midnight(of: $0) } ?? .zero)
    }

    var counts: [FeedCount] { router.counts + transport.counts(arbiter.counts) }

    mutating func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        var place = 0, played = 0
        while true {
            guard let front = arbiter.front else {
                complain(&builder)
                let next = read(bytes, from: &place, at: offset, isLast: isLast, &builder)
                guard let next else { continue }
                return FeedProgress(consumed: place, played: played, next: next)
            }
            let due = self.time(of: front)
            guard due <= time, played < limit, !builder.isTurnFull else {
                return FeedProgress(consumed: place, played: played, next: .due(due))
            }
            if apply(front, received, &builder) { played += 1 }
            arbiter.advance()
        }
    }

    // MARK: Packets

    /// Takes the next packet; nil where play can go on.
    private mutating func read(
        _ bytes: RawSpan, from place: inout Int, at offset: Int, isLast: Bool, _ builder: inout BookBuilder
    ) -> FeedProgress.Next? {
        do throws(PcapError) {
            if let packet = try reader.next(in: bytes, from: &place) {
                return take(packet, bytes, at: offset, &builder)
            }
            guard isLast else { return .needsBytes }
            let left = bytes.byteCount - place
            let isCut = left > 0 || reader.skipping > 0
            return end(isCut ? .cut("packet", at: offset + place, bytesLeft: left) : transport.fault)
        } catch {
            return end(error.fault(at: offset))
        }
    }

    /// What still waits is played before the end, whatever it is.
    private mutating func end(_ fault: FeedFault?) -> FeedProgress.Next? {
        if !isFinished {
            isFinished = true
            arbiter.finish()
            return nil
        }
        return fault.map { .failed($0) } ?? .end
    }

    private mutating func take(
        _ packet: PcapPacket, _ bytes: RawSpan, at offset: Int, _ builder: inout BookBuilder
    ) -> FeedProgress.Next? {
        transport.packets += 1
        let start = offset + packet.frame.lowerBound
        do throws(PacketFlaw) {
            if let flaw = packet.flaw { throw flaw }
            let datagram = try Datagram(in: bytes, frame: packet.frame)
            transport.count(datagram)
            return take(datagram, bytes, at: offset, seen: packet.time, &builder)
        } catch {
            transport.count(error)
            let anomaly = error == .tooLong ? Anomaly.tooLong : .unusablePacket
            builder.count(anomaly, message: transport.packets, offset: start, error.cause)
            return nil
        }
    }

    private mutating func take(
        _ datagram: Datagram, _ bytes: RawSpan, at offset: Int, seen time: Timestamp,
        _ builder: inout BookBuilder
    ) -> FeedProgress.Next? {
        let packet = MoldPacket(in: bytes, payload: datagram.payload)
        let start = offset + datagram.payload.lowerBound
        if packet?.isFlawed != false {
            builder.count(
                .badPacket, message: transport.packets, offset: start,
                packet == nil ? "no MoldUDP64 head" : "other messages than the head announces")
        }
        guard let packet else { return nil }
        if isDayOpen, router.midnight == .zero {
            guard let day = EasternTime.date(at: time) else {
                return .failed(
                    FeedFault(offset: start, reason: "the capture has no dates: pass --date YYYY-MM-DD"))
            }
            router.beginDay(at: EasternTime.midnight(of: day))
        }
        transport.hasSession = true
        lastSeen = time
        arbiter.take(packet, in: bytes, at: offset + packet.messages.lowerBound, seen: time)
        return nil
    }

    /// Packets that came too late to be of use: whoever wonders about a gap finds them here.
    private mutating func complain(_ builder: inout BookBuilder) {
        let late = arbiter.counts.late + arbiter.counts.oldSessions
        while complaints < late {
            complaints += 1
            builder.count(
                .oldSequence, message: arbiter.expected, "a packet came after it had been given up")
        }
    }

    // MARK: Events

    private mutating func time(of front: MoldArbiter.Front) -> Timestamp {
        guard case .message = front else { return router.lastTime }
        let message = arbiter.frontMessage
        guard message.byteCount >= 13 else { return router.lastTime }
        return router.midnight + Nanoseconds(raw: Int64(message.u48(at: 7)))
    }

    /// - Returns: true for a message; what is made of lines and sessions is no event of the source.
    private mutating func apply(
        _ front: MoldArbiter.Front, _ received: Timestamp, _ builder: inout BookBuilder
    ) -> Bool {
        switch front {
        case .message(let number):
            router.skip(to: number)
            do throws(ITCHError) {
                let message = try ITCHCapturePlayer.message(behindLength: arbiter.frontMessage)
                router.apply(message, received: received, into: &builder)
            } catch {
                router.reject(error, at: arbiter.frontOffset, into: &builder)
            }
            return true
        case .lost(let numbers):
            builder.count(.sequenceGap, message: numbers.lowerBound, "no line brought the message")
            router.lose(received: received, into: &builder)
        case .sessionBegins:
            let day = isDayOpen ? EasternTime.date(at: lastSeen) : nil
            builder.clearAll(received: received)
            router.beginDay(at: day.map { EasternTime.midnight(of: $0) } ?? router.midnight)
        }
        return false
    }

    private static func message(behindLength framed: RawSpan) throws(ITCHError) -> ITCHMessage {
        var cursor = ITCHCursor(framed)
        if let message = try cursor.next() { return message }
        // A length of 0 ends a file; here it is a message without a type.
        throw .wrongLength(type: 0, expected: 12, found: 0, offset: 0)
    }
}
