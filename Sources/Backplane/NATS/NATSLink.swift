// A connection to one of several NATS servers, and to another when it is lost.
//
//     waiting ─ connecting ─ INFO ─ [TLS] ─ CONNECT, what is always subscribed, PING ─ PONG: connected
//        ▲                                                                                       │
//        └──────────────────── whatever goes wrong, or a server that shuts down ────────────────┘
//
// Invariants
//   - No failure of an attempt is told twice before a connection is made; the loss of one always is.
//   - A secret is sent after INFO alone: through TLS where the URL or the server wants it.
//   - Two pings without an answer end a connection. Answers come in the order of the pings.
import Basics
import CLinux
import Wire

enum NATSEvent {
    case connected
    case disconnected(String)
    /// There until the next event.
    case message(NATSMessage)
    case passed(UInt64)
    case refused(String)
}

final class NATSLink {
    private enum State { case waiting, connecting, greeting, answering, connected, closed }

    static let patience = Nanoseconds.seconds(3)
    static let pingEvery = Nanoseconds.seconds(2)
    private static let pingsMax = 2
    private static let linesMax = 64
    private static let headersRoom = 256

    private let options: EngineOptions
    private let room = ReceiveBuffer()
    private(set) var servers: NATSServers
    private var socket: ClientSocket
    private var reader = NATSReader()
    private var state = State.waiting
    /// What is subscribed on every connection, written before its first ping.
    var subscriptions = ByteBuffer()
    private(set) var traffic = EngineTraffic()
    /// What a message's payload may be, in bytes; its headers have room besides.
    private(set) var messageMax = NATSInfo.payloadDefault - NATSLink.headersRoom

    // What was received and not read yet.
    private var window = UnsafeRawBufferPointer(start: nil, count: 0)
    private var offset = 0
    private var receivesLeft = 0
    private var hasEnded = false

    /// Waiting: when to try. Until connected: when it has taken too long. Then: when to ping.
    private var due = Instant.zero
    private var connectedAt = Instant.zero
    /// Pings without an answer: a mark's number, or nil for one of our own.
    private var pings: [UInt64?] = []
    private var pingsAnswered = 0
    private var ownPings = 0
    /// What was said of failed attempts.
    private var said: Set<String> = []
    private var refusals: [String] = []

    init(_ options: EngineOptions) {
        self.options = options
        servers = NATSServers(options.url.servers, seed: options.seed)
        socket = NATSLink.socket(servers.current, room, options)
    }

    /// INFO comes in the clear: TLS begins behind it.
    private static func socket(
        _ server: ServerEndpoint, _ room: ReceiveBuffer, _ options: EngineOptions
    ) -> ClientSocket {
        let clear = ServerEndpoint(host: server.host, port: server.port)
        return ClientSocket(
            clear, room: room, trust: options.trust, authoritiesOption: options.authoritiesOption)
    }

    var descriptor: Int32 { socket.descriptor }
    var wantsWrite: Bool { socket.wantsWrite }
    var isConnected: Bool { state == .connected }
    var pendingBytes: Int { socket.pendingBytes }

    /// Writes behind what waits for the socket. Nothing is written without a connection.
    @inline(__always)
    func write(_ body: (inout ByteBuffer) -> Void) {
        guard state == .connected else { return }
        put(body)
    }

    @inline(__always)
    private func put(_ body: (inout ByteBuffer) -> Void) {
        let before = socket.output.count
        body(&socket.output)
        traffic.bytesOut += UInt64(socket.output.count - before)
    }

    /// Tells once that something is not as it should be.
    func refuse(_ line: String) {
        if said.count >= NATSLink.linesMax { said.removeAll() }
        if said.insert(line).inserted { refusals.append("\(place): \(line)") }
    }

    func mark(_ number: UInt64) {
        guard state == .connected else { return }
        put { $0.append("PING\r\n") }
        pings.append(number)
    }

    func close() {
        if state == .connected { socket.flush() }
        socket.end()
        state = .closed
        due = .never
    }

    // MARK: A turn

    func begin() {
        receivesLeft = ClientSocket.receivesPerPump
    }

    /// What came next; nil: nothing for now.
    func next(_ now: Instant) -> NATSEvent? {
        while state != .closed {
            if !refusals.isEmpty { return .refused(refusals.removeFirst()) }
            do throws(ClientError) {
                guard try connect(now) else { return nil }
                if let operation = try read() {
                    if let event = try take(operation, now) { return event }
                } else if try !receive() {
                    guard let reason = overdue(now) else { return nil }
                    throw .lost(reason)
                }
            } catch {
                if let event = lose(words(error), now) { return event }
            }
        }
        return nil
    }

    /// Sends what waits.
    ///
    /// - Returns: when to come back.
    func finish(_ now: Instant) -> Instant {
        if state != .connecting, socket.descriptor >= 0, socket.hasUnsent { socket.flush() }
        return receivesLeft == 0 && socket.descriptor >= 0 ? now : due
    }

    /// - Returns: whether there is a connection to read from.
    private func connect(_ now: Instant) throws(ClientError) -> Bool {
        switch state {
        case .closed: return false
        case .waiting:
            guard now >= due else { return false }
            socket = NATSLink.socket(servers.current, room, options)
            reader = NATSReader()
            (window, offset, hasEnded) = (UnsafeRawBufferPointer(start: nil, count: 0), 0, false)
            due = now + NATSLink.patience
            state = .connecting
            try socket.connect()
            fallthrough
        case .connecting:
            guard isReady else {
                guard now < due else { throw .lost("it does not answer") }
                return false
            }
            guard try socket.finishConnecting() else { return false }
            state = .greeting
            return true
        case .greeting, .answering, .connected: return true
        }
    }

    /// The attempt to connect has come to an end.
    private var isReady: Bool {
        var one = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&one, 1, 0) == 1
    }

    private func overdue(_ now: Instant) -> String? {
        guard now >= due else { return nil }
        guard state == .connected else { return "it does not answer" }
        if now - connectedAt >= NATSServers.lasting { servers.lasted() }
        guard ownPings < NATSLink.pingsMax else {
            // The answers may be among what this turn did not get to.
            return receivesLeft == 0 ? nil : "it answers no more"
        }
        ownPings += 1
        pings.append(nil)
        put { $0.append("PING\r\n") }
        due = now + NATSLink.pingEvery
        return nil
    }

    // MARK: Reading

    private func read() throws(ClientError) -> NATSOperation? {
        do throws(NATSFault) {
            return try reader.next(in: window, from: &offset)
        } catch {
            throw .lost(error.reason)
        }
    }

    /// - Returns: whether there is more to read.
    private func receive() throws(ClientError) -> Bool {
        window = UnsafeRawBufferPointer(start: nil, count: 0)
        offset = 0
        if hasEnded { throw .lost("it closed the connection") }
        guard receivesLeft > 0 else { return false }
        switch try socket.receive() {
        case .nothing: return false
        case .ended(let code): throw .lost(code == 0 ? "it closed the connection" : Self.words(code))
        case .bytes(let bytes, let isAll, let hasEnded):
            receivesLeft = isAll ? -1 : receivesLeft - 1
            self.hasEnded = hasEnded
            window = UnsafeRawBufferPointer(bytes)
            traffic.bytesIn += UInt64(bytes.count)
            return true
        }
    }

    private static func words(_ code: Int32) -> String { SystemError("receive", code: code).reason }

    private func take(_ operation: NATSOperation, _ now: Instant) throws(ClientError) -> NATSEvent? {
        switch operation {
        case .message(let message) where state == .connected:
            traffic.messagesIn += 1
            return .message(message)
        case .info(let bytes): try take(info: bytes)
        case .ping: if state != .greeting { put { $0.append("PONG\r\n") } }
        case .pong: return try pong(now)
        case .error(let bytes): try take(error: bytes.line)
        case .message, .ok: break
        }
        return nil
    }

    private func take(info bytes: UnsafeRawBufferPointer) throws(ClientError) {
        guard let info = NATSInfo(bytes) else { throw .lost("it does not speak NATS: INFO is no JSON") }
        servers.learn(info.servers)
        messageMax = info.payloadMax - NATSLink.headersRoom
        if state == .greeting { return try greet(info) }
        guard info.isLameDuck, state == .connected, servers.all.count > 1 else { return }
        socket.flush()
        throw .lost("it shuts down")
    }

    /// Says who we are, through TLS where that is wanted.
    private func greet(_ info: NATSInfo) throws(ClientError) {
        let isSecure = servers.current.isSecure || info.requiresTLS
        if isSecure {
            guard info.offersTLS else { throw .lost("it offers no TLS, which tls:// wants") }
            guard offset == window.count, !reader.isAmidst else {
                throw .lost("it speaks in the clear where TLS was to begin")
            }
            try socket.startTLS()
        }
        let user = options.url.user, secret = options.secret()
        put {
            $0.connect(user: user, secret: secret, isSecure: isSecure)
            $0.append(subscriptions.readable)
            $0.append("PING\r\n")
        }
        state = .answering
    }

    private func pong(_ now: Instant) throws(ClientError) -> NATSEvent? {
        switch state {
        case .answering:
            state = .connected
            connectedAt = now
            due = now + NATSLink.pingEvery
            said.removeAll()
            traffic.connections += 1
            return .connected
        case .connected:
            guard pingsAnswered < pings.count else { throw .lost("it answers what was not asked") }
            let mark = pings[pingsAnswered]
            pingsAnswered += 1
            if pingsAnswered == pings.count || pingsAnswered >= 256 {
                pings.removeFirst(pingsAnswered)
                pingsAnswered = 0
            }
            guard let mark else {
                ownPings -= 1
                return nil
            }
            return .passed(mark)
        default: throw .lost("it answers what was not asked")
        }
    }

    /// Some mistakes leave the connection as it is; all others end it (docs.nats.io, "+OK/ERR").
    private func take(error line: String) throws(ClientError) {
        guard line.hasPrefix("Permissions Violation") || line.hasPrefix("Invalid Subject") else {
            throw .lost("it says \(line)")
        }
        refuse("it says \(line)")
    }

    // MARK: Losing it

    /// - Returns: nil where it was said before.
    private func lose(_ reason: String, _ now: Instant) -> NATSEvent? {
        let wasConnected = state == .connected
        if wasConnected, now - connectedAt >= NATSServers.lasting { servers.lasted() }
        socket.end()
        (pings, pingsAnswered, ownPings) = ([], 0, 0)
        state = .waiting
        due = now + servers.failed()
        if said.count >= NATSLink.linesMax { said.removeAll() }
        return said.insert(reason).inserted || wasConnected ? .disconnected(reason) : nil
    }

    private var place: String {
        let server = servers.current
        return "\(server.host.contains(":") ? "[\(server.host)]" : server.host):\(server.port)"
    }

    private func words(_ error: ClientError) -> String {
        switch error {
        case .lost(let reason): "\(place): \(reason)"
        case .connectFailed, .unresolved: error.description
        default: "\(place): \(error)"
        }
    }
}
