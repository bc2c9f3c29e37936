// One story of recovery, whatever the format: gap → suspect → clear or snapshot → deltas.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// One symbol's story in words, each said once as long as it lasts.
private func story(_ ticks: [Tick], of symbol: SymbolID = SymbolID(0)) -> [String] {
    var words: [String] = [], feed = FeedState.live
    for tick in ticks where tick.symbol == symbol && !tick.flags.contains(.snapshot) {
        var word: String?
        switch tick.kind {
        case .status:
            let now = SymbolStatus(packed: tick.aux).feed
            if now != feed { word = "\(now.name)" }
            feed = now
        case .clear: word = tick.aux == 0 ? "new day" : "clear"
        case .level, .best: word = "levels"
        default: break
        }
        if let word, words.last != word { words.append(word) }
    }
    return words
}

private func play(_ feed: any Feed, _ pace: Pace, until time: Nanoseconds? = nil) -> ReplayStage {
    let stage = ReplayStage(feed, .of(pace))
    var random = Seed(9).generator()
    guard let time else {
        stage.run(late: .milliseconds(3), &random)
        return stage
    }
    let end = stage.now + time
    while stage.now < end {
        stage.turns()
        stage.pass(.milliseconds(1 + random.below(200)))
    }
    return stage
}

private let paces: [Pace] = [.unpaced, .recorded(Speed(times: 1_000))]

@Test(
    "a capture: what no line brought makes the book suspect, a new session makes it right", arguments: paces)
func captureRecovers(pace: Pace) throws {
    let midnight: Int64 = 1_580_360_400_000_000_000, head = [UInt8](repeating: 0, count: 20)
    let real = Capture.messages(in: head + (try Fixture.bytes(Fixture.aapl))).prefix(1_200)
    func sent(_ session: String, day: Int64) -> [Sent] {
        real.enumerated().map { index, message in
            let time = message[5..<11].reduce(0) { $0 << 8 | Int64($1) }
            return Sent(
                time: midnight + day * 86_400_000_000_000 + time, session: session,
                sequence: UInt64(index + 1),
                messages: [message])
        }
    }
    let first = sent("REPLAY0001", day: 0).filter { $0.sequence != 700 }
    let packets = first + sent("REPLAY0002", day: 1)
    let memory = InputMemory(Capture.pcap(packets.map { Seen($0.time, $0.frame) }))
    let stage = play(try InputFeed(FeedOptions(path: "capture"), memory: memory), pace)

    #expect(story(stage.ticks) == ["levels", "suspect", "levels", "new day", "levels", "live", "levels"])
    #expect(stage.state.anomaliesByKind.first { $0.name == "sequence_gap" }?.count == 1)
    #expect(stage.state.firstAnomalies.first { $0.anomaly == .sequenceGap }?.message == 700)
    // Before anything of what came behind the gap.
    let suspect = try #require(
        stage.ticks.firstIndex {
            $0.kind == .status && SymbolStatus(packed: $0.aux).feed == .suspect
        })
    #expect(stage.ticks[..<suspect].allSatisfy { $0.source < 700 })
    #expect(stage.ticks[(suspect + 1)...].prefix { $0.kind != .clear }.allSatisfy { $0.source > 700 })
    // The second day's book is that of a day without a gap.
    let whole = Plain.ticks(try Plain.feed(real.flatMap(\.framed))).ticks.seen()[SymbolID(0)]
    let seen = stage.ticks.seen()[SymbolID(0)]
    #expect(seen?.bids == whole?.bids && seen?.asks == whole?.asks)
}

/// The recorded session without one event, and with the book asked for again some events later.
private func mendedSession() throws -> [UInt8] {
    let lines = try Fixture.lines(Fixture.session)
    let depth = lines.indices.filter { lines[$0].contains("\"depthUpdate\"") }
    let lost = depth[12], last = depth[20]
    // The whole book, as playing the session without a loss has it there.
    let end = TapeEnd()
    var builder = end.makeBuilder()
    let feed = try Plain.feed(Array((lines[...last].joined(separator: "\n") + "\n").utf8))
    feed.playAll(limit: 100, into: &builder) { builder in
        builder.publish()
        _ = end.drain()
    }
    let number = try #require((feed.decoder as? BinanceDecoder)?.synchronisation.first?.lastUpdate)
    func levels(_ side: Side) -> String {
        (0..<builder.books.depth(SymbolID(0), side)).map { depth in
            let level = builder.books.level(SymbolID(0), side, depth)
            return "[\"\(decimal(level.price.e9 / 10))\",\"\(decimal(Int64(level.shares)))\"]"
        }.joined(separator: ",")
    }
    let time = lines[last].prefix { $0 != "," }
    let snapshot =
        time + ",\"src\":\"rest\",\"dir\":\"in\",\"url\":\"depth?symbol=BTCUSDT&limit=5000\",\"msg\":"
        + "{\"lastUpdateId\":\(number),\"bids\":[\(levels(.bid))],\"asks\":[\(levels(.ask))]}}"
    var mended = lines
    mended.insert(String(snapshot), at: last + 1)
    mended.remove(at: lost)
    return Array((mended.joined(separator: "\n") + "\n").utf8)
}

/// Of so many units of 1e-8.
private func decimal(_ units: Int64) -> String {
    let fraction = String(units % 100_000_000)
    return "\(units / 100_000_000)." + String(repeating: "0", count: 8 - fraction.count) + fraction
}

@Test("a session: a lost event makes the book suspect, a snapshot makes it right", arguments: paces)
func sessionRecovers(pace: Pace) throws {
    let stage = play(try Plain.feed(try mendedSession()), pace)
    let words = story(stage.ticks)
    #expect(words.suffix(6) == ["levels", "suspect", "clear", "levels", "live", "levels"], "\(words)")
    #expect(stage.state.anomaliesByKind.first { $0.name == "sequence_gap" }?.count == 1)
    // While it waits for the snapshot nothing of what comes is applied.
    let suspect = try #require(
        stage.ticks.lastIndex {
            $0.kind == .status && SymbolStatus(packed: $0.aux).feed == .suspect
        })
    let next = try #require(stage.ticks[suspect...].first { $0.kind == .level })
    #expect(stage.ticks[suspect].source + 5 < next.source)
    let whole = Plain.ticks(try Recording.binance.feed()).ticks.seen()[SymbolID(0)]
    let seen = stage.ticks.seen()[SymbolID(0)]
    #expect(seen?.bids == whole?.bids && seen?.asks == whole?.asks)
    #expect(seen?.bestBid == whole?.bestBid && seen?.bestAsk == whole?.bestAsk)
}

@Test(
    "a made-up market: all books are suspect, sent anew and right again",
    arguments: [Pace.live, .recorded(Speed(times: 10))]
)
func marketRecovers(pace: Pace) throws {
    var faults: [UsageError] = []
    let scenario = Scenario("feed-gap", settings: ["rate=200"], faults: &faults)
    #expect(faults.isEmpty)
    let feed = Simulator(scenario, seed: 3, start: ReplayStage.wall(at: Instant(raw: 7_000_000_000)))
    let stage = play(feed, pace, until: pace == .live ? .seconds(30) : .seconds(3))
    for symbol in 0..<24 {
        let words = story(stage.ticks, of: SymbolID(symbol)).filter { $0 != "quiet" }
        let expected = ["levels", "suspect", "levels", "clear", "levels", "live", "levels"]
        // A small stock may say nothing between the gap and its book.
        let short = ["levels", "suspect", "clear", "levels", "live", "levels"]
        #expect(words == expected || words == short, "\(symbol): \(words)")
    }
    #expect(stage.state.anomaliesByKind.first { $0.name == "sequence_gap" }?.count == 1)
}
