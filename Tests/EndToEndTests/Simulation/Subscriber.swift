// A client that believes nothing: its connection, frame by frame, and what it asks for.
//
// What it is told is checked in `Rules.swift`; what it does with its time is in `Player.swift`.
import Basics
import Dialects
import Market
import Wire

@testable import FanOut

/// What all clients of a run share.
final class Surroundings {
    var now = Moment(
        instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))
    let truth: Truth
    let scenario: Scenario
    var networks: [RoughNetwork] = []
    var handlers: [FanOutHandler] = []
    /// The feed has ended: everybody reads what there is and nobody breaks anything.
    var isOver = false
    var faults: [String] = []
    /// What happened, where somebody wants to read it.
    var story: [String] = []
    var isTelling = false

    init(_ truth: Truth, _ scenario: Scenario) {
        self.truth = truth
        self.scenario = scenario
    }

    /// Every loop has room for one more. A server that is full leaves whoever comes to the kernel.
    var hasRoom: Bool { networks.allSatisfy { $0.connections < scenario.limits.connections } }
    var milliseconds: Int64 { now.instant.raw / 1_000_000 - 1_000 }

    func tell(_ who: String, _ what: @autoclosure () -> String) {
        if isTelling { story.append("\(milliseconds) ms  \(who): \(what())") }
    }
    func fault(_ who: String, _ what: String) {
        if faults.count < 20 { faults.append("\(milliseconds) ms  \(who): \(what)") }
        tell(who, "FAULT: \(what)")
    }
    /// A wall time of the server's as an instant.
    func instant(_ wall: Timestamp) -> Instant {
        Instant(raw: wall.raw - now.wall.raw + now.instant.raw)
    }
}

/// A request that was not answered yet.
struct Request {
    let message: ClientMessage
    /// Where in the client's stream it ends, and when the server had that.
    let end: Int
    var handledAt: Instant?
}

final class Subscriber {
    let name: String
    /// Data messages on a WebSocket are binary.
    let wantsBinary: Bool
    let around: Surroundings
    var random: SeededGenerator
    var loop = 0
    var manners = LinkManners()

    private(set) var link: Link?
    private(set) var transport = Transport.webSocket
    var isBinary: Bool { wantsBinary && transport == .webSocket }
    var fallback = Fallback()
    private var reader = WebSocketReader(role: .client, messageMax: 1 << 22)
    /// What every second client inflates with: it offers compression.
    private let inflater: Inflater?
    private var sbe = SBEReader()
    private var head: [UInt8]? = []
    private(set) var closeCode: UInt16?
    private(set) var connections = 0
    /// When the connection ended, by whomever.
    private(set) var endedAt = Instant.zero

    var wishes = Wishes()
    var requests: [Int64: Request] = [:]
    private var lastID: Int64 = 0
    var chains: [Key: Chain] = [:]
    /// Up to which version everything is accounted for, over all connections.
    var had: [Key: UInt64] = [:]
    /// The life of the feed that it is in; nil before it was told.
    private(set) var life: Life?
    /// What the answers to polls told last, where the cursor speaks of it.
    var told: [Key: Chain] = [:]
    /// The server may end the connection: it was asked to, or says so.
    var expectsEnd = false
    /// Says nothing to a ping.
    var isMute = false
    var heardAt = Instant.zero
    var goodbye: (code: String, after: Nanoseconds?, at: Instant)?
    /// The place to go on from, and whether it covers all that is wished.
    var cursor: Cursor?
    var merged: UInt64 = 0
    var lastHeartbeat: Instant?
    var lastHeartbeatMerged: UInt64 = 0
    var heartbeats = 0
    var messages = 0
    /// Reads as fast as it can, so that nothing it gets is older than its rate says.
    var isPrompt = false
    /// It asked to be sent less than there is.
    var isLimited = false

    init(_ name: String, _ around: Surroundings, isBinary: Bool, seed: UInt64) {
        self.name = name
        self.around = around
        wantsBinary = isBinary
        random = SeededGenerator(seed: seed)
        inflater = seed % 2 == 0 ? Inflater() : nil
    }

    /// What there is, in the client's own epoch.
    var truth: [String: TrueSymbol] { (life ?? around.truth.life).byName }

    /// It is told, or sees, which epoch it is in: what it knows of another one is void.
    func enter(_ epoch: UInt32) {
        guard life?.epoch != epoch else { return }
        guard let new = around.truth.lives[epoch] else { return fault("epoch \(epoch) is not known") }
        around.tell(name, "is in epoch \(epoch)")
        for (key, chain) in chains where !chain.isExact { fault("\(key): not exact at its epoch's end") }
        life = new
        (chains, had, told) = ([:], [:], [:])
    }

    var network: RoughNetwork { around.networks[loop] }
    var isConnected: Bool { link != nil }
    func fault(_ what: String) { around.fault(name, what) }

    // MARK: Connecting

    func connect(over transport: Transport = .webSocket) {
        let link = network.connect(around.handlers[loop], manners)
        self.transport = transport
        fallback = Fallback()
        expectsEnd = false
        heardAt = around.now.instant
        goodbye = nil
        self.link = link
        connections += 1
        around.tell(name, "connects to loop \(loop), socket \(connections), over \(transport)")
        reader = WebSocketReader(role: .client, messageMax: 1 << 22)
        sbe = SBEReader()
        head = []
        wishes = Wishes()
        requests = [:]
        chains = [:]
        merged = 0
        lastHeartbeat = nil
        closeCode = nil
        isLimited = false
        guard transport == .webSocket else { return }
        let key = WebSocketHandshake.key(random.next(), random.next())
        var hello = WebSocketHandshake.request(
            host: "sim", path: "/v1/stream", key: key,
            protocols: [isBinary ? "tickerfeed.v1.sbe" : "tickerfeed.v1.json"], deflate: inflater != nil)
        hello.withUnsafeMutableBytes { network.write(link, UnsafeRawBufferPointer($0)) }
    }

    /// Says these bytes instead of hello.
    func connect(says bytes: [UInt8]) {
        link = network.connect(around.handlers[loop], manners)
        transport = .webSocket
        connections += 1
        requests = [:]
        write(raw: bytes)
    }

    /// Reads without looking.
    func swallow(_ limit: Int) {
        guard let link else { return }
        network.read(link, limit) { _, _ in }
        if link.isOver { ended() }
    }

    enum Ending { case close, reset }
    func disconnect(_ ending: Ending) {
        guard let link else { return }
        around.tell(name, "leaves: \(ending)")
        if ending == .reset { network.reset(link) } else { network.close(link) }
        ended()
    }

    private func ended() {
        link = nil
        endedAt = around.now.instant
    }

    // MARK: Speaking

    @discardableResult
    func say(_ operation: ClientMessage.Operation) -> Int64 {
        guard let link else { return 0 }
        lastID += 1
        let message = ClientMessage(id: .number(lastID), operation)
        write(.text, Array(message.json.utf8))
        requests[lastID] = Request(message: message, end: network.position(link))
        around.tell(name, "says \(message.json)")
        heardAt = around.now.instant
        return lastID
    }

    /// A subscription that was asked for by a URL: its answer has no number, but its place.
    func note(_ wish: ClientMessage.Subscribe, end: Int) {
        lastID += 1
        requests[lastID] = Request(message: ClientMessage(id: nil, .subscribe(wish)), end: end)
    }

    func write(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
        guard let link else { return }
        var buffer = ByteBuffer(), payload = payload
        let mask = UInt32(truncatingIfNeeded: random.next())
        payload.withUnsafeMutableBytes { bytes in
            WebSocketFrame.apply(mask: mask, to: bytes, from: 0)
            buffer.write(atMost: 16) {
                WebSocketFrame.writeHeader(
                    into: &$0, opcode: opcode, payload: bytes.count, mask: mask)
            }
            buffer.append(UnsafeRawBufferPointer(bytes))
        }
        network.write(link, buffer.readable)
    }

    /// Bytes as they are, whatever they mean.
    func write(raw bytes: [UInt8]) {
        guard let link else { return }
        bytes.withUnsafeBytes { network.write(link, $0) }
    }

    /// Notes which requests the server has by now.
    func noteHandled() {
        guard let link, !requests.isEmpty else { return }
        for id in requests.keys where requests[id]?.handledAt == nil {
            if let request = requests[id], link.delivered >= request.end {
                requests[id]?.handledAt = around.now.instant
                heardAt = around.now.instant
            }
        }
    }

    // MARK: Listening

    func read(_ limit: Int) {
        guard let link else { return }
        network.read(link, limit) { bytes, sent in
            var bytes = bytes
            guard transport == .webSocket else { return takeText(bytes, sent) }
            if head != nil {
                guard let rest = upgrade(bytes) else { return }
                bytes = rest
            }
            take(bytes, sent)
        }
        if link.isOver { ended() }
    }

    private func upgrade(_ bytes: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer? {
        for (index, byte) in bytes.enumerated() {
            head?.append(byte)
            guard byte == 10, head?.suffix(4) == [13, 10, 13, 10] else { continue }
            let text = String(decoding: head ?? [], as: UTF8.self)
            if !text.hasPrefix("HTTP/1.1 101") { fault("no upgrade: \(text.prefix(100))") }
            head = nil
            return UnsafeMutableRawBufferPointer(rebasing: bytes[(index + 1)...])
        }
        return nil
    }

    private func take(_ bytes: UnsafeMutableRawBufferPointer, _ sent: Instant) {
        var offset = 0
        do throws(WebSocketFault) {
            while closeCode == nil, let event = try reader.next(bytes, from: &offset, inflater: inflater) {
                take(event, sent)
            }
        } catch {
            fault("a frame is broken: \(error)")
            disconnect(.reset)
        }
        if closeCode != nil, offset < bytes.count { fault("bytes follow the close frame") }
    }

    private func take(_ event: WebSocketEvent, _ sent: Instant) {
        switch event {
        case .text: text(reader.payload, sent)
        case .binary: binary(sent)
        case .close(let code):
            closeCode = code ?? 1005
            around.tell(name, "is closed with \(closeCode ?? 0)")
            write(.close, code.map { [UInt8($0 >> 8), UInt8($0 & 0xff)] } ?? [])
        case .ping:
            around.tell(name, "is pinged")
            if isMute { return }
            write(.pong, Array(reader.payload))
            heardAt = around.now.instant
        case .pong: break
        }
    }

    func text(_ payload: UnsafeRawBufferPointer, _ sent: Instant) {
        do throws(ServerMessageError) {
            let message = try ServerMessage(json: payload)
            guard case .gap(let lost) = message else {
                if isBinary, message.version != nil { fault("data as text on a binary connection") }
                take(message, sent)
                return
            }
            guard let kind = Subscriber.kind(of: lost) else {
                fault("a gap of no channel")
                return
            }
            gap(Key(symbol: lost.symbol, kind: kind), lost.from, lost.to, lost.reason, sent)
        } catch {
            fault("\(error) in \(String(decoding: payload, as: UTF8.self))")
        }
    }

    private static func kind(of gap: GapMessage) -> StreamKind? {
        guard let channel = Channel(named: gap.channel) else { return nil }
        guard channel == .bar else { return StreamKind(channel) }
        return gap.interval.map { StreamKind(.bar, $0) }
    }

    private func binary(_ sent: Instant) {
        if !isBinary { fault("a binary frame on a JSON connection") }
        var offset = 0
        do throws(SBEError) {
            while let message = try sbe.next(in: reader.payload, from: &offset) { take(message, sent) }
        } catch {
            fault("SBE: \(error)")
        }
    }
}

extension ServerMessage {
    var kind: StreamKind? {
        switch self {
        case .quote: StreamKind(.quote)
        case .trade, .broken: StreamKind(.trade)
        case .stats: StreamKind(.stats)
        case .book: StreamKind(.book)
        case .bar(let message): StreamKind(.bar, message.interval)
        case .status: StreamKind(.status)
        default: nil
        }
    }
}
