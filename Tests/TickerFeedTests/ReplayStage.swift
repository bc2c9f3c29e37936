// A replay on a clock that the test turns by hand, and what it must come to: plain playing.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

final class ReplayStage {
    let ingest: Ingest
    private let end: TapeEnd
    private(set) var now = Instant(raw: 7_000_000_000)
    private(set) var ticks: [Tick] = []
    /// When ingest asked to be called again.
    private(set) var next = Instant.zero

    /// The wall's clock when the other one shows 0.
    static let wall: Int64 = 1_700_000_000_000_000_000
    static func wall(at instant: Instant) -> Timestamp { Timestamp(raw: wall + instant.raw) }
    var state: IngestState { ingest.state }
    var report: ReplayReport { ingest.control.report() }

    init(_ feed: any Feed, _ options: ReplayOptions = ReplayOptions(), capacity: Int = 1 << 16) {
        end = TapeEnd(capacity: capacity)
        ingest = Ingest(feed: feed, writer: Tape.Writer(end.tape), options: options)
    }

    /// One turn, now.
    func turn() {
        next = ingest.turn(now: Moment(instant: now, wall: ReplayStage.wall(at: now)))
        ticks += end.drain()
        #expect(next >= now)
    }

    /// Turns until nothing more is due now.
    func turns() {
        repeat { turn() } while next <= now
    }

    func pass(_ span: Nanoseconds) { now = now + span }

    /// Asked before the next turn.
    func ask(_ command: ReplayCommand) { #expect(ingest.control.ask(command).answer == .accepted) }

    /// Turns as often as ingest asks, or later, by up to twice `stride`, until it has ended or `rounds`
    /// are over.
    func run(late stride: Nanoseconds = .zero, _ random: inout SeededGenerator, rounds: UInt64 = .max) {
        while !state.hasEnded, state.rounds < rounds {
            turn()
            guard next > now else { continue }
            let late = stride.raw == 0 ? 0 : random.next() % UInt64(2 * stride.raw)
            now = max(next, now + Nanoseconds(raw: Int64(late)))
        }
    }

    /// Since the last look.
    func take() -> [Tick] {
        defer { ticks = [] }
        return ticks
    }

    /// All states, as a reader is given them that lost its place.
    func snapshot() -> [Tick] {
        end.reader.askForSnapshot()
        let before = state.snapshots
        var states: [Tick] = []
        repeat {
            turn()
            states += take()
        } while state.snapshots < before + UInt64(state.symbols)
        return states.filter { $0.kind != .epoch }.unreceived
    }
}

extension ReplayOptions {
    static func of(_ pace: Pace = .unpaced, _ change: (inout ReplayOptions) -> Void = { _ in })
        -> ReplayOptions
    {
        var options = ReplayOptions(pace: pace)
        change(&options)
        return options
    }
}

extension [Tick] {
    /// With 0 for the receive time: the one thing that the clock on the wall says.
    var unreceived: [Tick] {
        map { tick in
            var tick = tick
            tick.receiveTime = .zero
            return tick
        }
    }

    /// What happened, without what was said again.
    var deltas: [Tick] { filter { !$0.flags.contains(.snapshot) && $0.kind != .epoch } }
    /// What was said again.
    var states: [Tick] { filter { $0.flags.contains(.snapshot) && $0.kind != .epoch } }

    /// Without what the clock alone made happen behind the last event.
    var withoutLastMarks: ArraySlice<Tick> {
        let end = lastIndex {
            $0.kind != .barClose && !($0.kind == .status && $0.eventTime.raw % 1_000_000_000 == 0)
        }
        return self[..<(end.map { $0 + 1 } ?? 0)]
    }
}

/// What playing from the beginning comes to.
enum Plain {
    static func feed(_ bytes: [UInt8], cutBy seed: Seed? = nil, longest: Int = 3_000) throws -> InputFeed {
        let memory = InputMemory(bytes, cutBy: seed?.generator(), longest: longest)
        return try InputFeed(FeedOptions(path: "AAPL_20200130"), memory: memory)
    }

    /// Every tick of a feed, and the times of its events.
    static func ticks(_ feed: any Feed, wanted: Set<SymbolName>? = nil) -> (ticks: [Tick], times: [Timestamp])
    {
        let end = TapeEnd()
        var builder = BookBuilder(Tape.Writer(end.tape), wanted: wanted), ticks: [Tick] = [],
            times: [Timestamp] = []
        var next = feed.play(upTo: Timestamp(raw: .min), limit: 1, received: .zero, into: &builder).next
        while case .due(let time) = next {
            let step = feed.play(upTo: time, limit: 1, received: .zero, into: &builder)
            if step.played > 0 { times.append(time) }
            next = step.next
            builder.publish()
            ticks += end.drain()
        }
        builder.endBars(received: .zero)
        builder.publish()
        return (ticks + end.drain(), times)
    }

    /// All states when the source's clock shows `time`, everything before it played.
    static func states(_ feed: any Feed, at time: Timestamp, wanted: Set<SymbolName>? = nil) -> [Tick] {
        let end = TapeEnd()
        var builder = BookBuilder(Tape.Writer(end.tape), wanted: wanted)
        feed.playAll(upTo: Timestamp(raw: time.raw - 1), into: &builder) { builder in
            builder.publish()
            _ = end.drain()
        }
        builder.advance(to: time, received: .zero)
        builder.publish()
        _ = end.drain()
        for index in 0..<builder.symbolCount { builder.writeSnapshot(of: SymbolID(index)) }
        builder.publish()
        return end.drain().unreceived
    }
}

/// Recordings that replays are tried with.
enum Recording: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case itch, twoStocks, capture, binance, binanceTwo, lines
    var testDescription: String { rawValue }

    func bytes() throws -> [UInt8] {
        switch self {
        case .itch: try Fixture.bytes(Fixture.aapl)
        case .twoStocks: try Recording.twoStocks(3_000)
        case .capture: try Recording.capture()
        case .binance: try Fixture.bytes(Fixture.session)
        case .binanceTwo: try Fixture.bytes(Fixture.golden("binance-made.jsonl"))
        case .lines: Recording.lines()
        }
    }
    func feed(cutBy seed: Seed? = nil) throws -> InputFeed { try Plain.feed(bytes(), cutBy: seed) }

    /// The first messages of the real file, and the same again for another stock a moment later each.
    private static func twoStocks(_ count: Int) throws -> [UInt8] {
        let head = [UInt8](repeating: 0, count: 20)
        let real = Capture.messages(in: head + (try Fixture.bytes(Fixture.aapl))).prefix(count)
        var random = Seed(7).generator(), all: [(time: UInt64, message: [UInt8])] = []
        for message in real {
            let time = message[5..<11].reduce(0) { $0 << 8 | UInt64($1) }
            let later = (all.last?.time ?? 0, time + UInt64(random.below(2_000_000_000)))
            all.append((time, message))
            all.append((max(later.0, later.1), twin(message, at: max(later.0, later.1))))
        }
        all.sort { $0.time < $1.time }
        return all.flatMap { $0.message.framed }
    }

    private static func twin(_ message: [UInt8], at time: UInt64) -> [UInt8] {
        var twin = message
        twin[1...2] = [0, 99]
        twin[5...10] = ITCHField.bigEndian(time, 6)[...]
        let type = Character(UnicodeScalar(message[0]))
        if "AFECXDU".contains(type) { twin[11] = 1 }  // another order
        if type == "U" { twin[19] = 1 }
        let stock = ["A": 24, "F": 24, "R": 11, "H": 11, "Y": 11, "L": 15, "P": 24][type]
        if let stock { twin[stock..<stock + 8] = Array("TWIN    ".utf8)[...] }
        return twin
    }

    /// Some of the real file's messages in packets, of which two are lost.
    private static func capture() throws -> [UInt8] {
        let midnight: Int64 = 1_580_360_400_000_000_000
        let head = [UInt8](repeating: 0, count: 20)
        let real = Capture.messages(in: head + (try Fixture.bytes(Fixture.aapl))).prefix(2_000)
        let sent = real.enumerated().map { index, message in
            let time = message[5..<11].reduce(0) { $0 << 8 | Int64($1) }
            return Sent(time: midnight + time, sequence: UInt64(index + 1), messages: [message])
        }
        let kept = sent.filter { $0.sequence != 900 && $0.sequence != 1_500 }
        return Capture.pcap(kept.map { Seen($0.time, $0.frame) })
    }

    /// Three symbols' trades and books, as lines.
    private static func lines() -> [UInt8] {
        var random = Seed(5).generator(), time: Int64 = 1_600_000_000_000, text = ""
        for _ in 0..<1_500 {
            time += Int64(random.oneIn(50) ? random.below(60_000) : random.below(700))
            let symbol = ["AA", "BB", "CC"][random.below(3)], price = 100 + random.below(20)
            text +=
                "{\"t\":\(time * 1_000_000),\"sym\":\"\(symbol)\",\"type\":\"trade\",\"price\":\(price).5,\"size\":3}\n"
        }
        return Array(text.utf8)
    }
}
