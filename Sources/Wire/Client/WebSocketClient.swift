// A WebSocket client without a thread or a loop of its own: its owner polls and pumps.
//
//     idle ─ connect() ─ connecting ─ handshaking ─ open ─ closing ─ over
//
// Invariants
//   - `descriptor` is polled level-triggered, for reading always and for writing while
//     `wantsWrite`; it is -1 when idle or over, and may change from one address to the next while
//     connecting. What `poll` calls an error or a hang-up is pumped as readable.
//   - Nothing blocks but the look-up of a name in `connect()`.
//   - To a `wss` URL nothing is sent before the server's certificate was found to be the host's own.
//   - Events come only out of `pump`. `.closed` is the last one; a throw ends the client too.
//   - `send` and `close` may be called from inside an event, `pump` may not.
import Basics
import CLinux

public enum ClientEvent {
    case opened
    /// Valid during the call only, as with `.binary`.
    case text(UnsafeRawBufferPointer)
    case binary(UnsafeRawBufferPointer)
    /// `code` is nil when the close frame had none, or never came; then `reason` says what did.
    case closed(code: UInt16?, reason: String)
}

/// Room to receive into, and to inflate. Clients pumped by one thread may share one.
public final class ReceiveBuffer {
    let bytes: UnsafeMutableRawBufferPointer
    let inflater = Inflater()
    public init(bytes count: Int = 64 * 1_024) { bytes = .allocate(byteCount: count, alignment: 64) }
    /// For what `bytes` decrypt to, with what a record was cut of before. Made when it is needed.
    private(set) lazy var plain: UnsafeMutableRawBufferPointer = {
        hasPlain = true
        return .allocate(byteCount: bytes.count + 32 * 1_024, alignment: 64)
    }()
    private var hasPlain = false

    deinit {
        bytes.deallocate()
        if hasPlain { plain.deallocate() }
    }
}

public final class WebSocketClient {
    private enum State { case idle, connecting, handshaking, open, closing, over }

    /// Receives a `pump` makes before it returns to the poll loop.
    private static let receivesPerPump = 16
    /// As much of a refusal's body as is looked at for its first line.
    private static let refusalBytesMax = 4 * 1_024

    public let url: WebSocketURL
    /// What the server chose of the protocols asked for; known once open.
    public private(set) var subprotocol: String?
    /// The server may compress messages: it took the offer. Ours never are.
    public private(set) var isDeflating = false
    public private(set) var descriptor: Int32 = -1
    public var isOpen: Bool { state == .open }
    /// Bytes that wait for the socket. Whoever sends much watches it.
    public var pendingBytes: Int { output.count + (tls?.pendingBytes ?? 0) }
    public var wantsWrite: Bool { state == .connecting || (descriptor >= 0 && hasUnsent) }
    private var hasUnsent: Bool { !output.isEmpty || tls?.unsent.isEmpty == false }

    private let protocols: [String]
    private let offersDeflate: Bool
    private let headers: [(String, String)]
    private let room: ReceiveBuffer
    private var random: any RandomNumberGenerator
    private var state = State.idle
    private var candidates: ArraySlice<SocketAddress> = []
    private var key = ""
    private var output = ByteBuffer()
    /// The handshake's answer so far.
    private var answer = ByteBuffer()
    private var reader: WebSocketReader
    private var trust: TLSTrust?
    private var tls: TLSStream?

    /// - Parameters:
    ///   - deflate: offers the server to compress what it sends.
    ///   - random: masks and the handshake's key come from it; a seeded one makes a run repeatable.
    ///   - room: to share with other clients of the same thread.
    ///   - trust: whom to believe about a `wss` URL's host; the system's authorities unless given.
    public init(
        url: WebSocketURL, protocols: [String] = [], deflate: Bool = false, headers: [(String, String)] = [],
        random: any RandomNumberGenerator = SystemRandomNumberGenerator(),
        messageMax: Int = 16 * 1_024 * 1_024, room: ReceiveBuffer? = nil, trust: TLSTrust? = nil
    ) {
        self.trust = trust
        self.url = url
        self.protocols = protocols
        offersDeflate = deflate
        self.headers = headers
        self.random = random
        self.room = room ?? ReceiveBuffer()
        reader = WebSocketReader(role: .client, messageMax: messageMax)
    }

    deinit { if descriptor >= 0 { closeDescriptor(descriptor) } }

    // MARK: What its owner does

    /// Looks the host up and starts to connect to its first address.
    public func connect() throws(ClientError) {
        precondition(state == .idle, "a client connects once")
        do throws(ResolveError) {
            candidates = try SocketAddress.resolve(host: url.host, port: url.port, passive: false)[...]
        } catch {
            throw .unresolved(host: url.host, reason: error.reason)
        }
        try connectNext(.unresolved(host: url.host, reason: "it has no address"))
    }

    /// Does what the socket is ready for, and tells what came of it.
    public func pump(
        readable: Bool, writable: Bool, _ onEvent: (ClientEvent) -> Void
    ) throws(ClientError) {
        do throws(ClientError) {
            if state == .connecting {
                guard readable || writable else { return }
                guard try finishConnecting() else { return }
            }
            if hasUnsent { flush() }
            if readable { try receive(onEvent) }
        } catch {
            end()
            throw error
        }
    }

    /// Sends a text message, or keeps it until there is room. Only an open client sends.
    public func send(text: String) {
        var text = text
        text.withUTF8 { send(.text, UnsafeRawBufferPointer($0)) }
    }

    public func send(binary: UnsafeRawBufferPointer) { send(.binary, binary) }

    /// Starts the closing handshake; `.closed` follows when the server has answered. Before it was
    /// open, the client just ends.
    public func close(code: UInt16? = CloseCode.normal, reason: String = "") {
        switch state {
        case .open:
            WebSocketFrame.writeClose(into: &output, code: code, reason: reason, mask: mask())
            state = .closing
            flush()
        case .closing, .over: break
        default: end()
        }
    }

    /// Lets go at once, without a word to the server and without an event.
    public func abandon() { end() }

    // MARK: Connecting

    private func connectNext(_ lastError: ClientError) throws(ClientError) {
        var lastError = lastError
        while let address = candidates.popFirst() {
            let code = start(address)
            if code == 0 { return }
            lastError = .connectFailed(address: "\(address.peer)", reason: ClientError.words(code))
        }
        end()
        throw lastError
    }

    /// - Returns: 0 when the connection is on its way, else errno.
    private func start(_ address: SocketAddress) -> Int32 {
        let fresh = newStreamSocket(family: address.family)
        guard fresh >= 0 else { return tf_errno() }
        disableNagle(fresh)
        let failed = address.withPointer { connectSocket(fresh, $0, $1) } != 0
        let code = failed ? tf_errno() : 0
        guard code == 0 || code == EINPROGRESS else {
            closeDescriptor(fresh)
            return code
        }
        descriptor = fresh
        attempt = "\(address.peer)"
        state = .connecting
        return 0
    }

    /// The address being tried.
    private var attempt = ""

    /// - Returns: false when the next address is tried now.
    private func finishConnecting() throws(ClientError) -> Bool {
        let code = pendingError(descriptor)
        guard code == 0 else {
            closeDescriptor(descriptor)
            descriptor = -1
            try connectNext(.connectFailed(address: attempt, reason: ClientError.words(code)))
            return false
        }
        if url.isSecure { tls = try secured { () throws(TLSError) in try startTLS() } }
        key = WebSocketHandshake.key(random.next(), random.next())
        let request = WebSocketHandshake.request(
            host: url.hostHeader, path: url.path, key: key, protocols: protocols, deflate: offersDeflate,
            headers: headers)
        request.withUnsafeBytes { output.append($0) }
        state = .handshaking
        return true
    }

    // MARK: Reading

    private func receive(_ onEvent: (ClientEvent) -> Void) throws(ClientError) {
        for _ in 0..<WebSocketClient.receivesPerPump where descriptor >= 0 {
            let count = receiveBytes(descriptor, into: room.bytes)
            let code = count < 0 ? tf_errno() : 0
            if code == EAGAIN || code == EINTR { return }
            guard count > 0 else { return try ended(code, onEvent) }
            var bytes = UnsafeMutableRawBufferPointer(rebasing: room.bytes[..<count]), hasEnded = false
            if let tls { (bytes, hasEnded) = try decrypt(bytes, tls) }
            if state == .handshaking {
                try readAnswer(bytes, onEvent)
            } else {
                try readFrames(bytes, onEvent)
            }
            if hasEnded, descriptor >= 0 { return try ended(0, onEvent) }
            if count < room.bytes.count { return }
        }
    }

    private func ended(_ code: Int32, _ onEvent: (ClientEvent) -> Void) throws(ClientError) {
        let reason = code == 0 ? "closed without a close frame" : ClientError.words(code)
        if state == .handshaking {
            if let answer = try head() { throw refusal(answer.head, bodyAt: answer.consumed) }
            throw .lost(reason + " during the handshake")
        }
        end()
        onEvent(.closed(code: nil, reason: reason))
    }

    private func readAnswer(
        _ bytes: UnsafeMutableRawBufferPointer, _ onEvent: (ClientEvent) -> Void
    ) throws(ClientError) {
        answer.append(UnsafeRawBufferPointer(bytes))
        guard let (head, length) = try head() else { return }
        guard head.status == 101 else {
            let body = answer.count - length
            let whole = head.headers["Content-Length"].flatMap { Int($0) } ?? .max
            if body >= min(whole, WebSocketClient.refusalBytesMax) { throw refusal(head, bodyAt: length) }
            return
        }
        do throws(WebSocketRefusal) {
            let agreement = try WebSocketHandshake.verify(
                response: head, key: key, protocols: protocols, deflate: offersDeflate)
            subprotocol = agreement.subprotocol
            isDeflating = agreement.deflates
        } catch {
            throw .badHandshake(error.reason)
        }
        state = .open
        onEvent(.opened)
        answer.consume(length)
        try readFrames(answer.mutable, onEvent)
        answer.release()
    }

    private func head() throws(ClientError) -> (head: HTTPResponseHead, consumed: Int)? {
        do throws(HTTPFault) {
            return try HTTPResponseHead.parse(answer.readable)
        } catch {
            throw .badHandshake(error.reason)
        }
    }

    private func refusal(_ head: HTTPResponseHead, bodyAt: Int) -> ClientError {
        let body = answer.readable[bodyAt...].prefix(WebSocketClient.refusalBytesMax)
        let line = body.prefix { $0 != 0x0a && $0 != 0x0d }
        let wait = head.headers["Retry-After"].flatMap { Int($0) }.map { min(max($0, 0), 3_600) }
        return .refused(
            status: head.status, phrase: head.phrase, line: String(decoding: line, as: UTF8.self),
            retryAfter: wait)
    }

    private func readFrames(
        _ bytes: UnsafeMutableRawBufferPointer, _ onEvent: (ClientEvent) -> Void
    ) throws(ClientError) {
        var offset = 0
        while state == .open || state == .closing, let event = try nextEvent(bytes, &offset) {
            handle(event, onEvent)
        }
    }

    private func nextEvent(
        _ bytes: UnsafeMutableRawBufferPointer, _ offset: inout Int
    ) throws(ClientError) -> WebSocketEvent? {
        do throws(WebSocketFault) {
            return try reader.next(bytes, from: &offset, inflater: isDeflating ? room.inflater : nil)
        } catch {
            close(code: error.code, reason: error.reason)
            throw .protocolViolation(code: error.code, reason: error.reason)
        }
    }

    private func handle(_ event: WebSocketEvent, _ onEvent: (ClientEvent) -> Void) {
        let payload = reader.payload
        switch event {
        case .text: onEvent(.text(payload))
        case .binary: onEvent(.binary(payload))
        case .ping: send(.pong, payload)
        case .pong: break
        case .close(let code):
            // Answers with the code it got (RFC 6455 §5.5.1), unless it asked first.
            close(code: code)
            let reason = String(decoding: payload, as: UTF8.self)
            end()
            onEvent(.closed(code: code, reason: reason))
        }
    }

    // MARK: TLS

    private func startTLS() throws(TLSError) -> TLSStream {
        let trust = if let trust { trust } else { try TLSTrust.system() }
        self.trust = trust
        return try TLSStream(trust: trust, host: url.host)
    }

    /// Decrypts what came, and sends what has to be answered, an alert too.
    private func decrypt(
        _ bytes: UnsafeMutableRawBufferPointer, _ tls: TLSStream
    ) throws(ClientError) -> (UnsafeMutableRawBufferPointer, hasEnded: Bool) {
        defer { if hasUnsent { flush() } }
        let result = try secured { () throws(TLSError) in
            try tls.receive(UnsafeRawBufferPointer(bytes), into: room.plain)
        }
        return (UnsafeMutableRawBufferPointer(rebasing: room.plain[..<result.count]), result.hasEnded)
    }

    private func secured<Result>(_ body: () throws(TLSError) -> Result) throws(ClientError) -> Result {
        do throws(TLSError) {
            return try body()
        } catch {
            throw .insecure(error)
        }
    }

    private func flushSecurely(_ tls: TLSStream) {
        // A stream that is beyond use says so when it is read.
        try? tls.write(output.readable)
        output.release()
        let taken = sendBytes(descriptor, tls.unsent)
        if taken > 0 { tls.sent(taken) }
    }

    // MARK: Writing

    private func send(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
        guard state == .open else { return }
        let wasIdle = pendingBytes == 0
        WebSocketFrame.write(into: &output, opcode: opcode, payload: payload, mask: mask())
        if wasIdle { flush() }
    }

    private func mask() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }

    private func flush() {
        if let tls { return flushSecurely(tls) }
        let taken = sendBytes(descriptor, output.readable)
        if taken >= 0 {
            output.consume(taken)
            if output.isEmpty { output.release() }
        } else if tf_errno() != EAGAIN {
            output.release()  // the connection has failed: reading says why
        }
    }

    private func end() {
        if descriptor >= 0 { closeDescriptor(descriptor) }
        descriptor = -1
        state = .over
        output.release()
        tls = nil
    }
}

extension ClientError {
    static func words(_ code: Int32) -> String { SystemError("connect", code: code).reason }
}

// Outside of the class, where `connect` is the system's.
private func connectSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t)
    -> Int32
{
    connect(descriptor, address, length)
}
