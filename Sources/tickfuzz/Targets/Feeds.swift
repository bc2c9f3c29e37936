// Recorded feeds: whatever the bytes are and however they and the calls are cut, the ticks are the same.
import Basics
import Market
import TickerFeed

@Sendable func fuzzITCH(_ bytes: UnsafeRawBufferPointer) { fuzz(.itch, bytes) }
@Sendable func fuzzCapture(_ bytes: UnsafeRawBufferPointer) { fuzz(.itchCapture, bytes) }
@Sendable func fuzzBinance(_ bytes: UnsafeRawBufferPointer) { fuzz(.binance, bytes) }
@Sendable func fuzzLOBSTER(_ bytes: UnsafeRawBufferPointer) { fuzz(.lobster, bytes) }
@Sendable func fuzzCSV(_ bytes: UnsafeRawBufferPointer) { fuzz(.csv, bytes) }
@Sendable func fuzzNDJSON(_ bytes: UnsafeRawBufferPointer) { fuzz(.ndjson, bytes) }

private func fuzz(_ format: FeedFormat, _ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let seed = UInt64(input.decide(256)), longest = 1 + input.decide(256)
    let all = input.rest()
    guard let whole = Playback(format), let cut = Playback(format) else { return }
    whole.play(all, longest: .max, limit: 64, seed)
    cut.play(all, longest: longest, limit: 3, seed)
    demand(whole.ticks == cut.ticks && whole.played == cut.played, "cut by \(longest) the ticks are others")
    demand(
        whole.counts == cut.counts && whole.anomalies == cut.anomalies, "cut by \(longest) counts are others")
    demand(
        whole.ending == cut.ending && whole.consumed == cut.consumed,
        "cut by \(longest) it ends at \(cut.consumed), \(cut.ending), and not \(whole.consumed), \(whole.ending)"
    )
    whole.decoder.reset()
    let again = whole.played
    whole.play(all, longest: longest, limit: 5, seed)
    demand(whole.played == again, "a second round plays other messages")
}

/// As a file is opened: recognised, unpacked, played, cut anywhere.
@Sendable func fuzzInput(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let seed = UInt64(input.decide(256)), longest = 1 + input.decide(256)
    let rest = input.rest()
    let all = Array(rest.bytes)
    let whole = InputEnd(InputMemory(all))
    let cut = InputEnd(InputMemory(all, cutBy: SeededGenerator(seed: seed), longest: longest))
    demand(whole == cut, "in pieces of up to \(longest) it is \(cut) and not \(whole)")
}

/// What came of an input.
private struct InputEnd: Equatable {
    var description = "", played = 0, ticks: UInt64 = 0
    var fault: FeedError?

    init(_ memory: InputMemory) {
        do throws(FeedError) {
            let feed = try InputFeed(FeedOptions(path: "AAPL_2012-06-21_message_10.csv"), memory: memory)
            var digest = Digest(feed, scale: .decimals, timeZero: .zero, tapeCapacity: 1 << 14)
            digest.run()
            (description, played, ticks) = (feed.description, Int(digest.messages), digest.tickHash.value)
            fault = digest.fault
        } catch {
            fault = error
        }
    }
}

/// A decoder that is played to its end, and what came of it.
private final class Playback {
    let decoder: any FeedDecoder
    private(set) var played = 0, consumed = 0
    private(set) var ending = FeedProgress.Next.end
    private(set) var ticks = FNV1a64()
    var counts: [FeedCount] { decoder.counts }
    var anomalies: [Anomalies.First] { builder.anomalies.firsts }

    private var builder: BookBuilder
    private let reader: TapeReader
    private let batch = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 10)

    init?(_ format: FeedFormat) {
        guard let decoder = try? format.make(FeedOptions(path: "AAPL_2012-06-21_message_10.csv")) else {
            return nil
        }
        self.decoder = decoder
        let tape = Tape(capacity: 1 << 12)
        reader = tape.makeReader()
        builder = BookBuilder(Tape.Writer(tape))
    }
    deinit { batch.deallocate() }

    func play(_ all: borrowing Memory, longest: Int, limit: Int, _ seed: UInt64) {
        var random = SeededGenerator(seed: seed), end = 0
        (played, consumed) = (0, 0)
        while true {
            let progress = step(all.piece(consumed..<end), isLast: end == all.count, limit: limit)
            consumed += progress.consumed
            played += progress.played
            switch progress.next {
            case .due: demand(progress.played == limit, "\(progress.played) of \(limit) were played")
            case .needsBytes:
                demand(end < all.count, "bytes are wanted behind the last one")
                end += min(all.count - end, longest == .max ? all.count : 1 + random.below(longest))
            case .end, .failed: return ending = progress.next
            }
        }
    }

    private func step(_ piece: borrowing Memory, isLast: Bool, limit: Int) -> FeedProgress {
        let progress = decoder.play(
            piece.bytes.bytes, at: consumed, isLast: isLast, upTo: Timestamp(raw: .max), limit: limit,
            received: .zero, into: &builder)
        demand(
            (0...piece.count).contains(progress.consumed), "consumed \(progress.consumed) of \(piece.count)")
        demand((0...limit).contains(progress.played), "\(progress.played) of \(limit) were played")
        builder.publish()
        while case .ticks(let count) = reader.read(into: batch) {
            for index in 0..<count { batch[index].hash(into: &ticks) }
        }
        return progress
    }
}
