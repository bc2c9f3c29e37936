// From HTTP to WebSocket: who may, and the first words.
import Basics
import Dialects
import Wire

extension Shard {
    /// The first is spoken also where none is asked for.
    static let subprotocols = ["tickerfeed.v1.json", "tickerfeed.v1.sbe"]

    mutating func upgrade(
        _ request: HTTPRequest, _ index: Int, _ now: Moment
    ) throws(HTTPFault) {
        try refuseTokenInURL(request)
        try checkOrigin(request)
        let acceptance = try WebSocketHandshake.accept(request, protocols: Shard.subprotocols)
        try admitStream(request, index, now)
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
}
