// A part of a journal: as a journal of its own, and as text that plays again.
import Basics
import Market
import TestSupport
import Testing

@testable import Journal
@testable import TickerFeed

private func ticks(_ folder: MemoryFolder, _ bounds: JournalSlice.Bounds) throws -> [Tick] {
    let slice = try JournalSlice(JournalPlace(folder), bounds)
    var ticks: [Tick] = []
    while true {
        switch try slice.next() {
        case .ticks(let batch, _): ticks += batch
        case .end: return ticks
        case .state, .broken: break
        }
    }
}

private func cut(_ folder: MemoryFolder, _ bounds: JournalSlice.Bounds) throws -> MemoryFolder {
    let out = MemoryFolder()
    let cut = JournalCut(try JournalSlice(JournalPlace(folder), bounds), into: out, segmentBytes: 50_000)
    while try cut.step() {}
    return out
}

private func faults(_ folder: MemoryFolder) throws -> [JournalFault] {
    let audit = try JournalAudit(JournalPlace(folder))
    while try audit.step() {}
    return audit.takeFaults()
}

private func manySegments(_ seed: Seed, steps: Int = 3_000) throws -> (folder: MemoryFolder, ticks: [Tick]) {
    var options = someOptions
    options.segmentBytes = 60_000
    let ticks = try Source(seed).ticks(steps: steps)
    return (try recorded(ticks, batch: 90, options: options), ticks)
}

@Test("a cut has every tick of its range, begins with the state, and is whole", arguments: Seed.smoke)
func cuts(seed: Seed) throws {
    let (folder, all) = try manySegments(seed)
    var random = seed.generator()
    for _ in 0..<4 {
        let pair = [random.below(all.count), random.below(all.count)].sorted()
        let from = all[pair[0]].eventTime, to = all[pair[1]].eventTime + .milliseconds(3)
        let begin = try #require(all.firstIndex { $0.eventTime >= from })
        let end = all.firstIndex { $0.eventTime >= to } ?? all.count
        let bounds = JournalSlice.Bounds(from: from, to: to)
        let piece = try cut(folder, bounds)
        let played = try Playback(piece)
        #expect(played.ticks.map(\.plain) == all[begin..<end].map(\.plain), "\(seed)")
        #expect(played.state.map(\.plain) == image(of: Array(all[..<end])).snapshot().map(\.plain))
        #expect(played.isClosed && played.breaks.isEmpty && played.losses.isEmpty)
        #expect(try faults(piece) == [])
        #expect(try cut(folder, bounds).files == piece.files, "one cut twice is twice the same bytes")
    }
}

@Test("a cut of some symbols has all of theirs and nothing of the others", arguments: Seed.smoke)
func cutSymbols(seed: Seed) throws {
    let (folder, all) = try manySegments(seed)
    let from = all[all.count / 3].eventTime, wanted = SymbolID(1)
    let name = try #require(SymbolName("S1"))
    let piece = try cut(folder, .init(from: from, symbols: [name]))
    let begin = try #require(all.firstIndex { $0.eventTime >= from })
    let theirs = all[begin...].filter { $0.symbol == wanted }
    let played = try Playback(piece)
    // An event that ended with another's tick ends with the last of theirs.
    #expect(played.ticks.map(\.withoutEnd) == theirs.map(\.withoutEnd))
    #expect(played.ticks.last?.flags.contains(.endOfEvent) == true)
    #expect(
        played.state.map(\.plain)
            == image(of: all).snapshot().filter { $0.symbol == wanted && $0.kind != .epoch }.map(\.plain))
    #expect(try faults(piece) == [])
}

@Test("a cut keeps losses and runs apart")
func cutsKeepGaps() throws {
    let source = try Source(Seed(8)), other = try Source(Seed(9))
    let folder = MemoryFolder(), writer = try JournalWriter(folder, someOptions, now: noon)
    try writer.resume(now: noon)
    try writer.write(source.ticks(steps: 100))
    try writer.write(now: noon)
    for tick in source.ticks(steps: 50) {
        writer.free[0] = tick
        _ = writer.skip(1)
    }
    let loss = LossNote(reason: .lapped, ticks: 50, from: noon, to: noon + .milliseconds(30))
    try writer.resume(after: loss, now: noon)
    try writer.write(source.ticks(steps: 100))
    try writer.close(now: noon)
    let second = try JournalWriter(folder, someOptions, now: noon + .seconds(9))
    try second.resume(now: noon)
    try second.write(other.ticks(steps: 100))
    try second.close(now: noon)

    let piece = try cut(folder, .init()), played = try Playback(piece), whole = try Playback(folder)
    let runs = [whole.segments[0].run, whole.segments[1].run &+ 1]
    #expect(played.losses == [loss] && Set(played.segments.map(\.run)) == Set(runs))
    #expect(played.ticks.map(\.plain) == whole.ticks.map(\.plain))
    #expect(played.state.map(\.plain) == other.snapshot().map(\.plain))
    #expect(try faults(piece) == [])
}

@Test("bounds are half-open, and what is beyond the recording is empty")
func bounds() throws {
    let (folder, all) = try manySegments(Seed(2), steps: 200)
    let time = all[all.count / 2].eventTime, next = Timestamp(raw: time.raw + 1)
    let before = try ticks(folder, .init(to: time)), at = try ticks(folder, .init(from: time, to: next))
    let after = try ticks(folder, .init(from: next))
    #expect((before + at + after).map(\.plain) == all.map(\.plain))
    #expect(!at.isEmpty && at.allSatisfy { $0.eventTime == time })
    let end = Timestamp(raw: (all.map(\.eventTime).max() ?? noon).raw + 1)
    #expect(try !JournalSlice(JournalPlace(folder), .init(from: end)).hasBeginning())
    #expect(try ticks(folder, .init(from: end)).isEmpty)
    #expect(try JournalSlice.start(of: JournalPlace(folder)) == all.first?.eventTime)
}

// MARK: Text

private struct Told {
    var books: [String: [[Int64]]] = [:]
    var markets: [String: String] = [:]
    var trades: [[UInt64]] = []

    /// What ticks say that text can say, too.
    init(_ ticks: [Tick]) {
        var names: [SymbolID: String] = [:], all = MarketImage()
        for tick in ticks {
            all.apply(tick)
            if tick.kind == .symbol { names[tick.symbol] = tick.definition.name.description }
            guard tick.kind == .trade, !tick.flags.contains(.snapshot) else { continue }
            let side = UInt64(tick.side?.rawValue ?? 9)
            trades.append([
                UInt64(bitPattern: tick.eventTime.raw), UInt64(bitPattern: tick.price.e9),
                UInt64(bitPattern: tick.size.e8), tick.aux, side,
            ])
        }
        for (id, name) in names {
            markets[name] = "\(all.status(of: id).market.state.name)"
            books[name] = all.snapshot().filter { $0.symbol == id && $0.kind == .level }
                .map { [Int64($0.side?.rawValue ?? 9), $0.price.e9, $0.size.e8, Int64($0.aux)] }
        }
    }
}

/// What ingest makes of lines.
private func played(_ text: [UInt8], _ format: FeedFormat) throws -> (ticks: [Tick], anomalies: UInt64) {
    let tape = Tape(capacity: 1 << 17), reader = tape.makeReader()
    var builder = BookBuilder(Tape.Writer(tape)), ticks: [Tick] = []
    let decoder = try format.make(FeedOptions(path: "a.\(format.name)"))
    let progress = decoder.play(
        text.span.bytes, at: 0, isLast: true, upTo: Timestamp(raw: .max), limit: .max, received: .zero,
        into: &builder)
    #expect(progress.next == .end)
    builder.publish()
    let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 12)
    defer { buffer.deallocate() }
    while case .ticks(let count) = reader.read(into: buffer) { ticks += buffer[..<count] }
    return (ticks, builder.anomalies.total)
}

private func text(
    _ folder: MemoryFolder, _ format: PlainText.Format, _ bounds: JournalSlice.Bounds = .init()
) throws -> (bytes: [UInt8], unmapped: [String]) {
    let slice = try JournalSlice(JournalPlace(folder), bounds)
    var plain = PlainText(format), clock = bounds.from ?? Timestamp(raw: .min)
    read: while true {
        switch try slice.next() {
        case .state: plain.take(slice.image, at: clock)
        case .ticks(let ticks, _):
            clock = ticks.reduce(clock) { max($0, $1.eventTime) }
            plain.take(ticks)
        case .broken: break
        case .end: break read
        }
    }
    return (Array(plain.text.readable), plain.unmapped.map(\.name))
}

@Test("text plays again to the same books, markets and trades, from any time on", arguments: Seed.smoke)
func textRoundTrip(seed: Seed) throws {
    let (folder, all) = try manySegments(seed, steps: 1_000)
    for (format, feed) in [(PlainText.Format.ndjson, FeedFormat.ndjson), (.csv, .csv)] {
        for begin in [nil, all[all.count / 2].eventTime] {
            let (bytes, unmapped) = try text(folder, format, .init(from: begin))
            let (ticks, anomalies) = try played(bytes, feed)
            let there = Told(all), again = Told(ticks)
            let first = all.firstIndex { $0.eventTime >= begin ?? $0.eventTime } ?? all.count
            #expect(again.trades == Told(Array(all[first...])).trades, "\(seed)")
            #expect(again.books == there.books && again.markets == there.markets, "\(seed)")
            // A state is told at the time that was asked for; what a day left over may be older.
            #expect(anomalies == 0 || begin != nil)
            #expect(unmapped.allSatisfy { $0.hasPrefix("beginnings of a day") })
        }
    }
}

@Test("lines are what the formats' description says")
func lines() throws {
    let at = Timestamp(raw: 1_600_000_000_000_000_000), a = SymbolID(0)
    let definition = SymbolDefinition(name: try #require(SymbolName("AAPL")))
    let folder = try recorded([
        .symbol(a, definition, flags: .endOfEvent, at: at, received: at),
        Tick(
            .status, a, flags: .endOfEvent, sequence: 1, eventTime: at,
            aux: SymbolStatus(MarketStatus(.halted, reason: 0x4c55_4450)).packed),
        Tick(
            .level, a, side: .bid, sequence: 1, eventTime: at, price: Price(e9: 1_500_000_001),
            size: Quantity(e8: 1), aux: 2),
        Tick(.level, a, side: .ask, sequence: 2, eventTime: at, price: Price(e9: 2_000_000_000), size: .zero),
        Tick(
            .best, a, side: .bid, flags: .endOfEvent, sequence: 1, eventTime: at,
            price: Price(e9: 1_500_000_001),
            size: Quantity(e8: 1), aux: 2),
        Tick(
            .trade, a, side: .ask, flags: .endOfEvent, sequence: 1, eventTime: at,
            price: Price(e9: 2_000_000_000),
            size: Quantity(e8: 300_000_000), aux: 17),
        Tick(.tradeBreak, a, flags: .endOfEvent, sequence: 2, eventTime: at, aux: 17),
        Tick(.clear, a, flags: .endOfEvent, sequence: 3, eventTime: at, aux: 1),
        Tick(.epoch, a, flags: .endOfEvent, eventTime: at, aux: 3),
    ])
    let json = try text(folder, .ndjson), csv = try text(folder, .csv)
    let time = "1600000000000000000"
    #expect(
        String(decoding: json.bytes, as: UTF8.self) == """
            {"t":\(time),"sym":"AAPL","type":"status","market":"halted","reason":"LUDP"}
            {"t":\(time),"sym":"AAPL","type":"level","side":"bid","price":1.500000001,"size":0.00000001,"orders":2,"more":true}
            {"t":\(time),"sym":"AAPL","type":"level","side":"ask","price":2,"size":0}
            {"t":\(time),"sym":"AAPL","type":"trade","side":"sell","price":2,"size":3,"id":17}
            {"t":\(time),"sym":"AAPL","type":"clear"}
            {"t":\(time),"sym":"AAPL","type":"clear"}

            """)
    #expect(
        String(decoding: csv.bytes, as: UTF8.self) == """
            t,sym,type,side,price,size,id,market,reason,orders,more
            \(time),AAPL,status,,,,,halted,LUDP,,
            \(time),AAPL,level,bid,1.500000001,0.00000001,,,,2,true
            \(time),AAPL,level,ask,2,0,,,,,
            \(time),AAPL,trade,sell,2,3,17,,,,
            \(time),AAPL,clear,,,,,,,,
            \(time),AAPL,clear,,,,,,,,

            """)
    #expect(json.unmapped == ["trades taken back", "beginnings of an epoch (each book is cleared)"])
}

extension Tick {
    fileprivate var withoutEnd: [UInt64] {
        var tick = self
        tick.flags.remove(.endOfEvent)
        return tick.plain
    }
}
