// A certificate with its chain, and its key, from two PEM files: read, checked, and faults named.
import Basics
import CLinux
import COpenSSL

final class TLSCredentials {
    let certificateFile: String
    private let certificate: OpaquePointer
    private let chain: OpaquePointer?
    private var key: OpaquePointer?
    private(set) var warnings: [String] = []

    /// PEM files are small. What is larger is something else, and is not read into memory.
    private static let fileBytesMax = 1 << 20

    init(certificate path: String, key keyPath: String) throws(TLSError) {
        ERR_clear_error()
        certificateFile = path
        (certificate, chain) = try TLSCredentials.readChain(path)
        key = nil
        key = try TLSCredentials.readKey(keyPath)
        guard X509_check_private_key(certificate, key) == 1 else {
            ERR_clear_error()
            throw TLSError("\(keyPath) is not the key of the certificate in \(path)")
        }
        warnings = dateWarnings + TLSCredentials.accessWarnings(keyPath)
    }

    deinit {
        X509_free(certificate)
        tf_x509_free_all(chain)
        EVP_PKEY_free(key)
    }

    func install(into context: OpaquePointer) -> Bool {
        tf_ssl_use_chain(context, certificate, key, chain) == 1
    }

    /// Whom it is for and until when.
    var summary: String {
        "\(TLSCredentials.name(of: certificate)), until "
            + TLSCredentials.date(X509_get0_notAfter(certificate))
    }

    static func name(of certificate: OpaquePointer) -> String {
        text { bio in X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, TF_XN_FLAG_ONELINE) }
    }

    // MARK: Reading

    private static func readChain(_ path: String) throws(TLSError) -> (OpaquePointer, OpaquePointer?) {
        let bio = try open(path)
        defer { BIO_free(bio) }
        guard let first = PEM_read_bio_X509(bio, nil, nil, nil) else {
            ERR_clear_error()
            throw TLSError("\(path) has no certificate in PEM form (BEGIN CERTIFICATE)")
        }
        let chain = tf_x509_stack()
        while let next = PEM_read_bio_X509(bio, nil, nil, nil) { tf_x509_push(chain, next) }
        ERR_clear_error()  // the end of the file is one, too
        return (first, chain)
    }

    private static func readKey(_ path: String) throws(TLSError) -> OpaquePointer {
        let bio = try open(path)
        defer { BIO_free(bio) }
        // Without a callback OpenSSL would ask the terminal for a password.
        guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
            ERR_clear_error()
            throw TLSError("\(path) has no private key in PEM form (BEGIN PRIVATE KEY), or it has a password")
        }
        return key
    }

    /// The file's bytes as a BIO in memory, which is read through once.
    private static func open(_ path: String) throws(TLSError) -> OpaquePointer? {
        let bytes = try contents(of: path)
        guard let bio = BIO_new(BIO_s_mem()), BIO_write(bio, bytes, Int32(bytes.count)) == bytes.count
        else { throw TLSError("no memory for \(path)") }
        return bio
    }

    private static func contents(of path: String) throws(TLSError) -> [UInt8] {
        do throws(SystemError) {
            let file = try InputFile(path)
            var bytes: [UInt8] = [], room = [UInt8](repeating: 0, count: 16_384)
            while bytes.count <= fileBytesMax {
                let count = try file.read(into: &room, atMost: room.count)
                if count == 0 { return bytes }
                bytes += room[..<count]
            }
        } catch {
            throw TLSError("cannot read \(path): \(error.reason)")
        }
        throw TLSError("\(path) is too large to be PEM")
    }

    // MARK: What is odd, and does not keep it from being used

    private var dateWarnings: [String] {
        if X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 {
            let day = TLSCredentials.date(X509_get0_notAfter(certificate))
            return ["the certificate in \(certificateFile) expired on \(day): clients will refuse it"]
        }
        if X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 {
            let day = TLSCredentials.date(X509_get0_notBefore(certificate))
            return ["the certificate in \(certificateFile) is not valid before \(day)"]
        }
        return []
    }

    private static func accessWarnings(_ path: String) -> [String] {
        guard tf_is_open_to_others(path) == 1 else { return [] }
        return ["others than its owner may open the key \(path): chmod 600"]
    }

    private static func date(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        text { bio in ASN1_TIME_print(bio, time) }
    }

    /// What OpenSSL prints.
    private static func text(_ print: (OpaquePointer?) -> Int32) -> String {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        _ = print(bio)
        var start: UnsafePointer<CChar>?
        let count = tf_bio_mem_data(bio, &start)
        let bytes = UnsafeRawBufferPointer(start: start, count: max(0, count))
        return String(decoding: bytes, as: UTF8.self)
    }
}
