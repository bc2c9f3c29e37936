// Whom a client believes: the system's authorities, those of a file, or, for benches, whoever answers.
import COpenSSL

/// Made once and shared by clients: reading the system's authorities takes milliseconds.
public final class TLSTrust: Sendable {
    /// Counted and locked by OpenSSL itself.
    nonisolated(unsafe) let context: OpaquePointer

    /// The authorities that the system trusts.
    public static func system() throws(TLSError) -> TLSTrust {
        let trust = try TLSTrust(verifies: true)
        guard SSL_CTX_set_default_verify_paths(trust.context) == 1 else {
            throw TLSError("the system's certificate authorities cannot be read")
        }
        return trust
    }

    /// The authorities in a PEM file, and no others.
    public static func file(_ path: String) throws(TLSError) -> TLSTrust {
        let trust = try TLSTrust(verifies: true)
        ERR_clear_error()
        guard SSL_CTX_load_verify_locations(trust.context, path, nil) == 1 else {
            throw TLSError(
                "\(path) has no certificates to trust: \(TLSError.lastReason("it cannot be read"))")
        }
        return trust
    }

    /// Encrypts, and asks nobody who they are. Only for measuring: any other machine may answer.
    public static func nobodyChecked() throws(TLSError) -> TLSTrust { try TLSTrust(verifies: false) }

    private init(verifies: Bool) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_client_method()), TLSContext.configure(context) else {
            throw TLSError("no memory for TLS")
        }
        self.context = context
        SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        // Each client is handed its own session to keep.
        _ = tf_ssl_set_session_cache(context, Int(SSL_SESS_CACHE_OFF))
    }

    deinit { SSL_CTX_free(context) }

    /// A session towards `host`, a name or an address, whose certificate has to be for that.
    func makeSession(host: String) -> OpaquePointer? {
        guard let ssl = SSL_new(context) else { return nil }
        // An address is no server name (RFC 6066 §3).
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
        ERR_clear_error()
        if !isAddress {
            guard SSL_set1_host(ssl, host) == 1, tf_ssl_set_server_name(ssl, host) == 1 else {
                SSL_free(ssl)
                return nil
            }
        }
        let protocols = Array("\u{08}http/1.1".utf8)
        SSL_set_alpn_protos(ssl, protocols, UInt32(protocols.count))
        SSL_set_connect_state(ssl)
        return ssl
    }
}
