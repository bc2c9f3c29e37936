// What a capture held besides messages, and in which words its faults are told.
import Basics

/// Counts of packets: by the port they were sent to, which tells lines apart, and by what was wrong.
struct CaptureCounts {
    static let portsMax = 64

    var packets: UInt64 = 0
    /// A packet was of MoldUDP64.
    var hasSession = false
    private var ports: [(port: UInt16, count: UInt64)] = []
    private var otherPorts: UInt64 = 0
    private var flaws: [PacketFlaw: UInt64] = [:]

    mutating func count(_ datagram: Datagram) {
        if let index = ports.firstIndex(where: { $0.port == datagram.port }) {
            ports[index].count += 1
        } else if ports.count < CaptureCounts.portsMax {
            ports.append((datagram.port, 1))
        } else {
            otherPorts += 1
        }
    }

    mutating func count(_ flaw: PacketFlaw) { flaws[flaw, default: 0] += 1 }

    func counts(_ lines: MoldCounts) -> [FeedCount] {
        var all = [("packets", packets)]
        all += ports.sorted { $0.port < $1.port }.map { ("port_\($0.port)", $0.count) }
        if otherPorts > 0 { all.append(("other_ports", otherPorts)) }
        all += lines.named
        all += PacketFlaw.allCases.compactMap { flaw in flaws[flaw].map { (flaw.rawValue, $0) } }
        return all.map { FeedCount("transport.\($0.0)", $0.1) }
    }

    /// At the end: a capture of packets of which none was of the feed is the wrong one.
    var fault: FeedFault? {
        guard packets > 0, !hasSession else { return nil }
        return FeedFault(offset: 0, reason: "none of its \(packets) packets is of MoldUDP64")
    }
}

extension PcapError {
    /// - Parameter base: what the error's own offset counts from.
    func fault(at base: Int) -> FeedFault {
        switch self {
        case .notPcap(let offset): FeedFault(offset: base + offset, reason: "no capture begins like that")
        case .linkType(let type, let offset):
            FeedFault(
                offset: base + offset,
                reason:
                    "packets of link type \(type): only Ethernet (1) is read; capture on an interface, not on \"any\""
            )
        case .badBlock(let offset, .version):
            FeedFault(offset: base + offset, reason: "a capture of another version")
        case .badBlock(let offset, .length):
            FeedFault(offset: base + offset, reason: "a block whose lengths contradict each other")
        case .badBlock(let offset, .interface):
            FeedFault(
                offset: base + offset,
                reason: "an interface too many, or one that is too long: \(PcapReader.interfacesMax) are read"
            )
        }
    }
}

extension PacketFlaw {
    /// For the log line of the first of a kind.
    var cause: StaticString {
        switch self {
        case .cutShort: "less of the packet was captured than there was"
        case .tooLong: "longer than any packet of a feed"
        case .notEthernet: "of an interface that is no Ethernet"
        case .notIPv4: "no IPv4"
        case .notUDP: "no UDP"
        case .fragment: "a fragment"
        case .malformed: "its lengths contradict each other"
        }
    }
}
