// The client's end of a TLS connection, between whoever has the socket and whoever has the words.
//
//     plain ─ write → unsent → socket          socket → receive → plain
//
// Invariants
//   - Nothing that was written leaves before the server has proved who it is.
//   - What OpenSSL wrote waits in `unsent` until its owner has sent it: one order, one place.
import Basics
import COpenSSL

public final class TLSStream {
    private let pipe = TLSPipe()
    private let host: String
    private let authoritiesOption: String
    private var session: TLSSession
    /// Written before the handshake was through.
    private var early = ByteBuffer()

    /// Begins a handshake: `unsent` has its first message.
    ///
    /// - Parameters:
    ///   - host: the name or address that the server's certificate has to be for.
    ///   - ticket: from an earlier connection to it.
    ///   - authoritiesOption: what names authorities to the user of this program, for what is said of a
    ///     certificate that is not trusted.
    public init(
        trust: TLSTrust, host: String, resuming ticket: TLSTicket? = nil, authoritiesOption: String = "--ca"
    ) throws(TLSError) {
        guard let ssl = trust.makeSession(host: host) else { throw TLSError("no memory for TLS") }
        self.host = host
        self.authoritiesOption = authoritiesOption
        session = TLSSession(ssl, pipe)
        if let ticket { session.resume(ticket) }
        session.begin()
    }

    /// The handshake is through, the server is who it should be.
    public var isEstablished: Bool { session.isEstablished }
    /// `TLSv1.3` and the like, once established.
    public var version: String { session.version }
    public var isResumed: Bool { session.isResumed }
    /// Whom the server's certificate is for: `CN = feed.example`.
    public var peerName: String { session.peerName }
    /// Comes some time after the handshake; the newest is the best.
    public var ticket: TLSTicket? { session.ticket }

    /// Ciphertext for the socket.
    public var unsent: UnsafeRawBufferPointer { pipe.output }
    /// Bytes that wait, in either form.
    public var pendingBytes: Int { unsent.count + early.count }

    /// The socket took so many bytes of `unsent`.
    public func sent(_ count: Int) {
        pipe.ends.pointee.output.consume(count)
        if pipe.output.isEmpty { pipe.ends.pointee.output.release() }
    }

    /// Encrypts bytes, or keeps them until the handshake is through.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        guard bytes.count > 0 else { return }
        guard isEstablished else { return early.append(bytes) }
        guard session.encrypt(bytes) else { throw fault }
    }

    /// Takes all that came from the socket.
    ///
    /// - Parameter room: at least 32 KiB larger than what came.
    /// - Returns: how many bytes of plaintext are in `room`, and whether the server said that no more come.
    /// - Throws: `TLSError` when the server is not believed or breaks TLS; `unsent` then has the alert.
    public func receive(
        _ bytes: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) throws(TLSError) -> (count: Int, hasEnded: Bool) {
        let wasEstablished = isEstablished
        let (count, end) = session.decrypt(bytes, through: pipe, into: room)
        if end == .failed { throw fault }
        if isEstablished, !wasEstablished, !early.isEmpty {
            let isGood = session.encrypt(early.readable)
            early.release()
            guard isGood else { throw fault }
        }
        return (count, end == .ended)
    }

    /// Why it failed, and what can be done about it.
    private var fault: TLSError {
        if let distrust = session.distrust {
            ERR_clear_error()
            return TLSError(words(distrust))
        }
        let reason = TLSError.lastReason("TLS failed")
        return reason.contains("wrong version number")
            ? TLSError("\(host) does not speak TLS on this port: use ws://")
            : TLSError("TLS with \(host) failed: \(reason)")
    }

    private func words(_ code: Int) -> String {
        let reason = X509_verify_cert_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        switch Int32(truncatingIfNeeded: code) {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "the server's certificate is not for \(host): connect by a name that it has"
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "the certificate of \(host) has expired: its owner has to renew it"
        default:
            return "the certificate of \(host) is not trusted (\(reason)): name its authority's PEM file "
                + "with \(authoritiesOption)"
        }
    }
}
