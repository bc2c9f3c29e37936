// Which web pages may read what a browser knows the password to.
//
// A browser sends the cookies of this server with whatever a page of another site asks of it, and
// lets the page read a WebSocket's answers (cross-site WebSocket hijacking). What gives the page away is
// `Origin` (RFC 6454 §7, RFC 6455 §10.2). Programs send none.
import Wire

enum Origin: String {
    case absent
    /// The server's own pages, and those that `--allow-origin` names.
    case allowed
    case refused
}

extension Shard {
    func origin(of request: HTTPRequest) -> Origin {
        let origins = request.headers.values("origin")
        guard let origin = origins.first else { return .absent }
        guard origins.count == 1 else { return .refused }
        if options.allowedOrigins.contains(origin) { return .allowed }
        guard let host = request.headers["host"] else { return .refused }
        return origin == "http://\(host)" || origin == "https://\(host)" ? .allowed : .refused
    }

    func checkOrigin(_ request: HTTPRequest) throws(HTTPFault) {
        guard origin(of: request) != .refused else {
            throw HTTPFault(
                403, "pages of this origin may not read the stream; see tickerd --allow-origin")
        }
    }
}
