// What the engine itself does for a message, the sockets left out: time, allocations, retains.
//
//     ticks ─▶ tape ─▶ FanOutHandler ─▶ a network that takes everything
//
// On a virtual clock and with a market that is a function of its number: the same work every time,
// so that instructions can be counted too (valgrind --tool=callgrind).
//
// Allocations are counted where bench/counts.c is preloaded, else the column says "-".
import Basics
import CLinux
import Dialects
import FanOut
import Glibc
import Market
import Wire

struct CountBenchmark: Benchmark {
    private let subscribers: Int
    private let rounds: Int
    private let only: String?

    private static let symbols = 10
    /// Enough for the longest history of a symbol to be full.
    private static let warmUp = 1_200

    init(_ arguments: Arguments) throws(UsageError) {
        subscribers = try arguments.number("subscribers", 1_000, 1...15_000)
        rounds = try arguments.number("rounds", 300, 1...1_000_000)
        only = arguments["only"]
        if let only, !Self.works.contains(where: { $0.name.contains(only) }) {
            let names = Self.works.map(\.name).joined(separator: "; ")
            throw UsageError("--only \(only): no such work; there are \(names)")
        }
    }

    private static let works: [(name: String, options: String)] = [
        ("quote, max", #""channel":"quote","rate":"max""#),
        ("quote, 10", #""channel":"quote","rate":10"#),
        ("quote, max, stamps", #""channel":"quote","rate":"max","stamps":true"#),
        ("trade every, max", #""channel":"trade","rate":"max""#),
        ("trade latest, 10", #""channel":"trade","mode":"latest","rate":10"#),
        ("book 10, max", #""channel":"book","depth":10,"rate":"max""#),
        ("book 50 with crc, 10", #""channel":"book","depth":50,"crc":true,"rate":10"#),
        ("bar 1s, max", #""channel":"bar","interval":"1s","rate":"max""#),
        ("stats, 10", #""channel":"stats","rate":10"#),
        ("status, max", #""channel":"status","rate":"max""#),
    ]

    func run() throws {
        Retains.install()
        Console.write("\(Measure.machine)\n")
        Console.write(
            "\(subscribers) subscribers, all of the same \(Self.symbols) symbols, "
                + "\(rounds) ms of the market; no sockets\n\n")
        Console.write(
            "| work | encoding | messages | encodes a message | bytes a message | ns a message "
                + "| allocations | retains |\n"
                + "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
        for work in Self.works where only == nil || work.name.contains(only ?? "") {
            for encoding in ["json", "sbe"] { row(work.name, encoding, try measure(work.options, encoding)) }
        }
    }

    private struct Result {
        var messages: UInt64 = 0
        var encodes: UInt64 = 0
        var bytes: UInt64 = 0
        var nanoseconds: Int64 = 0
        var allocations: UInt64?
        var retains: UInt64 = 0
    }

    private func row(_ work: String, _ encoding: String, _ result: Result) {
        let messages = Double(max(1, result.messages))
        func each(_ value: UInt64, _ decimals: Int) -> String {
            Spread.text(Double(value) / messages, decimals)
        }
        Console.write(
            "| \(work) | \(encoding) | \(result.messages) | \(each(result.encodes, 4)) "
                + "| \(each(result.bytes, 1)) | \(each(UInt64(result.nanoseconds), 1)) "
                + "| \(result.allocations.map { "\($0)" } ?? "-") | \(result.retains) |\n")
    }

    private func measure(_ options: String, _ encoding: String) throws -> Result {
        let clock = VirtualClock(), sink = Sink()
        let tape = Tape(capacity: 1 << 16)
        let reader = tape.makeReader()
        var market = try MadeMarket(Tape.Writer(tape), symbols: Self.symbols)
        let handler = makeHandler(sink, reader, clock)
        step(0, &market, handler, clock)
        for subscriber in 0..<subscribers { subscribe(subscriber, options, encoding, handler) }
        for number in 1...Self.warmUp { step(number, &market, handler, clock) }
        let before = (handler.messages, handler.encodes, sink.bytes)
        let allocations = Preload.allocations, start = Measure.cpu()
        var retains: UInt64 = 0
        for number in 0..<rounds { retains += step(Self.warmUp + 1 + number, &market, handler, clock) }
        var result = Result()
        result.allocations = Preload.allocations.map { $0 - (allocations ?? 0) }
        result.retains = retains
        result.nanoseconds = Measure.cpu() - start
        result.messages = handler.messages - before.0
        result.encodes = handler.encodes - before.1
        result.bytes = sink.bytes - before.2
        return result
    }

    private func makeHandler(_ sink: Sink, _ reader: TapeReader, _ clock: VirtualClock) -> FanOutHandler {
        var options = ServerOptions(server: "tickbench", epoch: 1) {
            FeedReport(clock: .simulated, speedMilli: nil, source: "tickbench")
        }
        options.limits.connections = subscribers
        // Heartbeats are made as text, once a second and not for a message.
        options.limits.heartbeat = .seconds(86_400)
        return FanOutHandler(options: options, network: sink, tape: reader, clock: { clock.now })
    }

    /// A millisecond of the market and the turns it takes; returns how often those retained.
    @discardableResult
    private func step(
        _ number: Int, _ market: inout MadeMarket, _ handler: FanOutHandler, _ clock: VirtualClock
    ) -> UInt64 {
        clock.advance()
        market.publish(number, at: clock.now.wall)
        return Retains.counted { while handler.turn() <= clock.now.instant {} }
    }

    private func subscribe(
        _ subscriber: Int, _ options: String, _ encoding: String, _ handler: FanOutHandler
    ) {
        let socket = SocketID(UInt32(subscriber))
        handler.opened(socket, peer: PeerAddress(v4: 0x7f00_0001, port: 1))
        var request = Array(
            ("GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Protocol: tickerfeed.v1.\(encoding)\r\n\r\n").utf8)
        request.withUnsafeMutableBytes { handler.received(socket, $0) }
        let names = (0..<Self.symbols).map { "\"S\($0)\"" }
        var text = "{\"op\":\"subscribe\",\(options),\"symbols\":[\(names.joined(separator: ","))]}"
        var frame = ByteBuffer()
        text.withUTF8 {
            WebSocketFrame.write(
                into: &frame, opcode: .text, payload: UnsafeRawBufferPointer($0), mask: 0)
        }
        handler.received(socket, frame.mutable)
    }
}

private final class VirtualClock {
    private(set) var now = Moment(
        instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))
    func advance() {
        now = Moment(instant: now.instant + .milliseconds(1), wall: now.wall + .milliseconds(1))
    }
}

/// Takes everything and keeps nothing.
private final class Sink: Network {
    private(set) var bytes: UInt64 = 0
    var counters: NetworkCounters { NetworkCounters() }
    func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        self.bytes &+= UInt64(bytes.count)
        return .sent(bytes.count)
    }
    func close(_ socket: SocketID, abort: Bool) {}
}

/// Ticks of every kind, a function of the number of the step: each symbol once a millisecond.
private struct MadeMarket: ~Copyable {
    private var writer: Tape.Writer
    private let symbols: Int
    private var sequences: [(book: UInt64, other: UInt64)]

    init(_ writer: consuming Tape.Writer, symbols: Int) throws(BenchError) {
        self.writer = writer
        self.symbols = symbols
        sequences = Array(repeating: (0, 0), count: symbols)
        for symbol in 0..<symbols {
            guard let name = SymbolName("S\(symbol)") else { throw BenchError("S\(symbol) is no name") }
            self.writer.append(
                .symbol(
                    SymbolID(symbol), SymbolDefinition(name: name, lot: 100), flags: .endOfEvent,
                    at: .zero, received: .zero))
        }
        self.writer.publish()
    }

    mutating func publish(_ number: Int, at time: Timestamp) {
        for symbol in 0..<symbols { event(SymbolID(symbol), number, time) }
        writer.publish()
    }

    private mutating func event(_ symbol: SymbolID, _ number: Int, _ time: Timestamp) {
        sequences[symbol.index].other += 1
        let other = sequences[symbol.index].other
        for side in Side.allCases {
            let away = (number * 7 + Int(side.rawValue)) % 40
            let cents = side == .bid ? 10_000 - away : 10_001 + away
            let price = Price(e4: UInt32(cents * 100))
            sequences[symbol.index].book += 1
            append(
                .level, symbol, side, sequences[symbol.index].book, price, 1 + number % 9, time)
            append(.best, symbol, side, other, price, 1 + number % 9, time)
        }
        append(.trade, symbol, .bid, other, Price(e4: UInt32(1_000_000 + number % 500 * 100)), 5, time)
        writer.append(
            Tick(
                .status, symbol, flags: .endOfEvent, sequence: other, eventTime: time, receiveTime: time,
                aux: MarketStatus(.trading).packed))
    }

    private mutating func append(
        _ kind: Tick.Kind, _ symbol: SymbolID, _ side: Side, _ sequence: UInt64, _ price: Price,
        _ shares: Int, _ time: Timestamp
    ) {
        writer.append(
            Tick(
                kind, symbol, side: side, sequence: sequence, eventTime: time, receiveTime: time,
                price: price, size: Quantity(shares: UInt32(shares)), aux: 1))
    }
}

/// The counter of bench/counts.c, where it is preloaded.
private enum Preload {
    static var allocations: UInt64? {
        dlsym(nil, "tickerfeed_allocations")?.assumingMemoryBound(to: UInt64.self).pointee
    }
}
