// What every answer says besides itself: when, for how long, to whose pages (Fetch, "CORS protocol").
//
// Invariants
//   - Only origins of `--allow-origin` are ever named, each by itself, never `*`: an answer may be read by a
//     page with the reader's cookies.
//   - Where answers differ by origin, all of them say so (`Vary`), those without one too.
import Basics
import Wire

extension Shard {
    static let methods = "GET, HEAD, OPTIONS"

    /// The origin of a page that is on the list.
    func allowedOrigin(_ request: HTTPRequest) -> String? {
        request.headers["origin"].flatMap { options.allowedOrigins.contains($0) ? $0 : nil }
    }

    /// - Parameter origin: of the page that asks, where it is on the list.
    func dressed(_ response: HTTPResponse, origin: String?, _ now: Moment) -> HTTPResponse {
        var response = response
        // What is not meant to be kept is not kept: state, health and refusals are of the moment.
        if response.headers["cache-control"] == nil { response.headers.append("Cache-Control", "no-store") }
        addCommonHeaders(to: &response.headers, origin: origin, now)
        return response
    }

    /// What streams say as well.
    func addCommonHeaders(to headers: inout HTTPHeaders, origin: String?, _ now: Moment) {
        headers.append("Date", HTTPDate.text(now.wall))
        headers.append("X-Content-Type-Options", "nosniff")
        guard !options.allowedOrigins.isEmpty else { return }
        headers.append("Vary", "Origin")
        // An answer that any page may read says so already; a second name would make it none.
        guard let origin, headers["Access-Control-Allow-Origin"] == nil else { return }
        headers.append("Access-Control-Allow-Origin", origin)
        headers.append("Access-Control-Allow-Credentials", "true")
        headers.append("Access-Control-Expose-Headers", "ETag, Retry-After, TickerFeed-Cursor")
    }

    /// What may be asked here; and to a browser, what a page of another origin may (a preflight).
    func allowance(_ request: HTTPRequest) -> HTTPResponse {
        var response = HTTPResponse(status: 204, headers: ["Allow": Shard.methods])
        guard request.headers["access-control-request-method"] != nil, allowedOrigin(request) != nil
        else { return response }
        response.headers.append("Access-Control-Allow-Methods", Shard.methods)
        response.headers.append("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
        response.headers.append("Access-Control-Max-Age", "600")
        return response
    }

    /// The answer with its version, or 304 where the client has that already.
    static func versioned(
        _ tag: String, _ request: HTTPRequest, cache: String = "no-cache", _ response: () -> HTTPResponse
    ) -> HTTPResponse {
        var answer = EntityTag.isNamed(tag, in: request.headers) ? HTTPResponse(status: 304) : response()
        answer.headers.append("ETag", tag)
        answer.headers.append("Cache-Control", cache)
        return answer
    }

    /// A version for what has no number: a hash of its bytes.
    static func entityTag(of body: some Sequence<UInt8>) -> String {
        var hash = FNV1a64()
        for byte in body { hash.add(byte) }
        return "\"\(hash.hex)\""
    }
}
