// A fan-out node and Redis: what it asks for, in which order, and what it makes of the answers.
import Basics
import Market
import Testing

@testable import Backplane

private let apple = SymbolName("AAPL")!, berkshire = SymbolName("BRK.B")!

/// EXEC's answer, behind the lines before it.
private func picture(_ value: String?, events: [String]) -> String {
    "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:\(events.count)\r\n"
        + (value.map(RedisStage.bulk) ?? "_\r\n") + "*\(events.count)\r\n"
        + events.map { "*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\ne\r\n" + RedisStage.bulk($0) }.joined()
}

@Suite("Following by Redis")
struct RedisFollowingTests {
    let stage: RedisStage

    init() throws { stage = try RedisStage() }

    private func connected() throws -> RedisFollowing {
        let engine = RedisFollowing(try stage.options())
        try stage.greet(engine, channel: "tickerfeed:heads")
        return engine
    }

    @Test("it greets, subscribes the heads, and is connected when they are")
    func greeting() throws {
        let engine = RedisFollowing(try stage.options())
        try stage.accept(engine)
        #expect(
            try stage.commands(2, engine) == ["HELLO 3 SETNAME tickerfeed", "SUBSCRIBE tickerfeed:heads"])
        stage.say(RedisStage.hello)
        stage.turn(engine)
        #expect(!engine.isConnected)
        stage.say(RedisStage.subscribed("tickerfeed:heads"))
        try stage.turn(engine, until: 1)
        #expect(stage.take() == ["connected"])
        #expect(engine.isConnected)
    }

    @Test("user, secret and database are in the greeting, the secret in no description")
    func secrets() throws {
        let engine = RedisFollowing(try stage.options("/2", user: "alice@", secret: "hush"))
        try stage.accept(engine)
        #expect(
            try stage.commands(3, engine) == [
                "HELLO 3 AUTH alice hush SETNAME tickerfeed", "SELECT 2", "SUBSCRIBE tickerfeed@2:heads",
            ])
        #expect(engine.description == "redis://alice@127.0.0.1:\(stage.peer.port)/2")
    }

    @Test("without a user the secret is the default user's")
    func password() throws {
        let engine = RedisFollowing(try stage.options(secret: "hush"))
        try stage.accept(engine)
        #expect(try stage.commands(2, engine).first == "HELLO 3 AUTH default hush SETNAME tickerfeed")
    }

    @Test("symbols are subscribed in one command, and before their pictures are asked for")
    func splice() throws {
        let engine = try connected()
        engine.fetch(apple)
        engine.follow([apple, berkshire])
        engine.fetch(berkshire)
        engine.unfollow([apple])
        #expect(
            try stage.commands(12, engine) == [
                "SUBSCRIBE tickerfeed:ticks:AAPL tickerfeed:ticks:BRK%2EB",
                "UNSUBSCRIBE tickerfeed:ticks:AAPL",
                "MULTI", "XLEN tickerfeed:events:AAPL", "GET tickerfeed:picture:AAPL",
                "XRANGE tickerfeed:events:AAPL - +", "EXEC",
                "MULTI", "XLEN tickerfeed:events:BRK%2EB", "GET tickerfeed:picture:BRK%2EB",
                "XRANGE tickerfeed:events:BRK%2EB - +", "EXEC",
            ])
    }

    @Test(
        "a picture comes as what is stored and the events, the last one marked",
        arguments: [
            (picture("now", events: []), ["picture AAPL now last"]),
            (picture("", events: []), ["picture AAPL  last"]),
            (picture("now", events: ["a"]), ["picture AAPL now", "picture AAPL a last"]),
            (
                picture("now", events: ["a", "b"]),
                ["picture AAPL now", "picture AAPL a", "picture AAPL b last"]
            ),
            (picture(nil, events: []), ["no picture AAPL"]),
            (picture(nil, events: ["left over"]), ["no picture AAPL"]),
            // An entry of somebody else's: there is a last part all the same.
            (
                picture("now", events: ["a"]).replacing("$1\r\ne", with: "$1\r\nx"),
                [
                    "picture AAPL now", "picture AAPL  last",
                ]
            ),
            (
                "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n-WRONGTYPE no stream\r\n_\r\n-WRONGTYPE\r\n",
                ["refused: WRONGTYPE no stream", "no picture AAPL"]
            ),
        ])
    func pictures(answer: String, expected: [String]) throws {
        let engine = try connected()
        engine.fetch(apple)
        _ = try stage.commands(5, engine)
        stage.say(answer)
        try stage.turn(engine, until: expected.count)
        #expect(stage.take() == expected)
    }

    @Test("ticks between two lines of an answer are told where they came, and a cut anywhere changes nothing")
    func dribbled() throws {
        let engine = try connected()
        engine.fetch(apple)
        _ = try stage.commands(5, engine)
        let ticks = RedisStage.message("tickerfeed:ticks:BRK%2EB", "tick")
        let all =
            picture("now", events: ["a"]).replacing("+OK\r\n", with: "+OK\r\n" + ticks)
            + RedisStage.message("tickerfeed:heads", "7") + RedisStage.message("elsewhere", "x")
        for character in all.unicodeScalars {
            stage.say(String(character))
            stage.turn(engine)
        }
        try stage.turn(engine, until: 4)
        #expect(stage.take() == ["ticks BRK.B tick", "picture AAPL now", "picture AAPL a last", "heads 7"])
    }

    @Test(
        "the directory, and none",
        arguments: [("$3\r\nabc\r\n", "directory abc last"), ("_\r\n", "no directory")])
    func directory(answer: String, expected: String) throws {
        let engine = try connected()
        engine.fetchDirectory()
        #expect(try stage.commands(1, engine) == ["GET tickerfeed:symbols"])
        stage.say(answer)
        try stage.turn(engine, until: 1)
        #expect(stage.take() == [expected])
    }

    @Test("a complaint goes to the publisher, and one that is refused does no harm")
    func complaint() throws {
        let engine = try connected()
        engine.complain(of: berkshire)
        #expect(try stage.commands(1, engine) == ["PUBLISH tickerfeed:ask BRK%2EB"])
        stage.say("-NOPERM no channels\r\n")
        try stage.turn(engine, until: 1)
        #expect(stage.take() == ["refused: NOPERM no channels"])
        #expect(engine.isConnected)
    }

    @Test(
        "where memory is full, and transactions are refused, a picture is asked for without one",
        arguments: [
            (
                ":1\r\n$3\r\nnow\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\ne\r\n$1\r\na\r\n",
                ["picture AAPL now", "picture AAPL a last"]
            ),
            // Replaced in between: there is a last part all the same.
            (":1\r\n$3\r\nnow\r\n*0\r\n", ["picture AAPL now", "picture AAPL  last"]),
            (":0\r\n_\r\n*0\r\n", ["no picture AAPL"]),
            ("-WRONGTYPE a\r\n$3\r\nnow\r\n-WRONGTYPE a\r\n", ["refused: WRONGTYPE a", "no picture AAPL"]),
        ])
    func full(answer: String, expected: [String]) throws {
        let engine = try connected()
        engine.fetch(apple)
        engine.fetchDirectory()
        _ = try stage.commands(6, engine)
        stage.say("_\r\n+OK\r\n-OOM a\r\n-OOM b\r\n-OOM c\r\n-EXECABORT d\r\n")
        #expect(
            try stage.commands(3, engine) == [
                "XLEN tickerfeed:events:AAPL", "GET tickerfeed:picture:AAPL",
                "XRANGE tickerfeed:events:AAPL - +",
            ])
        stage.say(answer)
        try stage.turn(engine, until: expected.count + 1)
        #expect(stage.take() == ["no directory"] + expected)
    }

    @Test("so many pictures are asked for at a time, and the next when one has come")
    func window() throws {
        let engine = try connected(), most = RedisFollowing.fetchesMax
        for index in 0..<most + 2 { engine.fetch(SymbolName("S\(index)")!) }
        _ = try stage.commands(5 * most, engine)
        #expect(stage.isQuiet(engine))
        stage.say(picture(nil, events: []))
        #expect(try stage.commands(5, engine)[1] == "XLEN tickerfeed:events:S\(most)")
        #expect(stage.isQuiet(engine))
    }

    @Test(
        "what is refused ends the connection with a line, and without a secret in it",
        arguments: [
            (
                "-WRONGPASS invalid username-password pair\r\n",
                "no user of this name has this password (WRONGPASS)"
            ),
            ("-NOAUTH Authentication required.\r\n", "a password is wanted (NOAUTH)"),
            ("-LOADING Redis is loading\r\n", "the server is still loading its data (LOADING)"),
            ("-NOPROTO unsupported\r\n", "RESP3 is wanted, which this server does not speak (NOPROTO)"),
            (
                "-ERR unknown command `HELLO`, with args: `3`, `AUTH`, `default`, `hush`\r\n",
                "Redis 7 is wanted: this server has no HELLO"
            ),
            ("-ERR max number of clients reached: hush\r\n", "ERR max number of clients reached: (secret)"),
            (RedisStage.hello.replacing("7.0.15", with: "6.2.14"), "Redis 6.2.14 is too old: 7 is wanted"),
            (RedisStage.hello + "-NOPERM no channel\r\n", "NOPERM no channel"),
            ("+OK\r\n+OK\r\n", "a reply to nothing that was asked"),
            (
                "HTTP/1.1 400\r\n",
                "the server does not speak RESP3: 72 begins no reply at byte 0 of the connection"
            ),
        ])
    func refused(answer: String, reason: String) throws {
        let engine = RedisFollowing(try stage.options(secret: "hush"))
        try stage.accept(engine)
        _ = try stage.commands(2, engine)
        stage.say(answer)
        try stage.turn(engine, until: 1)
        #expect(stage.take() == ["disconnected: \(reason)"])
        #expect(!engine.isConnected)
    }

    @Test("the same failure is told once, another one anew")
    func told() throws {
        let engine = RedisFollowing(try stage.options())
        for answer in ["-NOAUTH\r\n", "-NOAUTH\r\n", "-LOADING\r\n"] {
            try reconnect(engine)
            _ = try stage.commands(2, engine)
            stage.say(answer)
            for _ in 0..<3 { stage.turn(engine, after: .zero) }
        }
        try stage.turn(engine, until: 2)
        #expect(stage.take().count == 2)
    }

    /// Turns until there is somebody to accept.
    private func reconnect(_ engine: RedisFollowing) throws {
        for _ in 0..<10 where engine.descriptor < 0 { stage.turn(engine, after: .seconds(2)) }
        try stage.accept(engine)
    }

    @Test("after an end it comes back, and what was asked for before is asked for no more")
    func reconnects() throws {
        let engine = try connected()
        engine.fetch(apple)
        _ = try stage.commands(5, engine)
        stage.hangUp()
        try stage.turn(engine, until: 1)
        #expect(stage.take() == ["disconnected: the connection was lost: the server closed it"])
        engine.fetch(apple)  // in vain: nothing is connected
        for _ in 0..<10 where engine.descriptor < 0 { stage.turn(engine, after: .seconds(2)) }
        try stage.greet(engine, channel: "tickerfeed:heads")
        #expect(stage.isQuiet(engine))
        #expect(engine.traffic.connections == 2)
    }

    @Test("a silent server is asked after two seconds, and given up five later")
    func silence() throws {
        let engine = try connected()
        stage.turn(engine, after: .seconds(2))
        #expect(try stage.commands(1, engine) == ["PING"])
        stage.say("+PONG\r\n")
        stage.turn(engine, after: .seconds(4))
        stage.turn(engine, after: .seconds(2))
        #expect(try stage.commands(1, engine) == ["PING"])
        stage.turn(engine, after: .seconds(5))
        #expect(stage.take() == ["disconnected: no answer for 5 seconds"])
    }

    @Test("a greeting that is not answered is given up after three seconds")
    func mute() throws {
        let engine = RedisFollowing(try stage.options())
        try stage.accept(engine)
        _ = try stage.commands(2, engine)
        stage.turn(engine, after: .seconds(3))
        #expect(stage.take() == ["disconnected: no answer to the greeting"])
    }

    @Test(
        "answers that do not fit end the connection", arguments: [":1\r\n", "+OK\r\n:1\r\n", "*3\r\n:1\r\n"])
    func outOfStep(answer: String) throws {
        let engine = try connected()
        engine.fetch(apple)
        _ = try stage.commands(5, engine)
        stage.say(answer)
        try stage.turn(engine, until: 1)
        #expect(stage.take() == ["disconnected: replies do not fit what was asked"])
    }
}
