// An ingest node and Redis: transactions a symbol, the lease, questions, and what is refused.
import Basics
import Market
import Testing

@testable import Backplane

private let apple = SymbolName("AAPL")!, berkshire = SymbolName("BRK.B")!

/// What a test publishes: ticks, picture (`+` appends, `=` replaces, `~` keeps events), events; a blank is nothing.
struct Published: Sendable {
    let ticks: String?
    let picture: String?
    let events: String?
}

@Suite("Publishing by Redis")
struct RedisPublishingTests {
    let stage: RedisStage

    init() throws { stage = try RedisStage() }

    private func connected() throws -> RedisPublishing {
        let engine = RedisPublishing(try stage.options())
        try stage.greet(engine, channel: "tickerfeed:ask")
        return engine
    }

    private func publish(_ what: Published, of symbol: SymbolName = apple, by engine: RedisPublishing) {
        func raw(_ text: String?) -> [UInt8] { Array((text ?? "").utf8) }
        raw(what.ticks).withUnsafeBytes { ticks in
            raw(what.events).withUnsafeBytes { events in
                raw(what.picture).withUnsafeBytes { picture in
                    let value = UnsafeRawBufferPointer(rebasing: picture.dropFirst())
                    let change: PictureChange =
                        switch what.picture?.first {
                        case "+": .append(value)
                        case "=": .replace(value, forgetsEvents: true)
                        case "~": .replace(value, forgetsEvents: false)
                        default: .none
                        }
                    engine.publish(
                        symbol, ticks: what.ticks == nil ? nil : ticks, picture: change,
                        events: what.events == nil ? nil : events)
                }
            }
        }
    }

    private static let append = "APPEND tickerfeed:picture:AAPL p"
    private static let add = "XADD tickerfeed:events:AAPL MAXLEN ~ 256 * e e"
    private static let send = "PUBLISH tickerfeed:ticks:AAPL t"

    @Test(
        "what changes of a symbol is one transaction, and one command where it is one",
        arguments: [
            (Published(ticks: "t", picture: nil, events: nil), [send]),
            (Published(ticks: nil, picture: "+p", events: nil), [append]),
            (Published(ticks: nil, picture: nil, events: "e"), [add]),
            (Published(ticks: "t", picture: "+p", events: nil), ["MULTI", append, send, "EXEC"]),
            (Published(ticks: "t", picture: "+p", events: "e"), ["MULTI", append, add, send, "EXEC"]),
            (Published(ticks: nil, picture: "~p", events: nil), ["SET tickerfeed:picture:AAPL p"]),
            (
                Published(ticks: "t", picture: "~p", events: "e"),
                ["MULTI", "SET tickerfeed:picture:AAPL p", add, send, "EXEC"]
            ),
            (
                Published(ticks: "t", picture: "=p", events: "e"),
                [
                    "MULTI", "SET tickerfeed:picture:AAPL p", "DEL tickerfeed:events:AAPL", add, send, "EXEC",
                ]
            ),
        ])
    func transactions(what: Published, expected: [String]) throws {
        let engine = try connected()
        publish(what, by: engine)
        #expect(try stage.commands(expected.count, engine) == expected)
    }

    @Test("a second symbol's keys are its own, and the first one's stay")
    func keys() throws {
        let engine = try connected(), ticks = Published(ticks: "t", picture: nil, events: nil)
        for symbol in [apple, berkshire, apple] { publish(ticks, of: symbol, by: engine) }
        let words = try stage.commands(3, engine)
        #expect(words == [Self.send, "PUBLISH tickerfeed:ticks:BRK%2EB t", Self.send])
    }

    @Test("heads and directory")
    func heads() throws {
        let engine = try connected()
        Array("abc".utf8).withUnsafeBytes {
            engine.publishHeads($0)
            engine.storeDirectory($0, replaces: true)
            engine.storeDirectory($0, replaces: false)
        }
        #expect(
            try stage.commands(3, engine) == [
                "PUBLISH tickerfeed:heads abc", "SET tickerfeed:symbols abc", "APPEND tickerfeed:symbols abc",
            ])
    }

    @Test("a mark is passed when all before it is")
    func marks() throws {
        let engine = try connected()
        publish(Published(ticks: "t", picture: "+p", events: nil), by: engine)
        engine.mark(7)
        #expect(try stage.commands(5, engine).last == "PING")
        stage.say("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:0\r\n")
        stage.turn(engine)
        #expect(stage.take() == [])
        stage.say("+PONG\r\n")
        try stage.turn(engine, until: 1)
        #expect(stage.take() == ["passed 7"])
    }

    @Test(
        "the lease is one's own, another's, or not to be had",
        arguments: [
            (":1\r\n", ["lease true"]), (":0\r\n", ["lease false"]),
            ("-NOPERM no eval\r\n", ["refused: NOPERM no eval", "lease false"]),
        ])
    func lease(answer: String, expected: [String]) throws {
        let engine = try connected()
        engine.claim(as: "one-1", for: .milliseconds(1_500))
        let command = try stage.commands(1, engine)[0]
        #expect(command.hasPrefix("EVAL ") && command.hasSuffix(" 1 tickerfeed:lease one-1 1500"))
        stage.say(answer)
        try stage.turn(engine, until: expected.count)
        #expect(stage.take() == expected)
    }

    @Test("the lease is given back before the connection is closed")
    func release() throws {
        let engine = try connected()
        engine.claim(as: "one-1", for: .seconds(1))
        engine.release()
        engine.close()
        #expect(try stage.commands(2, engine)[1].hasSuffix(" 1 tickerfeed:lease one-1"))
        #expect(engine.descriptor == -1)
    }

    @Test(
        "questions, and what is none",
        arguments: [
            ("AAPL", ["asked AAPL"]), ("BRK%2EB", ["asked BRK.B"]), ("", ["asked directory"]), ("A B", []),
        ])
    func questions(payload: String, expected: [String]) throws {
        let engine = try connected()
        stage.say(RedisStage.message("tickerfeed:ask", payload))
        engine.mark(1)
        _ = try stage.commands(1, engine)
        stage.say("+PONG\r\n")
        try stage.turn(engine, until: expected.count + 1)
        #expect(stage.take() == expected + ["passed 1"])
    }

    @Test(
        "an error at any place of a transaction is told once, by its first line, and the rest goes on",
        arguments: [
            (
                "+OK\r\n-OOM command not allowed\r\n+QUEUED\r\n-EXECABORT discarded\r\n",
                "the server's memory is full (its maxmemory) (OOM)"
            ),
            ("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n-WRONGTYPE no string\r\n:1\r\n", "WRONGTYPE no string"),
            ("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n-ERR last\r\n", "ERR last"),
            (
                "-MISCONF errors writing\r\n-MISCONF a\r\n-MISCONF b\r\n-ERR EXEC without MULTI\r\n",
                "the server cannot save to its disk, and takes nothing (MISCONF)"
            ),
        ])
    func refused(answer: String, line: String) throws {
        let engine = try connected()
        publish(Published(ticks: "t", picture: "+p", events: nil), by: engine)
        engine.mark(1)
        _ = try stage.commands(5, engine)
        stage.say(answer + "+PONG\r\n")
        try stage.turn(engine, until: 2)
        #expect(stage.take() == ["refused: \(line)", "passed 1"])
    }

    @Test("the same refusal is told once a second, and the last one has a word behind it")
    func refusals() throws {
        let engine = try connected()
        let answer = "-OOM\r\n"
        for _ in 0..<3 {
            publish(Published(ticks: nil, picture: "+p", events: nil), by: engine)
            _ = try stage.commands(1, engine)
            stage.say(answer)
            stage.turn(engine)
        }
        try stage.turn(engine, until: 1)
        #expect(stage.take().count == 1)
        stage.turn(engine, after: .seconds(1))
        #expect(stage.take() == ["refused: the server's memory is full (its maxmemory) (OOM)"])
        stage.turn(engine, after: .seconds(1))
        #expect(stage.take() == [])
    }

    @Test("a replica is left")
    func replica() throws {
        let engine = try connected()
        publish(Published(ticks: nil, picture: "+p", events: nil), by: engine)
        _ = try stage.commands(1, engine)
        stage.say("-READONLY You can't write against a read only replica.\r\n")
        try stage.turn(engine, until: 1)
        #expect(
            stage.take() == [
                "disconnected: the server is a replica, where nothing can be published (READONLY)"
            ])
    }
}
