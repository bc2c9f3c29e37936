// A key that tokens are checked with: its name, one algorithm, and the secret or the public key.
//
// Invariants
//   - One key, one algorithm (RFC 8725 §3.1): a public key is never taken for a secret.
//   - What a file gives is checked when it is read, so that checking a token asks nothing of the key.
//   - Nothing here prints what the key is made of.
import COpenSSL

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`.
public enum TokenAlgorithm: String, Sendable, CaseIterable {
    case hs256 = "HS256"
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
}

/// Why a key cannot be used, in words that follow the name of its file.
public struct TokenKeyError: Error, Hashable, Sendable {
    public let reason: String
}

public final class TokenKey: Sendable, Equatable {
    /// What a token's `kid` must be; nil: only tokens without one are checked with it.
    public let name: String?
    public let algorithm: TokenAlgorithm
    /// The secret, or the public key as DER: what two equal keys have in common.
    private let material: [UInt8]
    /// OpenSSL's public key: never changed, so that threads may share it. Nil for a secret.
    private nonisolated(unsafe) let handle: OpaquePointer?

    /// Bytes of the shortest secret for HS256: as many as the hash has (RFC 7518 §3.2).
    public static let secretBytesMin = 32
    /// RFC 7518 §3.3 asks for 2048 at least; beyond 8192 a check takes long.
    static let rsaBits = 2_048...8_192

    /// - Parameter file: PEM with one public key; for HS256 the secret as it is, or as text with a
    ///   line end, or as text that begins with `base64url:`.
    public init(name: String?, _ algorithm: TokenAlgorithm, file: [UInt8]) throws(TokenKeyError) {
        self.name = name
        self.algorithm = algorithm
        let (material, handle) =
            if algorithm == .hs256 {
                (try TokenKey.secret(file), OpaquePointer?.none)
            } else {
                try TokenKey.publicKey(file, algorithm)
            }
        self.material = material
        self.handle = handle
    }

    deinit { if let handle { tf_free_public_key(handle) } }

    public static func == (a: TokenKey, b: TokenKey) -> Bool {
        a.name == b.name && a.algorithm == b.algorithm && a.material.count == b.material.count
            && tf_equal(a.material, b.material, a.material.count) == 1
    }

    // MARK: Reading files

    private static func secret(_ file: [UInt8]) throws(TokenKeyError) -> [UInt8] {
        guard !contains(file, "-----BEGIN ") else {
            throw TokenKeyError(reason: "is a PEM file; HS256 wants a secret that nobody else has")
        }
        var secret = file
        // A secret that was typed ends with its line; one of random bytes may end with any of them.
        let isText = file.allSatisfy { $0 >= 0x20 && $0 < 0x7f || $0 == 0x0a || $0 == 0x0d }
        if isText { while let last = secret.last, last == 0x0a || last == 0x0d { secret.removeLast() } }
        let mark = Array("base64url:".utf8)
        if isText, secret.starts(with: mark) {
            guard let decoded = Base64URL.decode(secret.dropFirst(mark.count)) else {
                throw TokenKeyError(reason: "is not base64url without padding")
            }
            secret = decoded
        }
        guard secret.count >= secretBytesMin else {
            throw TokenKeyError(
                reason: "has a secret of \(secret.count) bytes; HS256 wants \(secretBytesMin) or more")
        }
        return secret
    }

    private static func publicKey(
        _ file: [UInt8], _ algorithm: TokenAlgorithm
    ) throws(TokenKeyError) -> ([UInt8], OpaquePointer?) {
        guard !contains(file, "PRIVATE KEY-----") else {
            throw TokenKeyError(reason: "has a private key; the server is to have the public one alone")
        }
        guard let key = tf_read_public_key(file, file.count) else {
            throw TokenKeyError(reason: "is not a public key in PEM (-----BEGIN PUBLIC KEY-----)")
        }
        var der = [UInt8](repeating: 0, count: 4_096)
        let length = tf_write_public_key(key, &der, der.count)
        if let reason = fault(of: key, for: algorithm) ?? (length == 0 ? "is too large" : nil) {
            tf_free_public_key(key)
            throw TokenKeyError(reason: reason)
        }
        return (Array(der.prefix(length)), key)
    }

    private static func fault(of key: OpaquePointer, for algorithm: TokenAlgorithm) -> String? {
        let kind = Int(tf_key_kind(key)), bits = Int(tf_key_bits(key))
        switch algorithm {
        case .rs256 where kind != TF_KEY_RSA: return "is no RSA key, as RS256 wants"
        case .rs256 where !rsaBits.contains(bits):
            return "has \(bits) bits; RS256 wants \(rsaBits.lowerBound) to \(rsaBits.upperBound)"
        case .es256 where kind != TF_KEY_P256: return "is no key on P-256, as ES256 wants"
        case .edDSA where kind != TF_KEY_ED25519: return "is no Ed25519 key, as EdDSA wants"
        default: return nil
        }
    }

    private static func contains(_ bytes: [UInt8], _ word: String) -> Bool {
        let word = Array(word.utf8)
        guard bytes.count >= word.count else { return false }
        return (0...(bytes.count - word.count)).contains { bytes[$0...].starts(with: word) }
    }

    // MARK: Checking signatures

    /// True where `signature` is this key's over `text`.
    func hasSigned(_ text: UnsafeRawBufferPointer, _ signature: [UInt8]) -> Bool {
        let bytes = text.assumingMemoryBound(to: UInt8.self).baseAddress
        switch algorithm {
        case .hs256:
            let mac = mac(text)
            return mac.count == signature.count && tf_equal(mac, signature, mac.count) == 1
        case .rs256: return tf_verify(handle, 1, signature, signature.count, bytes, text.count) == 1
        case .edDSA: return tf_verify(handle, 0, signature, signature.count, bytes, text.count) == 1
        case .es256:
            guard signature.count == 64 else { return false }  // DER, for one, is something else
            var der = [UInt8](repeating: 0, count: 80)
            let length = tf_ecdsa_der(signature, &der)
            return tf_verify(handle, 1, der, length, bytes, text.count) == 1
        }
    }

    /// HMAC-SHA-256 of the text.
    package func mac(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var mac = [UInt8](repeating: 0, count: 32)
        let bytes = text.assumingMemoryBound(to: UInt8.self).baseAddress
        precondition(
            tf_hmac_sha256(material, material.count, bytes, text.count, &mac) == 1, "OpenSSL cannot do HMAC")
        return mac
    }
}
