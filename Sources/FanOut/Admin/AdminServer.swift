// The admin port: a thread and sockets of its own, so that it answers when the main port is full, or a
// loop has more to do than it can.
//
// Invariants
//   - A connection carries one request and ends with its answer.
//   - At most `connectionsMax` at once, each for at most `deadline`; a head has the limits of HTTP, a body
//     at most `bodyBytesMax`.
//   - It waits for a loop at most `AdminPages.patience`, and tells who did not answer.
import Basics
import Synchronization
import Wire

/// Metrics, readiness, connections and replay commands on a port of their own.
public final class AdminServer: @unchecked Sendable {
    static let connectionsMax = 32
    /// A command is a few words.
    static let bodyBytesMax = 4_096

    private let reactor: Reactor
    private let handler: AdminHandler
    private let bell: Doorbell
    private let token: Mutex<AdminToken?>

    /// - Parameters:
    ///   - options: of the server whose loops these are.
    ///   - tls: nil serves in the clear.
    public init(
        listener: Listener, loops: FanOutLoops, options: ServerOptions, token: AdminToken?,
        tls: TLSContext? = nil
    ) throws(SystemError) {
        bell = try Doorbell()
        reactor = try Reactor(
            listener: listener, bell: bell, connectionsMax: AdminServer.connectionsMax, tls: tls)
        self.token = Mutex(token)
        let pages = AdminPages(loops: loops, options: options, bell: try Doorbell())
        handler = AdminHandler(network: reactor, pages: pages)
    }

    /// Answers until the process ends.
    public func run() -> Never {
        while true {
            handler.token = token.withLock { $0 }
            let now = Moment.read().instant
            reactor.turn(until: handler.expire(now), handler: handler)
        }
    }

    /// From any thread: requests from now on want this one.
    public func change(token new: AdminToken?) {
        token.withLock { $0 = new }
        bell.ring()
    }
}

/// Confined to the admin's thread.
private final class AdminHandler: SocketHandler {
    private static let deadline = Nanoseconds.seconds(10)

    private static let limits = HTTPLimits(bodyBytesMax: AdminServer.bodyBytesMax)

    private struct Client {
        let peer: PeerAddress
        let deadline: Instant
        var request: [UInt8] = []
        /// What the socket has not taken of the answer; nil before there is one.
        var answer: ArraySlice<UInt8>?
    }

    var token: AdminToken?
    private let network: Reactor
    private let pages: AdminPages
    private var clients: [SocketID: Client] = [:]

    init(network: Reactor, pages: AdminPages) {
        self.network = network
        self.pages = pages
    }

    func opened(_ socket: SocketID, peer: PeerAddress) {
        clients[socket] = Client(peer: peer, deadline: Moment.read().instant + AdminHandler.deadline)
    }
    func closed(_ socket: SocketID) { clients[socket] = nil }
    func writable(_ socket: SocketID) { write(socket) }

    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard var client = clients[socket], client.answer == nil else { return }
        // More than the parser lets through.
        let max = 2 * AdminHandler.limits.headBytesMax + AdminHandler.limits.bodyBytesMax
        client.request += bytes.prefix(max - client.request.count)
        clients[socket] = client
        guard let answer = answer(client) else { return }
        clients[socket]?.answer = answer[...]
        write(socket)
    }

    /// Nil while the request has not come whole.
    private func answer(_ client: Client) -> [UInt8]? {
        var isHead = false, response: HTTPResponse
        do throws(HTTPFault) {
            var bytes = ByteBuffer()
            client.request.withUnsafeBytes { bytes.append($0) }
            let parser = HTTPRequestParser(limits: AdminHandler.limits)
            guard let request = try parser.parse(bytes.readable)?.request else { return nil }
            isHead = request.method == "HEAD"
            try authorize(request, client)
            response = try pages.response(to: request, from: client.peer)
        } catch {
            response = HTTPResponse(error)
        }
        response.headers.append("Cache-Control", "no-store")
        var buffer = ByteBuffer()
        response.write(into: &buffer, keepAlive: false, head: isHead)
        return Array(buffer.readable)
    }

    private func authorize(_ request: HTTPRequest, _ client: Client) throws(HTTPFault) {
        do throws(HTTPFault) {
            try AdminAccess.check(request, token)
        } catch {
            pages.options.log.bounded(
                .warning, "admin_refused",
                ["address": .text(client.peer.description), "status": LogValue(error.status)])
            throw error
        }
    }

    private func write(_ socket: SocketID) {
        guard let answer = clients[socket]?.answer else { return }
        guard !answer.isEmpty else { return end(socket, abort: false) }
        switch answer.withUnsafeBytes({ network.send(socket, $0) }) {
        case .closed: return
        case .buffered: clients[socket]?.answer = []
        case .sent(let taken) where taken < answer.count: clients[socket]?.answer = answer.dropFirst(taken)
        case .sent: end(socket, abort: false)
        }
    }

    private func end(_ socket: SocketID, abort: Bool) {
        clients[socket] = nil
        network.close(socket, abort: abort)
    }

    /// Ends whoever took too long. Returns when the next one will have.
    func expire(_ now: Instant) -> Instant {
        for (socket, client) in clients where client.deadline <= now { end(socket, abort: true) }
        return clients.values.map(\.deadline).min() ?? .never
    }
}
