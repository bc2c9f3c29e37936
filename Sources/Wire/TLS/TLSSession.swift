// One connection's TLS: an `SSL`, and the ciphertext that its socket did not take.
//
// Invariants
//   - All of an input is consumed by `decrypt`; a record that was cut waits inside of the `SSL`.
//   - Between two operations an idle session has no buffer (`SSL_MODE_RELEASE_BUFFERS`).
//   - No bytes are sent that were not encrypted: `encrypt` wants a finished handshake.
import Basics
import COpenSSL

struct TLSSession: ~Copyable {
    enum End: Equatable {
        case open
        /// The peer said that nothing more comes.
        case ended
        /// Not TLS, or TLS that we do not speak. An alert may be in the output.
        case failed
    }

    private let ssl: OpaquePointer
    /// The handshake is through: both ends have proved what they had to.
    private(set) var isEstablished = false
    /// The peer has sent something.
    var hasBegun = false
    /// Ciphertext that the kernel has not taken. It cannot be taken back: the peer counts records.
    var backlog = ByteBuffer()
    /// Bytes of the backlog that answer the peer's own TLS messages.
    var chatter = 0

    /// The server's end of a connection.
    init?(accepting context: TLSContext, through pipe: TLSPipe) {
        guard let ssl = context.makeSession() else { return nil }
        self.init(ssl, pipe)
        SSL_set_accept_state(ssl)
    }

    /// - Parameter ssl: is owned from now on.
    init(_ ssl: OpaquePointer, _ pipe: TLSPipe) {
        self.ssl = ssl
        pipe.attach(to: ssl)
    }

    deinit { SSL_free(ssl) }

    /// The peer came back with what it was given in an earlier connection.
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// Works a client's first message into the output. The server's end waits for it.
    mutating func begin() {
        ERR_clear_error()
        SSL_do_handshake(ssl)
    }

    /// Goes on with the handshake and decrypts what is in the input.
    ///
    /// What has to be answered (handshake, alerts) is in the pipe's output.
    /// - Parameter room: has place for the input, and for a record that was cut before it.
    mutating func decrypt(
        _ input: UnsafeRawBufferPointer, through pipe: TLSPipe, into room: UnsafeMutableRawBufferPointer
    ) -> (count: Int, end: End) {
        hasBegun = true
        pipe.ends.pointee.input = input
        defer { pipe.ends.pointee.input = UnsafeRawBufferPointer(start: nil, count: 0) }
        var total = 0
        while total < room.count, let start = room.baseAddress {
            ERR_clear_error()
            var count = 0
            let code = SSL_read_ex(ssl, start + total, room.count - total, &count)
            if !isEstablished { isEstablished = SSL_is_init_finished(ssl) == 1 }
            guard code != 1 else {
                total += count
                continue
            }
            switch SSL_get_error(ssl, code) {
            case SSL_ERROR_WANT_READ: return (total, .open)
            case SSL_ERROR_ZERO_RETURN: return (total, .ended)
            default: return (total, .failed)
            }
        }
        return (total, .open)
    }

    /// Appends bytes to the pipe's output: a record for each 16 KiB.
    ///
    /// - Returns: false when the session is beyond use.
    mutating func encrypt(_ bytes: UnsafeRawBufferPointer) -> Bool {
        assert(isEstablished)
        ERR_clear_error()
        var written = 0
        return SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written) == 1 && written == bytes.count
    }

    /// Puts the word that nothing more comes (`close_notify`, RFC 8446 §6.1) into the output.
    mutating func sayGoodbye() {
        guard isEstablished else { return }
        ERR_clear_error()
        SSL_shutdown(ssl)
    }
}

// MARK: What the client's end asks

extension TLSSession {
    /// Why the server's certificate was not believed, nil where it was.
    var distrust: Int? {
        let result = SSL_get_verify_result(ssl)
        return result == X509_V_OK ? nil : Int(result)
    }

    /// `TLSv1.3` and the like.
    var version: String { String(cString: SSL_get_version(ssl)) }

    var peerName: String {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return "" }
        return TLSCredentials.name(of: certificate)
    }

    /// What the server gave to come back with, nil while it has given nothing.
    var ticket: TLSTicket? {
        guard let session = SSL_get1_session(ssl) else { return nil }
        return TLSTicket(session)
    }

    /// Before `begin`: to be known to the server again.
    mutating func resume(_ ticket: TLSTicket) { SSL_set_session(ssl, ticket.session) }
}

/// A session that a server may resume: a client that comes back needs no new proof, nor the server a new
/// signature. Holds secrets; stays in memory.
public final class TLSTicket {
    fileprivate let session: OpaquePointer
    fileprivate init?(_ session: OpaquePointer) {
        self.session = session
        if SSL_SESSION_is_resumable(session) != 1 { return nil }
    }
    deinit { SSL_SESSION_free(session) }
}
