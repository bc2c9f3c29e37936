// The blocks of pcapng that are read: interfaces, and the three kinds of packets there have been.
//
// Invariants
//   - A block is whole and its bounds are known before a field is read; a frame that claims more than
//     its block holds is no packet.
import Basics

/// The bytes' order, which a section's or file's first word gives away.
enum ByteOrder {
    case big, little

    func u16(_ bytes: RawSpan, _ offset: Int) -> UInt16 {
        self == .big ? bytes.u16(at: offset) : bytes.u16(at: offset).byteSwapped
    }
    func u32(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
        self == .big ? bytes.u32(at: offset) : bytes.u32(at: offset).byteSwapped
    }
    func u64(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        self == .big ? bytes.u64(at: offset) : bytes.u64(at: offset).byteSwapped
    }
}

/// A whole block of pcapng. Bodies begin 8 bytes behind `start`; at `end` its length stands again.
struct PcapBlock: ~Escapable {
    let bytes: RawSpan
    let start: Int, end: Int
    let order: ByteOrder

    @_lifetime(copy bytes)
    init(bytes: RawSpan, start: Int, end: Int, order: ByteOrder) {
        self.bytes = bytes
        self.start = start
        self.end = end
        self.order = order
    }

    static let interface: UInt32 = 1, obsoletePacket: UInt32 = 2, simplePacket: UInt32 = 3
    static let enhancedPacket: UInt32 = 6

    /// Everything else is passed over by its length: names, statistics, secrets, whatever comes to be.
    static func isRead(_ type: UInt32) -> Bool {
        type == interface || type == obsoletePacket || type == simplePacket || type == enhancedPacket
    }

    /// A packet's fields. Nil where they contradict each other, or its interface isn't known.
    func packet(_ type: UInt32, _ interfaces: [PcapInterface]) -> Packet? {
        if type == PcapBlock.simplePacket { return simplePacket(interfaces) }
        guard end - start >= 28 else { return nil }
        let number =
            type == PcapBlock.enhancedPacket
            ? Int(order.u32(bytes, start + 8)) : Int(order.u16(bytes, start + 8))
        let captured = Int(order.u32(bytes, start + 20))
        guard number < interfaces.count, captured <= end - (start + 28) else { return nil }
        let ticks = UInt64(order.u32(bytes, start + 12)) << 32 | UInt64(order.u32(bytes, start + 16))
        return Packet(
            interface: interfaces[number], ticks: ticks, frame: start + 28..<start + 28 + captured,
            original: Int(order.u32(bytes, start + 24)))
    }

    /// Of the section's first interface, and without a time. How much was captured follows from
    /// the longest that was kept.
    private func simplePacket(_ interfaces: [PcapInterface]) -> Packet? {
        guard let interface = interfaces.first, end - start >= 12 else { return nil }
        let original = Int(order.u32(bytes, start + 8))
        let kept = interface.snapLength == 0 ? original : min(original, interface.snapLength)
        guard kept <= end - (start + 12) else { return nil }
        return Packet(
            interface: interface, ticks: nil, frame: start + 12..<start + 12 + kept, original: original)
    }

    struct Packet {
        let interface: PcapInterface
        let ticks: UInt64?
        let frame: Range<Int>
        let original: Int
    }
}

/// What a section says of where its packets were captured.
struct PcapInterface: Hashable {
    static let ethernet: UInt32 = 1

    let linkType: UInt32
    /// 0: all of a packet was kept.
    let snapLength: Int
    /// `if_tsresol`: a negative power of 10, or of 2 where the high bit is set.
    private(set) var resolution: UInt8 = 6
    /// `if_tsoffset`: seconds to add.
    private(set) var offset: Int64 = 0

    /// Nil where the block is too short for one.
    init?(_ block: borrowing PcapBlock) {
        guard block.end - block.start >= 16 else { return nil }
        linkType = UInt32(block.order.u16(block.bytes, block.start + 8))
        snapLength = Int(block.order.u32(block.bytes, block.start + 12))
        var at = block.start + 16
        while block.end - at >= 4 {
            let code = block.order.u16(block.bytes, at), length = Int(block.order.u16(block.bytes, at + 2))
            guard code != 0, length <= block.end - (at + 4) else { break }
            switch (code, length) {
            case (9, 1): resolution = block.bytes.u8(at: at + 4)
            case (14, 8): offset = Int64(bitPattern: block.order.u64(block.bytes, at + 4))
            default: break
            }
            at += 4 + (length + 3) & ~3
        }
    }

    /// Rounded down to nanoseconds; what a date cannot say becomes the nearest one that it can.
    func time(_ ticks: UInt64) -> Timestamp {
        let scaled = UInt128(ticks) * 1_000_000_000, power = Int(resolution & 0x7f)
        let span: UInt128
        if resolution & 0x80 != 0 {
            span = scaled >> UInt128(power)
        } else {
            // 10^28 is more than any number of ticks × 10^9.
            span = power > 28 ? 0 : (0..<power).reduce(scaled) { rest, _ in rest / 10 }
        }
        return Timestamp(raw: Int64(clamping: Int128(offset) * 1_000_000_000 + Int128(span)))
    }
}
