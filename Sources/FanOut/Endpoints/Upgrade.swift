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
        let acceptance = try WebSocketHandshake.accept(
            request, protocols: Shard.subprotocols, deflates: true)
        try admitStream(request, index, now)
        try admit(subject: grant?.subject, index)
        let connection = connections.address(of: index)
        begin(acceptance, index, now.instant)
        connection.pointee.encoding = acceptance.subprotocol == Shard.subprotocols[1] ? .sbe : .json
        connection.pointee.lastHeartbeat = now.instant
        connection.pointee.nextHeartbeat = now.instant + limits.heartbeat
        hand(grant, to: connection, now)
        let session = place.unique(counters.upgrades)
        answer(index, welcome(index, session: session))
        receiveEarlyFrames(index, now)
    }

    /// Says yes: frames from here on, as they were agreed on.
    mutating func begin(_ acceptance: WebSocketAcceptance, _ index: Int, _ now: Instant) {
        let connection = connections.address(of: index)
        acceptance.write(into: &connection.pointee.control)
        connection.pointee.phase = .streaming
        connection.pointee.epoch = view.epoch
        connection.pointee.safePosition = view.position
        setTransport(index, .webSocket)
        connection.pointee.deflateBits = UInt8(acceptance.deflate?.serverWindowBits ?? 0)
        connection.pointee.deadline = .never
        beginLife(connection, now)
        counters.upgrades += 1
    }

    func refuseWhileDraining(_ now: Instant) throws(HTTPFault) {
        if isDraining { throw comeBack("the server stops", now) }
    }

    func comeBack(_ text: String, _ now: Instant) -> HTTPFault {
        let wait = isDraining ? max(Nanoseconds.zero, drainEnd - now).milliseconds / 1_000 : 0
        return HTTPFault(503, text, headers: ["Retry-After": "\(wait + 1)"])
    }

    /// Frames that came in one piece with the request, and the first write.
    mutating func receiveEarlyFrames(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        var early = ByteBuffer()
        early.append(connection.pointee.inbound.readable)
        connection.pointee.inbound.release()
        receivedFrames(index, early.mutable, now)
    }
}
