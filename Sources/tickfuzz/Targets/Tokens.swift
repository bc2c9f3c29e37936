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
    let token = Known.token(header: lines[0], claims: lines[1])
    guard let believed = verify(token) else { return }
    demand(believed.expires + Known.leeway > now, "expired")
    demand(believed.key == secret, "another key")
    demand(believed.subject?.utf8.count ?? 0 <= TokenVerifier.subjectBytesMax, "a long subject")
    demand(believed.claims.isObjectOfUniqueNames, "a claim twice")
    let signature = token.count - 43
    for index in [0, signature / 2, signature - 2, signature, token.count - 1] {
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
