// Tokens: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, checked as RFC 8725 advises.
//
//     base64url(header) "." base64url(claims) "." base64url(signature)
//
// Invariants
//   - The key decides the algorithm, never the token. Nothing of the payload is read before the
//     signature is known to be right.
//   - Whatever a header offers as a key (`jwk`, `jku`, `x5c`) is not looked at.
//   - A token in memory costs a small multiple of its bytes, of which there are at most `bytesMax`.
import Basics

public struct TokenVerifier: Sendable {
    public let keys: [TokenKey]
    /// What `iss` must be; nil: anything.
    public let issuer: String?
    /// What `aud` must name; nil: the token must not have one (RFC 7519 §4.1.3).
    public let audience: String?
    /// How far two clocks may be apart.
    public let leeway: Nanoseconds

    public static let bytesMax = 8 * 1_024
    public static let subjectBytesMax = 256
    /// Arrays and objects inside each other, in header and claims.
    private static let depthMax = 8

    public init(
        keys: [TokenKey], issuer: String? = nil, audience: String? = nil, leeway: Nanoseconds = .seconds(30)
    ) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.leeway = leeway
    }

    /// Whether a token that `other` took with this key would be taken here, its times aside.
    public func trusts(_ key: TokenKey, as other: TokenVerifier) -> Bool {
        keys.contains(key) && issuer == other.issuer && audience == other.audience
    }

    public func verify(_ token: String, now: Timestamp) throws(TokenFault) -> Token {
        let bytes = Array(token.utf8)
        var result: Result<Token, TokenFault> = .failure(.malformed)
        bytes.withUnsafeBytes { raw in
            do throws(TokenFault) {
                result = .success(try verify(raw, now: now))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    /// - Parameter now: wall time.
    public func verify(_ token: UnsafeRawBufferPointer, now: Timestamp) throws(TokenFault) -> Token {
        guard token.count <= TokenVerifier.bytesMax else { throw .tooBig }
        let parts = token.split(
            separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]),
            let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2])
        else { throw .malformed }
        let key = try self.key(for: try TokenVerifier.object(header))
        let signed = UnsafeRawBufferPointer(rebasing: token[..<parts[1].endIndex])
        guard key.hasSigned(signed, signature) else { throw .badSignature }
        return try self.token(claims: try TokenVerifier.object(payload), key, now)
    }

    /// An object whose names are all different (RFC 7515 §4, RFC 7519 §4).
    private static func object(_ bytes: [UInt8]) throws(TokenFault) -> JSONValue {
        var value: JSONValue?
        bytes.withUnsafeBytes { value = try? JSONValue(parsing: $0, depthMax: depthMax) }
        guard let value, value.isObjectOfUniqueNames else { throw .malformed }
        return value
    }

    // MARK: The header

    private func key(for header: JSONValue) throws(TokenFault) -> TokenKey {
        guard header["crit"] == nil, header["b64"] == nil else { throw .unsupported }
        try TokenVerifier.checkType(header["typ"])
        guard let name = header["alg"]?.string else { throw .malformed }
        guard let algorithm = TokenAlgorithm.allCases.first(where: { TokenVerifier.same($0.rawValue, name) })
        else { throw .wrongAlgorithm }
        guard let id = header["kid"] else { return try onlyKey(of: algorithm) }
        guard let id = id.string else { throw .malformed }
        guard let key = keys.first(where: { $0.name.map { TokenVerifier.same($0, id) } ?? false }) else {
            throw .unknownKey
        }
        guard key.algorithm == algorithm else { throw .wrongAlgorithm }
        return key
    }

    private func onlyKey(of algorithm: TokenAlgorithm) throws(TokenFault) -> TokenKey {
        let fitting = keys.filter { $0.algorithm == algorithm }
        guard let key = fitting.first else { throw .wrongAlgorithm }
        guard fitting.count == 1 else { throw .unknownKey }
        return key
    }

    /// Tokens made for other ends have types of their own (RFC 8725 §3.11); access tokens have
    /// `at+jwt` (RFC 9068 §2.1).
    private static func checkType(_ type: JSONValue?) throws(TokenFault) {
        guard let type else { return }
        guard let name = type.string?.lowercased() else { throw .malformed }
        let short = name.hasPrefix("application/") ? String(name.dropFirst(12)) : name
        guard short == "jwt" || short == "at+jwt" else { throw .wrongType }
    }

    // MARK: The claims

    private func token(claims: JSONValue, _ key: TokenKey, _ now: Timestamp) throws(TokenFault) -> Token {
        guard let expires = try TokenVerifier.date(claims["exp"]) else { throw .badClaims }
        guard now < expires + leeway else { throw .expired }
        if let begin = try TokenVerifier.date(claims["nbf"]), now + leeway < begin { throw .notYetValid }
        if let issuer { try TokenVerifier.check(issuer, claims["iss"]) }
        try checkAudience(claims["aud"])
        return Token(
            subject: try TokenVerifier.subject(claims["sub"]),
            expires: now < expires ? expires : expires + leeway, key: key, claims: claims)
    }

    private static func date(_ value: JSONValue?) throws(TokenFault) -> Timestamp? {
        guard let value else { return nil }
        guard let date = value.number.flatMap({ NumericDate.parse($0) }) else { throw .badClaims }
        return date
    }

    private static func check(_ issuer: String, _ value: JSONValue?) throws(TokenFault) {
        guard let name = value?.string, same(name, issuer) else { throw .wrongIssuer }
    }

    /// A name, or a list of names that holds ours.
    private func checkAudience(_ value: JSONValue?) throws(TokenFault) {
        guard value != nil || audience != nil else { return }
        let names = value?.array ?? value.map { [$0] } ?? []
        guard let audience, names.contains(where: { TokenVerifier.same($0.string ?? "", audience) }) else {
            throw .wrongAudience
        }
    }

    private static func subject(_ value: JSONValue?) throws(TokenFault) -> String? {
        guard let value else { return nil }
        guard let subject = value.string, subject.utf8.count <= subjectBytesMax else { throw .badClaims }
        return subject
    }

    /// Byte for byte (RFC 7515 §10.13): to Swift, the Kelvin sign and K are one character.
    private static func same(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
}
