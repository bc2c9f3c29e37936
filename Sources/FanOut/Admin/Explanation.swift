// Why a client is not sent a symbol just now: what it asked for, what it has, what there is.
import Basics
import Dialects
import Market

/// What keeps a slot's newest version from its subscriber.
enum HoldUp: Equatable, Sendable {
    /// Nothing: it has the newest.
    case nothingNew
    /// The connection ends.
    case closing
    /// The socket takes no bytes, since then.
    case blocked(Nanoseconds)
    /// The tape lapped the loop, and the symbol's snapshot has not come by yet.
    case lapped
    /// `max_kbps`, or the pause between two polls, for so long.
    case held(Nanoseconds)
    /// Its rate, for so long.
    case rate(Nanoseconds)
    /// Only its turn: it goes out next.
    case next

    var json: String {
        switch self {
        case .nothingNew: "\"why\":\"nothing_new\""
        case .closing: "\"why\":\"closing\""
        case .blocked(let span): "\"why\":\"blocked\",\"since_ms\":\(span.milliseconds)"
        case .lapped: "\"why\":\"lapped\""
        case .held(let span): "\"why\":\"held\",\"for_ms\":\(span.milliseconds)"
        case .rate(let span): "\"why\":\"rate\",\"for_ms\":\(span.milliseconds)"
        case .next: "\"why\":\"next\""
        }
    }
}

/// One of the connection's subscriptions to the symbol.
struct StreamExplanation: Sendable {
    var kind: StreamKind
    var rate: Rate
    var sent: UInt64
    var newest: UInt64
    var holdUp: HoldUp

    var json: String {
        var text = "{\"channel\":\"\(kind.channel.name)\""
        if kind.channel == .bar { text += ",\"interval\":\"\(kind.interval.name)\"" }
        switch rate {
        case .max: text += ",\"rate\":\"max\""
        case .perThousandSeconds(let n): text += ",\"rate\":\(FixedPoint.text(Int64(n), decimals: 3))"
        }
        return text + ",\"sent\":\(sent),\"newest\":\(newest),\(holdUp.json)}"
    }
}

enum Explanation: Sendable {
    case noSuchConnection, noSuchSymbol
    case streams(ConnectionReport, [StreamExplanation], isForbidden: Bool)
}

extension Shard {
    func explain(session: UInt64, symbol name: String, _ now: Instant) -> Explanation {
        let found = (0..<limits.connections).first { index in
            connections.contains(index) && connections.address(of: index).pointee.session == session
        }
        guard let index = found else { return .noSuchConnection }
        guard let symbol = view.find(name) else { return .noSuchSymbol }
        let connection = connections.address(of: index)
        let streams = connection.pointee.subscriptions.range(of: symbol).map { at in
            let slot = connection.pointee.subscriptions[at]
            return StreamExplanation(
                kind: slot.kind, rate: connection.pointee.subscriptions.rate(of: slot), sent: slot.sent,
                newest: view.symbol(symbol).pointee.newest(slot.kind),
                holdUp: holdUp(slot, connection, now))
        }
        let name = view.directory[symbol].name
        let isForbidden = connection.pointee.grant.map { !$0.entitlements.allows(name) } ?? true
        return .streams(report(of: index, now), streams, isForbidden: isForbidden)
    }

    /// The first thing in the way.
    func holdUp(
        _ slot: Slot, _ connection: UnsafeMutablePointer<Connection>, _ now: Instant
    ) -> HoldUp {
        let symbol = view.symbol(slot.symbol)
        // Of a book, `seen` is as far as nothing changed within the depth.
        let known = slot.kind.channel == .book ? max(slot.sent, slot.seen) : slot.sent
        guard connection.pointee.phase == .streaming else { return .closing }
        if symbol.pointee.newest(slot.kind) == known { return .nothingNew }
        if let since = connection.pointee.blockedSince { return .blocked(now - since) }
        if symbol.pointee.awaitsSnapshot { return .lapped }
        let isOwed =
            (connection.pointee.waiting | connection.pointee.unfinished) >> UInt32(slot.rateClass) & 1 != 0
        if connection.pointee.heldUntil > now { return .held(connection.pointee.heldUntil - now) }
        let rateClass = connection.pointee.subscriptions.classes[slot.rateClass]
        if !isOwed, !rateClass.isRealTime, rateClass.due > now { return .rate(rateClass.due - now) }
        return .next
    }
}
