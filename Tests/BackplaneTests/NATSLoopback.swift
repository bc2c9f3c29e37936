// A NATS server that says what a test has it say, over a real socket, in one thread with the engine.
import Basics
import Glibc
import Market
import Testing
import Wire

@testable import Backplane

/// Listens; and the one connection that was accepted last.
final class ScriptedNATS {
    private let listener: Int32
    let port: UInt16
    private var peer: Int32 = -1
    /// What came and was not awaited yet.
    private(set) var heard = ""
    /// All lines that were awaited or passed over, without their ends.
    private(set) var lines: [String] = []

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        try #require(code, "errno \(errno)")
        port = address.sin_port.bigEndian
    }

    deinit {
        hangUp()
        close(listener)
    }

    private static func await(_ descriptor: Int32) throws {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&one, 1, 5_000) == 1, "nothing came")
    }

    func accept() throws {
        try ScriptedNATS.await(listener)
        hangUp()
        peer = Glibc.accept(listener, nil, nil)
        heard = ""
        try #require(peer >= 0)
    }

    func say(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// Waits for a line that begins so, five seconds at most.
    @discardableResult
    func hear(_ prefix: String) throws -> String {
        while true {
            while let end = heard.firstRange(of: "\r\n") {
                let line = String(heard[..<end.lowerBound])
                heard = String(heard[end.upperBound...])
                lines.append(line)
                if line.hasPrefix(prefix) { return line }
            }
            try ScriptedNATS.await(peer)
            var room = [UInt8](repeating: 0, count: 65_536)
            let count = recv(peer, &room, room.count, 0)
            try #require(count > 0, "it ended without \(prefix)")
            heard += String(decoding: room[..<count], as: UTF8.self)
        }
    }

    func hangUp() {
        if peer >= 0 { close(peer) }
        peer = -1
    }

    /// INFO with members of the test's own.
    func greet(_ members: String = "") {
        say("INFO {\"server_id\":\"A\",\"max_payload\":4096,\"headers\":true\(members)}\r\n")
    }
}

/// An engine, its time, and what it told, as lines.
final class NATSStage<Subject: Engine> {
    let engine: Subject
    private(set) var now = Moment(instant: .zero + .seconds(1_000), wall: .zero)
    var told: [String] = []
    /// When it wants to be called again.
    private(set) var due = Instant.zero
    var onEvent: (Subject, EngineEvent) -> Void = { _, _ in }

    init(_ engine: Subject) { self.engine = engine }

    func pass(_ span: Nanoseconds) {
        now = Moment(instant: now.instant + span, wall: .zero)
        turn()
    }

    func turn() {
        due = engine.turn(now: now) { event in
            told.append(words(event))
            onEvent(engine, event)
        }
    }

    /// Turns as its socket wants, until something more was told.
    func turn(until condition: () -> Bool) throws {
        for _ in 0..<1_000 where !condition() {
            if engine.descriptor >= 0 {
                let wanted = POLLIN | (engine.wantsWrite ? POLLOUT : 0)
                var one = pollfd(fd: engine.descriptor, events: Int16(wanted), revents: 0)
                try #require(poll(&one, 1, 5_000) == 1, "nothing came; told \(told)")
            }
            turn()
        }
        try #require(condition(), "told \(told)")
    }

    /// The next events, as many as these.
    func tells(_ lines: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
        try turn(until: { told.count >= lines.count })
        #expect(told == lines, sourceLocation: sourceLocation)
        told = []
    }

    private func words(_ event: EngineEvent) -> String {
        func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
        switch event {
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
            return "asked \(question.symbol.map { "\($0)" } ?? "directory") \(inbox)"
        case .passed(let number): return "passed \(number)"
        case .refused(let why): return "refused: \(why)"
        }
    }
}

extension NATSStage {
    /// Through the handshake, to `connected`.
    func connect(_ server: ScriptedNATS, info: String = "") throws {
        turn()
        try server.accept()
        server.greet(info)
        let before = told.count
        let written = engine.traffic.bytesOut
        try turn(until: { engine.traffic.bytesOut > written })
        try server.hear("PING")
        server.say("PONG\r\n")
        try turn(until: { told.count > before })
        #expect(told.last == "connected")
        told = []
    }
}
