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

public final class WebSocketClient {
    private enum State { case idle, connecting, handshaking, open, closing, over }

    /// As much of a refusal's body as is looked at for its first line.
    private static let refusalBytesMax = 4 * 1_024

    public let url: WebSocketURL
    /// What the server chose of the protocols asked for; known once open.
    public private(set) var subprotocol: String?
    /// The server may compress messages: it took the offer. Ours never are.
    public private(set) var isDeflating = false
    public var descriptor: Int32 { socket.descriptor }
    public var isOpen: Bool { state == .open }
    /// Bytes that wait for the socket. Whoever sends much watches it.
    public var pendingBytes: Int { socket.pendingBytes }
    public var wantsWrite: Bool { socket.wantsWrite }

    private let protocols: [String]
    private let offersDeflate: Bool
    private let headers: [(String, String)]
    private let socket: ClientSocket
    private var random: any RandomNumberGenerator
    private var state = State.idle
    private var key = ""
    /// The handshake's answer so far.
    private var answer = ByteBuffer()
    private var reader: WebSocketReader

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
        self.url = url
        socket = ClientSocket(url.server, room: room ?? ReceiveBuffer(), trust: trust)
        self.protocols = protocols
        offersDeflate = deflate
        self.headers = headers
        self.random = random
        reader = WebSocketReader(role: .client, messageMax: messageMax)
    }

    // MARK: What its owner does

    /// Looks the host up and starts to connect to its first address.
    public func connect() throws(ClientError) {
        precondition(state == .idle, "a client connects once")
        do throws(ClientError) {
            try socket.connect()
        } catch {
            end()
            throw error
        }
        state = .connecting
    }

    /// Does what the socket is ready for, and tells what came of it.
    public func pump(
        readable: Bool, writable: Bool, _ onEvent: (ClientEvent) -> Void
    ) throws(ClientError) {
        do throws(ClientError) {
            if state == .connecting {
                guard readable || writable else { return }
                guard try socket.finishConnecting() else { return }
                shakeHands()
            }
            if socket.hasUnsent { socket.flush() }
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
            WebSocketFrame.writeClose(into: &socket.output, code: code, reason: reason, mask: mask())
            state = .closing
            socket.flush()
        case .closing, .over: break
        default: end()
        }
    }

    /// Lets go at once, without a word to the server and without an event.
    public func abandon() { end() }

    private func shakeHands() {
        key = WebSocketHandshake.key(random.next(), random.next())
        let request = WebSocketHandshake.request(
            host: url.hostHeader, path: url.path, key: key, protocols: protocols, deflate: offersDeflate,
            headers: headers)
        request.withUnsafeBytes { socket.output.append($0) }
        state = .handshaking
    }

    // MARK: Reading

    private func receive(_ onEvent: (ClientEvent) -> Void) throws(ClientError) {
        for _ in 0..<ClientSocket.receivesPerPump where descriptor >= 0 {
            switch try socket.receive() {
            case .nothing: return
            case .ended(let code): return try ended(code, onEvent)
            case .bytes(let bytes, let isAll, let hasEnded):
                if state == .handshaking {
                    try readAnswer(bytes, onEvent)
                } else {
                    try readFrames(bytes, onEvent)
                }
                if hasEnded, descriptor >= 0 { return try ended(0, onEvent) }
                if isAll { return }
            }
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
        .refused(head, body: answer.readable[bodyAt...].prefix(WebSocketClient.refusalBytesMax))
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
            return try reader.next(bytes, from: &offset, inflater: isDeflating ? socket.room.inflater : nil)
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

    // MARK: Writing

    private func send(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
        guard state == .open else { return }
        let wasIdle = pendingBytes == 0
        WebSocketFrame.write(into: &socket.output, opcode: opcode, payload: payload, mask: mask())
        if wasIdle { socket.flush() }
    }

    private func mask() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }

    private func end() {
        socket.end()
        state = .over
    }
}
