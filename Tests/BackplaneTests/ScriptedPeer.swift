// An engine's server as far as its socket: what it says is a test's; and what an engine tells, as lines.
import Basics
import Glibc
import Testing
import Wire

@testable import Backplane

/// Listens on loopback; and the one connection that was accepted last.
final class ScriptedPeer {
    private let listener: Listener
    var port: UInt16 { listener.localPort }
    private var descriptor: Int32 = -1

    init() throws { listener = try Listener.bind(host: "127.0.0.1", port: 0) }
    deinit {
        hangUp()
        listener.close()
    }

    /// Waits five seconds at most.
    private static func await(_ descriptor: Int32) throws {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&one, 1, 5_000) == 1, "nothing came")
    }

    func accept() throws {
        try ScriptedPeer.await(listener.descriptor)
        hangUp()
        descriptor = Glibc.accept(listener.descriptor, nil, nil)
        try #require(descriptor >= 0)
    }

    func say(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// What has come, none if nothing has.
    func heard() -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 65_536), heard: [UInt8] = []
        while case let count = recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT)), count > 0 {
            heard += room[..<count]
        }
        return heard
    }

    /// The same, and waits for it.
    func hear() throws -> [UInt8] {
        try ScriptedPeer.await(descriptor)
        return heard()
    }

    func hangUp() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}

extension EngineEvent {
    /// As `ticks AAPL hello`.
    var line: String {
        func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
        switch self {
        case .connected: return "connected"
        case .disconnected(let why): return "disconnected: \(why)"
        case .heads(let bytes): return "heads \(text(bytes))"
        case .ticks(let symbol, let bytes): return "ticks \(symbol) \(text(bytes))"
        case .picture(let symbol, let bytes, let isLast):
            return "picture \(symbol) \(text(bytes))\(isLast ? " last" : "")"
        case .noPicture(let symbol): return "no picture \(symbol)"
        case .directory(let bytes, let isLast): return "directory \(text(bytes))\(isLast ? " last" : "")"
        case .noDirectory: return "no directory"
        case .lease(let isOwn): return "lease \(isOwn)"
        case .asked(let question):
            let inbox = String(decoding: question.inbox, as: UTF8.self)
            return "asked \(question.symbol?.description ?? "directory")\(inbox.isEmpty ? "" : " " + inbox)"
        case .passed(let number): return "passed \(number)"
        case .refused(let why): return "refused: \(why)"
        }
    }
}
