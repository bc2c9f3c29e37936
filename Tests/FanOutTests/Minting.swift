// Tokens for tests: signed here, with a secret that is no secret.
@testable import Wire

enum Minting {
    static let secret = Array("a secret of more than 32 bytes, for tests".utf8)

    static func verifier(_ secret: [UInt8] = secret, issuer: String? = nil) -> TokenVerifier {
        TokenVerifier(keys: [key(secret)], issuer: issuer)
    }

    private static func key(_ secret: [UInt8]) -> TokenKey {
        guard let key = try? TokenKey(name: nil, .hs256, file: secret) else {
            preconditionFailure("the secret is long enough")
        }
        return key
    }

    /// - Parameters:
    ///   - seconds: how long it is good, counted from where an `Engine` begins.
    ///   - claims: more of them, as JSON.
    static func token(for seconds: Int = 3_600, _ claims: String) -> String {
        let payload = "{\"exp\":\(1_700_000_000 + seconds),\(claims)}"
        var text = "\(Base64URL.encode(#"{"alg":"HS256"}"#.utf8)).\(Base64URL.encode(payload.utf8))"
        let mac = text.withUTF8 { key(secret).mac(UnsafeRawBufferPointer($0)) }
        return "\(text).\(Base64URL.encode(mac))"
    }
}
