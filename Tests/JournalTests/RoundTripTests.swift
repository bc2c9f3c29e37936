// What goes in comes out: the same ticks, the same state, in one segment or in many.
import Basics
import Market
import TestSupport
import Testing
import TickerFeed

@testable import Journal

@Test("record and replay give the identical ticks and state", arguments: Seed.smoke)
func roundTrip(seed: Seed) throws {
    let source = try Source(seed)
    let ticks = source.ticks(steps: 2_000)
    let played = try Playback(try recorded(ticks))
    #expect(played.ticks.map(\.plain) == ticks.map(\.plain))
    #expect(played.state.map(\.plain) == source.snapshot().map(\.plain))
    #expect(played.isClosed && played.breaks.isEmpty && played.losses.isEmpty)
    #expect(played.segments.map(\.number) == [1])
    #expect(played.segments.first?.source == "a test")
}

@Test("every kind of tick, and kinds of later versions, keep all their bits")
func everyKind() throws {
    var ticks: [Tick] = [
        .symbol(
            SymbolID(0), SymbolDefinition(name: try #require(SymbolName("A"))), flags: .endOfEvent, at: noon,
            received: noon)
    ]
    for kind in UInt8(2)...15 {
        var tick = Tick(
            .level, SymbolID(0), side: .ask, flags: .endOfEvent, interval: .minute, sequence: .max,
            eventTime: Timestamp(raw: .min), receiveTime: Timestamp(raw: .max), price: Price(e9: .min),
            size: Quantity(e8: .max), source: .max, aux: 1 << 63)
        tick.head = tick.head & ~0xff | UInt64(kind)
        ticks.append(tick)
    }
    #expect(try Playback(try recorded(ticks)).ticks.map(\.plain) == ticks.map(\.plain))
}

@Test("a journal without a tick is a journal")
func empty() throws {
    let played = try Playback(try recorded([]))
    #expect(played.ticks.isEmpty && played.state.isEmpty && played.isClosed)
}

@Test("segments are bounded, each stands by itself, and together they are one stream", arguments: Seed.smoke)
func segments(seed: Seed) throws {
    let source = try Source(seed)
    var options = someOptions
    options.segmentBytes = 40_000
    let ticks = source.ticks(steps: 4_000)
    // What a segment may be longer than its limit: a record.
    let folder = try recorded(ticks, batch: 60, options: options)
    let names = folder.files.keys.filter { $0.hasSuffix(".tfj") }.sorted()
    #expect(names.count > 3)
    let limit = 40_000 + JournalFormat.unit * (JournalWriter.batchTicks + 1)
    #expect(folder.files.values.allSatisfy { $0.count <= limit })
    #expect(try Playback(folder).ticks.map(\.plain) == ticks.map(\.plain))

    var played: [Tick] = []
    for name in names {
        let alone = try Playback(folder, only: name)
        played += alone.ticks
        #expect(alone.state.map(\.plain) == image(of: played).snapshot().map(\.plain))
        #expect(alone.isClosed == (name == names.last))
    }
    #expect(played.map(\.plain) == ticks.map(\.plain))
}

@Test("a missing segment is a new beginning, not a silent gap")
func missingSegment() throws {
    let source = try Source(Seed(5))
    var options = someOptions
    options.segmentBytes = 40_000
    let ticks = source.ticks(steps: 4_000)
    let folder = try recorded(ticks, batch: 60, options: options)
    folder.change { $0.files["000002.tfj"] = nil }
    let reader = try JournalReader(folder)
    var continues: [Bool] = [], image = MarketImage()
    read: while true {
        switch try reader.next() {
        case .segment(_, let goesOn): continues.append(goesOn)
        case .snapshot(let part, let isFirst, _):
            if isFirst { image.removeAll() }
            image.apply(part)
        case .ticks(let batch, _): image.apply(batch)
        case .end: break read
        default: Issue.record("nothing is broken or lost")
        }
    }
    #expect(continues.prefix(3) == [false, false, true])
    #expect(image.snapshot().map(\.plain) == source.snapshot().map(\.plain))
}

@Test("an event longer than a record is split, and is one event again")
func longEvent() throws {
    let definition = SymbolDefinition(name: try #require(SymbolName("A")))
    var ticks: [Tick] = [.symbol(SymbolID(0), definition, flags: .endOfEvent, at: noon, received: noon)]
    let count = JournalFormat.ticksMax + 5_000
    for index in 1...count {
        ticks.append(
            Tick(
                .level, SymbolID(0), side: .bid, flags: index == count ? .endOfEvent : [],
                sequence: UInt64(index), price: Price(e9: Int64(index)), size: Quantity(e8: 1)))
    }
    let folder = MemoryFolder(), writer = try JournalWriter(folder, someOptions, now: noon)
    try writer.resume(now: noon)
    try writer.write(ticks)
    try writer.close(now: noon)
    let reader = try JournalReader(folder)
    var splits: [Bool] = []
    read: while true {
        switch try reader.next() {
        case .ticks(_, let head): splits.append(head.flags.contains(.split))
        case .end: break read
        default: break
        }
    }
    #expect(splits == [false, true, false])
    let played = try Playback(folder)
    #expect(played.ticks.count == ticks.count && played.isClosed)
    #expect(played.state.map(\.plain) == image(of: ticks).snapshot().map(\.plain))
}

@Test("a second recording in a folder is a run of its own")
func twoRuns() throws {
    let source = try Source(Seed(1)), other = try Source(Seed(2))
    let first = source.ticks(steps: 100), second = other.ticks(steps: 100)
    let folder = try recorded(first)
    let writer = try JournalWriter(folder, someOptions, now: noon + .seconds(1))
    #expect(writer.repair == nil)
    try writer.resume(now: noon)
    try writer.write(second)
    try writer.close(now: noon)
    let played = try Playback(folder)
    #expect(played.ticks.map(\.plain) == (first + second).map(\.plain))
    #expect(played.state.map(\.plain) == other.snapshot().map(\.plain))
    #expect(played.segments.map(\.position) == [0, 0])
}
