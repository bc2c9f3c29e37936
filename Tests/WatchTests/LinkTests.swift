// A link against a server that does what it is told: what is said to it, when it comes back, and from where.
import Basics
import Dialects
import Testing
import Wire

@testable import Watch

private let quotes = ClientMessage.Subscribe(channel: .quote, symbols: ["AAPL", "MSFT"])

@Suite struct LinkTests {
    @Test("welcome, then what is wanted, then only what differs")
    func differences() throws {
        let stage = try LinkStage()
        stage.link.set([quotes])
        try stage.run(until: { stage.server.heard.count == 2 })
        #expect(stage.states == [.connecting, .live] && stage.link.wasEverLive)
        #expect(
            stage.server.heard[0]
                == #"{"op":"subscribe","channel":"quote","symbols":["AAPL","MSFT"],"rate":10,"stamps":true,"id":1}"#
        )
        #expect(stage.server.heard[1] == #"{"op":"ping","id":"ping 1"}"#)
        stage.link.set([.init(channel: .quote, symbols: ["MSFT", "NVDA"])])
        stage.link.set([.init(channel: .quote, symbols: ["MSFT", "NVDA"], rate: .max)])
        try stage.run(until: { stage.server.heard.count == 5 })
        #expect(
            stage.server.heard[2...] == [
                #"{"op":"unsubscribe","channel":"quote","symbols":["AAPL"],"id":2}"#,
                #"{"op":"subscribe","channel":"quote","symbols":["NVDA"],"rate":10,"stamps":true,"id":3}"#,
                #"{"op":"set","channel":"quote","symbols":["MSFT","NVDA"],"rate":"max","id":4}"#,
            ])
    }

    @Test("after a break it goes on from the newest cursor; of another epoch it begins anew")
    func resumes() throws {
        let stage = try LinkStage()
        stage.link.set([quotes])
        try stage.run(until: { stage.isLive })
        stage.server.say(ScriptedServer.heartbeat("7.41"))
        stage.server.say(ScriptedServer.heartbeat("7.42"))
        try stage.run(until: { stage.messages.count == 3 })
        stage.server.close(nil)
        try stage.run(until: { !stage.isLive })
        let breakage = try #require(stage.breakage)
        #expect(breakage.reason.contains("closed"))
        #expect(breakage.pause > .zero && breakage.pause <= .milliseconds(250))
        #expect(stage.link.next == stage.now.instant + breakage.pause)
        stage.advance(breakage.pause)
        try stage.run(until: { stage.server.heard.contains { $0.contains("7.42") } })
        stage.server.greeting = [ScriptedServer.welcome("8")]
        stage.link.reconnect(stage.now)
        let before = stage.server.heard.count
        try stage.run(until: { stage.server.heard.count > before })
        #expect(!stage.server.heard[before].contains("resume"))
    }

    @Test("silence for three heartbeats is a break")
    func silence() throws {
        let stage = try LinkStage()
        try stage.run(until: { stage.isLive })
        stage.advance(.milliseconds(2_999))
        stage.link.tick(stage.now, stage.take)
        #expect(stage.isLive && stage.link.next == stage.now.instant + .milliseconds(1))
        stage.advance(.milliseconds(1))
        stage.link.tick(stage.now, stage.take)
        #expect(stage.breakage?.reason == "nothing heard for 3 s")
    }

    @Test("no answer for ten seconds is a break, too")
    func noAnswer() throws {
        let stage = try LinkStage()
        stage.server.greeting = []
        try stage.run(until: { stage.server.heads.count == 1 })
        stage.advance(.seconds(10))
        stage.link.tick(stage.now, stage.take)
        #expect(stage.breakage?.reason == "no answer for 10 s" && !stage.link.wasEverLive)
    }

    @Test("pauses grow, and are not the same for all")
    func pauses() {
        var one = Backoff(seed: 1), other = Backoff(seed: 2)
        let pauses = (0..<200).map { _ in one.next() }
        #expect(pauses[0] <= .milliseconds(250) && pauses.allSatisfy { $0 > .zero && $0 <= .seconds(10) })
        #expect(pauses.dropFirst(10).contains { $0 > .seconds(5) })
        #expect(pauses != (0..<200).map { _ in other.next() })
        one.reset()
        #expect(one.next() <= .milliseconds(250))
    }

    @Test(
        "what the server says about coming back is believed, up to a minute",
        arguments: [(718, 718), (3_600_000, 60_000)])
    func goodbye(asked: Int, pause: Int) throws {
        let stage = try LinkStage()
        try stage.run(until: { stage.isLive })
        stage.server.say(#"{"type":"goodbye","code":"drain","reconnect_after_ms":\#(asked)}"#)
        stage.server.close(1012)
        try stage.run(until: { !stage.isLive })
        #expect(stage.breakage?.pause == .milliseconds(pause))
        #expect(!stage.link.wasRefused)
    }

    @Test(
        "a refusal is told, and not stormed",
        arguments: [
            ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno\n", true, 30_000),
            ("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", false, 5_000),
        ])
    func refused(answer: String, isUnauthorized: Bool, pause: Int) throws {
        let stage = try LinkStage()
        stage.server.answer = answer
        try stage.run(until: { stage.breakage != nil })
        #expect(stage.link.wasRefused && stage.link.isUnauthorized == isUnauthorized)
        #expect(stage.breakage?.pause == .milliseconds(pause))
    }

    @Test("an operation without a token is a refusal")
    func unauthenticated() throws {
        let stage = try LinkStage()
        stage.link.set([quotes])
        try stage.run(until: { stage.server.heard.count == 2 })
        stage.server.say(#"{"type":"error","id":1,"code":"unauthenticated","message":"no token yet"}"#)
        try stage.run(until: { stage.breakage != nil })
        #expect(stage.link.isUnauthorized && stage.breakage?.reason == "no token yet")
        #expect(stage.breakage?.pause == .seconds(30))
    }

    @Test(
        "how a server ends it, and how soon it is asked again",
        arguments: [(4401, 30_000, true), (4403, 30_000, true), (4408, 0, false), (4429, 5_000, false)])
    func closeCodes(code: Int, pause: Int, isUnauthorized: Bool) throws {
        let stage = try LinkStage()
        try stage.run(until: { stage.isLive })
        stage.server.say(ScriptedServer.heartbeat("7.42"))
        try stage.run(until: { stage.messages.count == 2 })
        stage.server.close(UInt16(code))
        try stage.run(until: { stage.states.count > 2 })
        guard case .broken(let reason, let retry)? = stage.states.dropFirst(2).first else { return }
        #expect(reason == "closed by the server (\(code))")
        #expect(retry - stage.now.instant == .milliseconds(pause))
        #expect(stage.link.isUnauthorized == isUnauthorized)
    }

    @Test("the round trip, and by the quickest how the server's clock stands")
    func clocks() throws {
        let stage = try LinkStage()
        try stage.run(until: { stage.server.heard.count == 1 })
        let sent = stage.now.wall
        stage.advance(.milliseconds(10))
        // It had the ping in the middle of the way, and its clock is two seconds in front.
        let at = sent.raw + 2_005_000_000
        stage.server.say(#"{"type":"pong","id":"ping 1","ts":\#(at)}"#)
        try stage.run(until: { stage.measured.count == 2 })
        #expect(stage.measured == [.milliseconds(10), .seconds(2)])
        stage.server.say(#"{"type":"pong","id":"ping 1","ts":\#(at)}"#)
        stage.server.say(ScriptedServer.heartbeat("7.42"))
        try stage.run(until: { stage.messages.count == 4 })
        #expect(stage.measured.count == 2, "an answer counted twice")
    }

    @Test("events: another wish is another connection, and it goes on where it was")
    func events() throws {
        let stage = try LinkStage { $0.transport = .events }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        stage.server.answer =
            head + "retry: 1200\n\nevent: welcome\nid: 7.1\ndata: \(ScriptedServer.welcome("7"))\n\n"
        stage.link.tick(stage.now, stage.take)
        #expect(stage.breakage?.reason == "nothing is subscribed to" && stage.link.next == .never)
        stage.link.set([quotes, .init(channel: .book, symbols: ["A+"], rate: .max, depth: 5)])
        #expect(stage.link.next == .zero)
        try stage.run(until: { stage.isLive })
        #expect(
            stage.server.heads[0].hasPrefix(
                "GET /v1/events?channel=quote,book&symbols=AAPL,MSFT,A%2B&stamps=true&rate=max&depth=5 HTTP/1.1\r\n"
            ))
        let before = stage.link.bytesReceived
        stage.server.write("id: 7.42\n\n")
        try stage.run(until: { stage.link.bytesReceived == before + 10 })
        stage.link.set([quotes])
        try stage.run(until: { stage.server.heads.count == 2 && stage.isLive })
        #expect(stage.server.heads[1].contains("\r\nLast-Event-ID: 7.42\r\n"))
        stage.server.write("event: goodbye\ndata: {\"type\":\"goodbye\",\"code\":\"token_expired\"}\n\n")
        stage.server.close(nil)
        try stage.run(until: { stage.breakage != nil })
        #expect(stage.breakage?.reason == "closed by the server (4401): token_expired")
        #expect(stage.link.isUnauthorized)
    }

    @Test(
        "an answer that is no stream of events",
        arguments: [
            (
                "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nno such\n",
                "refused with 404 Not Found: no such"
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
                "no stream of events"
            ),
        ])
    func noEvents(answer: String, told: String) throws {
        let stage = try LinkStage { $0.transport = .events }
        stage.link.set([quotes])
        stage.server.answer = answer
        try stage.run(until: { stage.breakage != nil })
        #expect(stage.breakage?.reason.contains(told) == true, "\(stage.states)")
    }

    @Test(
        "an address, as people write it",
        arguments: [
            ("http://h", "ws://h/v1/stream", "ws://h/livez"),
            ("https://h:8/", "wss://h:8/v1/stream", "wss://h:8/livez"),
            ("ws://h/v1/stream", "ws://h/v1/stream", "ws://h/livez"),
            ("WSS://h/up/v1/stream", "wss://h/up/v1/stream", "wss://h/up/livez"),
            ("http://h/v1/events?channel=quote", "ws://h/v1/stream", "ws://h/livez"),
            ("ws://h/echo", "ws://h/echo", "ws://h/livez"),
        ])
    func addresses(text: String, stream: String, page: String) throws {
        let address = try ServerAddress(text)
        #expect(address.stream.description == stream && address.page("/livez").description == page)
    }
}
