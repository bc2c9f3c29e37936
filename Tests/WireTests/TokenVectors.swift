// Keys and tokens that others published and that are not `Known`, and keys that must not be taken.
@testable import tickfuzz

enum Vector {
    static let es256Text = "eyJhbGciOiJFUzI1NiJ9.\(Known.claims)"

    /// RFC 8037 §A.4: its signature is right, and its payload no JSON.
    static let edDSAOfText =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        + "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

    static let rsa1024 = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDKqVv+PmWwqMZ4/Dnp7KtPxJFi
        UuB7ak8pOILYxtVysOyeEohsnBa92Y5vFDPEIoUHhcKJSjglsz/7gS7TEpUgSOlU
        H9U5o7UF8V2ac2IqI4QVyqv5tTYYus1jyQQ+dN7fE8fjkf0opFcmSMyeCHWTQbyv
        Q6JgZ+f2qGCWOJhQAQIDAQAB
        -----END PUBLIC KEY-----
        """
    static let p384 = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAENM+ELZEhGmSFfbyKh6KuqQ2NZCY6bRQa
        foMdz0Jk1Men7/elbK9KhR7uPvQfkx5uln2KgaL7lm7ZSVcCxZ96mY3vYYdJwhlv
        +xhOvK/NXl62DW8kjMsU03L77Sb99Lak
        -----END PUBLIC KEY-----
        """
    static let secp256k1 = """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAELRFIodQtUlhXJ4FqLNtTPtGIBvN3noz0
        Koc+uSvcDsfl2wdEODdd/7zVEr+zB7x2/UjGsnWOQuwYX3ZHTklJVA==
        -----END PUBLIC KEY-----
        """
    /// The private key of RFC 8037 §A.1.
    static let ed25519Private = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
        -----END PRIVATE KEY-----
        """
}
