// Text as a feed in tests: what came of it, in words that tests can compare.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// What a text became: every tick, every anomaly, and how it ended.
struct Played: Equatable {
    var ticks: [Tick] = []
    var anomalies: [String] = []
    var firsts: [Anomalies.First] = []
    var counts: [FeedCount] = []
    var events = 0
    var next = FeedStep.Next.end

    /// The ticks in short, but for names and bars: `AAPL best bid 1.5x10 *`, a star ends an event.
    var story: [String] {
        var names: [SymbolID: String] = [:]
        return ticks.compactMap { tick in
            if tick.kind == .symbol { names[tick.symbol] = tick.definition.name.description }
            if tick.kind == .symbol || tick.kind == .barClose { return nil }
            return "\(names[tick.symbol] ?? "?") \(words(tick))"
                + (tick.flags.contains(.endOfEvent) ? " *" : "")
        }
    }

    private func words(_ tick: Tick) -> String {
        let side = tick.side.map { $0 == .bid ? "bid" : "ask" } ?? "-"
        let level = "\(decimal(tick.price.e9, 9))x\(decimal(tick.size.e8, 8))"
        switch tick.kind {
        case .level: return "level \(side) \(level)" + (tick.aux > 0 ? " of \(tick.aux)" : "")
        case .best: return "best \(side) \(level)"
        case .trade: return "trade \(side) \(level)" + (tick.aux > 0 ? " #\(tick.aux)" : "")
        case .clear: return "clear"
        case .status:
            let status = SymbolStatus(packed: tick.aux), reason = status.market.reasonText
            return "\(status.market.state.name) \(status.feed.name)" + (reason.isEmpty ? "" : " \(reason)")
        default: return "?"
        }
    }

    private func decimal(_ value: Int64, _ decimals: Int) -> String {
        var buffer = ByteBuffer()
        buffer.write(atMost: 24) { $0.decimal(value, decimals: decimals) }
        return String(decoding: buffer.readable, as: UTF8.self)
    }
}

/// Plays a text to its end: cut into pieces of at most `longest`, `limit` events a call.
func play(
    _ text: [UInt8], _ options: FeedOptions = FeedOptions(path: "-"), cutBy seed: Seed = Seed(1),
    longest: Int = 1 << 20, limit: Int = 1_000, wanted: Set<SymbolName>? = nil
) throws -> Played {
    let end = TapeEnd(capacity: 1 << 13)
    var played = Played(), builder = BookBuilder(Tape.Writer(end.tape), wanted: wanted)
    let memory = InputMemory(text, cutBy: seed.generator(), longest: longest)
    let feed = try InputFeed(options, memory: memory, chunkBytes: 8 << 10)
    (played.events, played.next) = feed.playAll(limit: limit, into: &builder) { builder in
        builder.publish()
        played.ticks += end.drain()
    }
    builder.books.checkInvariants()
    played.anomalies = builder.anomalies.named.map { "\($0.name) \($0.count)" }
    played.firsts = builder.anomalies.firsts
    played.counts = feed.report?.counts ?? []
    return played
}

func play(
    _ text: String, _ options: FeedOptions = FeedOptions(path: "-"), longest: Int = 1 << 20
) throws -> Played {
    try play(Array(text.utf8), options, longest: longest)
}

/// However a text is cut, and in however many calls it is played, the same comes out.
func expectSameInPieces(
    _ text: [UInt8], _ options: FeedOptions = FeedOptions(path: "-"), seed: Seed,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let whole = try play(text, options)
    for (longest, limit) in [(1, 1), (7, 3), (300, 1), (5_000, 1_000)] {
        let cut = try play(text, options, cutBy: seed, longest: longest, limit: limit)
        #expect(
            cut == whole, "\(seed), pieces of \(longest), \(limit) a call", sourceLocation: sourceLocation)
    }
}

/// No prefix crashes or plays what the whole doesn't hold.
func expectPrefixes(
    of text: [UInt8], _ options: FeedOptions = FeedOptions(path: "-"), sparing head: Int
) throws {
    let whole = try play(text, options)
    for end in head...text.count {
        let cut = try play(Array(text[..<end]), options)
        let same = zip(cut.ticks, whole.ticks).prefix { $0 == $1 }.count
        // The last line may be shorter than it was, and still say something.
        let last = cut.ticks.last?.source
        #expect(
            cut.ticks[same...].allSatisfy { $0.kind == .symbol || $0.source == last },
            "prefix of \(end) bytes")
    }
}

/// No change of a single byte crashes.
func expectSurvival(
    of text: [UInt8], _ options: FeedOptions = FeedOptions(path: "-"), sparing head: Int, seed: Seed
) throws {
    var random = seed.generator()
    // Eight seeds change every byte.
    for offset in stride(from: head + Int(seed.raw % 8), to: text.count, by: 8) {
        var changed = text
        changed[offset] = UInt8(random.below(256))
        try expectPlayed(play(changed, options))
    }
}

private func expectPlayed(_ played: Played) {
    if case .failed = played.next { return }
    #expect(played.next == .end)
}
