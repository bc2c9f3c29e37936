// `/echo`: what a conformance suite talks to. Only with `tickerd --test-echo`, and on loopback.
//
// Invariants
//   - A message is answered by itself: the same kind, the same bytes, whole, compressed if that was
//     agreed on.
//   - Its limits are its own, for the suite sends what no client of a market would: messages of 16 MiB
//     in 65,536 fragments, as fast as it can. What it does not read is bounded all the same.
import Basics
import Wire

enum Echo {
    static let messageMax = 16 * 1_024 * 1_024
    /// Answers that may wait for a client that does not read: two of the longest.
    static let answersMax = 2 * messageMax + 1_024
}

extension Shard {
    func isEcho(_ request: HTTPRequest) -> Bool { options.servesEcho && request.path == "/echo" }

    mutating func upgradeToEcho(
        _ request: HTTPRequest, _ index: Int, _ now: Moment
    ) throws(HTTPFault) {
        try refuseWhileDraining(now.instant)
        let acceptance = try WebSocketHandshake.accept(request, protocols: [], deflates: true)
        let connection = connections.address(of: index)
        connection.pointee.isEcho = true
        connection.pointee.reader = WebSocketReader(role: .server, messageMax: Echo.messageMax)
        begin(acceptance, index, now.instant)
        receiveEarlyFrames(index, now)
    }

    mutating func echo(_ opcode: WebSocketOpcode, _ index: Int) {
        let connection = connections.address(of: index)
        let bits = connection.pointee.deflateBits
        let message = connection.pointee.reader.payload
        WebSocketFrame.write(
            into: &connection.pointee.control, opcode: opcode,
            payload: bits == 0 ? message : deflaters[bits: bits].deflate(message), isCompressed: bits != 0)
    }
}
