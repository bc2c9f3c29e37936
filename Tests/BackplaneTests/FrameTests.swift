// Frames: what was written comes back bit for bit, and anything else is a flaw with words.
import Basics
import Market
import Testing

@testable import Backplane

@Suite("Frames")
struct FrameTests {
    /// Ticks as a market makes them, and some that no market does.
    private static func ticks(_ random: inout SeededGenerator, count: Int) -> [Tick] {
        var time: Int64 = 1_700_000_000_000_000_000, sequence: UInt64 = 1_000
        return (0..<count).map { _ in
            time += Int64.random(in: 0...5_000_000, using: &random)
            sequence += 1
            let isOdd = Int.random(in: 0..<20, using: &random) == 0
            var tick = Tick(
                [.level, .best, .trade, .status, .barClose, .clear, .tradeBreak, .statistics, .symbol]
                    .randomElement(
                        using: &random)!,
                SymbolID(7), side: [nil, .bid, .ask].randomElement(using: &random)!,
                flags: Bool.random(using: &random) ? .endOfEvent : [.snapshot],
                interval: Bool.random(using: &random) ? .second : .minute,
                sequence: isOdd ? UInt64.random(in: 0 ... .max, using: &random) : sequence,
                eventTime: Timestamp(raw: isOdd ? Int64.random(in: .min ... .max, using: &random) : time),
                receiveTime: Timestamp(raw: time + 77),
                price: Price(
                    e9: isOdd ? Int64.random(in: .min ... .max, using: &random) : 10_000_000 * 15_000),
                size: Quantity(
                    e8: isOdd ? Int64.random(in: .min ... .max, using: &random) : 100 * 100_000_000),
                source: UInt64.random(in: 0 ... .max, using: &random), aux: isOdd ? .max : 3)
            if isOdd { tick.head |= 0xee_0000 }
            return tick
        }
    }

    @Test("ticks come back bit for bit", arguments: 0..<20)
    func ticksRoundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let ticks = FrameTests.ticks(&random, count: Int.random(in: 0...60, using: &random))
        var writer = FrameWriter(epoch: 0xdead_beef)
        let place = FlushPlace(flush: 900, first: 5_000, end: 5_100)
        writer.ticks(ticks, place, previous: 890)
        let frame = try Frame.only(in: writer.bytes)
        #expect(frame.type == .ticks)
        #expect(frame.epoch == 0xdead_beef)
        #expect(frame.place == place)
        var read: [Tick] = []
        #expect(try frame.readTicks(of: SymbolID(7), into: &read) == 890)
        #expect(read == ticks)
    }

    private static func update(_ index: Int) -> Tick {
        let time: Int64 = 1_700_000_000_000_000_000 + Int64(index) * 10_000_000
        let price: Int64 = 150_000_000_000 + Int64(index % 5) * 10_000_000
        return Tick(
            .level, SymbolID(0), side: .bid, flags: .endOfEvent, sequence: UInt64(index + 5),
            eventTime: Timestamp(raw: time), receiveTime: Timestamp(raw: time + 100_000),
            price: Price(e9: price), size: Quantity(e8: 30_000_000_000), source: UInt64(index), aux: 2)
    }

    @Test("a book's update takes a dozen bytes")
    func small() {
        let ticks = (0..<100).map(FrameTests.update)
        var writer = FrameWriter(epoch: 1)
        writer.ticks(ticks, FlushPlace(flush: 2, first: 0, end: 100), previous: 1)
        #expect(writer.bytes.count < 1_700)
    }

    @Test("a large state goes in parts, and a picture is a run of frames")
    func parts() throws {
        var random = SeededGenerator(seed: 1)
        let ticks = FrameTests.ticks(&random, count: FrameLimits.ticksMax * 2 + 10)
        var writer = FrameWriter(epoch: 3)
        let place = FlushPlace(flush: 4, first: 0, end: 9)
        #expect(writer.state(ticks, place, term: 99).count == 3)
        writer.gone(FlushPlace(flush: 5, first: 9, end: 9))
        var read: [Tick] = [], types: [FrameType] = []
        try Frame.forEach(in: writer.bytes) { frame throws(FrameFlaw) in
            types.append(frame.type)
            if frame.type == .state { _ = try frame.readState(of: SymbolID(7), into: &read) }
        }
        #expect(types == [.state, .state, .state, .gone])
        #expect(read == ticks)
    }

    @Test("events keep their places")
    func events() throws {
        var random = SeededGenerator(seed: 2)
        let ticks = FrameTests.ticks(&random, count: 4)
        var writer = FrameWriter(epoch: 3)
        writer.events(
            [(2, ticks[0]), (5, ticks[1]), (9, ticks[2])], of: 10, FlushPlace(flush: 4, first: 100, end: 110))
        var read: [Tick] = [], places: [UInt64] = []
        try Frame.only(in: writer.bytes).readEvents(of: SymbolID(7)) { tick, place in
            read.append(tick)
            places.append(place)
        }
        #expect(read == Array(ticks[..<3]))
        #expect(places == [102, 105, 109])
    }

    @Test("heads and symbols come back")
    func headsAndSymbols() throws {
        var writer = FrameWriter(epoch: 3)
        writer.heads(
            FlushPlace(flush: 4, first: 100, end: 110), told: 95, term: 77, clock: 2, symbols: 5_000,
            changed: [0, 3, 4_999])
        var changed: [UInt32] = []
        let heads = try Frame.only(in: writer.bytes).readHeads { changed.append($0) }
        #expect(changed == [0, 3, 4_999])
        #expect(heads.told == 95)
        #expect((heads.term, heads.clock, heads.symbols) == (77, 2, 5_000))
        writer.removeAll()
        let name = try #require(SymbolName("BRK.B"))
        let definition = Tick.symbol(
            SymbolID(0), SymbolDefinition(name: name, lot: 100), flags: [], at: .zero, received: .zero)
        writer.symbols([definition], first: 9, term: 77, clock: 2, source: "the exchange")
        var ticks: [Tick] = []
        let symbols = try Frame.only(in: writer.bytes).readSymbols(into: &ticks)
        #expect((symbols.first, symbols.source) == (9, "the exchange"))
        #expect(ticks.map(\.definition.name) == [name])
    }

    @Test("whatever bytes come, there are words for them and no trap", arguments: 0..<300)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var writer = FrameWriter(epoch: 3)
        let place = FlushPlace(flush: 4, first: 100, end: 110)
        writer.ticks(FrameTests.ticks(&random, count: 5), place, previous: 3)
        writer.state(FrameTests.ticks(&random, count: 5), place, term: 9)
        writer.heads(place, told: 90, term: 1, clock: 0, symbols: 9, changed: [1, 2, 3])
        var bytes = Array(writer.bytes)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            bytes[at] = UInt8.random(in: 0...255, using: &random)
        }
        if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
        bytes.withUnsafeBytes { run in
            try? Frame.forEach(in: run) { frame throws(FrameFlaw) in
                var ticks: [Tick] = []
                switch frame.type {
                case .ticks: _ = try frame.readTicks(of: SymbolID(1), into: &ticks)
                case .state: _ = try frame.readState(of: SymbolID(1), into: &ticks)
                case .events: try frame.readEvents(of: SymbolID(1)) { _, _ in }
                case .heads: _ = try frame.readHeads { _ in }
                case .symbols: _ = try frame.readSymbols(into: &ticks)
                case .gone: break
                }
            }
        }
    }
}
