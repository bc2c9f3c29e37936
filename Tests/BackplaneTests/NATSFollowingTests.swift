// What a fan-out node says to NATS and hears of it.
import Basics
import Market
import Testing
import Wire

@testable import Backplane

@Suite("Following through NATS")
struct NATSFollowingTests {
    private let server: ScriptedNATS
    private let stage: NATSStage<NATSFollowing>
    private let a = SymbolName("AAPL")!
    private let b = SymbolName("BRK.B")!

    init() throws {
        server = try ScriptedNATS()
        var options = EngineOptions(try EngineURL("nats://127.0.0.1:\(server.port)", option: "feed"))
        options.name = "tf"
        stage = NATSStage(NATSFollowing(options))
        try stage.connect(server)
    }

    private func asked(_ subject: String) throws -> String {
        stage.turn()
        return String(try server.hear("PUB \(subject) ").split(separator: " ")[2])
    }

    private func part(_ inbox: String, _ header: String, _ payload: String = "") {
        let head = "NATS/1.0\r\nTickerFeed-Part: \(header)\r\n\r\n"
        let counts = "\(head.utf8.count) \(head.utf8.count + payload.utf8.count)"
        server.say("HMSG \(inbox) 2 \(counts)\r\n\(head)\(payload)\r\n")
    }

    @Test("a symbol's ticks come while it is followed, and are nobody else's afterwards")
    func ticks() throws {
        stage.engine.follow([a, b])
        stage.turn()
        let first = try server.hear("SUB tf.ticks.AAPL ").split(separator: " ")[2]
        let second = try server.hear("SUB tf.ticks.BRK%2EB ").split(separator: " ")[2]
        server.say("MSG tf.ticks.AAPL \(first) 3\r\none\r\nMSG tf.ticks.BRK%2EB \(second) 3\r\ntwo\r\n")
        try stage.tells("ticks AAPL one", "ticks BRK.B two")
        stage.engine.unfollow([a])
        let c = try #require(SymbolName("C"))
        stage.engine.follow([c])
        stage.turn()
        try server.hear("UNSUB \(first)")
        let third = try server.hear("SUB tf.ticks.C ").split(separator: " ")[2]
        // On its way when the symbol was left, and behind what took its place.
        server.say("MSG tf.ticks.AAPL \(first) 4\r\nlate\r\nMSG tf.ticks.C \(third) 3\r\nnew\r\n")
        try stage.tells("ticks C new")
    }

    @Test("heads come of themselves")
    func heads() throws {
        server.say("MSG tf.heads 1 5\r\n7 8 9\r\n")
        try stage.tells("heads 7 8 9")
    }

    @Test("a picture comes in its parts")
    func picture() throws {
        stage.engine.fetch(a)
        stage.engine.fetchDirectory()
        let inbox = try asked("tf.picture.AAPL"), other = try asked("tf.symbols")
        part(inbox, "more 0", "book")
        part(other, "last 0", "AAPL")
        part(inbox, "more 1", "more")
        part(inbox, "last 2", "events")
        try stage.tells(
            "picture AAPL book", "directory AAPL last", "picture AAPL more", "picture AAPL events last")
        part(inbox, "last 3", "late")
        server.say("MSG tf.heads 1 1\r\nx\r\n")
        try stage.tells("heads x")
    }

    @Test("there is no picture where there is none, or nobody who knows")
    func none() throws {
        stage.engine.fetch(a)
        part(try asked("tf.picture.AAPL"), "none")
        try stage.tells("no picture AAPL")
        stage.engine.fetch(b)
        server.say("HMSG \(try asked("tf.picture.BRK%2EB")) 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
        try stage.tells("no picture BRK.B")
        stage.engine.fetchDirectory()
        server.say("HMSG \(try asked("tf.symbols")) 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
        try stage.tells("no directory")
    }

    @Test("two seconds without an answer, or without a further part, are none")
    func late() throws {
        stage.engine.fetch(a)
        stage.engine.fetch(b)
        let inbox = try asked("tf.picture.AAPL")
        stage.pass(.milliseconds(1_500))
        part(inbox, "more 0", "book")
        try stage.tells("picture AAPL book")
        stage.pass(.milliseconds(500))
        #expect(stage.told == ["no picture BRK.B"])
        #expect(stage.due > stage.now.instant)
        stage.told = []
        stage.pass(.milliseconds(1_450))
        #expect(stage.told.isEmpty)
        stage.pass(.milliseconds(100))
        #expect(stage.told == ["no picture AAPL"])
    }

    @Test(
        "a part that is missing or there twice is not passed over", arguments: ["more 2", "more 0", "last 2"])
    func gap(header: String) throws {
        stage.engine.fetch(a)
        let inbox = try asked("tf.picture.AAPL")
        part(inbox, "more 0", "book")
        part(inbox, header, "wrong")
        try stage.tells("picture AAPL book", "no picture AAPL")
    }

    @Test("nothing asked before a connection was lost is answered, and all can be asked anew")
    func lost() throws {
        stage.engine.follow([a])
        stage.engine.fetch(a)
        stage.turn()
        server.hangUp()
        try stage.turn(until: { !stage.told.isEmpty })
        stage.told = []
        stage.engine.fetch(b)
        stage.pass(.seconds(2))
        try server.accept()
        server.greet()
        let before = stage.engine.traffic.bytesOut
        try stage.turn(until: { stage.engine.traffic.bytesOut > before })
        try server.hear("PING")
        server.say("PONG\r\n")
        try stage.tells("connected")
        #expect(!server.lines.suffix(4).contains { $0.contains("BRK") })
        stage.engine.follow([a])
        stage.turn()
        let sid = try server.hear("SUB tf.ticks.AAPL ").split(separator: " ")[2]
        server.say("MSG tf.ticks.AAPL \(sid) 1\r\nx\r\n")
        try stage.tells("ticks AAPL x")
    }
}
