// What an ingest node says to NATS and hears of it.
import Basics
import Market
import Testing
import Wire

@testable import Backplane

@Suite("Publishing through NATS")
struct NATSPublishingTests {
    private let server: ScriptedNATS
    private let stage: NATSStage<NATSPublishing>
    private let symbol = SymbolName("BRK.B")!

    init() throws {
        server = try ScriptedNATS()
        var options = EngineOptions(try EngineURL("nats://127.0.0.1:\(server.port)", option: "publish"))
        options.name = "tf"
        stage = NATSStage(NATSPublishing(options))
        try stage.connect(server)
    }

    private func publish(_ text: String) {
        Array(text.utf8).withUnsafeBytes {
            stage.engine.publish(symbol, ticks: $0, picture: .none, events: nil)
        }
    }

    /// What was requested, and where its answer goes; its headers and body follow.
    private func requested(_ subject: String) throws -> String {
        stage.turn()
        let line = try server.hear(subject.hasPrefix("$KV") ? "HPUB \(subject) " : "PUB \(subject)")
        return String(line.split(separator: " ")[2])
    }

    private func answer(_ inbox: String, _ text: String) {
        server.say("MSG \(inbox) 3  \(text.utf8.count)\r\n\(text)\r\n")
    }

    private func off(_ inbox: String) {
        server.say("HMSG \(inbox) 3 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
    }

    @Test("ticks and heads go to their subjects, in order, and a mark behind them is passed")
    func publishes() throws {
        publish("one")
        publish("two")
        stage.engine.mark(7)
        Array("9".utf8).withUnsafeBytes { stage.engine.publishHeads($0) }
        stage.turn()
        try server.hear("9")
        #expect(
            server.lines.suffix(7) == [
                "PUB tf.ticks.BRK%2EB 3", "one", "PUB tf.ticks.BRK%2EB 3", "two", "PING",
                "PUB tf.heads 1", "9",
            ])
        server.say("PONG\r\n")
        try stage.tells("passed 7")
    }

    @Test("marks and pings of one's own are told apart by their order")
    func marks() throws {
        stage.engine.mark(1)
        stage.pass(.seconds(2))
        stage.engine.mark(2)
        stage.turn()
        server.say("PONG\r\nPONG\r\n")
        try stage.tells("passed 1")
        server.say("PONG\r\n")
        try stage.tells("passed 2")
    }

    @Test("what the server would not take is not sent, and told once")
    func tooLarge() throws {
        publish(String(repeating: "x", count: stage.engine.link.messageMax))
        publish(String(repeating: "x", count: stage.engine.link.messageMax + 1))
        publish(String(repeating: "x", count: stage.engine.link.messageMax + 1))
        stage.turn()
        let size = stage.engine.link.messageMax + 1
        #expect(
            stage.told == [
                "refused: 127.0.0.1:\(server.port): a message of \(size) bytes is above its max_payload"
            ])
        try server.hear("PUB tf.ticks.BRK%2EB \(size - 1)")
    }

    @Test("who asks is answered in parts")
    func answers() throws {
        server.say("MSG tf.picture.BRK%2EB 1 _INBOX.q.1 0\r\n\r\nMSG tf.symbols 2 _INBOX.q.2 0\r\n\r\n")
        server.say("MSG tf.picture.A.B 1 0\r\n\r\nMSG tf.picture.%41 1 _INBOX.q.3 0\r\n\r\n")
        try stage.tells("asked BRK.B _INBOX.q.1", "asked directory _INBOX.q.2")
        stage.engine.answer(
            EngineQuestion(symbol: symbol, inbox: Array("_INBOX.q.1".utf8)),
            parts: [Array("book".utf8), Array("events".utf8)])
        stage.engine.answer(EngineQuestion(symbol: nil, inbox: Array("_INBOX.q.2".utf8)), parts: [])
        stage.turn()
        try server.hear("HPUB _INBOX.q.1 37 41")
        try server.hear("TickerFeed-Part: more 0")
        try server.hear("book")
        try server.hear("HPUB _INBOX.q.1 37 43")
        try server.hear("TickerFeed-Part: last 1")
        try server.hear("HPUB _INBOX.q.2 35 35")
        try server.hear("TickerFeed-Part: none")
    }

    @Test("the lease is claimed of a bucket, and told")
    func lease() throws {
        stage.engine.claim(as: "node-1", for: .seconds(3))
        let created = try requested("$JS.API.STREAM.CREATE.KV_tf-lease")
        answer(created, "{\"did_create\":true}")
        try stage.turn(until: { stage.engine.traffic.messagesIn == 1 })
        let written = try requested("$KV.tf-lease.owner")
        try server.hear("Nats-Expected-Last-Subject-Sequence: 0")
        try server.hear("node-1")
        // Not what was asked now: late, or somebody else's.
        answer(created, "{\"seq\":9}")
        answer(written, "{\"stream\":\"KV_tf-lease\", \"seq\":4}")
        try stage.tells("lease true")
        stage.engine.claim(as: "node-1", for: .seconds(3))
        let renewed = try requested("$KV.tf-lease.owner")
        try server.hear("Nats-Expected-Last-Subject-Sequence: 4")
        answer(
            renewed,
            "{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last sequence: 5\"}}")
        try stage.turn(until: { stage.engine.traffic.messagesIn == 4 })
        let read = try requested("$JS.API.STREAM.MSG.GET.KV_tf-lease")
        answer(read, "{\"message\":{\"seq\":5,\"data\":\"\(Base64.encode("node-2".utf8))\"}}")
        try stage.tells("lease false")
    }

    @Test("without JetStream the lease is one's own, which is said once")
    func noJetStream() throws {
        stage.engine.claim(as: "node-1", for: .seconds(3))
        off(try requested("$JS.API.STREAM.CREATE"))
        let line = "JetStream is off: no lease, so only one ingest node may publish"
        try stage.tells("lease true", "refused: 127.0.0.1:\(server.port): \(line)")
        stage.engine.claim(as: "node-1", for: .seconds(3))
        off(try requested("$JS.API.STREAM.CREATE"))
        try stage.tells("lease true")
    }

    @Test("JetStream that does not answer is asked again, and nothing is claimed to be known")
    func silence() throws {
        stage.engine.claim(as: "node-1", for: .seconds(3))
        _ = try requested("$JS.API.STREAM.CREATE")
        stage.pass(.milliseconds(999))
        #expect(stage.told.isEmpty)
        stage.pass(.milliseconds(1))
        let again = try requested("$JS.API.STREAM.CREATE")
        let line = "JetStream does not answer: whose the lease is, is not known"
        try stage.tells("refused: 127.0.0.1:\(server.port): \(line)")
        // Claimed anew meanwhile, which the same answer serves: slow ones would never be told else.
        stage.engine.claim(as: "node-1", for: .seconds(3))
        answer(again, "{}")
        try stage.turn(until: { stage.engine.traffic.messagesIn == 1 })
        let written = try requested("$KV.tf-lease.owner")
        stage.engine.claim(as: "node-1", for: .seconds(3))
        answer(written, "{\"seq\":1}")
        try stage.tells("lease true")
    }
}
