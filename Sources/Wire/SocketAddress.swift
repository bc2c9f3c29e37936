// Names to addresses, and the kernel's view of an address to ours.
import CLinux

/// Why a name has no address.
struct ResolveError: Error {
    let reason: String
}

/// A `sockaddr` of either family.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    init() {}

    private init(_ info: addrinfo) {
        length = info.ai_addrlen
        withUnsafeMutableBytes(of: &storage) { room in
            room.copyMemory(from: UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen)))
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// RFC 3493 §3.3 and its IPv4 sibling: port at 2, address at 4 (IPv4) or 8 (IPv6).
    var peer: PeerAddress {
        withUnsafeBytes(of: storage) { bytes in
            let port = UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
            guard family == AF_INET6 else {
                let v4 = UInt32(bigEndian: bytes.load(fromByteOffset: 4, as: UInt32.self))
                return PeerAddress(v4: v4, port: port)
            }
            return PeerAddress(
                high: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.load(fromByteOffset: 16, as: UInt64.self)), port: port)
        }
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    mutating func withMutablePointer<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }

    /// What the socket is bound to.
    static func local(of descriptor: Int32) -> SocketAddress {
        var address = SocketAddress()
        _ = address.withMutablePointer { getsockname(descriptor, $0, $1) }
        return address
    }

    /// All stream addresses of a name or of a literal, in the system's order. Blocks while a name
    /// is looked up.
    static func resolve(
        host: String, port: UInt16, passive: Bool
    ) throws(ResolveError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0 else { throw ResolveError(reason: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(found) }
        return sequence(first: found, next: { $0?.pointee.ai_next }).compactMap { entry in
            entry.map { SocketAddress($0.pointee) }
        }
    }
}
