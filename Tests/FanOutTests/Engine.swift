// A loop on a virtual clock with sockets that take what a test lets them: for tests of the engine.
import Basics
import Dialects
import Market
import Wire

@testable import FanOut

/// Sockets that keep what was sent, up to what each may take.
final class FakeNetwork: Network {
    private(set) var sent: [Int: [UInt8]] = [:]
    private(set) var closed: Set<Int> = []
    private(set) var sends = 0
    /// Bytes a socket still takes; none given: all of them.
    var room: [Int: Int] = [:]
    var counters: NetworkCounters { NetworkCounters() }

    func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        sends += 1
        let taken = min(bytes.count, room[socket.index] ?? .max)
        room[socket.index]? -= taken
        sent[socket.index, default: []] += bytes.prefix(taken)
        return .sent(taken)
    }
    func close(_ socket: SocketID, abort: Bool) { closed.insert(socket.index) }
    /// The socket's number is another one's now.
    func reopen(_ socket: Int) {
        closed.remove(socket)
        room[socket] = nil
        sent[socket] = nil
    }
    func take(_ socket: Int) -> [UInt8] { sent.removeValue(forKey: socket) ?? [] }
}

final class Engine {
    let network = FakeNetwork()
    let handler: FanOutHandler
    private let clock: Clock
    private var writer: Tape.Writer
    private var sequences: [Int: (quote: UInt64, book: UInt64, trade: UInt64, status: UInt64)] = [:]
    private var symbols = 0

    private final class Clock {
        var now = Moment(
            instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))
    }

    init(
        limits: Limits = Limits(), verifier: TokenVerifier? = nil, log: Log = .none,
        place: LoopPlace = .alone, change: (inout ServerOptions) -> Void = { _ in }
    ) {
        let tape = Tape(capacity: 1 << 14)
        let reader = tape.makeReader()
        writer = Tape.Writer(tape)
        var options = ServerOptions(server: "test", epoch: 7) {
            FeedReport(clock: .simulated, speedMilli: nil, source: "test")
        }
        options.limits = limits
        options.log = log
        options.limits.connections = 1_100
        options.verifier = verifier
        change(&options)
        let clock = Clock()
        self.clock = clock
        handler = FanOutHandler(
            options: options, network: network, tape: reader, place: place, clock: { clock.now })
    }

    var now: Moment { clock.now }

    /// Lets so many milliseconds pass, one turn or more in each.
    func run(milliseconds: Int = 1) {
        for _ in 0..<milliseconds {
            let now = clock.now
            clock.now = Moment(instant: now.instant + .milliseconds(1), wall: now.wall + .milliseconds(1))
            while handler.turn() <= clock.now.instant {}
        }
    }

    /// Lets time pass at once: who was due meanwhile is late.
    func skip(_ span: Nanoseconds) {
        clock.now = Moment(instant: clock.now.instant + span, wall: clock.now.wall + span)
        while handler.turn() <= clock.now.instant {}
    }

    /// One turn at the time it is.
    func turnOnce() { _ = handler.turn() }

    // MARK: The market

    func define(_ name: String) {
        guard let name = SymbolName(name) else { return }
        writer.append(
            .symbol(
                SymbolID(symbols), SymbolDefinition(name: name, lot: 100), flags: .endOfEvent, at: .zero,
                received: .zero))
        sequences[symbols] = (0, 0, 0, 0)
        symbols += 1
        writer.publish()
    }

    func quote(_ symbol: Int, bid cents: Int) {
        sequences[symbol]?.quote += 1
        append(.best, symbol, .bid, sequences[symbol]?.quote ?? 0, cents: cents, shares: 100)
    }
    func trade(_ symbol: Int, cents: Int, shares: Int) {
        sequences[symbol]?.trade += 1
        append(.trade, symbol, .bid, sequences[symbol]?.trade ?? 0, cents: cents, shares: shares)
    }
    func level(_ symbol: Int, _ side: Side, cents: Int, shares: Int) {
        sequences[symbol]?.book += 1
        append(.level, symbol, side, sequences[symbol]?.book ?? 0, cents: cents, shares: shares)
    }
    func status(_ symbol: Int, _ state: MarketState) {
        sequences[symbol]?.status += 1
        writer.append(
            Tick(
                .status, SymbolID(symbol), flags: .endOfEvent, sequence: sequences[symbol]?.status ?? 0,
                eventTime: now.wall, receiveTime: now.wall, aux: MarketStatus(state).packed))
        writer.publish()
    }

    func closeBar(_ symbol: Int, _ interval: BarInterval) {
        writer.append(
            Tick(
                .barClose, SymbolID(symbol), flags: .endOfEvent, interval: interval,
                sequence: (sequences[symbol]?.trade ?? 0) + 1, eventTime: now.wall, receiveTime: now.wall))
        writer.publish()
    }

    /// Another life of the feed; repeated, as it stands in front of a round of snapshots of so many
    /// symbols.
    func epoch(_ number: UInt32, isRepeated: Bool = false, symbols: Int? = nil) {
        append(
            Tick(
                .epoch, SymbolID(0), flags: isRepeated ? [.snapshot, .endOfEvent] : .endOfEvent,
                sequence: isRepeated ? UInt64(symbols ?? self.symbols) : 0, eventTime: now.wall,
                receiveTime: now.wall, aux: UInt64(number)))
        guard !isRepeated else { return }
        for symbol in sequences.keys { sequences[symbol] = (0, 0, 0, 0) }
    }

    /// Takes a trade back.
    func breakTrade(_ symbol: Int, id: UInt64, cents: Int, shares: Int, inOpen: Tick.Flags = []) {
        sequences[symbol]?.trade += 1
        append(
            Tick(
                .tradeBreak, SymbolID(symbol), flags: inOpen.union(.endOfEvent),
                sequence: sequences[symbol]?.trade ?? 0, eventTime: now.wall, receiveTime: now.wall,
                price: Price(e4: UInt32(cents * 100)), size: Quantity(shares: UInt32(shares)), aux: id))
    }

    /// A tick as it is.
    func append(_ tick: Tick) {
        writer.append(tick)
        writer.publish()
    }

    /// As many ticks as lap whoever does not read meanwhile.
    func lap() {
        for _ in 0..<(1 << 14) + 300 { writer.append(Tick(.bar, SymbolID(60_000), flags: .endOfEvent)) }
        writer.publish()
    }

    private func append(
        _ kind: Tick.Kind, _ symbol: Int, _ side: Side, _ sequence: UInt64, cents: Int, shares: Int
    ) {
        writer.append(
            Tick(
                kind, SymbolID(symbol), side: side, flags: .endOfEvent, sequence: sequence,
                eventTime: now.wall, receiveTime: now.wall, price: Price(e4: UInt32(cents * 100)),
                size: Quantity(shares: UInt32(shares)), aux: 1))
        writer.publish()
    }

    // MARK: Clients

    /// Opens a socket and upgrades it; the answer and the welcome are taken off, and handed back.
    ///
    /// - Parameters:
    ///   - extensions: offered in the handshake.
    ///   - headers: each with its line end.
    @discardableResult
    func connect(
        _ index: Int, protocol name: String = "tickerfeed.v1.json", extensions: String = "",
        headers: String = ""
    ) -> String {
        open(index)
        let offer = extensions.isEmpty ? "" : "Sec-WebSocket-Extensions: \(extensions)\r\n"
        receive(
            index,
            Array(Engine.upgrade("Sec-WebSocket-Protocol: \(name)\r\n\(offer)\(headers)").utf8))
        return String(decoding: network.take(index), as: UTF8.self)
    }

    /// What a request on an open socket is answered at once.
    ///
    /// - Parameter headers: each with its line end.
    func get(_ index: Int, _ path: String, headers: String = "") -> String {
        receive(index, Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n".utf8))
        return String(decoding: network.take(index), as: UTF8.self)
    }

    static func upgrade(_ more: String = "") -> String {
        "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(more)\r\n"
    }

    func open(_ index: Int, from peer: PeerAddress = PeerAddress(v4: 0x7f00_0001, port: 1)) {
        handler.opened(SocketID(UInt32(index)), peer: peer)
    }
    func close(_ index: Int) { handler.closed(SocketID(UInt32(index))) }
    /// Opens a socket and says these bytes.
    func ask(_ index: Int, _ text: String) {
        handler.opened(SocketID(UInt32(index)), peer: PeerAddress(v4: 0x7f00_0001, port: 1))
        receive(index, Array(text.utf8))
    }
    func askMore(_ index: Int, _ text: String) { receive(index, Array(text.utf8)) }

    /// What a client was sent since it was asked last, as text.
    func text(_ index: Int) -> String { String(decoding: network.take(index), as: UTF8.self) }

    func say(_ index: Int, _ text: String) {
        var frame = ByteBuffer()
        var text = text
        text.withUTF8 {
            WebSocketFrame.write(into: &frame, opcode: .text, payload: UnsafeRawBufferPointer($0), mask: 0)
        }
        receive(index, Array(frame.readable))
    }

    func receive(_ index: Int, _ bytes: [UInt8]) {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { handler.received(SocketID(UInt32(index)), $0) }
    }

    /// The socket takes everything again.
    func unblock(_ index: Int) {
        network.room[index] = nil
        handler.writable(SocketID(UInt32(index)))
    }

    /// The payloads of the whole frames a client was sent since it was asked last.
    func texts(_ index: Int) -> [String] {
        let bytes = network.take(index)
        var texts: [String] = [], at = 0
        while at + 2 <= bytes.count {
            var length = Int(bytes[at + 1] & 0x7f), header = 2
            if length == 126 {
                length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
                header = 4
            }
            let payload = bytes[(at + header)..<min(bytes.count, at + header + length)]
            let isClose = bytes[at] & 15 == 8
            texts.append(
                isClose
                    ? "close \(Int(payload.first ?? 0) << 8 | Int(payload.dropFirst().first ?? 0))"
                    : String(decoding: payload, as: UTF8.self))
            at += header + length
        }
        return texts
    }
}
