// Captures: both containers in both byte orders, all clocks, and everything that isn't UDP.
import Basics
import TestSupport
import Testing

@testable import TickerFeed

private let second: Int64 = 1_580_371_634
private let time = second * 1_000_000_000 + 909_934_345
private let payload: [UInt8] = Array("REPLAY0001 and something".utf8)

/// What a datagram of each packet carries, or why it carries nothing.
private func payloads(_ bytes: [UInt8]) -> [Result<[UInt8], PacketFlaw>] {
    Capture.packets(of: bytes).packets.map { packet in
        Result { () throws(PacketFlaw) in
            if let flaw = packet.flaw { throw flaw }
            return Array(bytes[try Datagram(in: bytes.span.bytes, frame: packet.frame).payload])
        }
    }
}

@Test("a classic capture is read in either byte order and unit", arguments: [ByteOrder.big, .little])
func classic(order: ByteOrder) {
    let frame = Capture.frame(payload)
    for microseconds in [false, true] {
        let bytes = Capture.pcap(
            [(time, frame), (time + 5_000, frame)], order: order, microseconds: microseconds)
        let packets = Capture.packets(of: bytes).packets
        let first = microseconds ? time / 1_000 * 1_000 : time
        #expect(packets.map(\.time.raw) == [first, first + 5_000])
        #expect(payloads(bytes) == [.success(payload), .success(payload)])
    }
}

@Test("pcapng is read in either byte order, section by section", arguments: [ByteOrder.big, .little])
func sections(order: ByteOrder) {
    let frame = Capture.frame(payload), w = Capture.Writer(order: order)
    let other = Capture.Writer(order: order == .big ? .little : .big)
    let bytes =
        Capture.pcapng([(time, frame)], order: order) + w.block(5, [1, 2, 3, 4]) + w.block(0x0bad, [])
        + other.section() + other.interface() + other.packet(ticks: UInt64(time / 1_000), frame)
        + Capture.pcapng([(time + 7, frame)], order: order)
    #expect(Capture.packets(of: bytes).packets.map(\.time.raw) == [time, time / 1_000 * 1_000, time + 7])
    #expect(payloads(bytes) == Array(repeating: .success(payload), count: 3))
}

@Test(
    "an interface says what its clock counts",
    arguments: [
        (resolution: nil, offset: nil, ticks: 1_500_000, time: 1_500_000_000),
        (0, nil, 7, 7_000_000_000), (3, nil, 1_500, 1_500_000_000), (9, nil, 1_500, 1_500),
        (12, nil, 1_500_999, 1_500), (40, nil, 1 << 60, 0), (0x80 | 10, nil, 1_536, 1_500_000_000),
        (0x80 | 127, nil, 1 << 60, 0), (3, 1_000, 1, 1_000_001_000_000), (6, -1, 0, -1_000_000_000),
        (0, nil, .max, .max), (6, .min, 0, .min),
    ] as [(resolution: UInt8?, offset: Int64?, ticks: UInt64, time: Int64)])
func clocks(resolution: UInt8?, offset: Int64?, ticks: UInt64, time: Int64) {
    let w = Capture.Writer(order: .big)
    var options: [(code: UInt16, value: [UInt8])] = [(2, Array("eth0.1".utf8))]
    if let resolution { options.append((9, [resolution])) }
    if let offset { options.append((14, ITCHField.u64(UInt64(bitPattern: offset)).bytes)) }
    let bytes = w.section() + w.interface(options: options) + w.packet(ticks: ticks, Capture.frame(payload))
    #expect(Capture.packets(of: bytes).packets.map(\.time.raw) == [time])
}

@Test("packets belong to their interface; other kinds of it are passed over")
func interfaces() {
    let w = Capture.Writer(order: .little), frame = Capture.frame(payload)
    let bytes =
        w.section() + w.interface() + w.interface(linkType: 113) + w.interface(options: [(9, [0])])
        + w.packet(ticks: 2_000_000, frame) + w.packet(interface: 1, ticks: 3, frame)
        + w.packet(interface: 2, ticks: 4, frame) + w.packet(interface: 3, ticks: 5, frame)
    #expect(
        payloads(bytes) == [
            .success(payload), .failure(.notEthernet), .success(payload), .failure(.malformed),
        ])
    #expect(
        Capture.packets(of: bytes).packets.map(\.time.raw) == [
            2_000_000_000, 3_000, 4_000_000_000, 4_000_000_000,
        ])
}

@Test("older kinds of packet blocks are read, too")
func olderBlocks() {
    let w = Capture.Writer(order: .big), frame = Capture.frame(payload)
    let length = w.u32(UInt32(frame.count))
    let obsolete = w.block(2, w.u16(0) + w.u16(9) + w.u32(0) + w.u32(5) + length + length + frame)
    let simple = w.block(3, length + frame)
    let bytes = w.section() + w.interface() + obsolete + simple
    #expect(payloads(bytes) == [.success(payload), .success(payload)])
    #expect(Capture.packets(of: bytes).packets.map(\.time.raw) == [5_000, 5_000])
    let kept = w.section() + w.interface(snapLength: 50) + w.block(3, length + Array(frame.prefix(50)))
    #expect(payloads(kept) == [.failure(.cutShort)])
}

@Test("tags and options are stepped over, padding isn't read")
func frames() {
    let short: [UInt8] = [1, 2, 3]
    let frames = [
        Capture.frame(payload), Capture.frame(payload, tags: [0x8100]),
        Capture.frame(payload, tags: [0x88a8, 0x8100]), Capture.frame(payload, options: 10),
    ]
    let all = frames.map { (time, $0) } + [(time, Capture.frame(short))]
    #expect(payloads(Capture.pcap(all)) == Array(repeating: .success(payload), count: 4) + [.success(short)])
}

@Test("what carries no datagram says why")
func unusable() {
    let good = Capture.frame(payload)
    func changed(_ place: Int, _ bytes: UInt8...) -> [UInt8] {
        var frame = good
        frame.replaceSubrange(place..<place + bytes.count, with: bytes)
        return frame
    }
    let rows: [(frame: [UInt8], flaw: PacketFlaw)] = [
        (Capture.frame(payload, tags: [0x8100, 0x8100, 0x8100]), .notIPv4),
        (changed(12, 0x86, 0xdd), .notIPv4), (changed(12, 8, 6), .notIPv4), (changed(14, 0x65), .notIPv4),
        (Capture.frame(payload, protocol: 6), .notUDP),
        (Capture.frame(payload, fragment: 0x2000), .fragment),
        (Capture.frame(payload, fragment: 1), .fragment),
        (changed(14, 0x44), .malformed), (changed(16, 0xff, 0xff), .malformed),
        (changed(16, 0, 27), .malformed), (changed(38, 0, 7), .malformed), (changed(38, 1, 0), .malformed),
        (Array(good.prefix(13)), .malformed), (Array(good.prefix(30)), .malformed), ([], .malformed),
    ]
    let all = payloads(Capture.pcap(rows.map { (time, $0.frame) }))
    #expect(all == rows.map { .failure($0.flaw) })
    // "Don't fragment" is no fragment.
    #expect(payloads(Capture.pcap([(time, Capture.frame(payload, fragment: 0x4000))])) == [.success(payload)])
}

@Test("a packet of which less was kept than there was is not used")
func snapLength() {
    var bytes = Capture.pcap([(time, Capture.frame(payload))])
    bytes[24 + 12] += 1
    #expect(payloads(bytes) == [.failure(.cutShort)])
}

@Test("a packet that is too long is passed over, however it is cut")
func tooLong() throws {
    let long = [UInt8](repeating: 7, count: PcapReader.packetBytesMax + 1_100)
    let seen: [Seen] = [(time, Capture.frame(payload)), (time, long), (time, Capture.frame(payload))]
    for bytes in [Capture.pcap(seen), Capture.pcapng(seen)] {
        let flaws = Capture.packets(of: bytes).packets.map(\.flaw)
        #expect(flaws == [nil, .tooLong, nil])
        var reader = PcapReader(), flawsInPieces: [PacketFlaw?] = [], start = 0
        for end in stride(from: 0, through: bytes.count + 999, by: 1_000) {
            let piece = Array(bytes[start..<min(end, bytes.count)])
            var offset = 0
            while let packet = try reader.next(in: piece.span.bytes, from: &offset) {
                flawsInPieces.append(packet.flaw)
            }
            start += offset
        }
        #expect(flawsInPieces == flaws && start == bytes.count)
    }
}

@Test("what is no capture, or none of Ethernet, is told at once")
func refused() {
    let w = Capture.Writer(order: .little)
    #expect(Capture.packets(of: Array("text, not packets".utf8)).error == .notPcap(offset: 0))
    #expect(Capture.packets(of: Capture.pcap([Seen](), linkType: 113)).error == .linkType(113, offset: 0))
    let section = w.section()
    #expect(
        Capture.packets(of: section + w.interface(linkType: 101)).error
            == .linkType(101, offset: section.count))
    var version = Capture.pcap([Seen]())
    version[4] = 3
    #expect(Capture.packets(of: version).error == .badBlock(offset: 0, .version))
}

@Test("blocks whose lengths contradict each other end the capture, behind what was whole")
func badBlocks() {
    let good = Capture.pcapng([(time, Capture.frame(payload)), (time, Capture.frame(payload))])
    let length = Capture.Writer(order: .little).packet(ticks: 0, Capture.frame(payload)).count
    for (place, value) in [(good.count - length + 4, UInt8(11)), (good.count - 4, 0)] {
        var bytes = good
        bytes[place] = value
        let (packets, error) = Capture.packets(of: bytes)
        #expect(packets.count == 1 && error == .badBlock(offset: good.count - length, .length))
    }
}

@Test("no prefix and no changed byte of a capture crashes its reader")
func survives() {
    let w = Capture.Writer(order: .little), frame = Capture.frame(payload, tags: [0x8100])
    let ng =
        w.section() + w.interface(options: [(9, [9]), (14, [0, 0, 0, 0, 0, 0, 0, 1])])
        + w.packet(ticks: 1, frame) + w.block(3, w.u32(UInt32(frame.count)) + frame)
    for bytes in [Capture.pcap([(time, frame), (time, frame)]), ng] {
        for end in 0..<bytes.count { _ = payloads(Array(bytes[..<end])) }
        for place in bytes.indices {
            for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                var changed = bytes
                changed[place] = value
                _ = payloads(changed)
            }
        }
    }
}
