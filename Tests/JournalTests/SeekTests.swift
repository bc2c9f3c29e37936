// To any time, and behind whoever is still writing.
import Basics
import Market
import TestSupport
import Testing
import TickerFeed

@testable import Journal

@Test("seek and play is play from the start with everything before dropped", arguments: Seed.smoke)
func seekAnywhere(seed: Seed) throws {
    let (folder, ticks) = try someSegments(seed, batches: 60)
    var random = seed.generator()
    let reader = try JournalReader(folder)
    let first = ticks[0].eventTime.raw, last = ticks[ticks.count - 1].eventTime.raw
    for step in 0..<40 {
        let time = Timestamp(
            raw: first - 1_000 + Int64(random.below(Int(last - first + 2_000) / 1_000)) * 1_000)
        let target = step == 0 ? Timestamp(raw: .min) : step == 1 ? Timestamp(raw: .max) : time
        let cut = ticks.firstIndex { $0.eventTime >= target } ?? ticks.count
        var state = MarketImage()
        let found = try reader.seek(to: target, image: &state)
        #expect(found == (cut < ticks.count))
        #expect(state.snapshot().map(\.plain) == image(of: Array(ticks[..<cut])).snapshot().map(\.plain))
        let rest = try Playback(reader)
        #expect(rest.ticks.map(\.plain) == ticks[cut...].map(\.plain), "\(seed), step \(step)")
    }
    reader.rewind()
    #expect(try Playback(reader).ticks.count == ticks.count)
}

@Test("who follows a writer in random steps gets all of it", arguments: Seed.smoke)
func following(seed: Seed) throws {
    var random = seed.generator()
    let source = try Source(seed)
    var options = someOptions
    options.segmentBytes = 30_000
    let ticks = source.ticks(steps: 1_500)
    let done = try recorded(ticks, batch: 70, options: options).files
    let names = done.keys.filter { $0.hasSuffix(".tfj") }.sorted()
    #expect(names.count > 2)

    let growing = MemoryFolder(), reader = try JournalReader(growing, options: .init(follows: true))
    var seen: [Tick] = [], state = MarketImage()
    func read() throws {
        var played = Playback()
        while try played.take(reader.next(), &state) {}
        seen += played.ticks
        #expect(played.breaks.isEmpty && played.losses.isEmpty)
    }
    for name in names {
        let whole = done[name] ?? []
        var count = 0
        while count < whole.count {
            count = min(whole.count, count + random.below(9_000))
            growing.change { [count] in $0.files[name] = Array(whole[..<count]) }
            if random.oneIn(2) { try read() }
        }
    }
    try read()
    #expect(seen.map(\.plain) == ticks.map(\.plain))
    #expect(state.snapshot().map(\.plain) == source.snapshot().map(\.plain))
}

@Test("behind a loss no tick comes before a snapshot, and the state is right again")
func loss() throws {
    let source = try Source(Seed(8))
    let folder = MemoryFolder(), writer = try JournalWriter(folder, someOptions, now: noon)
    try writer.resume(now: noon)
    let first = source.ticks(steps: 100), lost = source.ticks(steps: 50), last = source.ticks(steps: 100)
    try writer.write(first)
    try writer.write(now: noon)
    for tick in lost {
        writer.free[0] = tick
        _ = writer.skip(1)
    }
    let note = LossNote(
        reason: .lapped, ticks: UInt64(lost.count), from: noon, to: noon + .milliseconds(30))
    try writer.resume(after: note, now: noon)
    try writer.write(last)
    try writer.close(now: noon)
    let played = try Playback(folder)
    #expect(played.losses == [note] && played.breaks.isEmpty)
    #expect(played.ticks.map(\.plain) == (first + last).map(\.plain))
    #expect(played.state.map(\.plain) == source.snapshot().map(\.plain))
}
