// A session's rules, one at a time: numbers, kept events, connections, best prices, trades, limits.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

// MARK: Numbers

@Test(
    "an event is next, old, or behind a gap",
    arguments: [
        // Spot, behind a snapshot at 100: the first has 101 in it.
        (false, 95...100, -1, .olderThanSnapshot), (false, 95...101, -1, .next),
        (false, 101...101, -1, .next),
        (false, 102...110, -1, .gap),
        // Spot, synced at 100.
        (true, 101...105, -1, .next), (true, 99...105, -1, .next), (true, 99...100, -1, .old),
        (true, 102...105, -1, .gap), (true, 105...104, -1, .gap), (true, 5...4, -1, .old),
        // Futures, behind a snapshot at 100: the first has 100 in it.
        (false, 90...99, 80, .olderThanSnapshot), (false, 90...100, 80, .next), (false, 100...120, 99, .next),
        (false, 101...120, 100, .gap),
        // Futures, synced at 100: only the number before counts.
        (true, 150...160, 100, .next), (true, 101...160, 99, .gap), (true, 90...100, 80, .old),
    ] as [(Bool, ClosedRangeOfAny, Int64, DepthSequence.Verdict)])
func verdicts(synced: Bool, numbers: ClosedRangeOfAny, previous: Int64, verdict: DepthSequence.Verdict) {
    var sequence = DepthSequence()
    sequence.take(snapshot: 100)
    if synced { sequence.take(DepthRange(first: 100, last: 100)) }
    let event = DepthRange(first: numbers.first, last: numbers.last, previous: previous)
    #expect(sequence.judge(event) == verdict)
}

/// Two numbers in any order: exchanges may send anything.
struct ClosedRangeOfAny: Sendable {
    let first: Int64, last: Int64
}
private func ... (first: Int64, last: Int64) -> ClosedRangeOfAny {
    ClosedRangeOfAny(first: first, last: last)
}

// MARK: Sessions

/// A decoder, its lines, and a tape to look at.
private struct Desk: ~Copyable {
    let decoder = BinanceDecoder()
    let tape = TapeEnd()
    var builder: BookBuilder
    private var time: Int64 = 1_000

    init() { builder = tape.makeBuilder() }

    /// Plays one line, and what it sets free; returns the ticks, as `kind side price size`.
    mutating func play(_ line: String) -> [String] {
        let bytes = Array((line + "\n").utf8)
        let progress = decoder.play(
            bytes.span.bytes, at: 0, isLast: false, upTo: Timestamp(raw: .max), limit: .max, received: .zero,
            into: &builder)
        #expect(progress.next == .needsBytes && progress.consumed == bytes.count)
        builder.publish()
        return tape.drain().compactMap(Desk.word)
    }

    mutating func message(_ text: String) -> [String] { play(wrapped(text)) }
    mutating func snapshot(_ symbol: String, _ text: String) -> [String] {
        time += 1
        return play(
            #"{"t":\#(time),"src":"rest","dir":"in","url":"https:\/\/api.x\/depth?limit=9&symbol=\#(symbol)","msg":\#(text)}"#
        )
    }
    mutating func open(_ url: String) -> [String] {
        time += 1
        return play(#"{"t":\#(time),"src":"ws","dir":"open","url":"\#(url)"}"#)
    }
    mutating func wrapped(_ text: String) -> String {
        time += 1
        return #"{"t":\#(time),"src":"ws","dir":"in","msg":\#(text)}"#
    }

    func count(_ name: String) -> UInt64 { decoder.counts.first { $0.name == name }?.count ?? 0 }

    private static func word(_ tick: Tick) -> String? {
        let side = tick.side.map { $0 == .bid ? " bid" : " ask" } ?? ""
        let numbers = "\(side) \(tick.price.e9 / 1_000_000_000) \(tick.size.e8 / 100_000_000)"
        return switch tick.kind {
        case .level: "level" + numbers
        case .best: "best" + numbers
        case .trade: "trade" + numbers + " #\(tick.aux)"
        case .clear: "clear \(tick.aux)"
        case .status: "\(SymbolStatus(packed: tick.aux).feed.name)"
        default: nil
        }
    }
}

private func depth(_ first: Int, _ last: Int, bids: String = "[]", asks: String = "[]", symbol: String = "AB")
    -> String
{
    #"{"e":"depthUpdate","E":1,"s":"\#(symbol)","U":\#(first),"u":\#(last),"b":\#(bids),"a":\#(asks)}"#
}

@Test("a snapshot sets free what was kept; a gap waits for the next one")
func resynchronisation() {
    var desk = Desk()
    #expect(desk.message(depth(9, 10, bids: #"[["9","1"]]"#)) == ["live", "suspect"])
    #expect(desk.message(depth(11, 12, bids: #"[["9","2"]]"#)) == [])
    #expect(
        desk.snapshot("AB", #"{"lastUpdateId":11,"bids":[["9","5"]],"asks":[["10","6"]]}"#) == [
            "clear 1", "level bid 9 5", "level ask 10 6", "best bid 9 5", "best ask 10 6", "live",
            "level bid 9 2", "best bid 9 2",
        ])
    #expect(desk.message(depth(14, 15, bids: #"[["9","3"]]"#)) == ["suspect"])
    #expect(desk.message(depth(16, 17, asks: #"[["10","0"]]"#)) == [])
    #expect(desk.snapshot("AB", #"{"lastUpdateId":12,"bids":[],"asks":[]}"#) == [])
    #expect(
        desk.snapshot("AB", #"{"lastUpdateId":16,"bids":[["9","4"]],"asks":[["10","6"]]}"#) == [
            "clear 1", "level bid 9 4", "level ask 10 6", "best bid 9 4", "live", "level ask 10 0",
            "best ask 0 0",
        ])
    #expect(desk.count("book_handling.snapshot_too_old") == 1)
    #expect(desk.count("book_handling.sequence_gap") == 1)
    #expect(desk.builder.anomalies[.sequenceGap] == 1)
    #expect(desk.decoder.synchronisation.map(\.lastUpdate) == [17])
}

@Test("each event that a snapshot sets free is an event of its own, of its own line")
func releasedOneByOne() {
    var desk = Desk()
    let lines =
        [desk.wrapped(depth(1, 2, bids: #"[["1","1"]]"#)), desk.wrapped(depth(3, 4, bids: #"[["2","1"]]"#))]
        .joined(separator: "\n")
        + "\n"
        + #"{"t":7,"src":"rest","dir":"in","url":"x?symbol=AB","msg":{"lastUpdateId":1,"bids":[],"asks":[]}}"#
        + "\n"
    let bytes = Array(lines.utf8)
    var at = 0, sources: [UInt64] = [], times: [Int64] = []
    while true {
        let rest = bytes.span.bytes.extracting(at..<bytes.count)
        let look = desk.decoder.play(
            rest, at: at, isLast: true, upTo: Timestamp(raw: .min), limit: 1, received: .zero,
            into: &desk.builder)
        guard case .due(let time) = look.next else { break }
        #expect(look.played == 0)
        at += look.consumed
        let step = desk.decoder.play(
            bytes.span.bytes.extracting(at..<bytes.count), at: at, isLast: true, upTo: time, limit: 1,
            received: .zero, into: &desk.builder)
        #expect(step.played == 1)
        at += step.consumed
        sources.append(desk.builder.last.source)
        times.append(time.raw)
    }
    // Two lines are kept, the third is the snapshot and comes before both.
    #expect(sources == [1, 2, 3, 1, 2])
    #expect(times == [1_001, 1_002, 7, 7, 7])
    #expect(at == bytes.count)
}

@Test("a new connection makes its books suspect, and no others")
func reconnection() {
    var desk = Desk()
    _ = desk.open("wss://x/stream?streams=ab@depth@100ms/ab@trade")
    for symbol in ["AB", "CD"] {
        _ = desk.snapshot(symbol, #"{"lastUpdateId":1,"bids":[["1","1"]],"asks":[]}"#)
        #expect(
            desk.message(depth(2, 2, bids: #"[["1","2"]]"#, symbol: symbol)) == [
                "level bid 1 2", "best bid 1 2",
            ])
    }
    #expect(desk.open("wss://x/ws/ab@trade") == [])
    #expect(desk.open("wss://x/stream?streams=ab@depth") == ["suspect"])
    #expect(
        desk.message(depth(3, 3, symbol: "CD", bids: #"[["1","3"]]"#)) == ["level bid 1 3", "best bid 1 3"])
    #expect(desk.message(depth(3, 3, bids: #"[["1","3"]]"#)) == [])
    #expect(desk.open("wss://x/ws") == ["suspect"])  // names no streams: all of them
    #expect(desk.decoder.synchronisation.map(\.lastUpdate) == [nil, nil])
}

private func depth(_ first: Int, _ last: Int, symbol: String, bids: String) -> String {
    depth(first, last, bids: bids, symbol: symbol)
}

@Test("best prices make a book only where no depth is known")
func bestPrices() {
    var desk = Desk()
    let ticker = #"{"u":5,"s":"AB","b":"9","B":"1","a":"10","A":"2"}"#
    #expect(
        desk.message(ticker) == [
            "live", "level bid 9 1", "level ask 10 2", "best bid 9 1", "best ask 10 2",
        ])
    #expect(
        desk.message(#"{"stream":"ab@bookTicker","data":{"A":"0","a":"0","B":"3","b":"8","s":"AB","u":6}}"#)
            == [
                "level bid 9 0", "level bid 8 3", "level ask 10 0", "best bid 8 3", "best ask 0 0",
            ])
    #expect(desk.message(ticker) == [])  // an older number
    #expect(desk.message(depth(7, 7)) == ["suspect"])
    #expect(desk.message(#"{"u":8,"s":"AB","b":"7","B":"1","a":"10","A":"2"}"#) == [])
    _ = desk.open("wss://x/stream?streams=cd@depth/cd@bookTicker")
    #expect(desk.message(#"{"u":8,"s":"CD","b":"7","B":"1","a":"10","A":"2"}"#) == ["live"])
}

@Test("a trade is counted once, from the first of its two streams, with its aggressor")
func trades() {
    var desk = Desk()
    let sale = #"{"e":"trade","E":1,"s":"AB","t":7,"p":"5","q":"2","T":1,"m":true,"M":true}"#
    let aggregate = #"{"e":"aggTrade","E":1,"s":"AB","a":3,"p":"5","q":"2","f":7,"l":7,"T":1,"m":true}"#
    #expect(desk.message(sale) == ["live", "trade ask 5 2 #7"])
    #expect(desk.message(aggregate) == [])
    #expect(desk.message(sale.replacing(#""m":true"#, with: #""m":false"#)) == ["trade bid 5 2 #7"])
    #expect(desk.message(sale.replacing(#""q":"2""#, with: #""q":"0""#)) == [])
}

@Test(
    "a line is rejected as a whole",
    arguments: [
        depth(2, 2, bids: #"[["1","5"],["2","-1"]]"#), depth(2, 2, bids: #"[["1","5"],["2"]]"#),
        depth(2, 2, bids: #"[["1",5]]"#), depth(2, 2, bids: "{}"),
        depth(2, 2, bids: #"[["0.000000001","1"]]"#),
        depth(2, 2, bids: #"[["9999999999","1"]]"#), depth(2, 2, bids: #"[["1","5"]],"b":[]"#),
        depth(2, 2).replacing(#""u":2"#, with: #""u":"2""#),
        depth(2, 2).replacing(#""a":[]"#, with: #""x":[]"#),
        depth(2, 2, bids: #"[["1","5"]]"#) + "}", #"{"e":3}"#, #"{"data":{},"data":{}}"#, "", "{",
        #"{"e":"trade","E":1,"s":"AB","t":7,"p":"5","q":"2"}"#, #"{"u":5,"s":"AB","B":"1"}"#,
    ])
func rejected(text: String) {
    var desk = Desk()
    _ = desk.snapshot("AB", #"{"lastUpdateId":1,"bids":[],"asks":[]}"#)
    #expect(desk.message(text) == [])
    #expect(desk.count("book_handling.malformed_lines") == 1)
    #expect(desk.builder.anomalies.total == 1)
    #expect(desk.message(depth(2, 2, bids: #"[["1","5"]]"#)) == ["level bid 1 5", "best bid 1 5"])
}

@Test(
    "what is not known is passed over",
    arguments: [
        #"{"result":null,"id":1}"#, #"{"stream":"x","data":null}"#, "[]", "7",
        #"{"e":"markPriceUpdate","E":"x"}"#,
        #"{"lastUpdateId":1,"bids":[],"asks":[]}"#, #"{"stream":"x"}"#,
    ])
func passedOver(text: String) {
    var desk = Desk()
    #expect(desk.message(text) == [])
    #expect(desk.count("events.other") == 1 && desk.builder.anomalies.total == 0)
}

// MARK: Limits

@Test("kept events are bounded: the oldest go, and a snapshot that wants them is too old")
func keptEventsAreBounded() {
    var desk = Desk()
    for number in 1...DepthBacklog.eventsMax + 2 { _ = desk.message(depth(number, number)) }
    #expect(desk.count("book_handling.buffer_overflow") == 2)
    #expect(desk.builder.anomalies[.bufferOverflow] == 2)
    #expect(desk.snapshot("AB", #"{"lastUpdateId":1,"bids":[["1","1"]],"asks":[]}"#) == [])
    #expect(desk.count("book_handling.snapshot_too_old") == 1)
    #expect(
        desk.snapshot("AB", #"{"lastUpdateId":2,"bids":[["1","1"]],"asks":[]}"#) == [
            "clear 1", "level bid 1 1", "best bid 1 1", "live",
        ])
    #expect(desk.decoder.synchronisation.map(\.lastUpdate) == [Int64(DepthBacklog.eventsMax + 2)])
}

@Test("kept bytes are bounded by the symbol, and by what the session has left")
func keptBytesAreBounded() {
    var backlog = DepthBacklog(), bids = SessionLevels()
    let asks = SessionLevels()
    for price in 0..<1_000 { bids.append(SessionLevel(priceE8: Int64(price), sizeE8: 1)) }
    func event(_ number: Int64) -> KeptDepth {
        KeptDepth(
            range: DepthRange(first: number, last: number), time: 0, line: 0, bidCount: bids.count,
            askCount: 0)
    }
    let each = event(0).byteCount, fit = DepthBacklog.bytesMax / each
    for number in 0..<fit {
        #expect(backlog.append(event(Int64(number)), bids: bids, asks: asks, roomBytes: .max / 2) == 0)
    }
    #expect(backlog.append(event(Int64(fit)), bids: bids, asks: asks, roomBytes: .max / 2) == 1)
    #expect(backlog.first?.range.first == 1 && backlog.count == fit)
    #expect(backlog.levelOfFirst(999).priceE8 == 999)
    // The session is full: a symbol may only take the place of its own.
    #expect(backlog.append(event(-1), bids: bids, asks: asks, roomBytes: 0) == 1)
    backlog.removeAll()
    #expect(backlog.append(event(-1), bids: bids, asks: asks, roomBytes: each - 1) == 1)
    #expect(backlog.count == 0 && backlog.byteCount == 0)
}

@Test("a line beyond the limit is skipped, counted and numbered like any other")
func longLine() {
    var desk = Desk()
    let long = [UInt8](repeating: UInt8(ascii: " "), count: SessionLine.lengthMax + 2)
    _ = desk.snapshot("AB", #"{"lastUpdateId":1,"bids":[],"asks":[]}"#)
    let progress = desk.decoder.play(
        long.span.bytes, at: 0, isLast: false, upTo: Timestamp(raw: .max), limit: 9, received: .zero,
        into: &desk.builder)
    #expect(progress.consumed == long.count && progress.played == 1)
    #expect(desk.play("") == [])  // its end
    #expect(desk.message(depth(2, 2, bids: #"[["1","5"]]"#)) == ["level bid 1 5", "best bid 1 5"])
    #expect(desk.builder.last.source == 3 && desk.builder.anomalies[.tooLong] == 1)
}

@Test("symbols that are not wanted are never defined")
func unwantedBinance() throws {
    let end = TapeEnd(), decoder = BinanceDecoder()
    var builder = BookBuilder(Tape.Writer(end.tape), wanted: [try name("CD")])
    let bytes = try Fixture.bytes(Fixture.golden("binance-made.jsonl"))
    let progress = decoder.play(
        bytes.span.bytes, at: 0, isLast: true, upTo: Timestamp(raw: .max), limit: .max, received: .zero,
        into: &builder)
    #expect(progress.next == .end && builder.symbolCount == 0 && builder.tickCount == 0)
}

// MARK: Any bytes

@Test("no prefix crashes, none tells more than the whole, and a cut line says so")
func sessionPrefixes() throws {
    let bytes = try Fixture.bytes(Fixture.golden("binance-made.jsonl"))
    let decoder = BinanceDecoder()
    for end in stride(from: 0, to: bytes.count, by: 211) {
        decoder.reset()
        let tape = TapeEnd()
        var builder = tape.makeBuilder()
        let progress = decoder.play(
            bytes.span.bytes.extracting(0..<end), at: 0, isLast: true, upTo: Timestamp(raw: .max),
            limit: .max,
            received: .zero, into: &builder)
        let isWhole = end == 0 || bytes[end - 1] == 0x0a || bytes[end] == 0x0a
        if !isWhole {
            guard case .failed(let fault) = progress.next else {
                Issue.record("a prefix of \(end) bytes: \(progress.next)")
                continue
            }
            #expect(fault.offset == progress.consumed)
        }
        #expect(builder.books.updates <= 104)
    }
}

@Test("no change of single bytes crashes, and books stay consistent", arguments: Seed.smoke)
func changedSessions(seed: Seed) throws {
    let clean = try Fixture.bytes(Fixture.golden("binance-made.jsonl"))
    var random = seed.generator()
    for _ in 0..<5 {
        var bytes = clean
        for _ in 0...random.below(30) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
        let tape = TapeEnd(), decoder = BinanceDecoder()
        var builder = tape.makeBuilder()
        _ = decoder.play(
            bytes.span.bytes, at: 0, isLast: true, upTo: Timestamp(raw: .max), limit: .max, received: .zero,
            into: &builder)
        builder.books.checkInvariants()
    }
}

@Test("ticks are the same however bytes and calls are cut, and in a second round", arguments: Seed.smoke)
func cutsDoNotMatter(seed: Seed) throws {
    let bytes = try Fixture.bytes(Fixture.golden("binance-made.jsonl"))
    let whole = TapeEnd(), cut = TapeEnd(), decoder = BinanceDecoder()
    var builder = whole.makeBuilder()
    for round in 0..<2 {
        decoder.reset()
        if round == 1 { builder = cut.makeBuilder() }
        var random = seed.generator(), start = 0, end = round == 0 ? bytes.count : 0
        while true {
            let progress = decoder.play(
                bytes.span.bytes.extracting(start..<end), at: start, isLast: end == bytes.count,
                upTo: Timestamp(raw: random.oneIn(2) || round == 0 ? .max : 1_700_000_003_000_000_000),
                limit: round == 0 ? .max : random.below(4), received: .zero, into: &builder)
            start += progress.consumed
            if progress.next == .end { break }
            if progress.next == .needsBytes { end = min(bytes.count, end + 1 + random.below(700)) }
        }
        builder.publish()
    }
    #expect(whole.drain().fingerprint() == cut.drain().fingerprint(), "\(seed)")
}

@Test(
    "an address says whose snapshot it is, and which books come over it",
    arguments: [
        ("https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000", "NKNUSDT", nil),
        ("https://x/depth?limit=5&symbol=nknusdt", "NKNUSDT", nil), ("https://x/depth?mysymbol=A", nil, nil),
        ("https://x/depth", nil, nil), ("https://x/depth?symbol=", nil, nil),
        ("wss://x/stream?streams=ab@depth@100ms/cd@trade/ef@bookTicker&x=1", nil, ["AB depth", "EF best"]),
        ("wss://x/ws/ab@depth", nil, ["AB depth"]), ("wss://x/ws/ab@depth20@100ms/cd@kline_1m", nil, []),
        ("wss://x/ws", nil, nil), ("wss://x/stream?streams=", nil, nil), ("", nil, nil),
    ] as [(String, String?, [String]?)])
func addresses(url: String, symbol: String?, streams: [String]?) {
    #expect(BinanceURL.symbol(Array(url.utf8))?.description == symbol)
    let found = BinanceURL.bookStreams(Array(url.utf8))
    #expect(found?.map { "\($0.symbol) \($0.isDepth ? "depth" : "best")" } == streams)
}

@Test(
    "a session is recognised by its first lines",
    arguments: [
        (#"{"t":1,"src":"ws","dir":"open","url":"wss://stream.binance.com:9443/ws"}"#, true),
        (#"{"t":1,"src":"ws","dir":"in","msg":{"stream":"btcusdt@depth@100ms","data":{}}}"#, true),
        (#"{"t":1,"src":"ws","dir":"in","msg":{"e":"depthUpdate"}}"#, true),
        (#"{"t":1,"src":"ws","dir":"open","url":"wss://ws-feed.exchange.coinbase.com"}"#, false),
        (#"{"e":"depthUpdate"}"#, false), ("", false),
    ])
func recognition(head: String, known: Bool) {
    let bytes = Array(head.utf8)
    #expect(BinanceDecoder.recognises(bytes.span.bytes) == known)
}
