// Which tokens are believed, and everything that is tried to have others believed.
import Basics
import Testing

@testable import Wire
@testable import tickfuzz

private let secret = "a secret of more than 32 bytes, for tests"
/// The moment that most of these tests take for now, in seconds.
private let now = 1_000_000

private func key(_ name: String?, _ algorithm: TokenAlgorithm, _ file: String) throws -> TokenKey {
    try TokenKey(name: name, algorithm, file: Array(file.utf8))
}

/// A token signed with HMAC, whatever its header says.
private func minted(
    _ claims: String = #"{"exp":1000060}"#, header: String = #"{"alg":"HS256"}"#, secret: String = secret
) throws -> String {
    var text = "\(Base64URL.encode(header.utf8)).\(Base64URL.encode(claims.utf8))"
    let key = try key(nil, .hs256, secret)
    let mac = text.withUTF8 { key.mac(UnsafeRawBufferPointer($0)) }
    return "\(text).\(Base64URL.encode(mac))"
}

/// What becomes of a token: nil where it is believed.
private func fault(
    of token: String, _ verifier: TokenVerifier, at seconds: Int = now
) -> TokenFault? {
    do throws(TokenFault) {
        _ = try verifier.verify(token, now: Timestamp(raw: Int64(seconds) * 1_000_000_000))
        return nil
    } catch {
        return error
    }
}

private func hmacVerifier(name: String? = nil, issuer: String? = nil, audience: String? = nil) throws
    -> TokenVerifier
{
    TokenVerifier(keys: [try key(name, .hs256, secret)], issuer: issuer, audience: audience)
}

/// A token that others published, and its key.
private func published(_ algorithm: TokenAlgorithm) throws -> (key: TokenKey, token: String) {
    switch algorithm {
    case .hs256: (try key(nil, .hs256, Known.hs256Key), Known.hs256)
    case .rs256: (try key(nil, .rs256, Known.rs256Key), Known.rs256)
    case .es256: (try key(nil, .es256, Known.es256Key), Known.es256)
    case .edDSA: (try key(nil, .edDSA, Known.edDSAKey), Known.edDSA)
    }
}

@Test(
    "the tokens of RFC 7515 and RFC 8037 are believed until they expire", arguments: TokenAlgorithm.allCases)
func publishedTokens(algorithm: TokenAlgorithm) throws {
    let (key, token) = try published(algorithm)
    let verifier = TokenVerifier(keys: [key], issuer: "joe", leeway: .zero)
    let last = Timestamp(raw: 1_300_819_379_999_999_999)
    let believed = try verifier.verify(token, now: last)
    #expect(believed.expires == Timestamp(raw: 1_300_819_380_000_000_000))
    #expect(believed.claims["http://example.com/is_root"] == .bool(true))
    #expect(fault(of: token, verifier, at: 1_300_819_380) == .expired)
}

@Test("a right signature over something that is no claims: RFC 8037 §A.4")
func signedText() throws {
    let verifier = TokenVerifier(keys: [try key(nil, .edDSA, Known.edDSAKey)])
    #expect(fault(of: Vector.edDSAOfText, verifier) == .malformed)
}

@Test("a token of which one character is another is not believed", arguments: TokenAlgorithm.allCases)
func flippedCharacters(algorithm: TokenAlgorithm) throws {
    let (key, token) = try published(algorithm)
    let verifier = TokenVerifier(keys: [key])
    let units = Array(token.utf8)
    for index in units.indices {
        for flip: UInt8 in [1, 2, 4, 0x20] {
            var changed = units
            changed[index] ^= flip
            let text = String(decoding: changed, as: UTF8.self)
            #expect(fault(of: text, verifier, at: 1_300_819_000) != nil, "\(index) by \(flip)")
        }
    }
}

@Test("a token that ends early, or goes on, is not believed", arguments: TokenAlgorithm.allCases)
func cutTokens(algorithm: TokenAlgorithm) throws {
    let (key, token) = try published(algorithm)
    let verifier = TokenVerifier(keys: [key])
    for count in 0..<token.utf8.count {
        #expect(fault(of: String(token.prefix(count)), verifier, at: 1_300_819_000) != nil)
    }
    for more in ["A", "AA", "AAAA", "=", "==", ".", ".e30", " ", "\n", "\0"] {
        #expect(fault(of: token + more, verifier, at: 1_300_819_000) != nil)
        #expect(fault(of: more + token, verifier, at: 1_300_819_000) != nil)
    }
}

@Test(
    "headers that try something",
    arguments: [
        (#"{"alg":"none"}"#, .wrongAlgorithm), (#"{"alg":"NONE"}"#, .wrongAlgorithm),
        (#"{"alg":"hs256"}"#, .wrongAlgorithm), (#"{"alg":"HS512"}"#, .wrongAlgorithm),
        (#"{"alg":"RS256"}"#, .wrongAlgorithm), (#"{"alg":"HS256 "}"#, .wrongAlgorithm),
        (#"{"alg":""}"#, .wrongAlgorithm), (#"{"alg":["HS256"]}"#, .malformed), ("{}", .malformed),
        (#"{"alg":null}"#, .malformed), (#"["HS256"]"#, .malformed), ("", .malformed),
        (#"{"alg":"HS256"}x"#, .malformed), (#"{"alg":"none","alg":"HS256"}"#, .malformed),
        (#"{"alg":"HS256","alg":"HS256"}"#, .malformed),
        (#"{"alg":"HS256","\u0061lg":"none"}"#, .malformed),
        (#"{"alg":"HS256","kid":"a"}"#, nil), (#"{"alg":"HS256","kid":"A"}"#, .unknownKey),
        (#"{"alg":"HS256","kid":""}"#, .unknownKey),
        (#"{"alg":"HS256","kid":"../../dev/null"}"#, .unknownKey),
        (#"{"alg":"HS256","kid":"a\u0000"}"#, .unknownKey),
        (#"{"alg":"HS256","kid":"' OR 1=1"}"#, .unknownKey),
        (#"{"alg":"HS256","kid":1}"#, .malformed), (#"{"alg":"HS256","kid":null}"#, .malformed),
        (#"{"alg":"RS256","kid":"a"}"#, .wrongAlgorithm), (#"{"alg":"none","kid":"a"}"#, .wrongAlgorithm),
        (#"{"alg":"HS256","crit":["exp"]}"#, .unsupported), (#"{"alg":"HS256","crit":[]}"#, .unsupported),
        (#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, .unsupported),
        (#"{"alg":"HS256","b64":true}"#, .unsupported),
        (#"{"alg":"HS256","typ":"JWT"}"#, nil), (#"{"alg":"HS256","typ":"jwt"}"#, nil),
        (#"{"alg":"HS256","typ":"at+jwt"}"#, nil), (#"{"alg":"HS256","typ":"application/at+jwt"}"#, nil),
        (#"{"alg":"HS256","typ":"logout+jwt"}"#, .wrongType), (#"{"alg":"HS256","typ":1}"#, .malformed),
        // Keys that a token brings along are not looked at.
        (#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example/keys"}"#, nil),
        (#"{"alg":"HS256","x":[[[[[[[[[1]]]]]]]]]}"#, .malformed),
    ] as [(String, TokenFault?)])
func headers(header: String, expected: TokenFault?) throws {
    let verifier = try hmacVerifier(name: "a")
    #expect(fault(of: try minted(header: header), verifier) == expected)
}

@Test("a token without a signature is not believed, whatever stands in its place")
func unsigned() throws {
    let parts = try minted().split(separator: ".")
    let verifier = try hmacVerifier()
    for header in [#"{"alg":"none"}"#, #"{"alg":"HS256"}"#] {
        for signature in ["", "AA", String(parts[2].dropLast(2)), parts[2] + "AA"] {
            #expect(fault(of: "\(Base64URL.encode(header.utf8)).\(parts[1]).\(signature)", verifier) != nil)
        }
    }
    #expect(fault(of: "\(parts[0]).\(parts[1])", verifier) == .malformed)
}

@Test("a public key is no secret: HS256 over the PEM text")
func keyConfusion() throws {
    let forged = try [Known.rs256Key, Known.es256Key].map { pem in
        // What an attacker signs with is what everybody may know; the test's key is made of its bytes.
        try minted(secret: pem.replacing("-----BEGIN", with: "-----BEG").replacing("\n", with: " "))
    }
    let verifier = TokenVerifier(keys: [
        try key(nil, .rs256, Known.rs256Key), try key("ec", .es256, Known.es256Key),
    ])
    for token in forged { #expect(fault(of: token, verifier) == .wrongAlgorithm) }
    #expect(
        fault(of: try minted(header: #"{"alg":"HS256","kid":"ec"}"#), verifier) == .wrongAlgorithm)
    #expect(throws: TokenKeyError.self) { try key(nil, .hs256, Known.rs256Key) }
}

@Test("without a kid, the one key of the algorithm counts; of two, none does")
func keysWithoutName() throws {
    let rsa = try key("rsa", .rs256, Known.rs256Key), first = try key("one", .hs256, secret)
    let second = try key("two", .hs256, secret + "2")
    #expect(fault(of: try minted(), TokenVerifier(keys: [rsa, first])) == nil)
    let both = TokenVerifier(keys: [first, second])
    #expect(fault(of: try minted(), both) == .unknownKey)
    #expect(fault(of: try minted(header: #"{"alg":"HS256","kid":"one"}"#), both) == nil)
    #expect(fault(of: try minted(header: #"{"alg":"HS256","kid":"two"}"#), both) == .badSignature)
    #expect(fault(of: try minted(), TokenVerifier(keys: [])) == .wrongAlgorithm)
    // To Unicode the Kelvin sign is a K.
    let kelvin = TokenVerifier(keys: [try key("K", .hs256, secret)])
    #expect(fault(of: try minted(header: #"{"alg":"HS256","kid":"\#u{212A}"}"#), kelvin) == .unknownKey)
}

@Test(
    "times count with 30 s of leeway on either side",
    arguments: [
        (#"{"exp":1000001}"#, nil), (#"{"exp":1000000}"#, nil), (#"{"exp":999970.000000001}"#, nil),
        (#"{"exp":999970}"#, .expired), (#"{"exp":999970.5}"#, nil), (#"{"exp":0}"#, .expired),
        (#"{"exp":-1}"#, .expired), (#"{"exp":-99999999999999999999}"#, .expired),
        (#"{"exp":253402300799}"#, nil), (#"{"exp":99999999999999999999999999}"#, nil),
        (#"{"exp":9223372036854775807}"#, nil), (#"{"exp":1000001.9999999999999999}"#, nil),
        (#"{"exp":1e300}"#, .badClaims), (#"{"exp":"1000060"}"#, .badClaims), (#"{"exp":null}"#, .badClaims),
        (#"{"exp":true}"#, .badClaims), ("{}", .badClaims), (#"{"nbf":0}"#, .badClaims),
        (#"{"exp":1000060,"nbf":1000030}"#, nil), (#"{"exp":1000060,"nbf":1000030.1}"#, .notYetValid),
        (#"{"exp":1000060,"nbf":1000031}"#, .notYetValid), (#"{"exp":1000060,"nbf":"0"}"#, .badClaims),
        (#"{"exp":1000060,"nbf":99999999999999999999}"#, .notYetValid), (#"{"exp":1000060,"nbf":-5}"#, nil),
        (#"{"exp":1000060,"exp":9999999999}"#, .malformed), (#"{"exp":1000060,}"#, .malformed),
        (#"[1000060]"#, .malformed), ("null", .malformed), ("", .malformed),
        (#"{"exp":1000060,"sub":7}"#, .badClaims), (#"{"exp":1000060,"sub":"ann"}"#, nil),
    ] as [(String, TokenFault?)])
func times(claims: String, expected: TokenFault?) throws {
    #expect(fault(of: try minted(claims), try hmacVerifier()) == expected)
}

@Test("a token that is taken within the leeway behind its end holds to the leeway's end")
func endOfLeeway() throws {
    let verifier = try hmacVerifier(), at = Timestamp(raw: Int64(now) * 1_000_000_000)
    #expect(try verifier.verify(try minted(#"{"exp":1000001}"#), now: at).expires == at + .seconds(1))
    #expect(try verifier.verify(try minted(#"{"exp":1000000}"#), now: at).expires == at + .seconds(30))
    #expect(try verifier.verify(try minted(#"{"exp":999990}"#), now: at).expires == at + .seconds(20))
}

@Test(
    "who it is from and for",
    arguments: [
        (#""iss":"us","aud":"feed""#, nil), (#""iss":"us","aud":["x","feed"]"#, nil),
        (#""iss":"us""#, .wrongAudience), (#""iss":"us","aud":[]"#, .wrongAudience),
        (#""iss":"us","aud":"Feed""#, .wrongAudience), (#""iss":"us","aud":["x"]"#, .wrongAudience),
        (#""iss":"us","aud":7"#, .wrongAudience), (#""iss":"us","aud":null"#, .wrongAudience),
        (#""aud":"feed""#, .wrongIssuer), (#""iss":"them","aud":"feed""#, .wrongIssuer),
        (#""iss":["us"],"aud":"feed""#, .wrongIssuer), (#""iss":"us\u0000","aud":"feed""#, .wrongIssuer),
        (#""iss":"us ","aud":"feed""#, .wrongIssuer),
    ] as [(String, TokenFault?)])
func issuersAndAudiences(claims: String, expected: TokenFault?) throws {
    let verifier = try hmacVerifier(issuer: "us", audience: "feed")
    #expect(fault(of: try minted(#"{"exp":1000060,\#(claims)}"#), verifier) == expected)
}

@Test("a token for somebody is not for a server without a name of its own")
func audienceWithoutName() throws {
    #expect(fault(of: try minted(#"{"exp":1000060,"aud":"x"}"#), try hmacVerifier()) == .wrongAudience)
    #expect(fault(of: try minted(#"{"exp":1000060,"iss":"x"}"#), try hmacVerifier()) == nil)
}

@Test("8 KiB are read, and not a byte more")
func sizes() throws {
    // 6 parts of 8 of a token are claims; what is signed is padded until its length is right.
    func token(_ padding: Int) throws -> String {
        try minted(#"{"exp":1000060,"x":"\#(String(repeating: "x", count: padding))"}"#)
    }
    let verifier = try hmacVerifier()
    var padding = 6_000
    while try token(padding + 1).utf8.count <= TokenVerifier.bytesMax { padding += 1 }
    #expect(fault(of: try token(padding), verifier) == nil)
    #expect(fault(of: try token(padding + 1), verifier) == .tooBig)
    #expect(fault(of: String(repeating: ".", count: 8_192), verifier) == .malformed)
    #expect(fault(of: String(repeating: "[", count: 1 << 20), verifier) == .tooBig)
    let deep = #"{"exp":1000060,"x":\#(String(repeating: "[", count: 3_000))"#
    #expect(fault(of: try minted(deep), verifier) == .malformed)
}

@Test("ES256 signatures of zeros, of more than the curve has, and in DER are none")
func ecdsaForms() throws {
    let verifier = TokenVerifier(keys: [try key(nil, .es256, Known.es256Key)])
    let raw = try #require(Base64URL.decode(Known.es256.split(separator: ".")[2].utf8))
    let zero = [UInt8](repeating: 0, count: 32), all = [UInt8](repeating: 0xff, count: 32)
    let order: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
        0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]
    let r = Array(raw[..<32]), s = Array(raw[32...])
    let der: [UInt8] = [0x30, 69, 2, 32] + r + [2, 33, 0] + s
    for signature in [
        zero + zero, r + zero, zero + s, all + all, order + order, r + order, der, s + r,
        Array(raw.dropLast()),
        raw + [0], [],
    ] {
        let token = "\(Vector.es256Text).\(Base64URL.encode(signature))"
        #expect(fault(of: token, verifier, at: 1_300_819_000) == .badSignature)
    }
}

@Test(
    "keys that are refused, and why",
    arguments: [
        (TokenAlgorithm.hs256, String(repeating: "x", count: 31) + "\n", "31 bytes"),
        (.hs256, "", "0 bytes"), (.hs256, "base64url:QUJD", "3 bytes"),
        (.hs256, "base64url:QUJD=", "not base64url"), (.hs256, Known.es256Key, "PEM"),
        (.hs256, " \n" + Vector.ed25519Private, "PEM"), (.rs256, Vector.rsa1024, "1024 bits"),
        (.rs256, Known.es256Key, "no RSA"), (.es256, Vector.p384, "P-256"),
        (.es256, Vector.secp256k1, "P-256"), (.es256, Known.rs256Key, "P-256"),
        (.edDSA, Known.es256Key, "Ed25519"), (.edDSA, Vector.ed25519Private, "private key"),
        (.rs256, "", "PEM"), (.rs256, "-----BEGIN PUBLIC KEY-----", "PEM"),
        (.rs256, #"{"kty":"RSA","n":"…","e":"AQAB"}"#, "PEM"), (.edDSA, secret, "PEM"),
    ] as [(TokenAlgorithm, String, String)])
func refusedKeys(algorithm: TokenAlgorithm, file: String, reason: String) {
    let error = #expect(throws: TokenKeyError.self) { try key(nil, algorithm, file) }
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
}

@Test("a secret is what the file has: a line's end is none of it, a random byte is")
func secrets() throws {
    #expect(try key(nil, .hs256, secret) == key(nil, .hs256, secret + "\r\n"))
    #expect(try key(nil, .hs256, secret) != key("a", .hs256, secret))
    let random = [UInt8](repeating: 0xee, count: 32)
    #expect(try TokenKey(name: nil, .hs256, file: random) != TokenKey(name: nil, .hs256, file: random + [10]))
    let encodedSecret = "base64url:\(Base64URL.encode(secret.utf8))\n"
    #expect(try key(nil, .hs256, secret) == key(nil, .hs256, encodedSecret))
}

@Test(
    "base64url has one way to write a thing",
    arguments: [
        ("", []), ("QQ", [0x41]), ("QUI", [0x41, 0x42]), ("QUJD", [0x41, 0x42, 0x43]), ("-_8", [0xfb, 0xff]),
        ("Q", nil), ("QR", nil), ("QUJ", nil), ("QQ==", nil), ("Q Q", nil), ("+/8", nil), ("QQ\n", nil),
        ("QUJDQ", nil), ("ÄÄ", nil),
    ] as [(String, [UInt8]?)])
func base64URL(text: String, bytes: [UInt8]?) {
    #expect(Base64URL.decode(text.utf8) == bytes)
}
