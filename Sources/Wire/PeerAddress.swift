// Who is at the other end: one fixed-size value for both families, fit for a dictionary of limits.

/// An IPv6 address and a port. IPv4 is held mapped (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2).
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    /// The 16 bytes in network order, as two big-endian halves.
    public let high: UInt64
    public let low: UInt64
    public let port: UInt16

    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// `v4` is the address as a number: 127.0.0.1 is 0x7f00_0001.
    public init(v4: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(v4), port: port)
    }

    public var isV4: Bool { high == 0 && low >> 32 == 0xffff }

    /// `::1`, or anything in 127/8.
    public var isLoopback: Bool {
        isV4 ? (low >> 24) & 0xff == 127 : high == 0 && low == 1
    }

    /// `127.0.0.1:5` or `[::1]:5`.
    public var description: String { isV4 ? "\(host):\(port)" : "[\(host)]:\(port)" }

    /// The address without the port, as RFC 5952 writes it.
    public var host: String {
        guard isV4 else { return compressed }
        return [24, 16, 8, 0].map { String((low >> UInt64($0)) & 0xff) }.joined(separator: ".")
    }

    private var groups: [UInt16] {
        [high, low].flatMap { half in
            [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
        }
    }

    /// Lower case, no leading zeros, the longest run of zero groups as `::` (RFC 5952 §4).
    private var compressed: String {
        let groups = groups
        let gap = longestZeroRun(in: groups)
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard gap.count > 1 else { return text(groups[...]) }
        return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
    }

    private func longestZeroRun(in groups: [UInt16]) -> Range<Int> {
        var best = 0..<0, start = 0
        for index in groups.indices {
            if groups[index] != 0 { start = index + 1 }
            if index + 1 - start > best.count { best = start..<index + 1 }
        }
        return best
    }
}
