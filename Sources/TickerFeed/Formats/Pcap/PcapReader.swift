// Packets out of a capture: classic pcap in either byte order and unit of time, and pcapng.
//
//     classic   head 24 · (head 16 · bytes)*
//     pcapng    (type 4 · length 4 · body · length 4)*, interfaces numbered anew in each section
//
// Invariants
//   - What a packet is doesn't depend on where the bytes were cut: nothing is consumed before it is whole.
//   - No length found in the capture sizes memory: what is longer than `packetBytesMax` is passed
//     over as it comes, and counted by whoever reads.
//   - Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
import Basics

/// Why bytes are no capture, or a capture cannot be read on. `offset` counts in the bytes given.
enum PcapError: Error, Hashable {
    case notPcap(offset: Int)
    /// Frames of another kind than Ethernet.
    case linkType(UInt32, offset: Int)
    case badBlock(offset: Int, Fault)

    enum Fault: String { case version, length, interface }
}

/// A captured packet, as a place in the bytes it was read from.
struct PcapPacket: Hashable {
    let time: Timestamp
    /// The frame; empty where `flaw` says that it wasn't kept.
    let frame: Range<Int>
    let flaw: PacketFlaw?
}

/// Reads a capture from its first byte. A value: what it knows of interfaces goes along.
struct PcapReader {
    /// Twice the longest IP packet, and half of what capture tools take at most.
    static let packetBytesMax = 128 << 10
    static let interfacesMax = 1_024

    private enum Layout { case unknown, classic, blocks }
    private var layout = Layout.unknown
    private var order = ByteOrder.little
    /// Classic: nanoseconds in a unit of a packet's fraction.
    private var fraction: Int64 = 1
    private var interfaces: [PcapInterface] = []
    private var sections = 0
    private var lastTime = Timestamp.zero
    /// Bytes still to come of what is passed over.
    private(set) var skipping = 0

    /// The first four bytes of a capture, in any order and unit.
    static func isMark(_ word: UInt32) -> Bool {
        [0x0a0d_0d0a, 0xa1b2_c3d4, 0xa1b2_3c4d, 0xd4c3_b2a1, 0x4d3c_b2a1].contains(word)
    }

    /// The next packet from `offset` on, which moves behind it; nil when less than one is left.
    mutating func next(in bytes: RawSpan, from offset: inout Int) throws(PcapError) -> PcapPacket? {
        while skip(in: bytes, from: &offset) {
            let start = offset
            switch layout {
            case .unknown: guard try begin(bytes, &offset) else { return nil }
            case .classic: return classicPacket(bytes, &offset)
            case .blocks:
                if let packet = try block(bytes, &offset) { return packet }
                guard offset > start else { return nil }
            }
        }
        return nil
    }

    /// True when nothing is left to pass over.
    private mutating func skip(in bytes: RawSpan, from offset: inout Int) -> Bool {
        let step = min(skipping, bytes.byteCount - offset)
        skipping -= step
        offset += step
        return skipping == 0
    }

    // MARK: Classic

    private mutating func begin(_ bytes: RawSpan, _ offset: inout Int) throws(PcapError) -> Bool {
        guard bytes.byteCount - offset >= 4 else { return false }
        switch bytes.u32(at: offset) {
        case 0x0a0d_0d0a:
            layout = .blocks
            return true
        case 0xa1b2_c3d4: (order, fraction) = (.big, 1_000)
        case 0xa1b2_3c4d: (order, fraction) = (.big, 1)
        case 0xd4c3_b2a1: (order, fraction) = (.little, 1_000)
        case 0x4d3c_b2a1: (order, fraction) = (.little, 1)
        default: throw .notPcap(offset: offset)
        }
        guard bytes.byteCount - offset >= 24 else { return false }
        guard order.u16(bytes, offset + 4) == 2 else { throw .badBlock(offset: offset, .version) }
        // The upper bits say whether frames have a checksum behind them: it is left where it is.
        let linkType = order.u32(bytes, offset + 20) & 0x03ff_ffff
        guard linkType == PcapInterface.ethernet else { throw .linkType(linkType, offset: offset) }
        layout = .classic
        offset += 24
        return true
    }

    private mutating func classicPacket(_ bytes: RawSpan, _ offset: inout Int) -> PcapPacket? {
        guard bytes.byteCount - offset >= 16 else { return nil }
        let seconds = Int64(order.u32(bytes, offset)), rest = Int64(order.u32(bytes, offset + 4))
        let time = Timestamp(raw: seconds * 1_000_000_000 + rest * fraction)
        let captured = Int(order.u32(bytes, offset + 8)), original = Int(order.u32(bytes, offset + 12))
        let frame = offset + 16
        if captured > PcapReader.packetBytesMax {
            (skipping, offset) = (captured, frame)
            return PcapPacket(time: time, frame: frame..<frame, flaw: .tooLong)
        }
        guard bytes.byteCount - frame >= captured else { return nil }
        offset = frame + captured
        return PcapPacket(
            time: time, frame: frame..<offset, flaw: captured < original ? .cutShort : nil)
    }

    // MARK: Blocks

    private mutating func block(_ bytes: RawSpan, _ offset: inout Int) throws(PcapError) -> PcapPacket? {
        guard bytes.byteCount - offset >= 16 else { return try shortBlock(bytes, &offset) }
        let start = offset
        if bytes.u32(at: start) == 0x0a0d_0d0a {
            try beginSection(bytes, &offset)
            return nil
        }
        let type = order.u32(bytes, start), length = Int(order.u32(bytes, start + 4))
        guard length >= 12, length % 4 == 0 else { throw .badBlock(offset: start, .length) }
        guard PcapBlock.isRead(type) else {
            (skipping, offset) = (length - 8, start + 8)
            return nil
        }
        guard length <= PcapReader.packetBytesMax + 1_024 else {
            guard type != PcapBlock.interface else { throw .badBlock(offset: start, .interface) }
            (skipping, offset) = (length - 8, start + 8)
            return PcapPacket(time: lastTime, frame: start..<start, flaw: .tooLong)
        }
        guard bytes.byteCount - start >= length else { return nil }
        guard Int(order.u32(bytes, start + length - 4)) == length else {
            throw .badBlock(offset: start, .length)
        }
        let body = PcapBlock(bytes: bytes, start: start, end: start + length - 4, order: order)
        guard type != PcapBlock.interface else {
            try addInterface(body)
            offset = start + length
            return nil
        }
        offset = start + length
        return packet(body, type)
    }

    /// A block of less than 16 bytes has no body worth reading, but may be the last one.
    private mutating func shortBlock(_ bytes: RawSpan, _ offset: inout Int) throws(PcapError) -> PcapPacket? {
        guard bytes.byteCount - offset >= 12, sections > 0, order.u32(bytes, offset + 4) == 12 else {
            return nil
        }
        guard !PcapBlock.isRead(order.u32(bytes, offset)) else { throw .badBlock(offset: offset, .length) }
        offset += 12
        return nil
    }

    private mutating func beginSection(_ bytes: RawSpan, _ offset: inout Int) throws(PcapError) {
        switch bytes.u32(at: offset + 8) {
        case 0x1a2b_3c4d: order = .big
        case 0x4d3c_2b1a: order = .little
        default: throw .badBlock(offset: offset, .version)
        }
        guard order.u16(bytes, offset + 12) == 1 else { throw .badBlock(offset: offset, .version) }
        let length = Int(order.u32(bytes, offset + 4))
        guard length >= 28, length % 4 == 0 else { throw .badBlock(offset: offset, .length) }
        interfaces.removeAll()
        sections += 1
        (skipping, offset) = (length - 16, offset + 16)
    }

    private mutating func addInterface(_ block: PcapBlock) throws(PcapError) {
        guard let interface = PcapInterface(block) else { throw .badBlock(offset: block.start, .length) }
        // A capture of something else is told at once; beside Ethernet other packets are passed over.
        if sections == 1, interfaces.isEmpty, interface.linkType != PcapInterface.ethernet {
            throw .linkType(interface.linkType, offset: block.start)
        }
        guard interfaces.count < PcapReader.interfacesMax else {
            throw .badBlock(offset: block.start, .interface)
        }
        interfaces.append(interface)
    }

    private mutating func packet(_ block: PcapBlock, _ type: UInt32) -> PcapPacket {
        let none = block.start..<block.start
        guard let fields = block.packet(type, interfaces) else {
            return PcapPacket(time: lastTime, frame: none, flaw: .malformed)
        }
        if let ticks = fields.ticks { lastTime = fields.interface.time(ticks) }
        guard fields.interface.linkType == PcapInterface.ethernet else {
            return PcapPacket(time: lastTime, frame: none, flaw: .notEthernet)
        }
        let isCut = fields.frame.count < fields.original
        return PcapPacket(time: lastTime, frame: fields.frame, flaw: isCut ? .cutShort : nil)
    }
}
