// A client that believes nothing: it checks every rule of the protocol on what it is sent.
import Basics
import Dialects
import Market
import Testing
import Wire

/// What a client has been told of one symbol's channel, and whether the rules held.
struct SeenChain {
    var last: UInt64 = 0
    var messages = 0
    var began: Instant
    var gapTo: UInt64?
    var declaredLost: UInt64 = 0
    var merged: UInt64 = 0
}

final class SimulatedClient {
    enum Kind: String { case honest, stalled, reconnecting }

    let kind: Kind
    let rate: Rate
    private let symbols: [String]
    private var random: SeededGenerator
    private var socket: SimulatedNetwork.ClientSocket?
    private var reader = WebSocketReader(role: .client, messageMax: 1 << 20)
    private var answer: [UInt8] = []
    private var isUpgraded = false
    private(set) var chains: [String: SeenChain] = [:]
    private(set) var quotes: [String: QuoteMessage] = [:]
    private(set) var stats: [String: StatsMessage] = [:]
    private(set) var trades: [String: TradeMessage] = [:]
    private(set) var closeCode: UInt16?
    private(set) var connections = 0
    private(set) var heartbeats = 0
    private(set) var pongs = 0
    private(set) var faults: [String] = []
    /// How late the server's loop may be: a first message that was late makes the next look early.
    private let lateness: Nanoseconds

    init(_ kind: Kind, rate: Rate, symbols: [String], seed: UInt64, lateness: Nanoseconds = .milliseconds(2))
    {
        self.lateness = lateness
        self.kind = kind
        self.rate = rate
        self.symbols = symbols
        random = SeededGenerator(seed: seed)
    }

    func connect(_ network: SimulatedNetwork, _ handler: any SocketHandler) {
        let socket = network.connect(handler)
        connections += 1
        reader = WebSocketReader(role: .client, messageMax: 1 << 20)
        answer = []
        isUpgraded = false
        chains = [:]
        closeCode = nil
        self.socket = socket
        let key = WebSocketHandshake.key(random.next(), random.next())
        socket.write(
            WebSocketHandshake.request(
                host: "sim", path: "/v1/stream", key: key, protocols: ["tickerfeed.v1.json"], headers: []))
        // Nobody has to wait for the answer before speaking; TCP keeps the order.
        for (id, channel) in Channel.allCases.enumerated() {
            say(
                ClientMessage(
                    id: .number(Int64(id)), .subscribe(.init(channel: channel, symbols: symbols, rate: rate)))
            )
        }
    }

    func say(_ message: ClientMessage) {
        var buffer = ByteBuffer()
        var payload = Array(message.json.utf8)
        let mask = UInt32(truncatingIfNeeded: random.next())
        payload.withUnsafeMutableBytes { bytes in
            WebSocketFrame.apply(mask: mask, to: bytes, from: 0)
            buffer.write(atMost: 16) {
                WebSocketFrame.writeHeader(into: &$0, opcode: .text, payload: bytes.count, mask: mask)
            }
            buffer.append(UnsafeRawBufferPointer(bytes))
        }
        socket?.write(Array(buffer.readable))
    }

    func disconnect() {
        socket?.close()
        socket = nil
    }

    var isConnected: Bool { socket != nil }

    /// Reads at most so many bytes and checks what they say.
    func read(_ limit: Int, _ now: Instant) {
        guard let socket else { return }
        var bytes = socket.read(limit)
        if !isUpgraded { bytes = upgrade(bytes) }
        var offset = 0
        bytes.withUnsafeMutableBytes { raw in
            do throws(WebSocketFault) {
                while let event = try reader.next(raw, from: &offset) { take(event, now) }
            } catch {
                faults.append("\(kind): a frame is broken: \(error)")
            }
        }
        if socket.isOver() { self.socket = nil }
    }

    private func upgrade(_ bytes: [UInt8]) -> [UInt8] {
        answer += bytes
        guard
            let end = (0..<max(0, answer.count - 3)).first(where: { answer[$0..<$0 + 4] == [13, 10, 13, 10] })
        else { return [] }
        let head = String(decoding: answer[..<end], as: UTF8.self)
        if !head.hasPrefix("HTTP/1.1 101") { faults.append("\(kind): no upgrade: \(head)") }
        isUpgraded = true
        return Array(answer[(end + 4)...])
    }

    private func take(_ event: WebSocketEvent, _ now: Instant) {
        switch event {
        case .text:
            do {
                take(try ServerMessage(json: reader.payload), now)
            } catch {
                faults.append("\(kind): \(error)")
            }
        case .close(let code):
            closeCode = code
            disconnect()
        default: break
        }
    }

    private func take(_ message: ServerMessage, _ now: Instant) {
        switch message {
        case .quote(let quote):
            advance("quote", quote.version, now)
            quotes[quote.version.symbol] = quote
        case .stats(let day):
            advance("stats", day.version, now)
            stats[day.version.symbol] = day
        case .trade(let trade):
            let previous = chains["trade" + trade.version.symbol]?.last
            advance("trade", trade.version, now)
            if let previous, trade.version.sequence != trade.version.previous + 1 {
                faults.append("\(kind): trades \(previous) → \(trade.version.sequence) without a gap")
            }
            trades[trade.version.symbol] = trade
        case .gap(let lost):
            // Books, bars and status are another client's.
            let key = lost.channel + lost.symbol
            if chains[key] != nil { gap(key, lost.from, lost.to) }
        case .heartbeat: heartbeats += 1
        case .pong: pongs += 1
        case .error(_, let code, let text): faults.append("\(kind): error \(code): \(text)")
        case .unknown(let type): faults.append("\(kind): a message of type \(type)")
        default: break
        }
    }

    private func gap(_ key: String, _ from: UInt64, _ to: UInt64) {
        guard chains[key]?.last == from - 1, to >= from else {
            faults.append("\(kind): \(key): a gap \(from)…\(to) that does not follow")
            return
        }
        chains[key]?.last = to
        chains[key]?.declaredLost += to - from + 1
    }

    private func advance(_ channel: String, _ version: Version, _ now: Instant) {
        let key = channel + version.symbol
        guard var chain = chains[key] else {
            if !version.isSnapshot || version.previous != 0 {
                faults.append("\(kind): \(key) begins without a snapshot")
            }
            chains[key] = SeenChain(last: version.sequence, messages: 1, began: now)
            return
        }
        if version.previous != chain.last {
            faults.append("\(kind): \(key): prev \(version.previous) after \(chain.last)")
        }
        if version.sequence <= chain.last { faults.append("\(kind): \(key): seq does not rise") }
        chain.merged += version.sequence - version.previous - 1
        chain.last = version.sequence
        chain.messages += 1
        checkRate(key, chain, channel, now)
        chains[key] = chain
    }

    /// No conflated channel is sent more than rate·t + 1 messages; what a slow reader reads late was
    /// sent earlier, so only those who read at once can tell.
    private func checkRate(_ key: String, _ chain: SeenChain, _ channel: String, _ now: Instant) {
        guard kind == .honest, channel != "trade", rate != .max else { return }
        let elapsed = (now - chain.began).raw + lateness.raw
        if Int64(chain.messages - 1) * rate.interval.raw > elapsed {
            faults.append("\(kind): \(key): \(chain.messages) messages in \(elapsed / 1_000_000) ms")
        }
    }
}
