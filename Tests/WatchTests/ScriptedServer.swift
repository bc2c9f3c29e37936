// A server on real sockets that says what a test tells it to: for links.
import Basics
import Dialects
import Glibc
import Testing
import Wire

@testable import Watch

final class ScriptedServer: SocketHandler {
    private final class Connection {
        var input: [UInt8] = []
        var isUpgraded = false
        var reader = WebSocketReader(role: .server, messageMax: 1 << 20)
    }

    let reactor: Reactor
    let address: ServerAddress
    private var connections: [SocketID: Connection] = [:]
    private var newest: SocketID?
    /// Heads of requests, and what clients said.
    private(set) var heads: [String] = []
    private(set) var heard: [String] = []
    /// What a connection begins with; none: it is not answered.
    var greeting: [String] = [ScriptedServer.welcome("7")]
    /// Instead of an upgrade.
    var answer: String?

    static func welcome(_ epoch: String) -> String {
        #"{"type":"welcome","protocol":1,"server":"test","epoch":"\#(epoch)","clock":{"mode":"sim","speed":1},"heartbeat_ms":1000}"#
    }
    static func heartbeat(_ resume: String) -> String {
        #"{"type":"heartbeat","ts":1,"lag_ms":0,"buffered":0,"merged":0,"rates":{"asked":4,"sent":19.9},"resume":"\#(resume)"}"#
    }

    init() throws {
        let listener = try Listener.bind(host: "127.0.0.1", port: 0)
        address = try ServerAddress("http://127.0.0.1:\(listener.localPort)")
        reactor = try Reactor(listener: listener, bell: nil, connectionsMax: 10)
    }

    func opened(_ socket: SocketID, peer: PeerAddress) {
        connections[socket] = Connection()
        newest = socket
    }
    func closed(_ socket: SocketID) { connections[socket] = nil }
    func writable(_ socket: SocketID) {}

    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard let connection = connections[socket] else { return }
        guard !connection.isUpgraded else { return frames(connection, bytes) }
        connection.input += bytes
        let parsed = connection.input.withUnsafeBytes { try? HTTPRequestParser().parse($0) }
        guard let request = parsed?.request else { return }
        heads.append(String(decoding: connection.input, as: UTF8.self))
        if let answer {
            send(socket, Array(answer.utf8))
        } else if let acceptance = try? WebSocketHandshake.accept(
            request, protocols: ["tickerfeed.v1.json", "tickerfeed.v1.sbe"])
        {
            var buffer = ByteBuffer()
            acceptance.write(into: &buffer)
            send(socket, Array(buffer.readable))
            connection.isUpgraded = true
            for text in greeting { say(text) }
        }
    }

    private func frames(_ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer) {
        var offset = 0
        while let event = try? connection.reader.next(bytes, from: &offset) {
            if case .text = event { heard.append(String(decoding: connection.reader.payload, as: UTF8.self)) }
        }
    }

    private func send(_ socket: SocketID, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { _ = reactor.send(socket, $0) }
    }

    /// To whoever came last.
    func say(_ text: String) {
        guard let newest else { return }
        var buffer = ByteBuffer(), text = text
        text.withUTF8 {
            WebSocketFrame.write(into: &buffer, opcode: .text, payload: UnsafeRawBufferPointer($0))
        }
        send(newest, Array(buffer.readable))
    }

    func write(_ text: String) { if let newest { send(newest, Array(text.utf8)) } }

    /// With a close frame, or without a word.
    func close(_ code: UInt16?) {
        guard let newest else { return }
        if let code {
            var buffer = ByteBuffer()
            WebSocketFrame.writeClose(into: &buffer, code: code)
            send(newest, Array(buffer.readable))
        }
        reactor.close(newest, abort: false)
        connections[newest] = nil
    }
}

/// A link on a clock of the test's own, and what it told.
final class LinkStage {
    let server: ScriptedServer
    let link: Link
    var now = Moment(instant: .zero, wall: Timestamp(raw: 1_000_000_000))
    private(set) var states: [LinkState] = []
    private(set) var messages: [ServerMessage] = []
    private(set) var measured: [Nanoseconds] = []

    init(_ change: (inout LinkOptions) -> Void = { _ in }) throws {
        server = try ScriptedServer()
        var options = LinkOptions(server.address, seed: 1)
        change(&options)
        link = Link(options)
    }

    func advance(_ span: Nanoseconds) {
        now = Moment(instant: now.instant + span, wall: now.wall + span)
    }

    func take(_ event: LinkEvent) {
        switch event {
        case .state(let state): states.append(state)
        case .message(let message): messages.append(message)
        case .roundTrip(let span), .clockOffset(let span): measured.append(span)
        case .raw, .unreadable, .asked: break
        }
    }

    /// Turns both ends until something is so; the link's clock stands still meanwhile.
    func run(_ what: String = "", until condition: () -> Bool) throws {
        let limit = Moment.read().instant + .seconds(5)
        while !condition() {
            try #require(
                Moment.read().instant < limit, "\(what): \(states) \(server.heads) \(server.heard)")
            link.tick(now, take)
            var poll = pollfd(
                fd: link.descriptor, events: Int16(POLLIN) | (link.wantsWrite ? Int16(POLLOUT) : 0),
                revents: 0)
            if link.descriptor >= 0, Glibc.poll(&poll, 1, 0) > 0 {
                link.pump(
                    readable: poll.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0,
                    writable: poll.revents & Int16(POLLOUT) != 0, now, take)
            }
            server.reactor.turn(until: Moment.read().instant + .microseconds(200), handler: server)
        }
    }

    var isLive: Bool { link.state == .live }
    /// Why it is broken, and for how long.
    var breakage: (reason: String, pause: Nanoseconds)? {
        guard case .broken(let reason, let retry) = link.state else { return nil }
        return (reason, retry == .never ? Nanoseconds(raw: .max) : retry - now.instant)
    }
}
