// Lines of text as a feed: one loop for every format that has them.
//
// Invariants
//   - A line is played or rejected as a whole. A rejected one is an event at the time of the one
//     before it; in front of the first event, at that one's.
//   - At most `earlyMax` rejected lines wait for a first event. Events wait in the format.
import Basics
import Market

final class LineDecoder<Format: LineFormat>: FeedDecoder {
    private var player: LinePlayer<Format>
    private let fresh: Format

    init(_ format: Format) {
        fresh = format
        player = LinePlayer(format)
    }

    var description: String { fresh.description }
    var scale: FeedScale { fresh.scale }
    var timeZero: Timestamp { fresh.timeZero }
    var counts: [FeedCount] { player.format.counts }

    func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        let turn = LineTurn(time: time, limit: limit, received: received)
        return player.play(bytes, at: offset, isLast: isLast, turn, into: &builder)
    }

    func reset() { player = LinePlayer(fresh) }
}

/// How far one call may play.
struct LineTurn {
    let time: Timestamp
    let limit: Int
    let received: Timestamp
}

/// What the decoder does, as a value: its loop touches no reference.
private struct LinePlayer<Format: LineFormat> {
    private(set) var format: Format
    private var cursor = LineCursor(lengthMax: Format.lengthMax)
    private var number: UInt64 = 0
    /// Of the event played last.
    private var lastTime: Timestamp?
    /// Lines that were rejected and not yet counted.
    private var rejected: [Rejected] = []
    private var failure: FeedFault?
    /// Nothing will be read any more.
    private var isOver = false

    struct Rejected {
        let fault: LineFault
        let number: UInt64
        let offset: Int
    }

    /// More of them are counted before anything has a time.
    static var earlyMax: Int { 1_000 }

    init(_ format: Format) { self.format = format }

    mutating func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, _ turn: LineTurn, into builder: inout BookBuilder
    ) -> FeedProgress {
        var consumed = 0, played = 0
        while true {
            if let due = due(received: turn.received) {
                guard due <= turn.time, played < turn.limit, !builder.isTurnFull else {
                    return FeedProgress(consumed: consumed, played: played, next: .due(due))
                }
                playNext(at: due, received: turn.received, into: &builder)
                played += 1
            } else if let failure {
                return FeedProgress(consumed: consumed, played: played, next: .failed(failure))
            } else if let next = readOn(bytes, from: &consumed, at: offset, isLast: isLast) {
                return FeedProgress(consumed: consumed, played: played, next: next)
            }
        }
    }

    /// When what waits is to be played; nil where nothing does, or where nothing can tell yet.
    private func due(received: Timestamp) -> Timestamp? {
        guard let first = rejected.first else {
            guard let event = format.next else { return nil }
            return event.time ?? lastTime ?? received
        }
        if let event = format.next, lastTime == nil || event.number < first.number {
            return event.time ?? lastTime ?? received
        }
        return lastTime ?? (rejected.count < Self.earlyMax && !isOver ? nil : received)
    }
    private mutating func playNext(
        at due: Timestamp, received: Timestamp, into builder: inout BookBuilder
    ) {
        if let first = rejected.first, first.number < format.next?.number ?? .max {
            rejected.removeFirst()
            if let anomaly = first.fault.anomaly {
                builder.count(
                    anomaly, message: first.number, offset: first.offset, first.fault.cause)
            }
        } else {
            lastTime = due
            format.play(received: received, into: &builder)
        }
    }

    /// Reads one line. Returns what ends the call.
    private mutating func readOn(
        _ bytes: RawSpan, from consumed: inout Int, at offset: Int, isLast: Bool
    ) -> FeedProgress.Next? {
        let start = consumed
        switch cursor.next(bytes, from: &consumed, isLast: isLast) {
        case .line(let line):
            take(bytes.extracting(line), at: offset + line.lowerBound)
        case .tooLong:
            number += 1
            reject(LineFault(anomaly: .tooLong, cause: "a line that is too long"), at: offset + start)
        case .needsBytes: return .needsBytes
        case .end:
            isOver = true
            format.close()
            if due(received: .zero) == nil { return .end }
        }
        return nil
    }

    private mutating func take(_ line: RawSpan, at offset: Int) {
        if line.isBlank {
            if !Format.numbersRows { number += 1 }
            return
        }
        number += 1
        do throws(LineFault) {
            if try !format.take(line, number: number), Format.numbersRows { number -= 1 }
        } catch {
            if error.anomaly == nil {
                failure = FeedFault(offset: offset, reason: "\(error.cause)")
                isOver = true
            } else {
                reject(error, at: offset)
            }
        }
    }

    private mutating func reject(_ fault: LineFault, at offset: Int) {
        format.close()
        rejected.append(Rejected(fault: fault, number: number, offset: offset))
    }
}

extension RawSpan {
    var isBlank: Bool {
        for offset in 0..<byteCount where u8(at: offset) != 0x20 && u8(at: offset) != 0x09 { return false }
        return true
    }
}

extension RawSpan {
    /// The first line that isn't blank, as far as it is there: for recognition.
    var firstLine: RawSpan? {
        @_lifetime(copy self) get {
            var cursor = LineCursor(lengthMax: byteCount), offset = 0
            while case .line(let range) = cursor.next(self, from: &offset, isLast: true) {
                let line = extracting(range)
                if !line.isBlank { return line }
            }
            return nil
        }
    }
}
