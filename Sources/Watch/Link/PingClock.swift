// How far away the server is, and how its clock stands to ours.
//
//     ours      ping ─────────────────────── pong       round trip = pong − ping
//     server             ts                             offset = ts − (ping + round trip / 2)
//
// Invariants
//   - Of the last 16 answers the quickest says how the clocks stand: what it waited on its way is the
//     least, and half of a round trip is as much as it can be wrong.
//   - One ping is under way at a time; an answer to another one says nothing.
import Basics
import Dialects

struct PingClock {
    private static let kept = 16

    private var sent: (id: MessageID, at: Moment)?
    private var number: Int64 = 0
    private var samples: [(roundTrip: Nanoseconds, offset: Nanoseconds)] = []
    private var told: Nanoseconds?

    /// The next ping's, nil while one is under way.
    mutating func ping(_ now: Moment) -> ClientMessage? {
        guard sent == nil else { return nil }
        number += 1
        let id = MessageID.text("ping \(number)")
        sent = (id, now)
        return ClientMessage(id: id, .ping)
    }

    mutating func pong(
        _ id: MessageID?, _ time: Timestamp?, _ now: Moment, _ onEvent: (LinkEvent) -> Void
    ) {
        guard let ping = sent, ping.id == id else { return }
        sent = nil
        let roundTrip = now.instant - ping.at.instant
        onEvent(.roundTrip(roundTrip))
        guard let time else { return }
        let offset = Nanoseconds(raw: (time - ping.at.wall).raw &- roundTrip.raw / 2)
        if samples.count == PingClock.kept { samples.removeFirst() }
        samples.append((roundTrip, offset))
        guard let best = samples.min(by: { $0.roundTrip < $1.roundTrip }), best.offset != told else { return }
        told = best.offset
        onEvent(.clockOffset(best.offset))
    }

    /// Another connection, perhaps another server.
    mutating func begin() {
        sent = nil
        samples = []
        told = nil
    }
}
