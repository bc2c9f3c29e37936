// What a token says once it is believed, and why it is not.
import Basics

/// A token whose signature, issuer, audience and times were right when it was checked.
public struct Token: Sendable {
    /// `sub`: for whom it was made.
    public let subject: String?
    /// The end of what it allows: its `exp`, or where that was a moment ago, the end of the leeway.
    public let expires: Timestamp
    /// What it was signed with.
    public let key: TokenKey
    /// The whole payload, for whoever knows what else is in it.
    public let claims: JSONValue
}

/// Why a token is refused. The list is closed, and never holds any part of the token.
public enum TokenFault: String, Error, CaseIterable, Sendable {
    case tooBig = "too_big"
    case malformed
    case unsupported
    case wrongType = "wrong_type"
    case wrongAlgorithm = "wrong_algorithm"
    case unknownKey = "unknown_key"
    case badSignature = "bad_signature"
    case expired
    case notYetValid = "not_yet_valid"
    case wrongIssuer = "wrong_issuer"
    case wrongAudience = "wrong_audience"
    case badClaims = "bad_claims"

    /// One sentence for whoever sent it.
    public var text: StaticString {
        switch self {
        case .tooBig: "the token has more bytes than the server reads"
        case .malformed: "the token is no signed JWT (RFC 7519)"
        case .unsupported: "the token wants an extension that is not spoken here (crit or b64)"
        case .wrongType: "the token's typ is neither JWT nor at+jwt"
        case .wrongAlgorithm: "the token's alg is not its key's"
        case .unknownKey: "the token's kid names no key of the server, or it has none and two would fit"
        case .badSignature: "the token's signature is not its key's"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet"
        case .wrongIssuer: "the token's iss is not whom the server trusts"
        case .wrongAudience: "the token's aud is not this server"
        case .badClaims: "a claim of the token is missing or not of its type"
        }
    }
}

/// `NumericDate` (RFC 7519 §2): seconds since 1970, possibly with a fraction.
enum NumericDate {
    /// As far as time goes here, with room for a leeway on either side.
    private static let farthest = Int64.max / 1_000_000_000 - 86_400

    /// Nil for an exponent, which nobody writes. A time beyond all times is the farthest there is.
    static func parse(_ digits: String) -> Timestamp? {
        let parts = digits.utf8.split(separator: UInt8(ascii: "."))
        guard let whole = parts.first, whole.allSatisfy({ ASCII.isDigit($0) || $0 == UInt8(ascii: "-") }),
            parts.dropFirst().allSatisfy({ $0.allSatisfy(ASCII.isDigit) })
        else { return nil }
        let isNegative = whole.first == UInt8(ascii: "-")
        let seconds = Int64(Substring(whole)) ?? (isNegative ? .min : .max)
        guard abs(max(seconds, -.max)) < farthest else {
            return Timestamp(raw: (isNegative ? -farthest : farthest) * 1_000_000_000)
        }
        let digits = (parts.dropFirst().first.map(Array.init) ?? []).prefix(9)
        let fraction = (0..<9).reduce(Int64(0)) { sum, place in
            sum * 10 + (place < digits.count ? Int64(digits[place] - UInt8(ascii: "0")) : 0)
        }
        return Timestamp(raw: seconds * 1_000_000_000 + (isNegative ? -fraction : fraction))
    }
}
