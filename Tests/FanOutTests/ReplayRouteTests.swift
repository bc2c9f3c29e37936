// `/v1/replay`: everybody who may read sees where it stands, and only who may, moves it.
import Basics
import Market
import Testing
import Wire

@testable import FanOut

private let pause = #"{"action":"pause"}"#

/// - Parameter headers: each with its line end.
private func post(_ body: String, host: String = "127.0.0.1:7400", _ headers: String = "") -> String {
    "POST /v1/replay HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n\(headers)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

private func engine(
    _ replay: FakeReplay?, control: Bool = true, verifier: TokenVerifier? = nil, origins: [String] = []
) -> Engine {
    var limits = Limits()
    if control { limits.http.bodyBytesMax = 512 }
    return Engine(limits: limits, verifier: verifier) {
        $0.replay = replay
        $0.takesReplayCommands = control
        $0.allowedOrigins = origins
    }
}

private func answer(_ engine: Engine, _ text: String) -> (status: Int, text: String) {
    engine.ask(0, text)
    let answer = engine.text(0)
    engine.close(0)
    return (Int(answer.split(separator: " ")[1]) ?? 0, answer)
}

private func bearer(_ claims: String) -> String { "Authorization: Bearer \(Minting.token(claims))\r\n" }

@Test("where the replay stands, and whether this client may move it")
func replayState() {
    let get = "GET /v1/replay HTTP/1.1\r\nHost: x\r\n\r\n"
    #expect(answer(engine(nil), get).status == 404)
    for control in [true, false] {
        let said = answer(engine(FakeReplay(), control: control), get)
        #expect(said.status == 200 && said.text.contains(#""state":"playing","time":7,"speed":2.5"#))
        #expect(said.text.contains(#""control":\#(control)"#))
    }
}

@Test(
    "who may move a replay of a server without tokens",
    arguments: [
        (post(pause), 202), (post(pause, host: "localhost"), 202), (post(pause, host: "[::1]:7400"), 202),
        (post(pause, "Origin: http://127.0.0.1:7400\r\n"), 202),
        (post(pause, "Origin: http://evil.example\r\n"), 403), (post(pause, "Origin: null\r\n"), 403),
        // A page whose name was made to lead to this machine.
        (post(pause, host: "evil.example", "Origin: http://evil.example\r\n"), 403),
        (post(pause, host: "127.0.0.1.evil.example"), 403),
        (post(#"{"action":"fly"}"#), 400), (post("{"), 400),
        (post(pause).replacing("application/json", with: "text/plain"), 415),
        (post(pause).replacing("/v1/replay", with: "/livez"), 413),
        (post(pause).replacing("POST", with: "GET"), 413),
        (post(#"{"action":"pause","x":"\#(String(repeating: "x", count: 600))"}"#), 413),
    ])
func replayMovers(request: String, status: Int) {
    let replay = FakeReplay()
    #expect(answer(engine(replay), request).status == status, "\(request)")
    #expect(replay.taken == (status == 202 ? [.pause] : []))
}

@Test("nobody moves it without --replay-control, or where the source says no")
func replayUnmoved() {
    let replay = FakeReplay(), refusing = FakeReplay(refusing: "not seekable: a pipe")
    // No request has a body there.
    #expect(answer(engine(replay, control: false), post(pause)).status == 413)
    #expect(replay.taken == [])
    let said = answer(engine(refusing), post(#"{"action":"seek","to":"+30s"}"#))
    #expect(said.status == 409 && said.text.hasSuffix("not seekable: a pipe\n"))
}

@Test("with tokens the claim says who moves it")
func replayMoversByToken() {
    for (claims, may) in [
        (#""symbols":["*"]"#, false), (#""symbols":["*"],"replay":false"#, false), (#""replay":true"#, true),
    ] {
        let replay = FakeReplay()
        let engine = engine(replay, verifier: Minting.verifier())
        // The host is anybody's: the token says enough.
        let said = answer(engine, post(pause, host: "feed.example", bearer(claims)))
        #expect(said.status == (may ? 202 : 403), "\(claims)")
        #expect(replay.taken.isEmpty == !may)
        let state = answer(engine, "GET /v1/replay HTTP/1.1\r\nHost: x\r\n\(bearer(claims))\r\n").text
        #expect(state.contains(#""control":\#(may)"#))
    }
    let replay = FakeReplay()
    let engine = engine(replay, verifier: Minting.verifier())
    #expect(answer(engine, post(pause)).status == 401)
    #expect(answer(engine, post(pause, bearer(#""replay":1"#))).status == 401)
    // A cookie is sent by whatever page asks: it does not count for one of another site.
    let cookie =
        "Cookie: tickerfeed_token=\(Minting.token(#""replay":true"#))\r\nOrigin: http://evil.example\r\n"
    #expect(answer(engine, post(pause, cookie)).status == 401)
    #expect(replay.taken == [])
}
