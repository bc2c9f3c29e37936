// `/v1/preflight`: whether and why this client would be refused. Browsers do not tell their pages.
//
// Invariant: any page may read the answer, so it holds no secret: for a page that is not allowed the
// cookie does not count, and of a token it is said only whether it is believed, for whom and how long.
import Basics
import Dialects
import Wire

extension Shard {
    /// Something that would be refused, and what helps.
    struct Problem {
        let code: String
        let message: String
        let hint: String
    }

    mutating func preflight(_ request: HTTPRequest, _ index: Int, _ now: Moment) -> HTTPResponse {
        let origin = origin(of: request)
        var problems: [Problem] = []
        if origin == .refused {
            problems.append(
                Problem(
                    code: "forbidden", message: "pages of this origin may not read the stream",
                    hint: "tickerd --allow-origin ORIGIN lets them"))
        }
        let token = tokenState(request, now, &problems)
        addLimits(to: &problems, client(request, index), token.grant, now)
        var message = ControlMessage("preflight")
        message.add("ok", json: problems.isEmpty ? "true" : "false")
        message.add("origin", origin.rawValue)
        message.add("token", token.state)
        if origin != .refused, let grant = token.grant, grant.key != nil {
            if let subject = grant.subject { message.add("subject", subject) }
            message.add("expires", grant.expires.raw)
        }
        message.add("problems", json: "[\(problems.map(\.json).joined(separator: ","))]")
        var response = HTTPResponse.json(200, message.end() + "\n")
        response.headers.append("Cache-Control", "no-store")
        response.headers.append("Access-Control-Allow-Origin", "*")
        return response
    }

    private func addLimits(
        to problems: inout [Problem], _ client: ClientAddress, _ grant: Grant?, _ now: Moment
    ) {
        if isDraining {
            problems.append(
                Problem(code: "drain", message: "the server stops", hint: "come back in a moment"))
        }
        let reached = place.turnstile.limitsReached(
            by: client, subject: grant?.subject, limits, now.instant)
        for refusal in reached {
            problems.append(
                Problem(
                    code: "limit_\(refusal.name)",
                    message: Refused(limit: refusal, wait: limits.retryAfter).fault(limits).reason,
                    hint: "close a stream, or come back later"))
        }
    }

    private mutating func tokenState(
        _ request: HTTPRequest, _ now: Moment, _ problems: inout [Problem]
    ) -> (state: String, grant: Grant?) {
        guard options.verifier != nil else { return ("not_needed", nil) }
        do throws(HTTPFault) {
            guard let text = try Shard.token(in: request, cookies: origin(of: request) != .refused) else {
                problems.append(
                    Problem(
                        code: "unauthenticated", message: "a token is needed, and there is none",
                        hint: "Authorization: Bearer, the cookie \(Shard.tokenCookie), or on a WebSocket "
                            + "{\"op\":\"auth\"} within \(limits.authDeadline.milliseconds) ms"))
                return ("absent", nil)
            }
            return state(of: text, now, &problems)
        } catch {
            problems.append(Problem(code: "bad_request", message: error.reason, hint: "send one"))
            return ("ambiguous", nil)
        }
    }

    private mutating func state(
        of text: String, _ now: Moment, _ problems: inout [Problem]
    ) -> (state: String, grant: Grant?) {
        do throws(TokenFault) {
            return ("valid", try admit(text, now))
        } catch {
            problems.append(
                Problem(
                    code: "unauthenticated", message: "\(error.text)",
                    hint: "ask whoever gave you the token for another"))
            return (error.rawValue, nil)
        }
    }
}

extension Shard.Problem {
    var json: String {
        "{\"code\":\(ControlMessage.quoted(code)),\"message\":\(ControlMessage.quoted(message)),"
            + "\"hint\":\(ControlMessage.quoted(hint))}"
    }
}
