// A MoldUDP64 packet: what a line of a feed sends, several numbered messages at a time.
//
//     session 10 · sequence number 8 · count 2 · (length 2 · message)*      big-endian
//
// Invariants
//   - The whole packet is walked before any of it is used: `count` messages are complete.
//   - What a packet announces and doesn't have is nobody's: `isFlawed` says so, its numbers stay missing.
//   - Source: MoldUDP64 Protocol Specification 1.00.
import Basics

/// The ten letters that tell sessions apart. Numbers start at 1 in each.
struct MoldSession: Hashable {
    let high: UInt64, low: UInt16
}

/// A packet's head, and where its messages are.
struct MoldPacket: Hashable {
    static let headBytes = 20
    /// Numbers above are refused, as no session gets there: 2^48 messages are nine years of a
    /// million a second.
    static let sequenceMax: UInt64 = 1 << 48

    enum Kind: Hashable { case messages, heartbeat, endOfSession }

    let kind: Kind
    let session: MoldSession
    /// Of the first message; of the next one to come in heartbeats and at the end.
    let sequence: UInt64
    /// Messages that are complete.
    let count: Int
    /// The messages that are complete, each behind its length.
    let messages: Range<Int>
    /// It announced other messages than it has.
    let isFlawed: Bool

    /// Nil for what cannot be one: too short for a head, or a number that is none.
    init?(in bytes: RawSpan, payload: Range<Int>) {
        let start = payload.lowerBound
        guard payload.count >= MoldPacket.headBytes else { return nil }
        session = MoldSession(high: bytes.u64(at: start), low: bytes.u16(at: start + 8))
        sequence = bytes.u64(at: start + 10)
        guard (1...MoldPacket.sequenceMax).contains(sequence) else { return nil }
        let announced = Int(bytes.u16(at: start + 18))
        kind = announced == 0 ? .heartbeat : announced == 0xffff ? .endOfSession : .messages
        let wanted = kind == .messages ? announced : 0
        var place = start + MoldPacket.headBytes, complete = 0
        while complete < wanted, payload.upperBound - place >= 2 {
            let next = place + 2 + Int(bytes.u16(at: place))
            guard next <= payload.upperBound else { break }
            place = next
            complete += 1
        }
        count = complete
        messages = start + MoldPacket.headBytes..<place
        isFlawed = complete < wanted || place < payload.upperBound
    }

    /// The number behind the packet's last message.
    var end: UInt64 { sequence + UInt64(count) }
}
