// Ticks to record, and what comes back.
import Basics
import Market
import TestSupport
import Testing

@testable import Journal
@testable import TickerFeed

/// A few symbols that trade, from a seed: every kind of tick, as ingest writes them.
final class Source {
    let tape = Tape(capacity: 1 << 16)
    let reader: TapeReader
    /// For a recorder.
    private(set) var second: TapeReader?
    var builder: BookBuilder
    private var random: SeededGenerator
    private var orders: [UInt64] = []
    private var nextOrder: UInt64 = 1
    private var time: Int64 = 1_000_000_000_000
    private var symbols: [SymbolID] = []
    private let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: 1 << 14)

    init(_ seed: Seed, symbols count: Int = 3, recorded: Bool = false) throws {
        reader = tape.makeReader()
        if recorded { second = tape.makeReader() }
        builder = BookBuilder(Tape.Writer(tape))
        random = seed.generator()
        for index in 0..<count {
            let name = try #require(SymbolName("S\(index)"))
            let definition = SymbolDefinition(name: name, lot: 100), at = stamp()
            let symbol = builder.define(definition, at: at)
            symbols.append(try #require(symbol))
        }
    }
    deinit { buffer.deallocate() }

    private func stamp() -> Stamp {
        time += Int64(random.below(40_000_000))
        return Stamp(time: Timestamp(raw: time), received: Timestamp(raw: time + 7), source: UInt64(time))
    }

    /// One message of a source.
    func step() {
        let symbol = symbols[random.below(symbols.count)]
        switch random.below(20) {
        case 0: builder.status(symbol, MarketStatus(.halted, reason: UInt32(random.below(9))), at: stamp())
        case 1:
            builder.trade(
                symbol, shares: UInt32(1 + random.below(50)), price: Price(e4: UInt32(1 + random.below(99))),
                match: nextOrder, at: stamp())
        case 2 where random.oneIn(20): builder.clearAll(received: Timestamp(raw: time))
        case 3...9 where !orders.isEmpty:
            let order = orders[random.below(orders.count)]
            builder.execute(
                order: order, shares: UInt32(1 + random.below(30)), match: nextOrder, at: stamp())
        case 10...12 where !orders.isEmpty: builder.delete(order: orders.removeLast(), at: stamp())
        default:
            let side: Side = random.oneIn(2) ? .bid : .ask
            let price = UInt32((side == .bid ? 100 : 110) + random.below(20)) * 100
            builder.add(
                order: nextOrder, symbol: symbol, side: side, shares: UInt32(1 + random.below(90)),
                price: Price(e4: price), at: stamp())
            orders.append(nextOrder)
            nextOrder += 1
        }
    }

    /// Everything that is on the tape and was not read yet.
    func drain() -> [Tick] {
        builder.publish()
        var ticks: [Tick] = []
        while case .ticks(let count) = reader.read(into: buffer) { ticks += buffer[..<count] }
        return ticks
    }

    /// A tick that no message of a source makes.
    func append(_ tick: Tick) {
        builder.writer.append(tick)
        builder.publish()
    }

    func ticks(steps: Int) -> [Tick] {
        for _ in 0..<steps { step() }
        return drain()
    }

    /// What ingest writes for somebody who lost his place.
    func snapshot() -> [Tick] {
        _ = drain()
        for symbol in 0..<builder.symbolCount { builder.writeSnapshot(of: SymbolID(symbol)) }
        return drain()
    }
}

extension Tick {
    var plain: [UInt64] { (0..<8).map { words[$0] } }
}

extension MarketImage {
    func snapshot() -> [Tick] {
        var ticks: [Tick] = []
        writeSnapshot { tick in ticks.append(tick) }
        return ticks
    }
}

func image(of ticks: [Tick]) -> MarketImage {
    var image = MarketImage()
    for tick in ticks { image.apply(tick) }
    return image
}

/// What a reader made of a journal.
struct Playback {
    var ticks: [Tick] = []
    /// The state behind them, as a snapshot.
    var state: [Tick] = []
    var losses: [LossNote] = []
    var breaks: [JournalBreak] = []
    var segments: [SegmentHeader] = []
    var isClosed = false

    init() {}
    init(_ reader: JournalReader) throws {
        var image = MarketImage()
        while try take(reader.next(), &image) {}
        state = image.snapshot()
    }
    init(_ folder: any JournalFolder, only: String? = nil) throws {
        try self.init(try JournalReader(folder, only: only))
    }

    /// False at the end.
    mutating func take(_ item: JournalReader.Item, _ image: inout MarketImage) throws -> Bool {
        switch item {
        case .segment(let header, _): segments.append(header)
        case .ticks(let batch, _):
            ticks += batch
            image.apply(batch)
        case .snapshot(let part, let isFirst, _):
            if isFirst { image.removeAll() }
            image.apply(part)
        case .lost(let loss): losses.append(loss)
        case .broken(let found): breaks.append(found)
        case .notYet: return false
        case .end(let closed):
            isClosed = closed
            return false
        }
        return true
    }
}

let someOptions = JournalWriter.Options(source: "a test", clock: .replay, epoch: 7)
let noon = Timestamp(raw: 1_700_000_000_000_000_000)

extension JournalWriter {
    func write(_ ticks: [Tick], now: Timestamp = noon) throws {
        try ticks.withUnsafeBufferPointer { try write($0, now: now) }
    }
}

/// Ticks in a folder in memory, in batches of about that size.
func recorded(
    _ ticks: [Tick], batch: Int = 100, options: JournalWriter.Options = someOptions, closes: Bool = true
) throws -> MemoryFolder {
    let folder = MemoryFolder()
    let writer = try JournalWriter(folder, options, now: noon)
    try writer.resume(now: noon)
    for start in stride(from: 0, to: ticks.count, by: batch) {
        try writer.write(Array(ticks[start..<min(ticks.count, start + batch)]))
        try writer.write(now: noon)
    }
    if closes { try writer.close(now: noon) }
    return folder
}

/// A few segments with several snapshots each.
func someSegments(_ seed: Seed, batches: Int = 40) throws -> (folder: MemoryFolder, ticks: [Tick]) {
    let source = try Source(seed)
    var options = someOptions
    options.segmentBytes = 60_000
    let folder = MemoryFolder(), writer = try JournalWriter(folder, options, now: noon)
    var ticks: [Tick] = [], random = seed.generator()
    try writer.resume(now: noon)
    for _ in 0..<batches {
        let more = source.ticks(steps: 1 + random.below(60))
        ticks += more
        try writer.write(more)
        try writer.write(now: noon)
        if random.oneIn(5) { try writer.resume(now: noon) }
    }
    try writer.close(now: noon)
    return (folder, ticks)
}
