// Captures made in memory: messages → MoldUDP64 → UDP → Ethernet → pcap or pcapng.
import Basics

@testable import TickerFeed

/// A MoldUDP64 packet on its way.
struct Sent {
    var time: Int64
    var port: UInt16 = 26_477
    var session = "REPLAY0001"
    var sequence: UInt64
    var messages: [[UInt8]] = []
    /// What the head announces; nil: the truth.
    var count: UInt16?

    static func endOfSession(_ next: UInt64, at time: Int64) -> Sent {
        Sent(time: time, sequence: next, count: 0xffff)
    }

    var payload: [UInt8] {
        Array(session.utf8) + ITCHField.u64(sequence).bytes
            + ITCHField.u16(count ?? UInt16(messages.count)).bytes + messages.flatMap(\.framed)
    }
    var frame: [UInt8] { Capture.frame(payload, port: port) }
}

/// A frame and when it was seen, in nanoseconds since 1970.
typealias Seen = (time: Int64, frame: [UInt8])

enum Capture {
    // MARK: Frames

    /// Ethernet, tags, IPv4 with so many words of options, UDP, and padding to 60 bytes.
    static func frame(
        _ payload: [UInt8], port: UInt16 = 26_477, tags: [UInt16] = [], options: Int = 0,
        protocol number: UInt8 = 17, fragment: UInt16 = 0
    ) -> [UInt8] {
        let udp =
            ITCHField.u16(40_000).bytes + ITCHField.u16(port).bytes
            + ITCHField.u16(UInt16(payload.count + 8)).bytes + [0, 0] + payload
        let head = 20 + options * 4
        let ip =
            [0x40 | UInt8(head / 4), 0] + ITCHField.u16(UInt16(head + udp.count)).bytes + [0, 1]
            + ITCHField.u16(fragment).bytes + [16, number, 0, 0, 10, 0, 0, 1, 233, 54, 12, 111]
            + [UInt8](repeating: 1, count: options * 4)
        let ethernet: [UInt8] = [1, 0, 0x5e, 0x36, 0x0c, 0x6f, 2, 0, 0, 0, 0, 1]
        let frame =
            ethernet + tags.flatMap { ITCHField.u16($0).bytes + [0, 7] } + [8, 0] + ip + udp
        return frame + [UInt8](repeating: 0, count: max(0, 60 - frame.count))
    }

    // MARK: Files

    /// Classic pcap, in nanoseconds unless told otherwise.
    static func pcap(
        _ packets: [Seen], order: ByteOrder = .little, microseconds: Bool = false, linkType: UInt32 = 1
    ) -> [UInt8] {
        let w = Writer(order: order)
        let head =
            w.u32(microseconds ? 0xa1b2_c3d4 : 0xa1b2_3c4d) + w.u16(2) + w.u16(4) + w.u32(0) + w.u32(0)
            + w.u32(65_535) + w.u32(linkType)
        return head
            + packets.flatMap { packet in
                let (seconds, rest) = packet.time.quotientAndRemainder(dividingBy: 1_000_000_000)
                let length = w.u32(UInt32(packet.frame.count))
                return w.u32(UInt32(seconds)) + w.u32(UInt32(microseconds ? rest / 1_000 : rest)) + length
                    + length + packet.frame
            }
    }

    static func pcap(_ packets: [Sent]) -> [UInt8] { pcap(packets.map { ($0.time, $0.frame) }) }

    /// A section of pcapng with one interface, whose times are in nanoseconds.
    static func pcapng(_ packets: [Seen], order: ByteOrder = .little) -> [UInt8] {
        let w = Writer(order: order)
        return w.section() + w.interface(options: [(9, [9])])
            + packets.flatMap { w.packet(ticks: UInt64($0.time), $0.frame) }
    }

    /// Integers in one byte order, and blocks made of them.
    struct Writer {
        let order: ByteOrder

        func u16(_ value: UInt16) -> [UInt8] { ordered(ITCHField.u16(value).bytes) }
        func u32(_ value: UInt32) -> [UInt8] { ordered(ITCHField.u32(value).bytes) }
        private func ordered(_ bytes: [UInt8]) -> [UInt8] { order == .big ? bytes : bytes.reversed() }

        func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
            let padded = body + [UInt8](repeating: 0, count: -body.count & 3)
            let length = u32(UInt32(padded.count + 12))
            return u32(type) + length + padded + length
        }
        func section() -> [UInt8] {
            block(0x0a0d_0d0a, u32(0x1a2b_3c4d) + u16(1) + u16(0) + [UInt8](repeating: 255, count: 8))
        }
        func interface(
            linkType: UInt16 = 1, snapLength: UInt32 = 0, options: [(code: UInt16, value: [UInt8])] = []
        ) -> [UInt8] {
            var list: [UInt8] = []
            for option in options {
                list += u16(option.code) + u16(UInt16(option.value.count)) + option.value
                list += [UInt8](repeating: 0, count: -option.value.count & 3)
            }
            if !list.isEmpty { list += [0, 0, 0, 0] }
            return block(1, u16(linkType) + [0, 0] + u32(snapLength) + list)
        }
        func packet(interface: UInt32 = 0, ticks: UInt64, _ frame: [UInt8]) -> [UInt8] {
            let length = u32(UInt32(frame.count)), low = UInt32(truncatingIfNeeded: ticks)
            return block(6, u32(interface) + u32(UInt32(ticks >> 32)) + u32(low) + length + length + frame)
        }
    }

    // MARK: Reading back

    /// All packets of a capture in one piece, and what ended it.
    static func packets(of bytes: [UInt8]) -> (packets: [PcapPacket], error: PcapError?) {
        var reader = PcapReader(), packets: [PcapPacket] = [], offset = 0
        do throws(PcapError) {
            while let packet = try reader.next(in: bytes.span.bytes, from: &offset) { packets.append(packet) }
            return (packets, nil)
        } catch {
            return (packets, error)
        }
    }

    /// The messages of a MoldUDP64 payload, whatever its head says.
    static func messages(in payload: [UInt8]) -> [[UInt8]] {
        var messages: [[UInt8]] = [], rest = payload.dropFirst(MoldPacket.headBytes)
        while let high = rest.popFirst(), let low = rest.popFirst() {
            let length = Int(high) << 8 | Int(low)
            messages.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return messages
    }
}
