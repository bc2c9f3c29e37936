// The server that `tickbench fanout` measures: the fan-out as tickerd runs it, on one thread with a
// publisher that never rests.
//
//     publish a batch ─ a turn of the fan-out ─ a turn of the sockets ─ until all of it is taken
//
// That is the floor's loop too (bench/floor.c, `--pub sat`), and like it this ends with its clients.
import Basics
import CLinux
import FanOut
import Market
import Wire

struct TradeServer: Benchmark {
    private let port: UInt16
    private let batch: Int
    private let subscribers: Int
    private let congestion: String
    /// Should its parent die, it does not stay for ever.
    private static let life = Nanoseconds.seconds(120)
    /// Connections that one turn of the fan-out serves, at most.
    private static let connectionsPerTurn = 1_024

    init(_ arguments: Arguments) throws(UsageError) {
        port = UInt16(try arguments.number("port", 7_490, 1...65_535))
        batch = try arguments.number("batch", 1, 1...64)
        subscribers = try arguments.number("subscribers", 1_000, 1...15_000)
        congestion = arguments["congestion"] ?? "reno"
    }

    func run() throws {
        tf_ignore_broken_pipes()
        try raiseDescriptorLimit(to: subscribers + 64)
        let tape = Tape(capacity: 1 << 14)
        let reader = tape.makeReader()
        var market = try Publisher(Tape.Writer(tape))
        let listener = try Listener.bind(host: "127.0.0.1", port: port)
        try listener.setCongestionControl(congestion)
        var options = ServerOptions(server: "tickbench", epoch: 1) {
            FeedReport(clock: .simulated, speedMilli: nil, source: "tickbench")
        }
        options.limits.connections = subscribers + 16
        let reactor = try Reactor(
            listener: listener, bell: nil, connectionsMax: options.limits.connections)
        let handler = FanOutHandler(
            options: options, network: reactor, tape: reader, clock: Moment.read)
        let end = Moment.read().instant + TradeServer.life
        // A first trade, so that every subscription begins with a message and can be counted.
        market.publish(1)
        while handler.messages < UInt64(subscribers), Moment.read().instant < end {
            _ = handler.turn()
            reactor.turn(until: Moment.read().instant + .milliseconds(10), handler: handler)
        }
        serve(&market, handler, reactor, until: end)
    }

    private func serve(
        _ market: inout Publisher, _ handler: FanOutHandler, _ reactor: Reactor, until end: Instant
    ) {
        let turns = (subscribers + TradeServer.connectionsPerTurn - 1) / TradeServer.connectionsPerTurn
        while handler.connectionCount > 0, Moment.read().instant < end {
            market.publish(batch)
            for _ in 0..<turns { _ = handler.turn() }
            reactor.turn(until: .zero, handler: handler)
            while handler.bufferedBytes > 0 {
                reactor.turn(until: Moment.read().instant + .milliseconds(1), handler: handler)
            }
        }
    }
}

/// Trades of one symbol, about as long as the floor's messages.
private struct Publisher: ~Copyable {
    private var writer: Tape.Writer
    private var sequence: UInt64 = 0

    init(_ writer: consuming Tape.Writer) throws(BenchError) {
        guard let name = SymbolName("S0") else { throw BenchError("S0 is no name") }
        self.writer = writer
        self.writer.append(
            .symbol(
                SymbolID(0), SymbolDefinition(name: name, lot: 100), flags: .endOfEvent,
                at: .zero, received: .zero))
    }

    mutating func publish(_ count: Int) {
        for _ in 0..<count {
            sequence += 1
            let now = Moment.read().wall
            writer.append(
                Tick(
                    .trade, SymbolID(0), flags: .endOfEvent, sequence: sequence, eventTime: now,
                    receiveTime: now, price: Price(e4: 1_000_000 + UInt32(sequence % 5_000) * 100),
                    size: Quantity(shares: 100 + UInt32(sequence % 900))))
        }
        writer.publish()
    }
}

func raiseDescriptorLimit(to count: Int) throws(BenchError) {
    var limit = rlimit()
    tf_get_descriptor_limit(&limit)
    limit.rlim_cur = limit.rlim_max
    tf_set_descriptor_limit(&limit)
    tf_get_descriptor_limit(&limit)
    guard limit.rlim_cur >= count else {
        throw BenchError("\(count) descriptors are needed, \(limit.rlim_cur) allowed: see ulimit -n")
    }
}
