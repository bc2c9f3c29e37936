// Who may read: the keys that tokens are signed with. Their files are read with the options, so that
// a reload takes all of them or changes nothing.
import Basics
import Wire

extension Configuration {
    static let tokenOptions = Group(
        title: "Tokens",
        options: [
            Option(
                "token-key", "[NAME=]ALG:FILE",
                "read only with a token (JWT) of this key: HS256 with a secret, RS256, ES256 or EdDSA with a public "
                    + "key in PEM; NAME is the token's kid; may repeat",
                mayRepeat: true),
            Option("token-issuer", "NAME", "what a token's iss must be"),
            Option("token-audience", "NAME", "what a token's aud must name"),
        ])

    mutating func takeTokens(_ arguments: Arguments) throws(UsageError) {
        var keys: [TokenKey] = []
        for text in arguments.all("token-key") {
            let key = try Configuration.tokenKey(text)
            guard !keys.contains(where: { $0.name == key.name && $0.name != nil }) else {
                throw UsageError("--token-key \(text): there is a key of that name already")
            }
            keys.append(key)
        }
        for name in ["token-issuer", "token-audience"] where keys.isEmpty && arguments.has(name) {
            throw UsageError("--\(name) goes with --token-key")
        }
        guard !keys.isEmpty else { return }
        verifier = TokenVerifier(
            keys: keys, issuer: arguments["token-issuer"], audience: arguments["token-audience"])
    }

    /// Who may read, as a word for the log.
    var readers: LogValue { verifier == nil ? "everybody" : "tokens" }

    private static func tokenKey(_ text: String) throws(UsageError) -> TokenKey {
        for algorithm in TokenAlgorithm.allCases {
            let mark = "\(algorithm.rawValue):"
            if text.hasPrefix(mark) {
                return try tokenKey(text, nil, algorithm, file: text.dropFirst(mark.count))
            }
            if let found = text.firstRange(of: "=" + mark), found.lowerBound > text.startIndex {
                let name = String(text[..<found.lowerBound])
                return try tokenKey(text, name, algorithm, file: text[found.upperBound...])
            }
        }
        let known = TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError("--token-key \(text): [NAME=]ALG:FILE, where ALG is one of \(known)")
    }

    private static func tokenKey(
        _ text: String, _ name: String?, _ algorithm: TokenAlgorithm, file path: Substring
    ) throws(UsageError) -> TokenKey {
        let bytes = try Settings.bytes(ofFile: String(path), for: "token-key")
        do throws(TokenKeyError) {
            return try TokenKey(name: name, algorithm, file: bytes)
        } catch {
            throw UsageError("--token-key \(text): the file \(error.reason)")
        }
    }
}
