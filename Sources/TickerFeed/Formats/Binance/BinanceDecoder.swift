// A recorded Binance session, spot or USD-M futures, as a format: lines become events.
//
// Invariants
//   - A line is read whole before anything of it is applied, and is not done with until it was.
//   - Lines are due at the recorder's clock (`t`), in their order; ticks carry the exchange's (`E`)
//     where a message has it.
import Basics
import Market

extension FeedFormat {
    package static let binance = FeedFormat(
        name: "Binance session", recognise: { head, _ in BinanceDecoder.recognises(head) },
        make: { _ throws(FeedError) in BinanceDecoder() })
}

final class BinanceDecoder: FeedDecoder {
    let description = "Binance session"
    let scale = FeedScale.decimals
    private var player = BinancePlayer()

    init() {}

    /// A recorder's line, and among the first ones a word that only Binance says.
    static func recognises(_ head: RawSpan) -> Bool {
        guard head.contains("\"dir\":\""), head.contains("\"src\":\"") else { return false }
        let marks: [StaticString] = [
            "binance.", "@depth", "@bookTicker", "@trade", "@aggTrade", "\"depthUpdate\"", "\"lastUpdateId\"",
            "\"aggTrade\"", "\"bookTicker\"",
        ]
        return marks.contains { head.contains($0) }
    }

    var counts: [FeedCount] { player.session.counts.named }
    func reset() { player = BinancePlayer() }

    /// Of each symbol with a book: whether an event fitted behind its snapshot, and the number it has come to.
    var synchronisation: [(symbol: SymbolName, isInSync: Bool, lastUpdate: Int64?)] {
        (0..<player.session.symbols.count).compactMap { place in
            let symbol = player.session.symbols[place]
            guard symbol.pointee.hasDepth, symbol.pointee.isDefined else { return nil }
            let sequence = symbol.pointee.sequence
            return (
                symbol.pointee.name, sequence.state == .synced,
                sequence.state == .waiting ? nil : sequence.last
            )
        }
    }

    func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        player.play(
            bytes, at: offset, isLast: isLast, upTo: time, limit: limit, received: received, into: &builder)
    }
}

/// What the decoder does, as a value.
private struct BinancePlayer: ~Copyable {
    private(set) var session = BinanceSession()
    private var message = BinanceMessage()
    private var lines = LineCursor(lengthMax: SessionLine.lengthMax)
    private var number: UInt64 = 0
    private var held: HeldLine?

    /// A line that was read and is not due yet: the first of the unread bytes.
    private struct HeldLine {
        enum Finding {
            case sound
            case faulty(JSONFault)
            case tooLong
        }
        let finding: Finding
        /// With its end.
        let byteCount: Int
    }

    init() {}

    mutating func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress {
        var unread = 0, played = 0
        while true {
            let next = look(bytes, from: &unread, at: offset, isLast: isLast, &builder)
            guard case .due(let due) = next, played < limit, due <= time, !builder.isTurnFull else {
                return FeedProgress(consumed: unread, played: played, next: next)
            }
            let line = BinanceSession.Line(
                number: number, offset: offset + unread, received: received, time: due)
            builder.arrive(at: Stamp(time: due, received: received, source: number))
            if session.isReleasing {
                session.release(at: line, into: &builder)
            } else {
                finish(bytes, line, from: &unread, into: &builder)
            }
            played += 1
        }
    }

    /// Reads the next line, where none is held. Lines in front of the first that has a time are rejected
    /// at once: nobody could say when.
    private mutating func look(
        _ bytes: RawSpan, from unread: inout Int, at offset: Int, isLast: Bool, _ builder: inout BookBuilder
    ) -> FeedProgress.Next {
        while held == nil, !session.isReleasing {
            var end = unread
            switch lines.next(bytes, from: &end, isLast: isLast) {
            case .needsBytes:
                unread = end
                return .needsBytes
            case .end: return .end
            case .tooLong:
                unread = end
                hold(.tooLong, byteCount: 0)
            case .line(let range):
                let finding = read(bytes.extracting(range))
                if case .faulty = finding, isLast, end == bytes.byteCount, bytes.u8(at: end - 1) != 0x0a {
                    return .failed(.cut("line", at: offset + unread, bytesLeft: end - unread))
                }
                hold(finding, byteCount: end - unread)
            }
            guard message.received == nil else { break }
            let line = BinanceSession.Line(
                number: number, offset: offset + unread, received: .zero, time: .zero)
            finish(bytes, line, from: &unread, into: &builder)
        }
        return .due(message.received ?? .zero)
    }

    private mutating func hold(_ finding: HeldLine.Finding, byteCount: Int) {
        held = HeldLine(finding: finding, byteCount: byteCount)
        number += 1
        session.counts.add(.lines)
    }

    private mutating func read(_ line: RawSpan) -> HeldLine.Finding {
        do throws(JSONFault) {
            try message.read(line)
            return .sound
        } catch {
            return .faulty(error)
        }
    }

    /// Applies what is held, and is done with it.
    private mutating func finish(
        _ bytes: RawSpan, _ line: BinanceSession.Line, from unread: inout Int,
        into builder: inout BookBuilder
    ) {
        guard let held else { return }
        let text = bytes.extracting(unread..<unread + held.byteCount)
        unread += held.byteCount
        self.held = nil
        switch held.finding {
        case .faulty(let fault): session.reject(fault, line, into: &builder)
        case .tooLong: session.rejectTooLong(line, into: &builder)
        case .sound:
            session.apply(message, line, into: &builder)
            guard message.kind == .opened else { return }
            // The line is still there: its address was not kept.
            session.connected(url(of: text), line, into: &builder)
        }
    }

    private func url(of line: RawSpan) -> [UInt8] {
        guard let line = try? SessionLine(line), let url = line.url else { return [] }
        return url.bytes
    }
}

extension RawSpan {
    fileprivate func contains(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard byteCount >= count else { return false }
        return (0...byteCount - count).contains { start in
            (0..<count).allSatisfy { u8(at: start + $0) == word.utf8Start[$0] }
        }
    }
}
