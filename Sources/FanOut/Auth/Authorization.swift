// Whose request it is: the token in its head, where there has to be one.
//
// Invariants
//   - `Authorization: Bearer` (RFC 6750 §2.1) goes before the cookie, and a token that is not believed
//     is never passed over for another.
//   - A cookie counts only where the page that sent it is allowed, or there is none (`Origins.swift`).
//   - No token, or part of one, is in any answer.
import Basics
import Wire

extension Shard {
    static let tokenCookie = "tickerfeed_token"

    /// What the request may read.
    ///
    /// - Throws: 401, also where the server wants a token and the request has none; 400 for two of them.
    mutating func authorize(_ request: HTTPRequest, _ now: Moment) throws(HTTPFault) -> Grant {
        guard let grant = try grant(of: request, now) else {
            throw Shard.challenge(
                "a token is needed: Authorization: Bearer, or the cookie \(Shard.tokenCookie)", error: nil)
        }
        return grant
    }

    /// Nil where the server wants a token and the request has none: a WebSocket may still say `auth`.
    mutating func grant(of request: HTTPRequest, _ now: Moment) throws(HTTPFault) -> Grant? {
        guard options.verifier != nil else { return .everybody }
        guard let token = try Shard.token(in: request, cookies: origin(of: request) != .refused) else {
            return nil
        }
        do throws(TokenFault) {
            return try admit(token, now)
        } catch {
            throw Shard.challenge("\(error.text)", error: error)
        }
    }

    /// Believes a token, or counts why not.
    mutating func admit(_ text: String, _ now: Moment) throws(TokenFault) -> Grant {
        do throws(TokenFault) {
            guard let verifier = options.verifier else { throw .unknownKey }
            let grant = try Grant(try verifier.verify(text, now: now.wall))
            counters.tokensAccepted += 1
            return grant
        } catch {
            counters.count(error)
            throw error
        }
    }

    static func token(in request: HTTPRequest, cookies: Bool) throws(HTTPFault) -> String? {
        let fields = request.headers.values("authorization")
        guard fields.count <= 1 else { throw HTTPFault(400, "more than one Authorization") }
        if let field = fields.first, let token = bearer(field) { return token }
        return cookies ? cookie(in: request.headers) : nil
    }

    /// Nil for another scheme: a proxy in front may have passwords of its own.
    private static func bearer(_ field: String) -> String? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard let scheme = parts.first, scheme.lowercased() == "bearer" else { return nil }
        return parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
    }

    /// `name=value` pairs, divided by `; ` (RFC 6265 §4.2.1).
    private static func cookie(in headers: HTTPHeaders) -> String? {
        for line in headers.values("cookie") {
            for pair in line.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, parts[0] == tokenCookie { return String(parts[1]) }
            }
        }
        return nil
    }

    /// 401 as RFC 6750 §3 has it: an `error` only where there was a token.
    static func challenge(_ reason: String, error: TokenFault?) -> HTTPFault {
        let detail = error.map { ", error=\"invalid_token\", error_description=\"\($0.rawValue)\"" } ?? ""
        return HTTPFault(
            401, reason, headers: ["WWW-Authenticate": "Bearer realm=\"tickerfeed\"\(detail)"])
    }

    /// URLs are kept in logs, histories and `Referer`s: what stands there is no secret any more.
    func refuseTokenInURL(_ request: HTTPRequest) throws(HTTPFault) {
        let names = ["token", "access_token", Shard.tokenCookie]
        guard !request.query.contains(where: { names.contains($0.name.lowercased()) }) else {
            throw HTTPFault(
                400, "a token in the URL ends up in logs; send it as Authorization: Bearer instead")
        }
    }
}
