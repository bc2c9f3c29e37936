// A port that is listened on.
import Basics
import CLinux

/// Why a port cannot be listened on, in one line for whoever started the process.
public struct ListenError: Error, Hashable, CustomStringConvertible {
    /// Host and port as asked for.
    public let address: String
    /// In the system's words.
    public let reason: String
    public var description: String { "cannot listen on \(address): \(reason)" }
}

/// A bound, non-blocking TCP socket. Whoever it is given to (a `Reactor`) closes it.
public struct Listener: Sendable {
    /// Connections the kernel keeps for a loop that is busy with a turn. It caps this at
    /// `net.core.somaxconn`, 4096 by default: enough for a crowd that reconnects at once.
    static let backlog: Int32 = 4096

    /// Of the socket.
    public let descriptor: Int32
    /// Where it listens; the port is a real one even if 0 was asked for.
    public let address: PeerAddress

    /// The one that it has.
    public var localPort: UInt16 { address.port }
    /// Nobody outside this machine can connect.
    public var isLoopback: Bool { address.isLoopback }

    /// Listens on the first of the host's addresses that can be had.
    ///
    /// - Parameters:
    ///   - host: a name or a literal, IPv6 with or without brackets. `0.0.0.0` is every IPv4
    ///     address, `::` every address of both families.
    ///   - port: 0 takes a free one.
    public static func bind(host: String, port: UInt16) throws(ListenError) -> Listener {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let shown = bare.contains(":") ? "[\(bare)]:\(port)" : "\(bare):\(port)"
        var reason = "the name has no address"
        do throws(ResolveError) {
            for address in try SocketAddress.resolve(host: bare, port: port, passive: true) {
                do throws(SystemError) {
                    return Listener(listening: try open(at: address))
                } catch {
                    reason = error.reason
                }
            }
        } catch {
            reason = error.reason
        }
        throw ListenError(address: shown, reason: reason)
    }

    private static func open(at address: SocketAddress) throws(SystemError) -> Int32 {
        let descriptor = newStreamSocket(family: address.family)
        guard descriptor >= 0 else { throw SystemError("socket") }
        // A restart need not wait for the TIME_WAIT of the connections before it.
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.family == AF_INET6 { setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        guard address.withPointer({ bindSocket(descriptor, $0, $1) }) == 0,
            listen(descriptor, backlog) == 0
        else {
            let failure = SystemError("listen")
            closeDescriptor(descriptor)
            throw failure
        }
        return descriptor
    }

    /// A socket that listens already, made elsewhere and non-blocking.
    public init(listening descriptor: Int32) {
        self.descriptor = descriptor
        address = SocketAddress.local(of: descriptor).peer
    }

    /// For one that no `Reactor` was given.
    public func close() { closeDescriptor(descriptor) }

    /// How the kernel paces what connections send, by its name for it (`reno`, `cubic`, `bbr`).
    /// Connections inherit it from their listener.
    public func setCongestionControl(_ name: String) throws(SystemError) {
        let bytes = Array(name.utf8)
        let code = setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, bytes, socklen_t(bytes.count))
        guard code == 0 else { throw SystemError("congestion control \(name)") }
    }
}

// Outside of the type, where `bind` is the system's.
private func bindSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32
{
    bind(descriptor, address, length)
}
