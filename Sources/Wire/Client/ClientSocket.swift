// What every client of ours begins with: a host's addresses tried one after the other, TLS where the
// endpoint wants it, bytes out and bytes in.
//
// Invariants
//   - `descriptor` is -1 when idle or over, and may change from one address to the next while connecting.
//   - Nothing blocks but the look-up of a name in `connect()`.
//   - To a secure endpoint nothing is sent before the server's certificate was found to be the host's own.
import Basics
import CLinux

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

/// Whom to connect to.
public struct ServerEndpoint: Hashable, Sendable {
    /// A name or a literal, IPv6 without its brackets.
    public let host: String
    public let port: UInt16
    /// Speaks TLS from the first byte.
    public let isSecure: Bool

    public init(host: String, port: UInt16, isSecure: Bool = false) {
        self.host = host
        self.port = port
        self.isSecure = isSecure
    }
}

public final class ClientSocket {
    public enum Received {
        /// For now.
        case nothing
        /// `isAll`: the socket has no more for now. `hasEnded`: the server's TLS has said goodbye.
        case bytes(UnsafeMutableRawBufferPointer, isAll: Bool, hasEnded: Bool)
        /// By the other end; errno, or 0.
        case ended(Int32)
    }

    /// Receives a `pump` makes before it returns to the poll loop.
    public static let receivesPerPump = 16

    public let endpoint: ServerEndpoint
    let room: ReceiveBuffer
    public private(set) var descriptor: Int32 = -1
    public private(set) var isConnecting = false
    /// Bytes that wait for the socket.
    public var pendingBytes: Int { output.count + (tls?.pendingBytes ?? 0) }
    public var wantsWrite: Bool { isConnecting || (descriptor >= 0 && hasUnsent) }
    public var hasUnsent: Bool { !output.isEmpty || tls?.unsent.isEmpty == false }
    /// What goes out with the next `flush`.
    public var output = ByteBuffer()

    private var candidates: ArraySlice<SocketAddress> = []
    /// The address being tried.
    private var attempt = ""
    private var trust: TLSTrust?
    private let authoritiesOption: String
    private var tls: TLSStream?

    /// - Parameters:
    ///   - trust: nil believes the system's authorities.
    ///   - authoritiesOption: as `TLSStream` has it.
    public init(
        _ endpoint: ServerEndpoint, room: ReceiveBuffer, trust: TLSTrust?, authoritiesOption: String = "--ca"
    ) {
        self.authoritiesOption = authoritiesOption
        self.endpoint = endpoint
        self.room = room
        self.trust = trust
    }

    deinit { if descriptor >= 0 { closeDescriptor(descriptor) } }

    // MARK: Connecting

    /// Looks the host up and starts to connect to its first address.
    public func connect() throws(ClientError) {
        do throws(ResolveError) {
            candidates = try SocketAddress.resolve(host: endpoint.host, port: endpoint.port, passive: false)[
                ...]
        } catch {
            throw .unresolved(host: endpoint.host, reason: error.reason)
        }
        try connectNext(.unresolved(host: endpoint.host, reason: "it has no address"))
    }

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
        isConnecting = true
        return 0
    }

    /// The socket has something to say about the address being tried.
    ///
    /// - Returns: false when the next address is tried now.
    public func finishConnecting() throws(ClientError) -> Bool {
        let code = pendingError(descriptor)
        guard code == 0 else {
            closeDescriptor(descriptor)
            descriptor = -1
            try connectNext(.connectFailed(address: attempt, reason: ClientError.words(code)))
            return false
        }
        isConnecting = false
        if endpoint.isSecure { try startTLS() }
        return true
    }

    /// What follows goes through TLS, in both directions: of itself where the endpoint is secure, later
    /// where the server speaks first in the clear. Nothing may be unsent.
    public func startTLS() throws(ClientError) {
        tls = try secured { () throws(TLSError) in
            let trust = if let trust { trust } else { try TLSTrust.system() }
            self.trust = trust
            return try TLSStream(
                trust: trust, host: endpoint.host, authoritiesOption: authoritiesOption)
        }
    }

    // MARK: Reading and writing

    /// What the socket has, into `room`.
    public func receive() throws(ClientError) -> Received {
        let count = receiveBytes(descriptor, into: room.bytes)
        let code = count < 0 ? tf_errno() : 0
        if code == EAGAIN || code == EINTR { return .nothing }
        guard count > 0 else { return .ended(code) }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: room.bytes[..<count])
        let isAll = count < room.bytes.count
        guard let tls else { return .bytes(bytes, isAll: isAll, hasEnded: false) }
        let (plain, hasEnded) = try decrypt(bytes, tls)
        return .bytes(plain, isAll: isAll, hasEnded: hasEnded)
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

    public func flush() {
        if let tls { return flushSecurely(tls) }
        let taken = sendBytes(descriptor, output.readable)
        if taken >= 0 {
            output.consume(taken)
            if output.isEmpty { output.release() }
        } else if tf_errno() != EAGAIN {
            output.release()  // the connection has failed: reading says why
        }
    }

    private func flushSecurely(_ tls: TLSStream) {
        // A stream that is beyond use says so when it is read.
        try? tls.write(output.readable)
        output.release()
        let taken = sendBytes(descriptor, tls.unsent)
        if taken > 0 { tls.sent(taken) }
    }

    public func end() {
        if descriptor >= 0 { closeDescriptor(descriptor) }
        descriptor = -1
        isConnecting = false
        output.release()
        tls = nil
    }
}

extension ClientError {
    static func words(_ code: Int32) -> String { SystemError("connect", code: code).reason }

    /// A refusal with the first line of its body.
    static func refused(_ head: HTTPResponseHead, body: some Collection<UInt8>) -> ClientError {
        let line = body.prefix { $0 != 0x0a && $0 != 0x0d }
        let wait = head.headers["Retry-After"].flatMap { Int($0) }.map { min(max($0, 0), 3_600) }
        return .refused(
            status: head.status, phrase: head.phrase, line: String(decoding: line, as: UTF8.self),
            retryAfter: wait)
    }
}

// Outside of the class, where `connect` is the system's.
private func connectSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t)
    -> Int32
{
    connect(descriptor, address, length)
}
