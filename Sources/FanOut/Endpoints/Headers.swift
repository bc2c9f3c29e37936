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

    /// - Parameter request: nil where none was understood.
    func dressed(_ response: HTTPResponse, for request: HTTPRequest?, _ now: Moment) -> HTTPResponse {
        var response = response
        response.headers.append("Date", HTTPDate.text(now.wall))
        response.headers.append("X-Content-Type-Options", "nosniff")
        // What is not meant to be kept is not kept: state, health and refusals are of the moment.
        if response.headers["cache-control"] == nil { response.headers.append("Cache-Control", "no-store") }
        guard !options.allowedOrigins.isEmpty else { return response }
        response.headers.append("Vary", "Origin")
        guard let origin = request?.headers["origin"], options.allowedOrigins.contains(origin) else {
            return response
        }
        response.headers.append("Access-Control-Allow-Origin", origin)
        response.headers.append("Access-Control-Allow-Credentials", "true")
        response.headers.append("Access-Control-Expose-Headers", "ETag, Retry-After")
        return response
    }

    /// What may be asked here; and to a browser, what a page of another origin may (a preflight).
    func allowance(_ request: HTTPRequest) -> HTTPResponse {
        var response = HTTPResponse(status: 204, headers: ["Allow": Shard.methods])
        guard request.headers["access-control-request-method"] != nil,
            let origin = request.headers["origin"], options.allowedOrigins.contains(origin)
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
