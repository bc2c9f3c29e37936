// Who may what, on the virtual clock: tokens in every place they may stand, what they allow, how they end.
import Basics
import Dialects
import Market
import Testing
import Wire

@testable import FanOut

private func guarded(_ symbols: String...) -> Engine {
    var limits = Limits()
    limits.ping = .zero
    let engine = Engine(limits: limits, verifier: Minting.verifier())
    for symbol in symbols { engine.define(symbol) }
    engine.run()
    return engine
}

private func bearer(_ token: String) -> String { "Authorization: Bearer \(token)\r\n" }
private func auth(_ token: String) -> String { #"{"op":"auth","id":9,"token":"\#(token)"}"# }

private func subscribe(_ symbols: String, _ more: String = "", channel: String = "quote") -> String {
    let names = symbols.split(separator: " ").map { "\"\($0)\"" }.joined(separator: ",")
    return #"{"op":"subscribe","id":1,"channel":"\#(channel)","symbols":[\#(names)]\#(more)}"#
}

extension Engine {
    /// What is said to a request, heartbeats left out.
    fileprivate func answers(_ index: Int, to text: String) -> [String] {
        say(index, text)
        return news(index)
    }
    fileprivate func news(_ index: Int) -> [String] {
        texts(index).filter { !$0.hasPrefix(#"{"type":"heartbeat""#) }
    }
    /// Symbols of the quotes that came.
    fileprivate func quoted(_ index: Int) -> [String] {
        news(index).filter { $0.hasPrefix(#"{"type":"quote""#) }
            .compactMap { try? JSONValue(parsing: $0)["sym"]?.string }
    }
}

// MARK: Saying who one is

@Test("without a token nothing is told but pings, and after 5 s the connection is closed")
func withoutToken() {
    let engine = guarded("AAPL")
    #expect(engine.connect(0).contains(#""auth_ms":5000"#))
    let requests = [
        subscribe("AAPL"), #"{"op":"list"}"#, #"{"op":"unsubscribe","channel":"quote","symbols":["*"]}"#,
        #"{"op":"set","symbols":["*"],"rate":1}"#, #"{"op":"set","max_kbps":64}"#,
    ]
    for request in requests {
        let answers = engine.answers(0, to: request)
        #expect(answers.count == 1 && answers[0].contains(#""code":"unauthenticated""#), "\(request)")
    }
    #expect(engine.answers(0, to: #"{"op":"ping"}"#)[0].contains("pong"))
    engine.run(milliseconds: 4_990)
    #expect(engine.news(0) == [])
    engine.run(milliseconds: 20)
    #expect(engine.news(0) == ["close 1008"])
}

@Test("a token comes in the head, in a cookie or in a message")
func places() {
    let engine = guarded("AAPL")
    let token = Minting.token(#""symbols":["AAPL"]"#)
    engine.connect(0, headers: bearer(token))
    engine.connect(1, headers: "Cookie: a=b; tickerfeed_token=\(token); c=d\r\n")
    engine.connect(2, headers: "authorization: bEARER  \(token)\r\nOrigin: http://x\r\n")
    engine.connect(3)
    #expect(engine.answers(3, to: auth(token))[0].hasPrefix(#"{"type":"ack","id":9,"expires":"#))
    for index in 0..<4 {
        #expect(engine.answers(index, to: subscribe("AAPL"))[0].contains(#""symbols":["AAPL"]"#))
    }
}

@Test("a bad token in the head: 401 and no upgrade; two places: the header counts")
func badHeads() {
    let engine = guarded("AAPL")
    let good = Minting.token(#""symbols":["AAPL"]"#)
    let heads = [
        bearer("nonsense"), bearer(Minting.token(for: -60, #""symbols":["*"]"#)), bearer(""),
        bearer(Minting.token(#""symbols":7"#)), "Cookie: tickerfeed_token=\(good)x\r\n",
        bearer("nonsense") + "Cookie: tickerfeed_token=\(good)\r\n",
    ]
    for (index, head) in heads.enumerated() {
        let answer = engine.connect(index, headers: head)
        #expect(answer.hasPrefix("HTTP/1.1 401 "), "\(head)")
        #expect(answer.contains("WWW-Authenticate: Bearer realm=\"tickerfeed\", error=\"invalid_token\""))
        #expect(!answer.contains(good) && !answer.contains("nonsense"))
    }
    #expect(engine.connect(100, headers: bearer(good) + bearer(good)).hasPrefix("HTTP/1.1 400 "))
    // Another scheme is somebody else's.
    #expect(engine.connect(101, headers: "Authorization: Basic eDp5\r\n").hasPrefix("HTTP/1.1 101 "))
}

@Test("a cookie does not count for a page of another origin")
func crossSite() {
    let engine = guarded("AAPL")
    let cookie = "Cookie: tickerfeed_token=\(Minting.token(#""symbols":["*"]"#))\r\n"
    for (index, origin) in ["http://evil", "null", "http://x.evil", "https://x:1"].enumerated() {
        let head = cookie + "Origin: \(origin)\r\n"
        #expect(engine.connect(index, headers: head).hasPrefix("HTTP/1.1 403 "))
        #expect(engine.get(index, "/v1/snapshot/AAPL", headers: head).hasPrefix("HTTP/1.1 401 "))
        #expect(engine.get(index, "/v1/events?channel=quote&symbols=AAPL", headers: head).contains(" 403 "))
        #expect(engine.get(index, "/v1/preflight", headers: head).contains(#""token":"absent""#))
    }
    #expect(engine.connect(9, headers: cookie + "Origin: http://x\r\n").hasPrefix("HTTP/1.1 101 "))
}

@Test(
    "a token in a URL is refused, wherever",
    arguments: ["token", "access_token", "tickerfeed_token", "TOKEN"])
func inURL(name: String) {
    let engine = guarded("AAPL")
    engine.open(0)
    for path in [
        "/v1/stream", "/v1/snapshot/AAPL", "/v1/symbols", "/v1/events", "/v1/poll", "/v1/preflight", "/",
    ] {
        #expect(engine.get(0, "\(path)?\(name)=x").hasPrefix("HTTP/1.1 400 "), "\(path)")
    }
}

@Test("three tokens that are not believed close the connection; a right one starts the count anew")
func failures() {
    let engine = guarded("AAPL")
    engine.connect(0)
    let wrong = [auth("x"), #"{"op":"auth"}"#, auth(Minting.token(for: -31, #""symbols":["*"]"#))]
    let right = auth(Minting.token(#""symbols":["AAPL"]"#))
    for request in wrong.dropLast() + [right] + wrong.dropLast() {
        let answers = engine.answers(0, to: request)
        #expect(answers.count == 1 && answers[0].contains(request == right ? "ack" : "unauthenticated"))
    }
    // What it had it keeps until then.
    #expect(engine.answers(0, to: subscribe("AAPL"))[0].contains(#""symbols":["AAPL"]"#))
    let last = engine.answers(0, to: wrong[2])
    #expect(last.count == 2 && last[0].contains("the token has expired") && last[1] == "close 1008")
}

@Test("the answer to auth says what the token allows and until when")
func acknowledgement() {
    let engine = guarded("AAPL")
    engine.connect(0)
    let token = Minting.token(
        for: 100,
        #""sub":"ann","symbols":["MSFT","BRK*","BRK.A","AAPL"],"channels":["trade","quote"],"max_rate":5"#)
    #expect(
        engine.answers(0, to: auth(token)) == [
            #"{"type":"ack","id":9,"subject":"ann","expires":1700000100000000000,"#
                + #""symbols":["AAPL","BRK*","MSFT"],"channels":["quote","trade"],"max_rate":5,"max_depth":50}"#
        ])
}

@Test("a server without tokens takes any, and everybody reads everything")
func withoutVerifier() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0, headers: bearer("whatever"))
    #expect(engine.answers(0, to: auth("x")) == [#"{"type":"ack","id":9}"#])
    #expect(engine.answers(0, to: subscribe("AAPL"))[0].contains(#""symbols":["AAPL"]"#))
    engine.open(1)
    #expect(engine.get(1, "/v1/preflight").contains(#""ok":true,"origin":"absent","token":"not_needed""#))
}

// MARK: What it allows

@Test("each symbol is answered for itself, and one that is not allowed alike whether it exists or not")
func perSymbol() {
    let engine = guarded("AAPL", "MSFT")
    engine.connect(0, headers: bearer(Minting.token(#""symbols":["AAPL","ZZZZ"]"#)))
    let answer = engine.answers(0, to: subscribe("AAPL MSFT NONE ZZZZ B* a,b"))[0]
    #expect(answer.contains(#""symbols":["AAPL"]"#))
    #expect(
        answer.contains(
            #""refused":[{"symbol":"MSFT","code":"forbidden"},{"symbol":"NONE","code":"forbidden"},"#
                + #"{"symbol":"ZZZZ","code":"unknown_symbol"},{"symbol":"B*","code":"forbidden"},"#
                + #"{"symbol":"a,b","code":"bad_symbol"}]"#))
}

@Test("a pattern stands for those of its symbols that are allowed, also for those that come later")
func tokensAndPatterns() {
    let engine = guarded("AAPL", "BRK.A", "MSFT")
    let tokens = [#""*""#, #""BRK*""#, #""BRK.A","M*""#, #""AAPL""#]
    for (index, symbols) in tokens.enumerated() {
        engine.connect(index, headers: bearer(Minting.token(#""symbols":[\#(symbols)]"#)))
        #expect(engine.answers(index, to: subscribe("*", #","rate":"max""#))[0].contains(#""symbols":["*"]"#))
    }
    for name in ["BRK.B", "MU", "AAPLW"] { engine.define(name) }
    for symbol in 0..<6 { engine.quote(symbol, bid: 1_000) }
    engine.run(milliseconds: 3)
    #expect(Set(engine.quoted(0)) == ["AAPL", "BRK.A", "MSFT", "BRK.B", "MU", "AAPLW"])
    #expect(Set(engine.quoted(1)) == ["BRK.A", "BRK.B"])
    #expect(Set(engine.quoted(2)) == ["BRK.A", "MSFT", "MU"])
    #expect(Set(engine.quoted(3)) == ["AAPL"])
}

@Test("channel, rate and depth: more is refused, what is not said is what is allowed")
func measures() {
    let engine = guarded("AAPL")
    let claims = #""symbols":["*"],"channels":["quote","book"],"max_rate":2,"max_depth":3"#
    engine.connect(0, headers: bearer(Minting.token(claims)))
    #expect(engine.answers(0, to: subscribe("AAPL"))[0].contains(#""rate":2"#))
    let table = [
        (subscribe("AAPL", channel: "trade"), "channel trade"),
        (subscribe("AAPL", #","rate":2.001"#), "at most 2 "),
        (subscribe("AAPL", #","rate":"max""#), "at most 2 "),
        (subscribe("AAPL", #","depth":4"#, channel: "book"), "at most 3"),
        (#"{"op":"set","symbols":["*"],"rate":"max"}"#, "at most 2 "),
    ]
    for (request, reason) in table {
        let answer = engine.answers(0, to: request)[0]
        #expect(answer.contains(#""code":"forbidden""#) && answer.contains(reason), "\(request): \(answer)")
    }
    _ = engine.answers(0, to: subscribe("AAPL", channel: "book"))
    #expect(engine.answers(0, to: #"{"op":"list"}"#)[0].contains(#""rate":2,"depth":3"#))
}

@Test("snapshots and the directory show what is allowed")
func endpoints() {
    let engine = guarded("AAPL", "MSFT")
    for level in 1...5 { engine.level(0, .bid, cents: 1_000 + level, shares: 1) }
    engine.run()
    let head = bearer(Minting.token(#""symbols":["AAPL"],"channels":["book","quote"],"max_depth":2"#))
    engine.open(0)
    #expect(engine.get(0, "/v1/snapshot/AAPL").hasPrefix("HTTP/1.1 401 "))
    #expect(engine.get(0, "/v1/symbols").contains("WWW-Authenticate: Bearer realm=\"tickerfeed\"\r\n"))
    let snapshot = engine.get(0, "/v1/snapshot/AAPL", headers: head)
    #expect(snapshot.contains(#""bids":[[10.05,1],[10.04,1]]"#) && snapshot.contains("private"))
    #expect(
        !snapshot.contains(#""trade""#) && !snapshot.contains(#""status""#) && !snapshot.contains("stats"))
    #expect(engine.get(0, "/v1/snapshot/AAPL?depth=3", headers: head).hasPrefix("HTTP/1.1 403 "))
    let forbidden = ["MSFT", "NONE"].map { engine.get(0, "/v1/snapshot/\($0)", headers: head) }
    #expect(forbidden[0].hasPrefix("HTTP/1.1 403 ") && forbidden[0] == forbidden[1])
    let directory = engine.get(0, "/v1/symbols", headers: head)
    #expect(directory.contains("AAPL") && !directory.contains("MSFT") && !directory.contains(#""status""#))
    for path in ["/", "/livez", "/readyz", "/v1/schema.xml"] {
        #expect(engine.get(0, path).contains(" 200 "))
    }
}

@Test("event streams and polls ask for a token too, and a stream ends with it")
func streams() {
    let engine = guarded("AAPL", "MSFT")
    let head = bearer(Minting.token(for: 70, #""symbols":["AAPL"]"#))
    engine.open(0)
    for path in ["/v1/events", "/v1/poll"] {
        #expect(engine.get(0, "\(path)?channel=quote&symbols=AAPL").hasPrefix("HTTP/1.1 401 "))
        #expect(engine.get(0, "\(path)?channel=quote&symbols=MSFT", headers: head).hasPrefix("HTTP/1.1 403 "))
    }
    engine.quote(1, bid: 1_000)
    engine.run()
    let stream = engine.get(0, "/v1/events?channel=quote&symbols=*", headers: head)
    #expect(stream.hasPrefix("HTTP/1.1 200 ") && !stream.contains("MSFT"))
    for _ in 0..<71 { engine.skip(.seconds(1)) }
    let end = String(decoding: engine.network.take(0), as: UTF8.self)
    #expect(end.contains("event: expiring") && end.contains(#""type":"goodbye","code":"token_expired""#))
    #expect(engine.network.closed.contains(0))
}

@Test("a poll that waits is answered with 401 when its token ends")
func polls() throws {
    let engine = guarded("AAPL")
    let head = bearer(Minting.token(for: 10, #""symbols":["AAPL"]"#)),
        path = "/v1/poll?channel=quote&symbols=AAPL"
    engine.open(0)
    let first = engine.get(0, path, headers: head)
    let cursor = try #require(first.split(separator: #""resume":""#).last?.prefix { $0 != "\"" })
    #expect(engine.get(0, "\(path)&cursor=\(cursor)", headers: head) == "")
    for _ in 0..<11 { engine.skip(.seconds(1)) }
    #expect(String(decoding: engine.network.take(0), as: UTF8.self).hasPrefix("HTTP/1.1 401 "))
    #expect(!engine.network.closed.contains(0))
}

// MARK: How it ends

@Test("60 s before the end it is announced, and then it ends")
func expiry() {
    let engine = guarded("AAPL")
    engine.connect(0, headers: bearer(Minting.token(for: 90, #""symbols":["AAPL"]"#)))
    engine.run(milliseconds: 29_990)
    #expect(engine.news(0) == [])
    engine.run(milliseconds: 20)
    #expect(engine.news(0) == [#"{"type":"expiring","expires":1700000090000000000}"#])
    for _ in 0..<59 { engine.skip(.seconds(1)) }
    #expect(engine.news(0).allSatisfy { !$0.contains("expiring") && !$0.hasPrefix("close") })
    engine.run(milliseconds: 1_000)
    #expect(engine.news(0).last == "close 4401")
}

@Test("a token that is about to end is announced at once; one of this moment lives through the leeway")
func shortTokens() {
    let engine = guarded("AAPL")
    engine.connect(0, headers: bearer(Minting.token(for: 5, #""symbols":["AAPL"]"#)))
    engine.connect(1, headers: bearer(Minting.token(for: -10, #""symbols":["AAPL"]"#)))
    engine.run(milliseconds: 2)
    #expect(engine.news(0).count == 1 && engine.news(1).count == 1)
    engine.run(milliseconds: 5_000)
    #expect(engine.news(0) == ["close 4401"])
    engine.run(milliseconds: 14_000)
    #expect(engine.news(1) == [])
    engine.run(milliseconds: 1_100)
    #expect(engine.news(1) == ["close 4401"])
}

@Test("a new token in time, and nothing ends: neither the chain of versions nor the connection")
func refresh() {
    let engine = guarded("AAPL")
    let claims = #""sub":"ann","symbols":["AAPL"]"#
    engine.connect(0, headers: bearer(Minting.token(for: 61, claims)))
    engine.say(0, subscribe("AAPL", #","rate":"max""#))
    engine.quote(0, bid: 1_000)
    engine.run(milliseconds: 1_500)
    #expect(engine.news(0).contains { $0.contains("expiring") })
    #expect(!engine.answers(0, to: auth(Minting.token(for: 200, claims)))[0].contains("dropped"))
    for _ in 0..<100 { engine.skip(.seconds(1)) }
    engine.quote(0, bid: 1_001)
    engine.run()
    let news = engine.news(0)
    #expect(news.last?.contains(#""prev":1}"#) == true && !news.contains { $0.hasPrefix("close") })
}

@Test("a connection speaks for one subject; what a narrower token does not allow is dropped")
func narrower() {
    let engine = guarded("AAPL", "MSFT", "BRK.A")
    engine.connect(0, headers: bearer(Minting.token(#""sub":"ann","symbols":["*"]"#)))
    let stranger = engine.answers(0, to: auth(Minting.token(#""sub":"bob","symbols":["*"]"#)))[0]
    #expect(stranger.contains(#""code":"forbidden""#))
    #expect(engine.answers(0, to: auth(Minting.token(#""symbols":["*"]"#)))[0].contains("forbidden"))
    engine.say(0, subscribe("AAPL MSFT B*", #","rate":5"#))
    engine.say(0, subscribe("AAPL", #","rate":5"#, channel: "trade"))
    engine.say(0, subscribe("AAPL", #","rate":5,"depth":20"#, channel: "book"))
    _ = engine.news(0)
    let narrow = #""sub":"ann","symbols":["AAPL"],"channels":["quote","book"],"max_depth":10"#
    #expect(engine.answers(0, to: auth(Minting.token(narrow)))[0].contains(#""dropped":4"#))
    for symbol in 0..<3 { engine.quote(symbol, bid: 1_000) }
    engine.define("BRK.B")
    engine.quote(3, bid: 1_000)
    engine.run(milliseconds: 300)
    #expect(engine.quoted(0) == ["AAPL"])
    #expect(
        engine.answers(0, to: #"{"op":"list"}"#) == [
            #"{"type":"subscriptions","subscriptions":[{"channel":"quote","symbol":"AAPL","rate":5}]}"#
        ])
    // Slower than what it has: that ends too.
    let slow = #""sub":"ann","symbols":["AAPL"],"max_rate":1"#
    #expect(engine.answers(0, to: auth(Minting.token(slow)))[0].contains(#""dropped":1"#))
}

@Test("a key, issuer or audience that is not the server's any more closes whoever came with it")
func withdrawal() {
    let engine = guarded("AAPL")
    let token = Minting.token(#""symbols":["*"],"iss":"us""#)
    func reload(_ verifier: TokenVerifier?) {
        engine.handler.perform { shard, now in
            let old = shard.options.verifier
            shard.options.verifier = verifier
            shard.withdrawGrants(takenBy: old, now)
        }
        engine.run()
    }
    engine.connect(0, headers: bearer(token))
    engine.connect(1)
    reload(Minting.verifier())
    #expect(engine.news(0) == [] && engine.news(1) == [])
    reload(Minting.verifier(issuer: "us"))
    #expect(engine.news(0) == ["close 4403"] && engine.news(1) == [])
    engine.connect(2, headers: bearer(token))
    reload(Minting.verifier(Minting.secret + [1], issuer: "us"))
    #expect(engine.news(2) == ["close 4403"])
    reload(nil)
    #expect(engine.answers(1, to: subscribe("AAPL"))[0].contains(#""symbols":["AAPL"]"#))
    engine.skip(.seconds(10))
    #expect(!engine.news(1).contains { $0.hasPrefix("close") })
    reload(Minting.verifier())
    #expect(engine.news(1) == ["close 4403"])
}

@Test("a blocked connection ends with its token too")
func blockedExpiry() {
    let engine = guarded("AAPL")
    engine.connect(0, headers: bearer(Minting.token(for: 2, #""symbols":["AAPL"]"#)))
    engine.say(0, subscribe("AAPL", #","rate":"max""#))
    engine.network.room[0] = 0
    engine.quote(0, bid: 1_000)
    engine.run(milliseconds: 2_010)
    engine.unblock(0)
    #expect(engine.news(0).last == "close 4401")
}

@Test("preflight explains, to any page, and always with 200")
func preflight() {
    let engine = guarded("AAPL")
    let good = Minting.token(for: 100, #""sub":"ann","symbols":["*"]"#)
    let table = [
        ("", #""ok":false,"origin":"absent","token":"absent","problems":[{"code":"unauthenticated""#),
        (
            bearer(good),
            #""ok":true,"origin":"absent","token":"valid","subject":"ann","expires":1700000100000000000"#
        ),
        (bearer(Minting.token(for: -40, #""sub":"ann""#)), #""token":"expired""#),
        (bearer("x"), #""token":"malformed""#), (bearer(good + "A"), #""token":"bad_signature""#),
        (
            bearer(good) + "Origin: http://evil\r\n",
            #""origin":"refused","token":"valid","problems":[{"code":"forbidden""#
        ),
        (
            "Cookie: tickerfeed_token=\(good)\r\nOrigin: http://evil\r\n",
            #""origin":"refused","token":"absent""#
        ),
        (bearer(good) + "Origin: https://x\r\n", #""origin":"allowed","token":"valid""#),
    ]
    engine.open(0)
    for (head, part) in table {
        let answer = engine.get(0, "/v1/preflight", headers: head)
        #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("Access-Control-Allow-Origin: *"))
        #expect(answer.contains(part), "\(answer)")
        #expect(!answer.contains(good))
    }
    #expect(engine.get(0, "/metrics").contains(#"tickerfeed_tokens_refused_total{reason="expired"} 1"#))
}
