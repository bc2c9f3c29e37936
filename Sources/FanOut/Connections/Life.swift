// Whether a peer is still there, and what keeps the way to it open.
//
// Invariants
//   - Any frame is a sign of life. A listener that does nothing but answer pings stays.
//   - The time to answer counts from a ping that could be written: a blocked socket is the stall
//     limit's business.
//   - An event stream cannot be asked. It gets a comment now and then, for the proxies on its way.
import Basics
import Wire

extension Shard {
    /// The first ping, or comment, of a connection that streams.
    func beginLife(_ connection: UnsafeMutablePointer<Connection>, _ now: Instant) {
        switch connection.pointee.transport {
        case .webSocket: connection.pointee.life = limits.ping == .zero ? .never : now + limits.ping
        case .events: connection.pointee.life = now + limits.comment
        case .http, .lines, .poll: connection.pointee.life = .never
        }
    }

    func heard(_ connection: UnsafeMutablePointer<Connection>, _ now: Instant) {
        guard limits.ping != .zero else { return }
        connection.pointee.awaitsPong = false
        connection.pointee.life = now + limits.ping
    }

    /// The time has come to ask, or to believe that nobody is there.
    ///
    /// - Returns: false where that was the connection's end.
    mutating func checkLife(_ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        guard now.instant >= connection.pointee.life else { return true }
        if connection.pointee.transport == .events {
            connection.pointee.control.append(": still here\n\n")
            connection.pointee.life = now.instant + limits.comment
            return true
        }
        guard !connection.pointee.awaitsPong else {
            startClosing(
                index, .silent, code: CloseCode.policyViolation,
                reason: "no answer to a ping for \(limits.pong.milliseconds) ms", now)
            return false
        }
        connection.pointee.control.appendFrame(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
        connection.pointee.awaitsPong = true
        connection.pointee.life = now.instant + limits.pong
        return true
    }

    /// What was asked while the socket was blocked may have been heard only now.
    func renewLife(_ connection: UnsafeMutablePointer<Connection>, _ now: Instant) {
        if connection.pointee.awaitsPong { connection.pointee.life = now + limits.pong }
    }
}
