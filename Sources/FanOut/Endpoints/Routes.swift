// Which path is answered by what.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    mutating func response(
        to request: HTTPRequest, _ index: Int, _ now: Moment
    ) throws(HTTPFault) -> HTTPResponse {
        try refuseTokenInURL(request)
        try checkMethod(request)
        if let page = page(request) { return page }
        switch request.path {
        case "/": return Shard.list
        case "/livez": return .text(200, "alive\n")
        case "/readyz": return readiness()
        case "/metrics" where options.servesMetrics: return metrics()
        case "/v1/symbols": return directory(request, for: try authorize(request, now))
        case "/v1/preflight": return preflight(request, index, now)
        case "/v1/replay": return try replay(request, index, now)
        case "/v1/schema.xml": return Shard.schema(request)
        case "/v1/stream":
            throw HTTPFault(
                426, "this is a WebSocket: ask with Upgrade: websocket",
                headers: ["Upgrade": "websocket", "Connection": "Upgrade"])
        default: break
        }
        let prefix = "/v1/snapshot/"
        guard request.path.hasPrefix(prefix) else {
            throw HTTPFault(404, "nothing here; GET / lists what there is")
        }
        let grant = try authorize(request, now)
        return try snapshot(of: String(request.path.dropFirst(prefix.count)), request, for: grant)
    }

    private func checkMethod(_ request: HTTPRequest) throws(HTTPFault) {
        switch request.method {
        case "GET", "HEAD": break
        case "POST" where request.path == "/v1/replay": break
        case "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT":
            throw HTTPFault(405, "there is \(Shard.methods) here", headers: ["Allow": Shard.methods])
        default: throw HTTPFault(501, "no method that is known here")
        }
    }

    private static func schema(_ request: HTTPRequest) -> HTTPResponse {
        versioned(schemaTag, request, cache: "public, max-age=3600") {
            HTTPResponse(
                status: 200, headers: ["Content-Type": "application/xml; charset=utf-8"],
                body: NativeSBE.schema)
        }
    }
    private static let schemaTag = entityTag(of: NativeSBE.schema)

    private static let list: HTTPResponse = {
        var list = HTTPResponse.text(200, greeting)
        list.headers.append("Vary", "Accept")
        return list
    }()

    private static let greeting = """
        tickerd serves market data.

          GET /                   a browser gets the dashboard
          GET /tickerfeed.js      the browser client, an ES module
          GET /v1/stream          WebSocket: quotes, trades, books, bars, statistics, status
          GET /v1/events          the same over plain HTTP: events, or lines of JSON
          GET /v1/poll            what is new since a cursor
          GET /v1/schema.xml      the schema of the binary encoding (SBE)
          GET /v1/snapshot/AAPL   the state of a symbol, now
          GET /v1/symbols         what there is
          GET /v1/replay          where the replay stands
          GET /v1/preflight       would this client be refused, and why
          GET /livez /readyz      alive? ready?
          GET /metrics            OpenMetrics

        """

    private func metrics() -> HTTPResponse {
        place.board.pin(figures, loop: place.index)
        return MetricsPage.response(place.board.read(), place.turnstile, options)
    }

    private func readiness() -> HTTPResponse {
        Readiness.response(
            options.feedReport(), symbols: view.directory.count, doubtful: view.doubtful,
            isDraining: isDraining)
    }
}
