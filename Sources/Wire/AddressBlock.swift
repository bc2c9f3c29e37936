// Addresses out of text, and blocks of them (RFC 4632, RFC 4291 §2.3): literals only. Nothing here asks a
// name server, so text from strangers is safe to read.
import CLinux

extension PeerAddress {
    /// `192.0.2.1`, `2001:db8::1`, and with a port `192.0.2.1:80`, `[2001:db8::1]:80`.
    ///
    /// Nil for anything else: no names, no octal, no zones.
    public init?(_ text: some StringProtocol) {
        // A NUL would end the text for the system, and not for anybody else.
        guard text.utf8.count <= PeerAddress.textMax, !text.utf8.contains(0) else { return nil }
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = text[text.index(after: text.startIndex)..<end]
            guard let port = PeerAddress.port(text[text.index(after: end)...]) else { return nil }
            self.init(v6: String(host), port: port)
        } else if text.utf8.count(where: { $0 == UInt8(ascii: ":") }) > 1 {
            self.init(v6: String(text), port: 0)
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            guard let port = PeerAddress.port(text[colon...]) else { return nil }
            self.init(v4: String(text[..<colon]), port: port)
        }
    }

    /// The longest there is, `[` 45 characters `]:65535`, and no more.
    private static let textMax = 53

    /// Nothing is port 0.
    private static func port(_ text: some StringProtocol) -> UInt16? {
        guard let first = text.utf8.first else { return 0 }
        let digits = text.utf8.dropFirst()
        guard first == UInt8(ascii: ":"), !digits.isEmpty, digits.allSatisfy(ASCII.isDigit) else {
            return nil
        }
        return UInt16(text.dropFirst())
    }

    private init?(v4 text: String, port: UInt16) {
        var address = in_addr()
        guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
        self.init(v4: UInt32(bigEndian: address.s_addr), port: port)
    }

    private init?(v6 text: String, port: UInt16) {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        let (high, low) = withUnsafeBytes(of: address) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        self.init(high: high, low: low, port: port)
    }
}

/// All addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or a single one.
public struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64
    /// Of 128: an IPv4 address is held mapped, behind 96 bits that all of them share.
    private let bits: Int

    /// Nil unless it is an address without a port, and bits that it has; bits beyond those must be 0,
    /// for `10.1.2.3/8` means something else than it says.
    public init?(_ text: some StringProtocol) {
        let slash = text.firstIndex(of: "/")
        let host = text[..<(slash ?? text.endIndex)]
        guard !host.contains("["), let address = PeerAddress(host), address.port == 0,
            !address.isV4 || !host.hasSuffix(":0")
        else { return nil }
        let whole = address.isV4 ? 32 : 128
        var length = whole
        if let slash {
            let digits = text[text.index(after: slash)...]
            guard digits.utf8.count <= 3, digits.utf8.allSatisfy(ASCII.isDigit), let number = Int(digits),
                number <= whole
            else { return nil }
            length = number
        }
        bits = length + 128 - whole
        (high, low) = AddressBlock.masked(address, bits)
        guard high == address.high, low == address.low else { return nil }
    }

    public func contains(_ address: PeerAddress) -> Bool {
        AddressBlock.masked(address, bits) == (high, low)
    }

    public var description: String {
        let first = PeerAddress(high: high, low: low, port: 0)
        return "\(first.host)/\(first.isV4 ? bits - 96 : bits)"
    }

    private static func masked(_ address: PeerAddress, _ bits: Int) -> (UInt64, UInt64) {
        // Smart shifts: by 64 and more, all bits go.
        (address.high & ~(~0 >> UInt64(min(bits, 64))), address.low & ~(~0 >> UInt64(max(0, bits - 64))))
    }
}
