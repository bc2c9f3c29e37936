// A connection to a NATS server: how it begins, what keeps it, what ends it, and which comes next.
import Basics
import Market
import Testing
import Wire

@testable import Backplane

@Suite("A connection to NATS")
struct NATSLinkTests {
    private let server: ScriptedNATS

    init() throws { server = try ScriptedNATS() }

    private var place: String { "127.0.0.1:\(server.port)" }

    private func stage(
        _ url: String? = nil, secret: String? = nil
    ) throws -> NATSStage<NATSFollowing> {
        var options = EngineOptions(try EngineURL(url ?? "nats://\(place)", option: "feed"))
        options.secret = { secret }
        options.name = "tf"
        return NATSStage(NATSFollowing(options))
    }

    @Test(
        "who connects says who it is, as a user or by a token",
        arguments: [
            (nil, nil, nil), (nil, "t\"k", #""auth_token":"t\"k""#),
            ("alice", "pw", #""user":"alice","pass":"pw""#),
        ] as [(String?, String?, String?)])
    func names(user: String?, secret: String?, wanted: String?) throws {
        let stage = try stage(user.map { "nats://\($0)@\(place)" }, secret: secret)
        try stage.connect(server)
        let line = try #require(server.lines.first)
        #expect(line.hasPrefix("CONNECT {"))
        let json = try JSONValue(parsing: String(line.dropFirst(8)))
        #expect(json["no_responders"]?.bool == true && json["echo"]?.bool == false)
        #expect(json["tls_required"]?.bool == false && json["verbose"]?.bool == false)
        #expect(wanted.map { line.contains($0) } ?? (json["auth_token"] == nil && json["user"] == nil))
        // What is always followed stands before the ping whose answer makes it connected.
        #expect(server.lines.dropFirst().first == "SUB tf.heads 1")
        #expect(server.lines.last == "PING")
        #expect(stage.engine.isConnected && stage.engine.traffic.connections == 1)
    }

    @Test("a refusal is told once, and as often as it changes")
    func refused() throws {
        let stage = try stage(secret: "wrong")
        for reason in ["Authorization Violation", "Authorization Violation", "Authentication Timeout"] {
            stage.turn()
            try server.accept()
            server.greet()
            let before = stage.engine.traffic
            try stage.turn(until: { stage.engine.traffic.bytesOut > before.bytesOut })
            try server.hear("PING")
            server.say("-ERR '\(reason)'\r\n")
            try stage.turn(until: { stage.engine.descriptor < 0 })
            stage.pass(.seconds(2))
        }
        #expect(
            stage.told == [
                "disconnected: \(place): it says Authorization Violation",
                "disconnected: \(place): it says Authentication Timeout",
            ])
    }

    @Test(
        "where TLS is wanted nothing is said in the clear",
        arguments: [
            ("", "it offers no TLS, which tls:// wants"),
            (",\"tls_required\":true}\r\nPING\r\n", "it speaks in the clear where TLS was to begin"),
        ])
    func noTLS(info: String, reason: String) throws {
        let stage = try stage("tls://\(place)", secret: "secret")
        stage.turn()
        try server.accept()
        server.say("INFO {\"max_payload\":4096\(info.isEmpty ? "}\r\n" : info)")
        try stage.tells("disconnected: \(place): \(reason)")
        #expect(stage.engine.traffic.bytesOut == 0)
    }

    @Test("a server that requires TLS is spoken to through TLS, whatever the URL says")
    func upgrade() throws {
        let stage = try stage(secret: "secret")
        stage.turn()
        try server.accept()
        server.greet(",\"tls_required\":true")
        try stage.turn(until: { stage.engine.traffic.bytesOut > 0 })
        // No TLS follows: what came must have been its first message, and no word of ours.
        server.say("PONG\r\n")
        try stage.turn(until: { !stage.told.isEmpty })
        #expect(stage.told.first?.contains("TLS") == true, "\(stage.told)")
    }

    @Test("three seconds are enough to begin; then the next attempt waits")
    func silent() throws {
        let stage = try stage()
        stage.turn()
        try server.accept()
        stage.pass(.milliseconds(2_999))
        #expect(stage.told.isEmpty && stage.engine.descriptor >= 0)
        stage.pass(.milliseconds(1))
        #expect(stage.told == ["disconnected: \(place): it does not answer"])
        #expect(stage.engine.descriptor == -1 && stage.due > stage.now.instant)
    }

    @Test("two pings without an answer end it")
    func pings() throws {
        let stage = try stage()
        try stage.connect(server)
        stage.pass(.seconds(2))
        try server.hear("PING")
        let before = stage.engine.traffic.bytesIn
        server.say("PONG\r\n")
        try stage.turn(until: { stage.engine.traffic.bytesIn > before })
        for _ in 0..<2 { stage.pass(.seconds(2)) }
        #expect(stage.told.isEmpty)
        stage.pass(.seconds(2))
        #expect(stage.told == ["disconnected: \(place): it answers no more"])
    }

    @Test("a ping is answered")
    func pong() throws {
        let stage = try stage()
        try stage.connect(server)
        server.say("PING\r\n")
        let before = stage.engine.traffic.bytesOut
        try stage.turn(until: { stage.engine.traffic.bytesOut > before })
        try server.hear("PONG")
    }

    @Test("another server takes over at once, one that was only named too")
    func others() throws {
        let other = try ScriptedNATS()
        let stage = try stage()
        try stage.connect(server, info: ",\"connect_urls\":[\"127.0.0.1:\(other.port)\"]")
        server.hangUp()
        try stage.tells("disconnected: \(place): it closed the connection")
        try stage.connect(other)
        #expect(stage.engine.traffic.connections == 2)
    }

    @Test("a server that shuts down is left where there is another, and kept where there is none")
    func lameDuck() throws {
        let other = try ScriptedNATS()
        let stage = try stage()
        try stage.connect(server)
        server.greet(",\"ldm\":true")
        server.say("MSG tf.heads 1 1\r\nA\r\n")
        try stage.tells("heads A")
        server.greet(",\"ldm\":true,\"connect_urls\":[\"127.0.0.1:\(other.port)\"]")
        try stage.tells("disconnected: \(place): it shuts down")
        try stage.connect(other)
    }

    @Test("what is no NATS ends it, and says so")
    func nonsense() throws {
        let stage = try stage()
        try stage.connect(server)
        server.say("MSG tf.heads 1 99999999\r\n")
        try stage.tells("disconnected: \(place): it announced a message of 99999999 bytes")
    }

    @Test("a permission that is missing is told once, and the connection stays")
    func permission() throws {
        let stage = try stage()
        try stage.connect(server)
        let line = "Permissions Violation for Subscription to \"tf.ticks.A\""
        server.say("-ERR '\(line)'\r\n-ERR '\(line)'\r\nMSG tf.heads 1 1\r\nA\r\n")
        try stage.tells("refused: \(place): it says \(line)", "heads A")
        #expect(stage.engine.isConnected)
    }
}
