// One request over HTTP/1.1 without a thread or a loop of its own: its owner polls and pumps.
//
//     idle ─ connect() ─ connecting ─ waiting for the head ─ body ─ over
//
// Invariants
//   - As for `WebSocketClient`: `descriptor` is polled, nothing blocks but a name's look-up, events come
//     only out of `pump`, and a throw ends the client.
//   - A body is handed on as it comes and never kept; `HTTPFetch` keeps one that is short.
//   - `.ended` comes exactly once, behind a body that is whole: as long as it said, its last chunk there,
//     or of no said length. A body that is cut throws.
import Basics

public enum HTTPClientEvent {
    case head(HTTPResponseHead)
    /// Valid during the call only.
    case body(UnsafeRawBufferPointer)
    case ended
}

public final class HTTPClient {
    private enum State { case idle, connecting, waiting, body, over }

    private enum Framing {
        case length(left: Int)
        case chunked(ChunkedBody)
        case untilClose
    }

    public let url: WebSocketURL
    public var descriptor: Int32 { socket.descriptor }
    public var wantsWrite: Bool { socket.wantsWrite }
    public var isOver: Bool { state == .over }

    private let socket: ClientSocket
    private let request: String
    private let body: [UInt8]
    private var state = State.idle
    private var framing = Framing.untilClose
    /// The answer's head so far.
    private var head = ByteBuffer()

    /// - Parameters:
    ///   - url: of the page; `ws` and `wss` mean `http` and `https` here.
    ///   - headers: besides Host, Connection and those of the body.
    ///   - body: JSON, sent with POST. Without one it is a GET.
    ///   - room: to share with other clients of the same thread.
    ///   - trust: whom to believe about the host; the system's authorities unless given.
    public init(
        url: WebSocketURL, headers: [(String, String)] = [], body: [UInt8]? = nil,
        room: ReceiveBuffer? = nil, trust: TLSTrust? = nil
    ) {
        self.url = url
        socket = ClientSocket(url.server, room: room ?? ReceiveBuffer(), trust: trust)
        self.body = body ?? []
        var lines = ["\(body == nil ? "GET" : "POST") \(url.path) HTTP/1.1", "Host: \(url.hostHeader)"]
        lines += headers.map { "\($0): \($1)" }
        if let body { lines += ["Content-Type: application/json", "Content-Length: \(body.count)"] }
        lines.append("Connection: close")
        // What would be a line of its own is none of ours.
        request =
            lines.map { $0.filter { $0.isASCII && !$0.isNewline } }.joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// Looks the host up and starts to connect to its first address.
    public func connect() throws(ClientError) {
        precondition(state == .idle, "a client connects once")
        do throws(ClientError) {
            try socket.connect()
        } catch {
            abandon()
            throw error
        }
        state = .connecting
    }

    /// Does what the socket is ready for, and tells what came of it.
    public func pump(
        readable: Bool, writable: Bool, _ onEvent: (HTTPClientEvent) -> Void
    ) throws(ClientError) {
        do throws(ClientError) {
            if state == .connecting {
                guard readable || writable, try socket.finishConnecting() else { return }
                socket.output.append(request)
                body.withUnsafeBytes { socket.output.append($0) }
                state = .waiting
            }
            if socket.hasUnsent { socket.flush() }
            if readable { try receive(onEvent) }
        } catch {
            abandon()
            throw error
        }
    }

    /// Lets go at once, without an event.
    public func abandon() {
        // The head's bytes stay: an event may be about them.
        socket.end()
        state = .over
    }

    // MARK: Reading

    private func receive(_ onEvent: (HTTPClientEvent) -> Void) throws(ClientError) {
        for _ in 0..<ClientSocket.receivesPerPump where descriptor >= 0 {
            switch try socket.receive() {
            case .nothing: return
            case .ended(let code): return try ended(code, onEvent)
            case .bytes(let bytes, let isAll, let hasEnded):
                try take(UnsafeRawBufferPointer(bytes), onEvent)
                if hasEnded, descriptor >= 0 { return try ended(0, onEvent) }
                if isAll { return }
            }
        }
    }

    private func ended(_ code: Int32, _ onEvent: (HTTPClientEvent) -> Void) throws(ClientError) {
        let reason = code == 0 ? "it was closed" : ClientError.words(code)
        guard state == .body else { throw .lost("\(reason) before an answer") }
        guard case .untilClose = framing, code == 0 else {
            throw .lost("\(reason) in the middle of an answer")
        }
        finish(onEvent)
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer, _ onEvent: (HTTPClientEvent) -> Void
    ) throws(ClientError) {
        guard state == .waiting else { return try takeBody(bytes, onEvent) }
        head.append(bytes)
        while state == .waiting {
            guard let (answer, length) = try parse() else { return }
            head.consume(length)
            guard answer.status != 101 else { throw .badAnswer("it changes the protocol") }
            // Only a foretaste (RFC 9110 §15.2).
            if answer.status < 200 { continue }
            framing = try HTTPClient.framing(of: answer)
            state = .body
            onEvent(.head(answer))
        }
        guard state == .body else { return }
        try takeBody(head.readable, onEvent)
        head.release()
    }

    private func parse() throws(ClientError) -> (head: HTTPResponseHead, consumed: Int)? {
        do throws(HTTPFault) {
            return try HTTPResponseHead.parse(head.readable)
        } catch {
            throw .badAnswer(error.reason)
        }
    }

    /// How the end of the body is known (RFC 9112 §6.3).
    private static func framing(of head: HTTPResponseHead) throws(ClientError) -> Framing {
        if head.status == 204 || head.status == 304 { return .length(left: 0) }
        let codings = head.headers.elements("Transfer-Encoding")
        let lengths = Set(head.headers.elements("Content-Length"))
        guard codings.isEmpty else {
            guard codings.count == 1, ASCII.equal(codings[0], "chunked"), lengths.isEmpty else {
                throw .badAnswer("nobody knows where its body ends")
            }
            return .chunked(ChunkedBody())
        }
        guard let text = lengths.first else { return .untilClose }
        guard lengths.count == 1, text.utf8.allSatisfy(ASCII.isDigit), let length = Int(text) else {
            throw .badAnswer("its length is no number")
        }
        return .length(left: length)
    }

    private func takeBody(
        _ bytes: UnsafeRawBufferPointer, _ onEvent: (HTTPClientEvent) -> Void
    ) throws(ClientError) {
        switch framing {
        case .untilClose: if !bytes.isEmpty { onEvent(.body(bytes)) }
        case .length(let left):
            let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(left))
            framing = .length(left: left - piece.count)
            if !piece.isEmpty { onEvent(.body(piece)) }
            if left == piece.count { finish(onEvent) }
        case .chunked(var chunks):
            var offset = 0
            while state == .body, let piece = try chunks.next(in: bytes, from: &offset) {
                onEvent(.body(piece))
            }
            framing = .chunked(chunks)
            if chunks.isOver { finish(onEvent) }
        }
    }

    private func finish(_ onEvent: (HTTPClientEvent) -> Void) {
        // Whoever was told the last piece may have let go of it.
        guard state == .body else { return }
        abandon()
        onEvent(.ended)
    }
}

/// A page, whole.
public struct HTTPAnswer: Sendable {
    public let head: HTTPResponseHead
    public let body: [UInt8]

    public init(head: HTTPResponseHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }

    /// What a refusal says of itself.
    public var refusal: ClientError { .refused(head, body: body) }
}

/// One request whose answer is kept, up to a limit.
public final class HTTPFetch {
    public let client: HTTPClient
    private let bodyMax: Int
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []

    /// - Parameter bodyMax: an answer of more bytes is an error.
    public init(_ client: HTTPClient, bodyMax: Int = 1 << 20) {
        self.client = client
        self.bodyMax = bodyMax
    }

    public func connect() throws(ClientError) { try client.connect() }

    /// - Returns: the answer, once, when it is whole, whatever its status.
    public func pump(readable: Bool, writable: Bool) throws(ClientError) -> HTTPAnswer? {
        var isWhole = false, isTooLong = false
        try client.pump(readable: readable, writable: writable) { event in
            switch event {
            case .head(let head): self.head = head
            case .body(let bytes):
                isTooLong = isTooLong || bytes.count > bodyMax - body.count
                if isTooLong { client.abandon() } else { body += bytes }
            case .ended: isWhole = true
            }
        }
        if isTooLong { throw .badAnswer("it is longer than \(bodyMax) bytes") }
        guard isWhole, let head else { return nil }
        return HTTPAnswer(head: head, body: body)
    }
}
