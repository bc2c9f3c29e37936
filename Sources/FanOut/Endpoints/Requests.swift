// HTTP on the one port: which request goes where, and what it is answered.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    /// The first is spoken also where none is asked for.
    static let subprotocols = ["tickerfeed.v1.json", "tickerfeed.v1.sbe"]

    /// Answers what has come whole, in order. Stops while the socket is full: an answer that is not
    /// read must not be a way to fill memory.
    mutating func continueRequests(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        while connections.contains(index), connection.pointee.phase == .http,
            !connection.pointee.isBlocked, !connection.pointee.inbound.isEmpty
        {
            guard answerNext(index, now) else { break }
        }
        guard connections.contains(index) else { return }
        if connection.pointee.inbound.count > HTTPLimits().headBytesMax * 2 {
            drop(index, .protocolError)  // pipelines without reading
            return
        }
        schedule(index)
    }

    /// False when no whole request is there.
    private mutating func answerNext(_ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        do throws(HTTPFault) {
            let parsed = try HTTPRequestParser().parse(connection.pointee.inbound.readable)
            guard let (request, consumed) = parsed else { return false }
            connection.pointee.inbound.consume(consumed)
            counters.requests += 1
            connection.pointee.deadline = now.instant + limits.requestDeadline
            answer(request, index, now)
        } catch {
            // Where the next request would begin is anybody's guess.
            respond(HTTPResponse(error), index, keepAlive: false, head: false, now)
        }
        return true
    }

    /// A refusal costs the request, not the connection.
    private mutating func answer(_ request: HTTPRequest, _ index: Int, _ now: Moment) {
        let isHead = request.method == "HEAD"
        do throws(HTTPFault) {
            if request.path == "/v1/stream", request.headers.hasToken("upgrade", "websocket") {
                try upgrade(request, index, now)
            } else {
                let response = try response(to: request, now)
                respond(response, index, keepAlive: request.keepAlive, head: isHead, now)
            }
        } catch {
            respond(HTTPResponse(error), index, keepAlive: request.keepAlive, head: isHead, now)
        }
    }

    private mutating func respond(
        _ response: HTTPResponse, _ index: Int, keepAlive: Bool, head: Bool, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        response.write(into: &connection.pointee.control, keepAlive: keepAlive, head: head)
        if !keepAlive {
            connection.pointee.phase = .closing(.served)
            connection.pointee.deadline = now.instant + limits.closeDeadline
        }
        flush(index, classes: 0, now)
        guard connections.contains(index), !connection.pointee.isBlocked else { return }
        connection.pointee.inbound.isEmpty ? connection.pointee.inbound.release() : ()
        if !keepAlive { drop(index, .served) }
    }

    /// A request that does not come whole in time.
    mutating func expireRequest(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        guard now.instant >= connection.pointee.deadline else { return }
        if !connection.pointee.inbound.isEmpty, !connection.pointee.isBlocked {
            let late = HTTPResponse.text(408, "the request did not come whole in time\n")
            late.write(into: &connection.pointee.control, keepAlive: false, head: false)
            flush(index, classes: 0, now)
        }
        if connections.contains(index) { drop(index, .requestTimeout) }
    }

    private mutating func upgrade(
        _ request: HTTPRequest, _ index: Int, _ now: Moment
    ) throws(HTTPFault) {
        try refuseTokenInURL(request)
        try checkOrigin(request)
        let acceptance = try WebSocketHandshake.accept(request, protocols: Shard.subprotocols)
        let connection = connections.address(of: index)
        acceptance.write(into: &connection.pointee.control)
        connection.pointee.phase = .webSocket
        connection.pointee.encoding = acceptance.subprotocol == Shard.subprotocols[1] ? .sbe : .json
        connection.pointee.isWebSocket = true
        connection.pointee.lastHeartbeat = now.instant
        connection.pointee.nextHeartbeat = now.instant + limits.heartbeat
        counters.upgrades += 1
        let session = place.unique(counters.upgrades)
        connection.pointee.control.appendFrame(welcome(index, session: session))
        webSocketCount += 1
        receiveEarlyFrames(index, now)
    }

    /// Frames that came in one piece with the request, and the first write.
    private mutating func receiveEarlyFrames(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        var early = ByteBuffer()
        early.append(connection.pointee.inbound.readable)
        connection.pointee.inbound.release()
        receivedFrames(index, early.mutable, now)
    }

    private func refuseTokenInURL(_ request: HTTPRequest) throws(HTTPFault) {
        guard !request.query.contains(where: { $0.name == "token" }) else {
            throw HTTPFault(
                400, "a token in the URL ends up in logs; send it as Authorization: Bearer instead")
        }
    }

    /// A browser sends where its page came from: only the server's own pages, and those allowed by
    /// `--allow-origin`, may open a stream. Other clients send no Origin.
    private func checkOrigin(_ request: HTTPRequest) throws(HTTPFault) {
        guard let origin = request.headers["origin"] else { return }
        if options.allowedOrigins.contains(origin) { return }
        if let host = request.headers["host"], origin == "http://\(host)" || origin == "https://\(host)" {
            return
        }
        throw HTTPFault(
            403, "pages of this origin may not read the stream; see tickerd --allow-origin")
    }

    private func response(to request: HTTPRequest, _ now: Moment) throws(HTTPFault) -> HTTPResponse {
        try refuseTokenInURL(request)
        guard request.method == "GET" || request.method == "HEAD" else {
            throw HTTPFault(405, "only GET and HEAD here", headers: ["Allow": "GET, HEAD"])
        }
        switch request.path {
        case "/": return .text(200, Shard.greeting)
        case "/livez": return .text(200, "alive\n")
        case "/readyz": return readiness()
        case "/metrics" where options.servesMetrics: return metrics()
        case "/v1/symbols": return .json(200, directoryJSON())
        case "/v1/schema.xml": return Shard.schema
        case "/v1/stream":
            throw HTTPFault(
                426, "this is a WebSocket: ask with Upgrade: websocket", headers: ["Upgrade": "websocket"])
        default: break
        }
        let prefix = "/v1/snapshot/"
        guard request.path.hasPrefix(prefix) else {
            throw HTTPFault(404, "nothing here; GET / lists what there is")
        }
        return try snapshot(of: String(request.path.dropFirst(prefix.count)), request)
    }

    private static var schema: HTTPResponse {
        HTTPResponse(
            status: 200, headers: ["Content-Type": "application/xml; charset=utf-8"],
            body: Array("\(NativeSBE.schema)".utf8))
    }

    private static let greeting = """
        tickerd serves market data.

          GET /v1/stream          WebSocket: quotes, trades, books, bars, statistics, status
          GET /v1/schema.xml      the schema of the binary encoding (SBE)
          GET /v1/snapshot/AAPL   the state of a symbol, now
          GET /v1/symbols         what there is
          GET /livez /readyz      alive? ready?
          GET /metrics            OpenMetrics

        """

    private func readiness() -> HTTPResponse {
        let report = options.feedReport()
        if isDraining { return .text(503, "not ready: the server stops\n") }
        if let fault = report.fault { return .text(503, "not ready: \(fault)\n") }
        if view.directory.count == 0 { return .text(503, "not ready: the feed has brought nothing yet\n") }
        return .text(200, "ready\n")
    }
}
