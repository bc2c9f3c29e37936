// The image of a market: the same as ingest's own, and never more than its ticks said.
import Basics
import Market
import TestSupport
import Testing
import TickerFeed

@testable import Journal

@Test("an image writes tick for tick the snapshot that ingest would", arguments: Seed.smoke)
func sameAsIngest(seed: Seed) throws {
    let source = try Source(seed)
    var image = MarketImage()
    for _ in 0..<20 {
        for tick in source.ticks(steps: 50) { image.apply(tick) }
        #expect(image.snapshot().map(\.plain) == source.snapshot().map(\.plain), "\(seed)")
    }
    #expect(image.strays == 0)
}

@Test("who begins with a snapshot has the same image as who saw it all", arguments: Seed.smoke)
func fromASnapshot(seed: Seed) throws {
    let source = try Source(seed)
    var whole = MarketImage()
    for tick in source.ticks(steps: 500) { whole.apply(tick) }
    var late = image(of: whole.snapshot())
    #expect(late.snapshot().map(\.plain) == whole.snapshot().map(\.plain))
    for tick in source.ticks(steps: 500) {
        whole.apply(tick)
        late.apply(tick)
    }
    #expect(late.snapshot().map(\.plain) == whole.snapshot().map(\.plain), "\(seed)")
}

@Test("a new epoch leaves the names and nothing else, and its repetition changes nothing")
func epochs() throws {
    let source = try Source(Seed(1))
    var image = MarketImage()
    for tick in source.ticks(steps: 200) { image.apply(tick) }
    image.apply(Tick(.epoch, SymbolID(0), flags: .endOfEvent, eventTime: noon, aux: 2))
    let empty = image.snapshot()
    #expect(empty.first?.kind == .epoch && empty.first?.flags == [.snapshot, .endOfEvent])
    #expect(image.symbolCount == 3)
    // Epoch; of each symbol its name, clear, two bests, status, statistics and bars.
    #expect(empty.count == 1 + 3 * 11)
    #expect(empty.dropFirst().allSatisfy { $0.kind == .symbol || $0.sequence == 0 })
    image.apply(empty[0])
    for tick in source.ticks(steps: 200) { image.apply(tick) }
    let full = image.snapshot()
    image.apply(full[0])
    #expect(image.snapshot().map(\.plain) == full.map(\.plain))
}

@Test("after a lap nothing counts but a symbol's snapshot, and then all does", arguments: Seed.smoke)
func afterALap(seed: Seed) throws {
    let source = try Source(seed)
    var image = MarketImage()
    for tick in source.ticks(steps: 300) { image.apply(tick) }
    _ = source.ticks(steps: 300)  // lost
    image.awaitSnapshots()
    #expect(image.awaited == 3)
    for tick in source.ticks(steps: 5) { _ = image.applyLive(tick) }
    #expect(image.awaited == 3)
    for tick in source.snapshot() {
        let asks = image.applyLive(tick)
        #expect(!asks)
    }
    #expect(image.awaited == 0)
    for tick in source.ticks(steps: 50) {
        let asks = image.applyLive(tick)
        #expect(!asks)
    }
    #expect(image.snapshot().map(\.plain) == source.snapshot().map(\.plain), "\(seed)")
}

@Test("a symbol that is known by its snapshot alone has to be asked for")
func missedSymbol() throws {
    let source = try Source(Seed(3), symbols: 2)
    var image = MarketImage()
    let snapshot = source.snapshot()
    for tick in snapshot where tick.symbol.raw == 0 { image.apply(tick) }
    let late = snapshot.filter { $0.symbol.raw == 1 }
    var asked: [Bool] = []
    for tick in late { asked.append(image.applyLive(tick)) }
    #expect(asked == [true] + late.dropFirst().map { _ in false })
    #expect(image.awaited == 0 && image.symbolCount == 2)
    let stray = Tick(.level, SymbolID(5), side: .bid, flags: .endOfEvent)
    let asks = image.applyLive(stray)
    #expect(asks)
    #expect(image.strays == 1)
}

@Test("ticks of any bytes never trap", arguments: Seed.smoke)
func anyTicks(seed: Seed) {
    var random = seed.generator(), image = MarketImage()
    let extremes: [UInt64] = [0, 1, .max, 1 << 63, (1 << 63) - 1]
    func word() -> UInt64 { random.oneIn(2) ? extremes[random.below(5)] : random.next() }
    for _ in 0..<20_000 {
        let symbol = random.oneIn(50) ? UInt32.max : UInt32(random.below(3))
        var tick = Tick(
            .symbol, SymbolID(symbol), sequence: word(), eventTime: Timestamp(raw: Int64(bitPattern: word())),
            price: Price(e9: Int64(bitPattern: word())), size: Quantity(e8: Int64(bitPattern: word())),
            source: word(), aux: word())
        tick.head = tick.head & ~0xffff_ffff | UInt64(random.below(13)) | random.next() & 0xffff_ff00
        if random.oneIn(3) { _ = image.applyLive(tick) } else { image.apply(tick) }
    }
    let ticks = image.snapshot()
    #expect(ticks.count > 0)
}
