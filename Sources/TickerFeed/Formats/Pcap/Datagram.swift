// UDP datagrams in Ethernet frames, and why a packet is none.
//
//     Ethernet II 14 · VLAN tag 4, none to two · IPv4 20 to 60 · UDP 8 · payload
//
// Invariants
//   - The UDP length counts, not the frame's: short frames are padded to 60 bytes.
//   - No checksum is looked at: captures taken before the network card fills them in have none.
//   - What isn't whole is passed over: nothing is guessed, no fragment is put together.
import Basics

/// Why a captured packet carries nothing for a feed. The name is a counter's.
enum PacketFlaw: String, Error, CaseIterable {
    /// The capture kept less than there was (snap length).
    case cutShort = "packets_cut_short"
    case tooLong = "packets_too_long"
    case notEthernet = "packets_not_ethernet"
    case notIPv4 = "packets_not_ipv4"
    case notUDP = "packets_not_udp"
    case fragment = "packets_fragmented"
    /// Lengths that contradict each other.
    case malformed = "packets_malformed"
}

/// A UDP datagram, as a place in the bytes of its capture.
struct Datagram: Hashable {
    let payload: Range<Int>
    /// Where it was sent to: a group's address and port are what tells lines apart.
    let address: UInt32
    let port: UInt16

    /// Finds the datagram in an Ethernet frame.
    init(in bytes: RawSpan, frame: Range<Int>) throws(PacketFlaw) {
        let packet = try Datagram.internetPacket(in: bytes, frame)
        let start = packet.lowerBound
        guard packet.count >= 20 else { throw .malformed }
        guard bytes.u8(at: start) >> 4 == 4 else { throw .notIPv4 }
        let head = Int(bytes.u8(at: start) & 15) * 4, total = Int(bytes.u16(at: start + 2))
        guard head >= 20, total >= head, total <= packet.count else { throw .malformed }
        guard bytes.u8(at: start + 9) == 17 else { throw .notUDP }
        // More fragments, or an offset: the bit above is "don't fragment".
        guard bytes.u16(at: start + 6) & 0x3fff == 0 else { throw .fragment }
        let udp = start + head
        guard total - head >= 8 else { throw .malformed }
        let length = Int(bytes.u16(at: udp + 4))
        guard length >= 8, length <= total - head else { throw .malformed }
        payload = udp + 8..<udp + length
        address = bytes.u32(at: start + 16)
        port = bytes.u16(at: udp + 2)
    }

    /// What is behind the Ethernet head and its tags (IEEE 802.1Q, 802.1ad).
    private static func internetPacket(
        in bytes: RawSpan, _ frame: Range<Int>
    ) throws(PacketFlaw) -> Range<Int> {
        var type = frame.lowerBound + 12
        for _ in 0...2 {
            guard frame.upperBound - type >= 2 else { throw .malformed }
            switch bytes.u16(at: type) {
            case 0x0800: return type + 2..<frame.upperBound
            case 0x8100, 0x88a8: type += 4
            default: throw .notIPv4
            }
        }
        throw .notIPv4
    }
}
