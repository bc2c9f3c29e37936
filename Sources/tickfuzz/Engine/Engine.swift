// A whole loop under bytes: sockets that take what they like, clients that say anything, a market,
// and time that passes, all by the input.
//
// Invariants, whatever the input
//   - A turn ends, and turns in a row come to rest.
//   - What a client is sent is HTTP, and behind a 101 frames and messages that a client takes.
//   - Memory held for sockets is bounded; when all have left, nothing is held.
import Basics
import FanOut
import Market
import Wire

@Sendable func fuzzEngine(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let guardian = Guardian.allCases[input.decide(3)]
    let engine = Engine(guardian)
    for _ in 0..<256 where !input.isEmpty { engine.act(&input) }
    engine.finish()
}

/// Who watches over what clients may read.
enum Guardian: CaseIterable {
    case nobody
    /// Tokens of `Phrases`, of which it is known what they allow.
    case known
    /// Tokens that claim what the input says.
    case input
}

final class Engine {
    static let sockets = 4
    private static let turnsMax = 4_096

    private let guardian: Guardian
    private let network: ScriptedNetwork
    private let clock = Clock()
    private let handler: FanOutHandler
    private var market: ScriptedMarket
    /// Turns left for time to pass in: an input is to take milliseconds.
    private var turnsLeft = 1_024
    private var isDraining = false

    /// What the loop's clock reads.
    private final class Clock {
        var now = Moment(
            instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))
        func pass(_ span: Nanoseconds) {
            now = Moment(instant: now.instant + span, wall: now.wall + span)
        }
    }

    init(_ guardian: Guardian) {
        self.guardian = guardian
        network = ScriptedNetwork(sockets: Engine.sockets, isGuarded: guardian == .known)
        let tape = Tape(capacity: 1 << 10), clock = clock
        let reader = tape.makeReader()
        market = ScriptedMarket(Tape.Writer(tape))
        var options = ServerOptions(server: "fuzz", epoch: 7) {
            FeedReport(clock: .simulated, speedMilli: nil, source: "fuzz")
        }
        options.limits = Engine.limits
        options.servesEcho = true
        options.verifier = guardian == .nobody ? nil : Known.verifier
        handler = FanOutHandler(options: options, network: network, tape: reader) { clock.now }
    }

    /// Low, so that they are reached.
    private static var limits: Limits {
        var limits = Limits()
        limits.connections = sockets
        limits.symbols = 8
        limits.patterns = 2
        limits.slots = 24
        limits.messageBytes = 2_048
        limits.operationsPerSecond = 20
        limits.operationsRefusedMax = 10
        limits.controlBytes = 2_048
        limits.writeBytes = 4_096
        limits.pollBytes = 4_096
        return limits
    }

    // MARK: What an input can do

    /// One act: its first byte says what and at which socket, what follows how.
    func act(_ input: inout Input) {
        let code = input.byte(), socket = Int(code >> 3 & 3)
        switch code & 7 {
        case 0: receive(socket, input.take(Int(input.byte())))
        case 1: receive(socket, Memory(Phrases.phrase(Int(input.byte()))))
        case 2: receive(socket, Memory(Phrases.frame(&input)))
        case 3: pass(Engine.spans[Int(input.byte() & 7)])
        case 4: market.act(input.byte(), input.byte(), at: clock.now.wall)
        case 5: setRoom(socket, input.byte())
        case 6: leave(socket)
        default: speakOrDrain(socket, &input)
        }
        rest()
    }

    private static let spans: [Nanoseconds] = [
        .microseconds(10), .milliseconds(1), .milliseconds(9), .milliseconds(100), .seconds(1), .seconds(6),
        .seconds(16), .seconds(31),
    ]

    private func receive(_ socket: Int, _ bytes: borrowing Memory) {
        if !network.isOpen(socket) {
            // An id comes back in the next turn at the earliest.
            turn()
            network.open(socket)
            handler.opened(
                SocketID(UInt32(socket)), peer: PeerAddress(v4: 0x7f00_0001 + UInt32(socket), port: 1))
        }
        guard network.isOpen(socket), bytes.count > 0 else { return }
        network.heard(socket, bytes.bytes)
        handler.received(SocketID(UInt32(socket)), bytes.mutable)
    }

    /// What the socket takes from here on; a blocked one may go on.
    private func setRoom(_ socket: Int, _ choice: UInt8) {
        guard network.isOpen(socket) else { return }
        if network.setRoom(socket, choice) { handler.writable(SocketID(UInt32(socket))) }
    }

    private func leave(_ socket: Int) {
        guard network.isOpen(socket) else { return }
        network.left(socket)
        handler.closed(SocketID(UInt32(socket)))
    }

    private func speakOrDrain(_ socket: Int, _ input: inout Input) {
        let choice = input.byte()
        if choice == 0xff, !isDraining {
            isDraining = true
            handler.drain(over: .seconds(2))
        } else if guardian == .input {
            let claims = input.take(Int(choice))
            receive(socket, Memory(Phrases.authentication(Array(claims.bytes))))
        }
    }

    // MARK: Time

    private func pass(_ span: Nanoseconds) {
        let end = clock.now.instant + span
        while clock.now.instant < end {
            let wanted = rest()
            turnsLeft -= 1
            // Later, the loop naps.
            let next = turnsLeft > 0 ? min(max(wanted, clock.now.instant + .microseconds(10)), end) : end
            clock.pass(next - clock.now.instant)
        }
    }

    /// Turns until there is nothing to do at this moment.
    @discardableResult
    private func rest() -> Instant {
        for _ in 0..<Engine.turnsMax {
            let wanted = turn()
            if wanted > clock.now.instant { return wanted }
        }
        demand(false, "\(Engine.turnsMax) turns, and the loop still wants another at once")
        return .never
    }

    @discardableResult
    private func turn() -> Instant {
        let wanted = handler.turn()
        for socket in network.takeFailed() { handler.closed(SocketID(UInt32(socket))) }
        let limits = Engine.limits
        let most = Engine.sockets * (2 * (limits.writeBytes + limits.controlBytes) + Engine.answerMax)
        demand(handler.bufferedBytes <= most, "\(handler.bufferedBytes) bytes are held for sockets")
        return wanted
    }

    /// Bytes of the longest page, and of the frame that may be begun at a write's end.
    private static let answerMax = 64 * 1_024

    func finish() {
        rest()
        for socket in 0..<Engine.sockets { leave(socket) }
        rest()
        demand(handler.holdings == .none, "all have left, and there is \(handler.holdings)")
    }
}
