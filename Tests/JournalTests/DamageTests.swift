// Files that were cut, changed, or could not be written: nothing whole is lost, nothing wrong is believed.
import Basics
import Market
import TestSupport
import Testing
import TickerFeed

@testable import Journal

/// A small journal of one segment, with the ends of its records and the ticks up to each.
private struct Small {
    let folder: MemoryFolder
    let ticks: [Tick]
    var bytes: [UInt8]
    var ends: [(offset: Int, ticks: Int)] = []

    init() throws {
        let source = try Source(Seed(4), symbols: 2)
        ticks = source.ticks(steps: 12)
        folder = try recorded(ticks, batch: 6)
        bytes = folder.files["000001.tfj"] ?? []
        var reader = try SegmentReader("000001.tfj", in: folder, ReadWindow())
        _ = try reader.readHeader()
        var count = 0
        while case .record(let head, _) = try reader.next() {
            if head.kind == .ticks { count += head.count }
            ends.append((Int(reader.offset), count))
        }
    }
}

@Test("a journal that was cut at any byte gives all whole batches before, and says the cut")
func everyPrefix() throws {
    let small = try Small(), header = small.bytes.count - (small.ends.last?.offset ?? 0)
    #expect(header == 0 && small.ends.count > 4)
    for length in 0...small.bytes.count {
        let folder = MemoryFolder(["000001.tfj": Array(small.bytes[..<length])])
        let played = try Playback(folder)
        let whole = small.ends.last { $0.offset <= length }
        #expect(played.ticks.map(\.plain) == small.ticks.prefix(whole?.ticks ?? 0).map(\.plain))
        let isAtARecord = whole?.offset == length || length == 128
        #expect(played.breaks.isEmpty == isAtARecord, "\(length) bytes")
        if let found = played.breaks.first {
            #expect(found.kind == .cut && Int(found.offset + found.bytes) == length)
        }
        #expect(played.isClosed == (length == small.bytes.count))
    }
}

@Test("a writer goes on behind a journal that was cut at any byte: the tail goes away and is said")
func everyRepair() throws {
    let small = try Small()
    let more = try Source(Seed(9)).ticks(steps: 5)
    for length in 0...small.bytes.count {
        let folder = MemoryFolder(["000001.tfj": Array(small.bytes[..<length])])
        let writer = try JournalWriter(folder, someOptions, now: noon + .seconds(9))
        let whole = small.ends.last { $0.offset <= length }
        let isAtARecord = whole?.offset == length || length == 128
        #expect((writer.repair == nil) == isAtARecord, "\(length)")
        try writer.resume(now: noon)
        try writer.write(more)
        try writer.close(now: noon)
        let played = try Playback(folder)
        #expect(played.breaks.isEmpty && played.isClosed)
        #expect(played.ticks.map(\.plain) == (small.ticks.prefix(whole?.ticks ?? 0) + more).map(\.plain))
    }
}

@Test("a single byte that was changed is found, wherever it is")
func everyFlip() throws {
    let small = try Small()
    for place in small.bytes.indices {
        var bytes = small.bytes
        bytes[place] ^= UInt8(1 + place % 255)
        let reader = try JournalReader(
            MemoryFolder(["000001.tfj": bytes]), options: .init(wantsSnapshots: true))
        let played = try Playback(reader)
        #expect(!played.breaks.isEmpty, "byte \(place)")
        // What came before it is as it was.
        #expect(played.ticks.map(\.plain) == small.ticks.prefix(played.ticks.count).map(\.plain))
    }
}

@Test("a file that was damaged in its middle is no torn tail: it stays as it is")
func damageIsNotCut() throws {
    let small = try Small()
    var bytes = small.bytes
    bytes[small.ends[1].offset + 3] ^= 1
    let folder = MemoryFolder(["000001.tfj": bytes])
    let writer = try JournalWriter(folder, someOptions, now: noon)
    #expect(writer.repair == nil)
    #expect(folder.files["000001.tfj"] == bytes)
}

@Test("killed after any byte, across segments and with what disks do, everything before is there")
func killed() throws {
    let source = try Source(Seed(6))
    let ticks = source.ticks(steps: 600)
    var options = someOptions
    options.segmentBytes = 30_000
    let total = try recorded(ticks, batch: 50, options: options).files
        .filter { $0.key.hasSuffix(".tfj") }.values.reduce(0) { $0 + $1.count }
    for limit in stride(from: 0, through: total, by: 997) {
        let folder = MemoryFolder()
        folder.change {
            $0.killedAfter = limit
            $0.writeMax = 1_000
        }
        let writer = try JournalWriter(folder, options, now: noon)
        try writer.resume(now: noon)
        for start in stride(from: 0, to: ticks.count, by: 50) {
            try writer.write(Array(ticks[start..<min(ticks.count, start + 50)]))
            try writer.write(now: noon)
        }
        let played = try Playback(try JournalReader(folder, options: .init(follows: true)))
        #expect(played.ticks.map(\.plain) == ticks.prefix(played.ticks.count).map(\.plain))
        #expect(played.losses.isEmpty)
    }
}

@Test("an index that is missing, cut, changed or another's changes nothing", arguments: Seed.smoke)
func anyIndex(seed: Seed) throws {
    let source = try Source(seed)
    let folder = MemoryFolder(), writer = try JournalWriter(folder, someOptions, now: noon)
    try writer.resume(now: noon)
    for _ in 0..<6 {
        try writer.write(source.ticks(steps: 40))
        try writer.write(now: noon)
        try writer.resume(now: noon)  // one more snapshot
    }
    try writer.close(now: noon)
    let right = try #require(try SegmentMap("000001.tfj", in: folder, usesIndex: false))
    #expect(right.marks.count == 7)
    let index = try #require(folder.files["000001.tfi"])
    var random = seed.generator()
    for _ in 0..<200 {
        var bytes = index
        switch random.below(4) {
        case 0: bytes = Array(bytes.prefix(random.below(bytes.count + 1)))
        case 1: bytes[random.below(bytes.count)] ^= UInt8(1 + random.below(255))
        case 2: bytes = (0..<random.below(400)).map { _ in UInt8(random.below(256)) }
        default: break
        }
        folder.change { [bytes] in $0.files["000001.tfi"] = bytes }
        let map = try #require(try SegmentMap("000001.tfj", in: folder))
        #expect(map.marks == right.marks && map.reached == right.reached && map.end == right.end)
    }
}
