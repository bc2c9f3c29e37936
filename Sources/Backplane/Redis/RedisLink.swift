// A connection to Redis 7, made anew whenever it is lost: greeting, replies in order, pushes in between.
//
//     waiting ─ connecting ─ greeting ─ open
//        ▲──────────┴───────────┴────────┘
//
// Invariants
//   - It is open when the greeting was answered and the channel it came for is subscribed.
//   - Replies are matched to commands by their order alone; one that does not fit ends the connection.
//   - A failure is told when the connection was open, or when its reason is another than the last one.
//   - While anything is awaited there is a sign of life within `silenceMax`, or another connection.
import Basics
import CLinux
import Wire

/// Who uses a link, and is told what comes. Bytes are there until the call returns.
protocol RedisEnd: AnyObject {
    /// A message has come by this channel, and follows.
    func heard(channel: UnsafeRawBufferPointer)
    func heard(_ payload: UnsafeRawBufferPointer, _ tell: (EngineEvent) -> Void)
    /// A piece of the reply itself, `+OK`s, `+QUEUED`s and errors left out.
    ///
    /// - Returns: false where it is no reply to that.
    func took(_ token: RespToken, of awaited: RedisAwaited, _ tell: (EngineEvent) -> Void) -> Bool
    /// All of the reply has come.
    func finished(_ awaited: RedisAwaited, isRefused: Bool, _ tell: (EngineEvent) -> Void)
    /// What an error to this means, where it is all of the reply.
    func refused(_ awaited: RedisAwaited, _ refusal: RedisRefusal) -> RedisRefusal.Verdict
    /// The last moment to write before a turn's bytes go out.
    func willFlush()
    /// Nothing that was asked is answered any more.
    func lost()
}

final class RedisLink {
    private enum State {
        case waiting(until: Instant)
        case connecting
        case greeting
        case open
        case closed
    }

    static let openMax = Nanoseconds.seconds(3)
    static let silenceMax = Nanoseconds.seconds(5)
    static let idleMax = Nanoseconds.seconds(2)
    /// A connection that lasted so long begins with short waiting times again.
    static let lasting = Nanoseconds.seconds(5)
    /// The server's first version that is known to do.
    static let versionMin = 7

    let description: String
    private(set) var traffic = EngineTraffic()
    var socket: ClientSocket
    /// Owns this link, and so is there as long as it is.
    unowned(unsafe) var end: (any RedisEnd)?

    private let options: EngineOptions
    /// Is subscribed before the link is open.
    private let channel: [UInt8]
    private var secret: String?
    private var state = State.waiting(until: .zero)
    private var now = Instant.zero
    private var began = Instant.zero
    private var lastHeard = Instant.zero
    private var awaitedSince = Instant.zero
    private var lastReason: String?
    private var pause: RedisPause
    private var refusals = RedisRefusals()

    private var reader = RespReader()
    private var awaited = RedisQueue()
    private var push = RedisPush()
    private var isPushed = false
    private var isRefused = false
    private var isVersionNext = false

    init(_ options: EngineOptions, channel: [UInt8]) {
        self.options = options
        self.channel = channel
        description = options.url.description
        pause = RedisPause(seed: options.seed)
        socket = ClientSocket(
            options.url.servers[0], room: ReceiveBuffer(bytes: 256 * 1_024), trust: options.trust,
            authoritiesOption: options.authoritiesOption)
    }

    var isOpen: Bool { if case .open = state { true } else { false } }

    private var isLive: Bool {
        switch state {
        case .greeting, .open: true
        default: false
        }
    }

    /// To be called for each command written, in their order.
    func expect(_ reply: RedisAwaited) {
        if awaited.isEmpty { awaitedSince = now }
        awaited.append(reply)
    }

    func write(_ words: [[UInt8]], for reply: RedisAwaited? = nil) {
        RedisCommand.write(words, into: &socket.output)
        if let reply { expect(reply) }
    }

    // MARK: A turn

    func turn(_ moment: Moment, _ tell: (EngineEvent) -> Void) -> Instant {
        now = moment.instant
        switch state {
        case .closed: return .never
        case .waiting(let until):
            guard now >= until else { return until }
            begin(tell)
        case .connecting: finishConnecting(tell)
        case .greeting, .open: break
        }
        let hasMore = isLive && read(tell)
        refusals.tell(now, tell)
        if isLive { checkTime(tell) }
        if isLive { flush() }
        return hasMore && isLive ? now : min(deadline, refusals.due)
    }

    func close() {
        if isOpen {
            flush()
            // What came and was not read would make the end a reset, which overtakes what was written.
            _ = try? socket.receive()
        }
        socket.end()
        awaited.removeAll()
        state = .closed
    }

    private func begin(_ tell: (EngineEvent) -> Void) {
        began = now
        reader.reset()
        isPushed = false
        isRefused = false
        isVersionNext = false
        do throws(ClientError) {
            try socket.connect()
            state = .connecting
        } catch {
            fail(error.description, tell)
        }
    }

    private func finishConnecting(_ tell: (EngineEvent) -> Void) {
        guard now < began + RedisLink.openMax else { return fail("no answer to a connection", tell) }
        // An error that is not there yet would be taken for success.
        var polled = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&polled, 1, 0) == 1 else { return }
        do throws(ClientError) {
            guard try socket.finishConnecting() else { return }
            traffic.connections += 1
            state = .greeting
            lastHeard = now
            greet()
        } catch {
            fail(error.description, tell)
        }
    }

    /// All in one go: what of it is refused ends the connection.
    private func greet() {
        var hello = ["HELLO", "3"]
        secret = options.secret()
        if secret != nil || options.url.user != nil {
            hello += ["AUTH", options.url.user ?? "default", secret ?? ""]
        }
        write((hello + ["SETNAME", "tickerfeed"]).map { Array($0.utf8) }, for: RedisAwaited(kind: .hello))
        if options.url.database != 0 {
            write(["SELECT", "\(options.url.database)"].map { Array($0.utf8) }, for: .init(kind: .select))
        }
        write([Array("SUBSCRIBE".utf8), channel])
    }

    private func flush() {
        end?.willFlush()
        guard socket.hasUnsent else { return }
        let before = socket.output.count
        socket.flush()
        traffic.bytesOut += UInt64(before - socket.output.count)
    }

    private func receive() throws(ClientError) -> ClientSocket.Received {
        let before = socket.output.count
        // TLS sends what waits along with what it has to answer.
        defer { traffic.bytesOut += UInt64(max(0, before - socket.output.count)) }
        return try socket.receive()
    }

    private var deadline: Instant {
        switch state {
        case .closed: .never
        case .waiting(let until): until
        case .connecting, .greeting: began + RedisLink.openMax
        case .open where awaited.isEmpty: lastHeard + RedisLink.idleMax
        case .open: max(lastHeard, awaitedSince) + RedisLink.silenceMax
        }
    }

    private func checkTime(_ tell: (EngineEvent) -> Void) {
        guard now >= deadline else { return }
        guard isOpen else { return fail("no answer to the greeting", tell) }
        guard awaited.isEmpty else { return fail("no answer for 5 seconds", tell) }
        write([Array("PING".utf8)], for: RedisAwaited(kind: .pong))
    }

    private func fail(_ reason: String, _ tell: (EngineEvent) -> Void) {
        let wasOpen = isOpen
        socket.end()
        awaited.removeAll()
        refusals = RedisRefusals()
        if wasOpen, now - began >= RedisLink.lasting { pause.reset() }
        state = .waiting(until: now + pause.next())
        end?.lost()
        guard wasOpen || reason != lastReason else { return }
        lastReason = reason
        tell(.disconnected(reason))
    }

    // MARK: Reading

    /// - Returns: whether there may be more.
    private func read(_ tell: (EngineEvent) -> Void) -> Bool {
        do throws(ClientError) {
            for _ in 0..<ClientSocket.receivesPerPump {
                switch try receive() {
                case .nothing: return false
                case .ended(let code):
                    let reason = code == 0 ? "the server closed it" : SystemError("recv", code: code).reason
                    fail("the connection was lost: \(reason)", tell)
                    return false
                case .bytes(let bytes, let isAll, let hasEnded):
                    if bytes.count > 0 { lastHeard = now }
                    traffic.bytesIn += UInt64(bytes.count)
                    read(UnsafeRawBufferPointer(bytes), tell)
                    if isLive, hasEnded { fail("the connection was lost: the server closed it", tell) }
                    if isAll || !isLive { return false }
                }
            }
        } catch {
            fail(error.description, tell)
            return false
        }
        return true
    }

    private func read(_ bytes: UnsafeRawBufferPointer, _ tell: (EngineEvent) -> Void) {
        var offset = 0
        do throws(RespFault) {
            while isLive {
                let isFirst = reader.depth == 0
                guard let token = try reader.next(bytes, from: &offset) else { return }
                take(token, isFirst: isFirst, tell)
            }
        } catch {
            fail("the server does not speak RESP3: \(error)", tell)
        }
    }

    @inline(__always)
    private func take(_ token: RespToken, isFirst: Bool, _ tell: (EngineEvent) -> Void) {
        if isFirst {
            if case .push = token {
                push = RedisPush()
                isPushed = true
                return
            }
            isPushed = false
        }
        if isPushed { pushed(token, tell) } else { replied(token, isFirst: isFirst, tell) }
    }

    // MARK: Pushes

    private func pushed(_ token: RespToken, _ tell: (EngineEvent) -> Void) {
        guard case .bulk(let bytes) = token else { return }
        switch push.next(bytes) {
        case .nothing: break
        case .channel: end?.heard(channel: bytes)
        case .payload:
            traffic.messagesIn += 1
            end?.heard(bytes, tell)
        case .subscribed:
            guard case .greeting = state, bytes.elementsEqual(channel), awaited.isEmpty else { return }
            state = .open
            lastReason = nil
            tell(.connected)
        }
    }

    // MARK: Replies

    private func replied(_ token: RespToken, isFirst: Bool, _ tell: (EngineEvent) -> Void) {
        guard !awaited.isEmpty else {
            guard case .error(let text) = token else {
                return fail("a reply to nothing that was asked", tell)
            }
            return fail(RedisRefusal(text, secret: secret).line, tell)
        }
        let reply = awaited.first
        // What comes behind an error in EXEC's list is of no use any more.
        if case .error(let text) = token {
            refuse(text, reply, isWhole: isFirst, tell)
            guard isLive else { return }
        } else if reply.lines > 0 {
            guard case .line = token else { return outOfStep(tell) }
        } else if !isRefused {
            guard took(token, reply, tell) else { return isLive ? outOfStep(tell) : () }
        }
        guard isLive, reader.depth == 0 else { return }
        guard reply.lines == 0 else { return awaited.first.lines -= 1 }
        awaited.removeFirst()
        let wasRefused = isRefused
        isRefused = false
        end?.finished(reply, isRefused: wasRefused, tell)
    }

    private func outOfStep(_ tell: (EngineEvent) -> Void) { fail("replies do not fit what was asked", tell) }

    @inline(__always)
    private func took(_ token: RespToken, _ reply: RedisAwaited, _ tell: (EngineEvent) -> Void) -> Bool {
        switch reply.kind {
        case .hello: return tookHello(token, tell)
        case .select, .pong: if case .line = token { return true } else { return false }
        default: return end?.took(token, of: reply, tell) ?? false
        }
    }

    /// A map of names and values; `version` is of interest.
    private func tookHello(_ token: RespToken, _ tell: (EngineEvent) -> Void) -> Bool {
        guard case .bulk(let bytes) = token else { return true }
        if isVersionNext {
            let version = String(decoding: bytes.prefix(32), as: UTF8.self)
            let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 0
            if major < RedisLink.versionMin { fail("Redis \(version) is too old: 7 is wanted", tell) }
        }
        isVersionNext = bytes.elementsEqual("version".utf8)
        return isLive
    }

    /// - Parameter isWhole: it is all of the reply, not one of EXEC's.
    private func refuse(
        _ text: UnsafeRawBufferPointer, _ reply: RedisAwaited, isWhole: Bool, _ tell: (EngineEvent) -> Void
    ) {
        // Behind the first error EXEC has another one, which says less.
        guard !isRefused else { return }
        isRefused = true
        let refusal = RedisRefusal(text, secret: secret)
        if refusal.endsConnection || !isOpen {
            return fail(reply.kind == .hello ? helloRefused(refusal, text) : refusal.line, tell)
        }
        switch isWhole ? end?.refused(reply, refusal) : .told {
        case .ends: fail(refusal.line, tell)
        case .silent, nil: break
        case .told: refusals.add(refusal.line, now, tell)
        }
    }

    private func helloRefused(_ refusal: RedisRefusal, _ text: UnsafeRawBufferPointer) -> String {
        text.starts(with: "ERR unknown command".utf8)
            ? "Redis 7 is wanted: this server has no HELLO" : refusal.line
    }
}
