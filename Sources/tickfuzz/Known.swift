// Keys that are known here, tokens that others signed with them, and a secret to sign more.
import Basics
import Wire

/// The published keys and tokens of RFC 7515 §A and RFC 8037 §A.
enum Known {
    static let leeway = Nanoseconds.seconds(30)
    static let verifier = TokenVerifier(keys: keys, leeway: leeway)
    static let secret = keys.first { $0.algorithm == .hs256 }

    /// A token with this header and these claims, whatever they are, signed with the secret.
    static func token(header: some Collection<UInt8>, claims: some Collection<UInt8>) -> [UInt8] {
        let signed = Array("\(Base64URL.encode(header)).\(Base64URL.encode(claims))".utf8)
        let mac = signed.withUnsafeBytes { secret?.mac($0) ?? [] }
        return signed + Array(".\(Base64URL.encode(mac))".utf8)
    }

    private static let keys: [TokenKey] = [
        ("h", .hs256, hs256Key), ("r", .rs256, rs256Key), ("e", .es256, es256Key), ("d", .edDSA, edDSAKey),
    ].compactMap { (name: String, algorithm: TokenAlgorithm, file: String) in
        try? TokenKey(name: name, algorithm, file: Array(file.utf8))
    }
    static let tokens = [hs256, rs256, es256, edDSA]

    /// RFC 7515 §A.1: {"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}
    static let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

    static let hs256Key =
        "base64url:AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
        + "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    static let hs256 =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(claims)."
        + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    /// RFC 7515 §A.2, its JWK as PEM.
    static let rs256Key = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
        NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
        P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
        9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
        EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
        FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
        oQIDAQAB
        -----END PUBLIC KEY-----
        """
    static let rs256 =
        "eyJhbGciOiJSUzI1NiJ9.\(claims)."
        + "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
        + "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
        + "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
        + "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
        + "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
        + "p0igcN_IoypGlUPQGe77Rw"

    /// RFC 7515 §A.3, its JWK as PEM.
    static let es256Key = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
        6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
        -----END PUBLIC KEY-----
        """
    static let es256 =
        "eyJhbGciOiJFUzI1NiJ9.\(claims)."
        + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
        + "pmWQxfKTUJqPP3-Kg6NU1Q"

    /// RFC 8037 §A.2, its JWK as PEM.
    static let edDSAKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
        -----END PUBLIC KEY-----
        """
    /// The claims of RFC 7515 §A.1, signed with the private key of RFC 8037 §A.1.
    static let edDSA =
        "eyJhbGciOiJFZERTQSJ9.\(claims)."
        + "_vSpFAYzQd76KTga_fKXdhrh3C0FWu4LvjqsxWd4NRyBOrKTdBeh_PkyRQtFmRgGKgdW5upgieZM67Gbz4AtAA"
}
