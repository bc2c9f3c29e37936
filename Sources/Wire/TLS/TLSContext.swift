// The server's side of TLS: its certificate, its key, and what it is willing to speak.
//
// Invariants
//   - A context always has a certificate and a key that fit each other. A reload that finds anything
//     wrong changes nothing.
//   - A reload is for new connections: those that live keep what they were made with.
//   - Tickets are sealed by keys that outlive a reload, so who comes back need not start anew. They are
//     never written down: a restart forgets them.
import Basics
import COpenSSL
import Synchronization

/// Shared by all loops.
public final class TLSContext: Sendable {
    private let certificateFile: String
    private let keyFile: String
    private let state: Mutex<State>

    private struct State: @unchecked Sendable {
        /// An `SSL_CTX`: counted by OpenSSL, safe to share between threads.
        var context: OpaquePointer
        var warnings: [String]
        var certificate: String
    }

    /// Loads and checks both files.
    ///
    /// - Parameters:
    ///   - certificate: PEM, the server's own first and what signed it behind (RFC 8446 §4.4.2).
    ///   - key: PEM, without a password.
    /// - Throws: `TLSError` naming the file and what is wrong with it.
    public init(certificate: String, key: String) throws(TLSError) {
        certificateFile = certificate
        keyFile = key
        let credentials = try TLSCredentials(certificate: certificate, key: key)
        state = Mutex(
            State(
                context: try TLSContext.make(credentials), warnings: credentials.warnings,
                certificate: credentials.summary))
    }

    deinit { state.withLock { SSL_CTX_free($0.context) } }

    /// What is odd about the files that are in use: expired, or a key that others may read.
    public var warnings: [String] { state.withLock { $0.warnings } }

    /// Whom the certificate in use is for and until when: `CN=feed.example, until Jan  1 00:00:00 2030 GMT`.
    public var certificate: String { state.withLock { $0.certificate } }

    /// Reads both files again, for the connections to come. Any thread may call it.
    ///
    /// - Throws: `TLSError`; then what was in use stays in use.
    public func reload() throws(TLSError) {
        let credentials = try TLSCredentials(certificate: certificateFile, key: keyFile)
        let fresh = try TLSContext.make(credentials)
        state.withLock { state in
            TLSContext.copyTicketKeys(from: state.context, to: fresh)
            SSL_CTX_free(state.context)  // sessions that use it hold it
            state.context = fresh
            state.warnings = credentials.warnings
            state.certificate = credentials.summary
        }
    }

    /// A new session; nil when there is no memory for it.
    func makeSession() -> OpaquePointer? { state.withLock { SSL_new($0.context) } }
}

// MARK: What it speaks

extension TLSContext {
    /// AES with the hardware's help first, for its price a record; forward secrecy in all of them.
    private static let suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let suites12 = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
    private static let groups = "X25519:P-256:P-384"

    private static func make(_ credentials: TLSCredentials) throws(TLSError) -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw TLSError("no memory for TLS") }
        let isUsable =
            configure(context) && SSL_CTX_set_ciphersuites(context, suites13) == 1
            && SSL_CTX_set_cipher_list(context, suites12) == 1 && tf_ssl_set_groups(context, groups) == 1
        guard isUsable, credentials.install(into: context) else {
            let reason = TLSError.lastReason("OpenSSL gives no reason")
            SSL_CTX_free(context)
            throw TLSError("\(credentials.certificateFile) cannot be used: \(reason)")
        }
        SSL_CTX_set_options(
            context, TF_SSL_OP_CIPHER_SERVER_PREFERENCE | TF_SSL_OP_PRIORITIZE_CHACHA)
        // Tickets alone: no table of sessions that grows and is locked.
        _ = tf_ssl_set_session_cache(context, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(context, 1)
        let name = Array("tickerfeed".utf8)
        SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nil)
        return context
    }

    /// What holds at both ends. Also used by clients.
    static func configure(_ context: OpaquePointer) -> Bool {
        SSL_CTX_set_options(context, TF_SSL_OP_NO_RENEGOTIATION | TF_SSL_OP_NO_COMPRESSION)
        // Never a partial write: the pipe takes all that there is.
        _ = tf_ssl_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
        return tf_ssl_set_versions(context, TLS1_2_VERSION, TLS1_3_VERSION) == 1
    }

    private static func copyTicketKeys(from old: OpaquePointer, to fresh: OpaquePointer) {
        withUnsafeTemporaryAllocation(byteCount: 80, alignment: 8) { keys in
            guard let start = keys.baseAddress, tf_ssl_get_ticket_keys(old, start) == 1 else { return }
            _ = tf_ssl_set_ticket_keys(fresh, start)
            OPENSSL_cleanse(start, keys.count)
        }
    }
}

/// ALPN (RFC 7301): there is HTTP/1.1 here and nothing else.
private let offered: StaticString = "http/1.1"

private func chooseProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ length: UnsafeMutablePointer<UInt8>?, _ list: UnsafePointer<UInt8>?, _ count: UInt32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    var at = 0
    let list = UnsafeBufferPointer(start: list, count: Int(count))
    while at < list.count, at + 1 + Int(list[at]) <= list.count {
        let size = Int(list[at])
        if list[(at + 1)..<(at + 1 + size)].elementsEqual("http/1.1".utf8) {
            chosen?.pointee = offered.utf8Start
            length?.pointee = UInt8(offered.utf8CodeUnitCount)
            return SSL_TLSEXT_ERR_OK
        }
        at += 1 + size
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
