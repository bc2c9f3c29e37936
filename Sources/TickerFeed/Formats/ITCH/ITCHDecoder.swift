// NASDAQ TotalView-ITCH 5.0 as files have it: each message behind its length, no head, no date.
//
// Invariants
//   - A bad message costs itself and no other; behind an end marker nothing is read.
//   - What is whole in the bytes is played in one loop that touches no reference.
import Basics
import Market

extension FeedFormat {
    package static let itch = FeedFormat(
        name: "ITCH 5.0", recognise: { head, _ in ITCHDecoder.recognises(head) },
        make: { options throws(FeedError) in try ITCHDecoder(options) })
}

final class ITCHDecoder: FeedDecoder {
    let description: String
    let scale = FeedScale.shares
    /// Midnight in New York: ITCH counts from there.
    let timeZero: Timestamp
    private var player: ITCHPlayer

    init(_ options: FeedOptions) throws(FeedError) {
        guard let day = options.date ?? CalendarDate(inFileName: options.path) else {
            throw .noDate(file: options.path, format: "ITCH")
        }
        description = "ITCH 5.0 of \(day)"
        timeZero = EasternTime.midnight(of: day)
        player = ITCHPlayer(ITCHRouter(midnight: timeZero))
    }

    /// A whole message of a known type and its length, the end marker, or nothing at all. Behind a first
    /// length of 0 there is nothing, or messages whose lengths nobody filled in.
    static func recognises(_ head: RawSpan) -> Bool {
        guard head.byteCount >= 2 else { return head.byteCount == 0 || head.u8(at: 0) == 0 }
        let length = Int(head.u16(at: 0))
        guard head.byteCount > 2 else { return length <= 50 }
        let known = ITCHMessage.length(ofType: head.u8(at: 2))
        return known != nil && (length == 0 || length == known)
    }

    var counts: [FeedCount] { player.router.counts }
    var isAtEndMarker: Bool { player.isAtEndMarker }
    func reset() { player.reset() }

    func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        player.play(
            bytes, at: offset, isLast: isLast, upTo: time, limit: limit, received: received, into: &builder)
    }
}

/// What the decoder does, as a value.
private struct ITCHPlayer: ~Copyable {
    var router: ITCHRouter
    private(set) var isAtEndMarker = false

    init(_ router: consuming ITCHRouter) { self.router = router }

    mutating func reset() {
        router.rewind()
        isAtEndMarker = false
    }

    mutating func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        let known = builder.anomalyKinds, first = router.messages + 1
        let progress = playOn(
            bytes, at: offset, isLast: isLast, upTo: time, limit: limit, received: received, into: &builder)
        guard builder.anomalyKinds > known else { return progress }
        builder.locateAnomalies(from: known) { number in
            ITCHPlayer.place(of: number, from: first, in: bytes).map { offset + $0 }
        }
        return progress
    }

    /// Where a message begins, found when somebody asks: messages don't carry their places along.
    private static func place(of number: UInt64, from first: UInt64, in bytes: RawSpan) -> Int? {
        guard number >= first else { return nil }
        var place = 0
        for _ in first..<number {
            guard place + 2 <= bytes.byteCount else { return nil }
            place += 2 + Int(bytes.u16(at: place))
        }
        return place
    }

    private mutating func playOn(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        guard !isAtEndMarker else { return FeedProgress(consumed: 0, played: 0, next: .end) }
        // Nothing is due before midnight, and `time` may be as far away as times go.
        let limitTime = time < router.midnight ? Nanoseconds(raw: -1) : time - router.midnight
        var cursor = ITCHCursor(bytes), played = 0
        var scout = cursor.scout
        let looksAhead = builder.wantsHints
        if looksAhead { for _ in 0..<ITCHScout.lead { router.lookAhead(&scout, builder) } }
        while let timestamp = cursor.nextTimestamp {
            guard played < limit, timestamp <= limitTime else {
                return FeedProgress(
                    consumed: cursor.offset, played: played, next: .due(router.midnight + timestamp))
            }
            if looksAhead { router.lookAhead(&scout, builder) }
            do throws(ITCHError) {
                if let message = try cursor.next() {
                    router.apply(message, received: received, into: &builder)
                }
            } catch {
                router.reject(error, at: offset, into: &builder)
            }
            played += 1
        }
        isAtEndMarker = cursor.isAtEndMarker
        let left = bytes.byteCount - cursor.offset
        var next = FeedProgress.Next.needsBytes
        if isAtEndMarker || isLast && left == 0 {
            next = .end
        } else if isLast {
            next = .failed(.cut("message", at: offset + cursor.offset, bytesLeft: left))
        }
        return FeedProgress(consumed: cursor.offset, played: played, next: next)
    }
}
