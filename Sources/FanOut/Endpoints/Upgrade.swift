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
        try refuseWhileDraining(now.instant)
        let grant = try grant(of: request, now)
        let acceptance = try WebSocketHandshake.accept(request, protocols: Shard.subprotocols)
        let connection = connections.address(of: index)
        acceptance.write(into: &connection.pointee.control)
        connection.pointee.phase = .streaming
        connection.pointee.encoding = acceptance.subprotocol == Shard.subprotocols[1] ? .sbe : .json
        setTransport(index, .webSocket)
        connection.pointee.deadline = .never
        beginLife(connection, now.instant)
        connection.pointee.lastHeartbeat = now.instant
        connection.pointee.nextHeartbeat = now.instant + limits.heartbeat
        hand(grant, to: connection, now)
        counters.upgrades += 1
        let session = place.unique(counters.upgrades)
        answer(index, welcome(index, session: session))
        receiveEarlyFrames(index, now)
    }

    func refuseWhileDraining(_ now: Instant) throws(HTTPFault) {
        guard isDraining else { return }
        let wait = max(Nanoseconds.zero, drainEnd - now).milliseconds / 1_000 + 1
        throw HTTPFault(503, "the server stops", headers: ["Retry-After": "\(wait)"])
    }

    /// Frames that came in one piece with the request, and the first write.
    private mutating func receiveEarlyFrames(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        var early = ByteBuffer()
        early.append(connection.pointee.inbound.readable)
        connection.pointee.inbound.release()
        receivedFrames(index, early.mutable, now)
    }
}
