// A server on loopback that says what a test has it say, and hears commands; time is the test's own.
import Basics
import Glibc
import Market
import Testing

@testable import Backplane

final class RedisStage {
    let peer: ScriptedPeer
    private var input: [UInt8] = []
    private(set) var now = Instant.zero
    /// What the engine told, a line each: `ticks AAPL hello`.
    private(set) var told: [String] = []
    /// Done when something is told.
    var onEvent: (EngineEvent) -> Void = { _ in }

    init() throws { peer = try ScriptedPeer() }

    func options(_ path: String = "", user: String = "", secret: String? = nil) throws -> EngineOptions {
        var options = EngineOptions(
            try EngineURL("redis://\(user)127.0.0.1:\(peer.port)\(path)", option: "feed"))
        options.secret = { secret }
        return options
    }

    // MARK: The engine's turns

    /// A turn, a millisecond or `span` after the last one.
    @discardableResult
    func turn(_ engine: any Engine, after span: Nanoseconds = .milliseconds(1)) -> Instant {
        now = now + span
        return engine.turn(now: Moment(instant: now, wall: .zero)) { event in
            told.append(event.line)
            onEvent(event)
        }
    }

    /// Turns until so much has been told. What comes over loopback may take a moment of the machine's.
    func turn(_ engine: any Engine, until count: Int, sourceLocation: SourceLocation = #_sourceLocation)
        throws
    {
        for _ in 0..<50 where told.count < count {
            turn(engine)
            guard told.count < count, engine.descriptor >= 0 else { continue }
            var polled = pollfd(fd: engine.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&polled, 1, 100)
        }
        try #require(told.count >= count, "told \(told)", sourceLocation: sourceLocation)
    }

    /// What was told since the last time.
    func take() -> [String] {
        defer { told = [] }
        return told
    }

    /// Connects, and answers the greeting up to `connected`.
    func greet(_ engine: any Engine, channel: String) throws {
        try accept(engine)
        _ = try commands(2, engine)
        say(RedisStage.hello + RedisStage.subscribed(channel))
        try turn(engine, until: told.count + 1)
        #expect(told.last == "connected")
        told = []
    }

    static let hello = "%2\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n"
    static func subscribed(_ channel: String) -> String {
        ">3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n"
    }
    static func message(_ channel: String, _ payload: String) -> String {
        ">3\r\n" + bulk("message") + bulk(channel) + bulk(payload)
    }
    static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

    // MARK: The server's side

    func accept(_ engine: any Engine) throws {
        turn(engine)
        try peer.accept()
        input = []
    }

    func say(_ text: String) { peer.say(text) }
    func hangUp() { peer.hangUp() }

    /// The next commands, words with blanks between; the engine is turned until they are there.
    func commands(_ count: Int, _ engine: any Engine) throws -> [String] {
        var found: [String] = []
        for _ in 0..<50 where found.count < count {
            turn(engine)
            input += peer.heard()
            while found.count < count, let command = next() { found.append(command) }
        }
        try #require(found.count == count, "\(found)")
        return found
    }

    /// Whether the engine has anything else to say.
    func isQuiet(_ engine: any Engine) -> Bool {
        turn(engine)
        input += peer.heard()
        return input.isEmpty
    }

    private func next() -> String? {
        var rest = input[...]
        guard let count = RedisStage.number(&rest, "*") else { return nil }
        var words: [String] = []
        for _ in 0..<count {
            guard let length = RedisStage.number(&rest, "$"), rest.count >= length + 2 else { return nil }
            words.append(String(decoding: rest.prefix(length), as: UTF8.self))
            rest = rest.dropFirst(length + 2)
        }
        input = Array(rest)
        return words.joined(separator: " ")
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, _ type: Character) -> Int? {
        guard rest.first == type.asciiValue, let end = rest.firstIndex(of: 0x0a) else { return nil }
        defer { rest = rest[(end + 1)...] }
        return Int(String(decoding: rest[(rest.startIndex + 1)..<(end - 1)], as: UTF8.self))
    }
}
