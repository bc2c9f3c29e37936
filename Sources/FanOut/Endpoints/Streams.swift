// Messages without a WebSocket: server-sent events, lines of JSON, long polls. A request says what is
// subscribed to; what follows is the same as on a WebSocket, from the same slots, at the same rates.
//
//     GET /v1/events?channel=quote&symbols=AAPL,MSFT&rate=10     text/event-stream, or a line a message
//     GET /v1/poll?channel=quote&symbols=AAPL&cursor=5f2c.90817  one array of what is new, or 204
//
// Invariants
//   - The answer is not framed by a length: it ends with the connection (RFC 9112 §6.3).
//   - Whatever is wrong with the request is said by a status, before the first byte of the stream.
import Basics
import Dialects
import Wire

extension Shard {
    /// Turns the connection from answering requests to streaming.
    mutating func startStream(
        _ request: HTTPRequest, _ index: Int, _ now: Moment
    ) throws(HTTPFault) {
        try checkStream(request, now.instant)
        let grant = try authorize(request, now)
        let wanted = try subscriptions(of: request)
        // A long poll is a request as any other, and counted as one.
        if request.path != "/v1/poll" { try admitStream(request, index, now) }
        try admit(subject: grant.subject, index)
        let asksForLines = request.headers.hasToken("Accept", "application/x-ndjson")
        let transport: Transport =
            request.path == "/v1/poll" ? .poll : asksForLines ? .lines : .events
        let connection = connections.address(of: index)
        setTransport(index, transport)
        connection.pointee.phase = .streaming
        connection.pointee.keepsAlive = request.keepAlive
        hand(grant, to: connection, now)
        beginCursor(connection, at: wanted.first?.resume)
        do throws(HTTPFault) {
            if transport != .poll { writeStreamHead(index, now) }
            try subscribe(to: wanted, for: grant, index, now)
        } catch {
            endStream(index)
            throw error
        }
        connection.pointee.isBeginning = false
        beginStream(index, wanted, now)
    }

    /// The first words carry a cursor already, and of several channels not all are subscribed to then:
    /// until they are, the client stands where it stood.
    private func beginCursor(_ connection: UnsafeMutablePointer<Connection>, at cursor: Cursor?) {
        connection.pointee.epoch = view.epoch
        let known = cursor.flatMap { $0.epoch == view.epoch ? $0.position : nil }
        connection.pointee.safePosition = known ?? view.position
        connection.pointee.isBeginning = true
    }

    private func checkStream(_ request: HTTPRequest, _ now: Instant) throws(HTTPFault) {
        guard request.method == "GET" else {
            throw HTTPFault(405, "a stream has no length: only GET here", headers: ["Allow": "GET, OPTIONS"])
        }
        try refuseTokenInURL(request)
        try checkOrigin(request)
        try refuseWhileDraining(now)
    }

    /// What the query asks for, with the cursor of whichever place names one: the header is a browser's
    /// that comes back, and newer than the query it came with.
    private func subscriptions(
        of request: HTTPRequest
    ) throws(HTTPFault) -> [ClientMessage.Subscribe] {
        do throws(ClientFault) {
            var wanted = try ClientMessage.Subscribe.all(inQuery: request.query)
            if let last = request.headers["Last-Event-ID"], let cursor = Cursor(last) {
                for at in wanted.indices { wanted[at].resume = cursor }
            }
            return wanted
        } catch {
            throw HTTPFault(error)
        }
    }

    private mutating func writeStreamHead(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        let isEvents = connection.pointee.transport == .events
        let type = isEvents ? "text/event-stream" : "application/x-ndjson"
        // nginx would gather what is to be seen at once.
        var headers: HTTPHeaders = [
            "Content-Type": "\(type); charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
        ]
        addCommonHeaders(to: &headers, origin: connection.pointee.origin, now)
        HTTPResponse.writeHead(
            200, headers, length: nil, keepAlive: false, into: &connection.pointee.control)
        // Those that were cut off together come back one by one.
        let wait =
            1_000 + (UInt64(Shard.dice(index) ^ UInt32(truncatingIfNeeded: now.instant.raw)) * 2_000) >> 32
        if isEvents { connection.pointee.control.append("retry: \(wait)\n\n") }
        counters.upgrades += 1
        answer(index, welcome(index, session: place.unique(counters.upgrades)))
    }

    private mutating func subscribe(
        to wanted: [ClientMessage.Subscribe], for grant: Grant, _ index: Int, _ now: Moment
    ) throws(HTTPFault) {
        do throws(ClientFault) {
            for request in wanted { try subscribe(request, nil, index, now) }
        } catch {
            throw HTTPFault(error)
        }
        let subscriptions = connections.address(of: index).pointee.subscriptions.isEmpty
        guard subscriptions, connections.address(of: index).pointee.subscriptions.patterns.isEmpty else {
            return
        }
        guard wanted.contains(where: { grant.allowsAny(of: $0.symbols) }) else {
            throw HTTPFault(403, "forbidden: the token allows none of these symbols")
        }
        throw HTTPFault(404, "unknown_symbol: none of these is to be had here; GET /v1/symbols lists what is")
    }

    /// Nothing was sent yet: back to where requests are answered.
    private mutating func endStream(_ index: Int) {
        let connection = connections.address(of: index)
        forgetSubscriptions(index)
        connection.pointee.control.release()
        connection.pointee.isBeginning = false
        connection.pointee.phase = .http
        setTransport(index, .http)
        takeBack(from: connection)
    }

    private mutating func beginStream(
        _ index: Int, _ wanted: [ClientMessage.Subscribe], _ now: Moment
    ) {
        let connection = connections.address(of: index)
        if connection.pointee.transport == .poll {
            beginPoll(index, wanted, now)
        } else {
            connection.pointee.deadline = .never
            connection.pointee.lastHeartbeat = now.instant
            connection.pointee.nextHeartbeat = now.instant + limits.heartbeat
            connection.pointee.inbound.release()
            beginLife(connection, now.instant)
        }
        let due = connection.pointee.subscriptions.takeDue(at: now.instant)
        flush(index, classes: due | connection.pointee.subscriptions.realTimeClass, now)
        if connections.contains(index) { schedule(index) }
    }

    /// What a client says on a stream: nothing that counts. Behind a long poll its next request.
    mutating func receivedWhileStreaming(_ index: Int, _ bytes: UnsafeRawBufferPointer) {
        let connection = connections.address(of: index)
        guard connection.pointee.transport == .poll else { return }
        connection.pointee.inbound.append(bytes)
        if connection.pointee.inbound.count > limits.http.headBytesMax * 2 { drop(index, .protocolError) }
    }

    /// Writes events, and behind them where to go on. That is told in its place among them: a cursor
    /// that overtook what it speaks of would promise too much.
    mutating func transmitEvents(_ index: Int, answers: Int, _ now: Moment) -> Verdict {
        let connection = connections.address(of: index)
        guard scratch.count > answers else { return transmit(index, answers: answers, now) }
        let position = safePosition(connection)
        scratch.append("id: \(Cursor(epoch: connection.pointee.epoch, position: position).text)\n\n")
        let verdict = transmit(index, answers: answers, now)
        if verdict == .sent { connection.pointee.safePosition = position }
        return verdict
    }
}

extension HTTPFault {
    /// What a WebSocket would be told as an `error`, as the answer to a request.
    init(_ fault: ClientFault) {
        let status =
            switch fault.code {
            case .unauthenticated: 401
            case .forbidden: 403
            case .limitRate: 429
            case .unknownSymbol: 404
            default: 400
            }
        self.init(
            status, "\(fault.code.rawValue): \(fault.message)",
            headers: status == 429 ? ["Retry-After": "1"] : [:])
    }
}
