// Where a fleet connects to and from: IPv4, since source addresses are counted up in 127/8.
import Basics
import CLinux

struct ServerAddress: Equatable {
    let host: String
    let port: UInt16
    private let address: UInt32

    static func loopback(_ port: UInt16) -> ServerAddress {
        ServerAddress(host: "127.0.0.1", port: port, address: 0x7f00_0001)
    }

    private init(host: String, port: UInt16, address: UInt32) {
        self.host = host
        self.port = port
        self.address = address
    }

    /// `HOST:PORT`; a name is looked up.
    init(_ text: String) throws(UsageError) {
        guard let colon = text.lastIndex(of: ":"), colon > text.startIndex,
            let port = UInt16(text[text.index(after: colon)...]), port > 0
        else { throw UsageError("--connect \(text): an address as 127.0.0.1:7400") }
        let host = String(text[..<colon])
        guard let address = ServerAddress.lookUp(host) else {
            throw UsageError("--connect \(text): \(host) has no IPv4 address")
        }
        self.init(host: host, port: port, address: address)
    }

    private static func lookUp(_ host: String) -> UInt32? {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &found) == 0 else { return nil }
        defer { freeaddrinfo(found) }
        return found?.pointee.ai_addr?
            .withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
            }
    }

    var isLoopback: Bool { address >> 24 == 127 }
    var description: String { "\(host):\(port)" }

    /// A connected socket that never waits.
    ///
    /// - Parameter source: counts up from 127.0.0.1; nil leaves it to the kernel.
    func connect(from source: Int? = nil) throws(BenchError) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw BenchError("no socket for another connection: \(SystemError("socket").reason)")
        }
        do throws(BenchError) {
            if let source { try bindSource(descriptor, source) }
            guard withAddress(address, port, { connectSocket(descriptor, $0, $1) }) == 0 else {
                throw BenchError(refusal(SystemError("connect")))
            }
        } catch {
            close(descriptor)
            throw error
        }
        tf_set_nonblocking(descriptor)
        return descriptor
    }

    private func refusal(_ error: SystemError) -> String {
        error.code == EADDRNOTAVAIL
            ? "no free port left for another connection to \(description): use more --addresses"
            : "cannot connect to \(description): \(error.reason)"
    }

    /// The port is chosen with the connection, so that each source has all of them for each server.
    private func bindSource(_ descriptor: Int32, _ source: Int) throws(BenchError) {
        let bindAddressNoPort: Int32 = 24
        var on: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_IP), bindAddressNoPort, &on, socklen_t(MemoryLayout<Int32>.size))
        let code = withAddress(0x7f00_0001 + UInt32(source), 0) { bindSocket(descriptor, $0, $1) }
        guard code == 0 else {
            throw BenchError("cannot connect from 127.0.0.\(1 + source): \(SystemError("bind").reason)")
        }
    }

    /// Somebody listens there.
    var answers: Bool {
        guard let descriptor = try? connect() else { return false }
        close(descriptor)
        return true
    }
}

func withAddress(
    _ address: UInt32, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    var storage = sockaddr_in()
    storage.sin_family = sa_family_t(AF_INET)
    storage.sin_port = port.bigEndian
    storage.sin_addr.s_addr = address.bigEndian
    return withUnsafePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

// Outside of the type, where `connect` is its own.
private func connectSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t)
    -> Int32
{
    connect(descriptor, address, size)
}
private func bindSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
    bind(descriptor, address, size)
}

/// Closes with a reset: what waits unread is dropped, and the port is free at once.
func abandon(_ descriptor: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    close(descriptor)
}
