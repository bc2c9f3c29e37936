// HTTP on a connection: requests one after the other, each answered in its turn.
import Basics
import Dialects
import Market
import Wire

extension Shard {
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
        if connection.pointee.inbound.count > limits.http.headBytesMax * 2 {
            drop(index, .protocolError)  // pipelines without reading
            return
        }
        if connection.pointee.phase == .http, !connection.pointee.inbound.isEmpty,
            !connection.pointee.isBlocked
        {
            let whole = now.instant + limits.requestDeadline
            connection.pointee.deadline = min(connection.pointee.deadline, whole)
        }
        schedule(index)
    }

    /// False when no whole request is there.
    private mutating func answerNext(_ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        do throws(HTTPFault) {
            let parsed = try HTTPRequestParser(limits: limits.http).parse(connection.pointee.inbound.readable)
            guard let (request, consumed) = parsed else { return false }
            connection.pointee.inbound.consume(consumed)
            counters.requests += 1
            connection.pointee.deadline = now.instant + limits.idleDeadline
            answer(request, index, now)
        } catch {
            count(error)
            connection.pointee.origin = nil
            // Where the next request would begin is anybody's guess.
            respond(HTTPResponse(error), index, keepAlive: false, head: false, now)
        }
        return true
    }

    /// A refusal costs the request, not the connection; but who asks too often is to pause.
    private mutating func answer(_ request: HTTPRequest, _ index: Int, _ now: Moment) {
        let isHead = request.method == "HEAD"
        connections.address(of: index).pointee.origin = allowedOrigin(request)
        do throws(HTTPFault) {
            try admit(request, index, now)
            guard request.body.isEmpty || request.path == "/v1/replay" && request.method == "POST" else {
                counters.refuse(.body)
                throw HTTPFault(413, "no body is taken here")
            }
            if request.method == "OPTIONS" {
                respond(allowance(request), index, keepAlive: request.keepAlive, head: false, now)
            } else if request.path == "/v1/stream", request.headers.hasToken("upgrade", "websocket") {
                try upgrade(request, index, now)
            } else if request.path == "/v1/events" || request.path == "/v1/poll" {
                try startStream(request, index, now)
            } else if isEcho(request) {
                try upgradeToEcho(request, index, now)
            } else {
                let response = try response(to: request, index, now)
                respond(response, index, keepAlive: request.keepAlive, head: isHead, now)
            }
        } catch {
            respond(HTTPResponse(error), index, keepAlive: request.keepAlive, head: isHead, now)
        }
    }

    mutating func respond(
        _ response: HTTPResponse, _ index: Int, keepAlive: Bool, head: Bool, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        let keepAlive = keepAlive && response.status != 429
        dressed(response, origin: connection.pointee.origin, now).write(
            into: &connection.pointee.control, keepAlive: keepAlive, head: head)
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
            counters.refuse(.requestTime)
            let late = HTTPResponse.text(408, "the request did not come whole in time\n")
            dressed(late, origin: nil, now).write(
                into: &connection.pointee.control, keepAlive: false, head: false)
            flush(index, classes: 0, now)
        }
        if connections.contains(index) { drop(index, .requestTimeout) }
    }
}
