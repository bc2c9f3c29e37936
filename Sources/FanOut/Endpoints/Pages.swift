// The dashboard and the browser client: a few files that the binary holds.
//
// Invariants
//   - What is served is the same bytes for everybody and tells nothing: no token is wanted for it.
//   - The page may load from its own origin and nothing else, is framed by nobody, and runs no text as
//     markup or script (Content Security Policy Level 3, Trusted Types). A file that needs more is wrong.
//   - Addresses within the files are relative, so the page lives behind any prefix of a proxy.
import Basics
import Wire

/// A file as it is sent.
struct Page: Sendable {
    let type: String
    let bytes: [UInt8]
    let gzip: [UInt8]
    /// Of the bytes as they are; compressed they have another (RFC 9110 §8.8.3.3).
    let tag: String

    init(_ file: EmbeddedFile) {
        let extensions = ["html": "text/html", "css": "text/css", "js": "text/javascript"]
        let text = file.name.split(separator: ".").last.flatMap { extensions[String($0)] }
        type = text.map { "\($0); charset=utf-8" } ?? "image/svg+xml"
        bytes = file.bytes
        gzip = bytes.withUnsafeBytes(Gzip.compress)
        tag = Shard.entityTag(of: bytes)
    }
}

enum Pages {
    /// By path.
    static let all = Dictionary(
        uniqueKeysWithValues: EmbeddedFile.all(in: "pages").map { ("/\($0.name)", Page($0)) })
    /// Of `/`, for browsers; who does not ask for HTML gets a list of what there is.
    static let index = "/index.html"
    /// The module is for pages of other sites, too; there is nothing secret in it.
    static let module = "/tickerfeed.js"

    /// Behind what `'self'` means: also `ws:` and `wss:` of the same host and port (CSP3 §6.7.2.8).
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    static func prefersHTML(_ request: HTTPRequest) -> Bool {
        request.headers.values("accept").contains { $0.lowercased().contains("text/html") }
    }
}

extension Shard {
    /// Nil where no file is at the path.
    func page(_ request: HTTPRequest) -> HTTPResponse? {
        var path = request.path
        if path == "/" {
            guard Pages.prefersHTML(request) else { return nil }
            path = Pages.index
        }
        guard let page = Pages.all[path], path == Pages.module || options.servesDashboard else { return nil }
        return Shard.page(page, request, headers: path == Pages.module ? Shard.sharedPage : Shard.ownPage)
    }

    private static let sharedPage: HTTPHeaders = [
        "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin",
    ]
    private static let ownPage: HTTPHeaders = [
        "Content-Security-Policy": Pages.policy, "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    ]

    private static func page(_ page: Page, _ request: HTTPRequest, headers: HTTPHeaders) -> HTTPResponse {
        let isSmall = Gzip.isAccepted(request.headers)
        let tag = isSmall ? "\(page.tag.dropLast())-gzip\"" : page.tag
        var answer = versioned(tag, request) {
            var whole = HTTPResponse(
                status: 200, headers: ["Content-Type": page.type], body: isSmall ? page.gzip : page.bytes)
            if isSmall { whole.headers.append("Content-Encoding", "gzip") }
            return whole
        }
        answer.headers.append("Vary", "Accept, Accept-Encoding")
        for field in headers.fields { answer.headers.append(field.name, field.value) }
        return answer
    }
}
