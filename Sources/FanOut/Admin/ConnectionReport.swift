// What a loop tells of its connections: who they are, how they do, the slowest first.
import Basics
import Dialects
import Wire

/// One connection at one moment, as a value that may leave its loop.
struct ConnectionReport: Sendable {
    var loop: Int
    var session: UInt64
    var peer: PeerAddress
    /// Whom its token names.
    var subject: String?
    var transport: Transport
    var encoding: Encoding
    var isBlocked: Bool
    /// How long the oldest thing that is due has waited.
    var lag: Nanoseconds
    var buffered: Int
    var subscriptions: Int
    /// Messages a second that were asked for, in thousandths; nil with a "max" among them.
    var askedMilli: Int64?
    var kilobits: Int32
    var messages: UInt64
    var merged: UInt64
    var age: Nanoseconds

    var json: String {
        var text = "{\"session\":\"\(String(session, radix: 16))\",\"address\":\"\(peer)\",\"loop\":\(loop)"
        if let subject { text += ",\"subject\":\(ControlMessage.quoted(subject))" }
        text += ",\"transport\":\"\(transport.name)\",\"encoding\":\"\(encoding)\""
        text += ",\"blocked\":\(isBlocked),\"lag_ms\":\(lag.milliseconds),\"buffered_bytes\":\(buffered)"
        text += ",\"subscriptions\":\(subscriptions)"
        text += ",\"asked\":\(askedMilli.map { FixedPoint.text($0, decimals: 3) } ?? "\"max\"")"
        text += ",\"max_kbps\":\(kilobits == 0 ? "null" : "\(kilobits)")"
        text += ",\"messages\":\(messages),\"merged\":\(merged)"
        return text + ",\"age_ms\":\(age.milliseconds)}"
    }

    /// The slower reader; of equals the one that lost more to merging.
    static func isSlower(_ a: ConnectionRank, _ b: ConnectionRank) -> Bool {
        (a.lag, a.buffered, a.merged) > (b.lag, b.buffered, b.merged)
    }
}

/// What connections are put in order by, without making a report of each.
struct ConnectionRank {
    var index: Int
    var lag: Int64
    var buffered: Int
    var merged: UInt64
}

extension Shard {
    /// The `limit` slowest readers. Looks at every connection: some milliseconds where there are many.
    func connectionReports(limit: Int, _ now: Instant) -> [ConnectionReport] {
        let ranks = (0..<limits.connections).compactMap { index in
            connections.contains(index) ? rank(index, now) : nil
        }
        return ranks.sorted(by: ConnectionReport.isSlower).prefix(limit).map { report($0, now) }
    }

    func report(of index: Int, _ now: Instant) -> ConnectionReport { report(rank(index, now), now) }

    private func rank(_ index: Int, _ now: Instant) -> ConnectionRank {
        let connection = connections.address(of: index)
        return ConnectionRank(
            index: index, lag: lag(connection, now).raw,
            buffered: connection.pointee.tail.count + connection.pointee.control.count,
            merged: connection.pointee.merged)
    }

    private func lag(_ connection: UnsafeMutablePointer<Connection>, _ now: Instant) -> Nanoseconds {
        if let since = connection.pointee.blockedSince { return now - since }
        guard connection.pointee.phase == .streaming else { return .zero }
        let due = max(connection.pointee.subscriptions.due, connection.pointee.heldUntil)
        return due < now ? now - due : .zero
    }

    private func report(_ rank: ConnectionRank, _ now: Instant) -> ConnectionReport {
        let connection = connections.address(of: rank.index)
        return ConnectionReport(
            loop: place.index, session: connection.pointee.session, peer: connection.pointee.peer,
            subject: connection.pointee.grant?.subject,
            transport: connection.pointee.transport, encoding: connection.pointee.encoding,
            isBlocked: connection.pointee.isBlocked, lag: Nanoseconds(raw: rank.lag),
            buffered: rank.buffered, subscriptions: connection.pointee.subscriptions.count,
            askedMilli: askedMilli(connection), kilobits: connection.pointee.kilobits,
            messages: connection.pointee.messages, merged: rank.merged,
            age: now - connection.pointee.opened)
    }
}
