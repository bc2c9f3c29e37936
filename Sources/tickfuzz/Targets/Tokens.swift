// Tokens: of all texts, those alone are believed that a key has signed.
import Basics
import Wire

@Sendable func fuzzTokens(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let signs = input.decide(2) == 1
    let text = input.rest()
    if signs { checkClaims(text) } else { checkBelief(text) }
}

/// While the tokens of the RFCs are good.
private let now = Timestamp(raw: 1_300_819_000_000_000_000)

/// No token is believed that is not one of the known, which nobody here can sign.
private func checkBelief(_ text: borrowing Memory) {
    guard let token = try? Known.verifier.verify(text.bytes, now: now) else { return }
    let isKnown = Known.tokens.contains { $0.utf8.elementsEqual(text.bytes) }
    demand(isKnown, "believed: \(String(decoding: text.bytes, as: UTF8.self))")
    demand(token.expires > now && token.claims["iss"] == .string("joe"), "\(token)")
}

/// Header and claims as they are, a line each, signed: what they say is read, and is not too much.
private func checkClaims(_ text: borrowing Memory) {
    let lines = text.bytes.split(separator: 0x0a, maxSplits: 1, omittingEmptySubsequences: false)
    guard lines.count == 2, let secret = Known.secret else { return }
    let signed = Array("\(encoded(lines[0])).\(encoded(lines[1]))".utf8)
    let mac = signed.withUnsafeBytes { secret.mac($0) }
    let token = signed + Array(".\(encoded(mac))".utf8)
    guard let believed = verify(token) else { return }
    demand(believed.expires + Known.leeway > now, "expired")
    demand(believed.key == secret, "another key")
    demand(believed.subject?.utf8.count ?? 0 <= TokenVerifier.subjectBytesMax, "a long subject")
    demand(believed.claims.isObjectOfUniqueNames, "a claim twice")
    for index in [0, signed.count / 2, signed.count - 1, signed.count + 1, token.count - 1] {
        var other = token
        other[index] = other[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        demand(verify(other) == nil, "believed with another character at \(index)")
    }
    demand(verify(token + [UInt8(ascii: "A")]) == nil, "believed with a character more")
}

private func verify(_ token: [UInt8]) -> Token? {
    let memory = Memory(token)
    return try? Known.verifier.verify(memory.bytes, now: now)
}

/// Base64 for URLs (RFC 7515 §2).
private func encoded(_ bytes: some Collection<UInt8>) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var text: [UInt8] = [], bits: UInt32 = 0, held: UInt32 = 0
    for byte in bytes {
        bits = bits << 8 | UInt32(byte)
        held += 8
        while held >= 6 {
            held -= 6
            text.append(alphabet[Int(bits >> held & 63)])
        }
    }
    if held > 0 { text.append(alphabet[Int(bits << (6 - held) & 63)]) }
    return String(decoding: text, as: UTF8.self)
}

/// The published keys and tokens of RFC 7515 §A and RFC 8037 §A.
private enum Known {
    static let leeway = Nanoseconds.seconds(30)
    static let verifier = TokenVerifier(keys: keys, leeway: leeway)
    static let secret = keys.first { $0.algorithm == .hs256 }

    private static let keys: [TokenKey] = [
        (
            "h", .hs256,
            "base64url:AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        ),
        ("r", .rs256, pem(rsa)),
        (
            "e", .es256,
            pem(
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7",
                "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==")
        ),
        ("d", .edDSA, pem("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")),
    ].compactMap { (name: String, algorithm: TokenAlgorithm, file: String) in
        try? TokenKey(name: name, algorithm, file: Array(file.utf8))
    }

    private static func pem(_ lines: String...) -> String {
        "-----BEGIN PUBLIC KEY-----\n\(lines.joined(separator: "\n"))\n-----END PUBLIC KEY-----\n"
    }
    private static var rsa: String {
        """
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
        NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
        P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
        9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
        EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
        FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
        oQIDAQAB
        """
    }

    private static let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    static let tokens = [
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(claims)."
            + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "eyJhbGciOiJSUzI1NiJ9.\(claims)."
            + "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
            + "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
            + "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
            + "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
            + "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
            + "p0igcN_IoypGlUPQGe77Rw",
        "eyJhbGciOiJFUzI1NiJ9.\(claims)."
            + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
            + "pmWQxfKTUJqPP3-Kg6NU1Q",
        "eyJhbGciOiJFZERTQSJ9.\(claims)."
            + "_vSpFAYzQd76KTga_fKXdhrh3C0FWu4LvjqsxWd4NRyBOrKTdBeh_PkyRQtFmRgGKgdW5upgieZM67Gbz4AtAA",
    ]
}
