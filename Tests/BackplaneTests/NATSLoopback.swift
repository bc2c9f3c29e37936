// A NATS server that says what a test has it say, over a real socket, in one thread with the engine.
import Basics
import Glibc
import Market
import Testing
import Wire

@testable import Backplane

final class ScriptedNATS {
    private let peer: ScriptedPeer
    var port: UInt16 { peer.port }
    /// What came and was not awaited yet.
    private(set) var heard = ""
    /// All lines that were awaited or passed over, without their ends.
    private(set) var lines: [String] = []

    init() throws { peer = try ScriptedPeer() }

    func accept() throws {
        try peer.accept()
        heard = ""
    }

    func say(_ text: String) { peer.say(text) }
    func hangUp() { peer.hangUp() }

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
            let more = try peer.hear()
            try #require(!more.isEmpty, "it ended without \(prefix)")
            heard += String(decoding: more, as: UTF8.self)
        }
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
            told.append(event.line)
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
