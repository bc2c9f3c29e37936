// The admin port's answers: who may ask, who is slow, and why somebody is not sent something.
import Basics
import Dialects
import Testing
import Wire

@testable import FanOut

private let secret = "0123456789abcdef"

private func made(_ text: String) -> AdminToken? { AdminToken(Array(text.utf8)) }

private let words: [String: Bool] = [
    secret: true, "\(secret)\n": true, " \t\(secret)\r\n": true, "0123456789abcde": false, "": false,
    "\n": false, "\(secret)\nmore": false, "\(secret)é": false, String(repeating: "x", count: 4_096): true,
    String(repeating: "x", count: 4_097): false,
]

@Test("a token is one word of a fair length", arguments: words.keys.sorted())
func tokens(text: String) { #expect((made(text) != nil) == words[text]) }

@Test("a token matches itself alone")
func tokenMatches() throws {
    let token = try #require(made(secret))
    #expect(token.matches(secret.utf8))
    for guess in ["", "0", "0123456789abcdeF", secret + "0", secret + secret, "1" + secret.dropFirst()] {
        #expect(!token.matches(guess.utf8), "\(guess)")
    }
}

private struct Caller {
    let hasToken: Bool
    let headers: [String: String]
    let status: Int
    init(_ hasToken: Bool, _ headers: [String: String], _ status: Int) {
        (self.hasToken, self.headers, self.status) = (hasToken, headers, status)
    }
}

private let callers = [
    Caller(false, ["Host": "127.0.0.1:7401"], 200), Caller(false, ["Host": "localhost"], 200),
    Caller(false, ["Host": "[::1]:7401"], 200), Caller(false, ["Host": "LOCALHOST:1"], 200),
    Caller(false, ["Host": "evil.example:7401"], 403), Caller(false, ["Host": "127.0.0.1.evil.example"], 403),
    Caller(false, ["Host": "127.evil.0.1"], 403), Caller(false, [:], 403),
    Caller(false, ["Host": "localhost", "Origin": "http://localhost:7401"], 403),
    Caller(true, ["Host": "x", "Authorization": "Bearer 0123456789abcdef"], 200),
    Caller(true, ["Host": "x", "Authorization": "bearer 0123456789abcdef"], 200),
    Caller(true, ["Host": "localhost"], 401), Caller(true, ["Authorization": "Bearer "], 401),
    Caller(true, ["Authorization": "Bearer 0123456789abcdeg"], 401),
    Caller(true, ["Authorization": "0123456789abcdef"], 401),
    Caller(true, ["Authorization": "Basic 0123456789abcdef"], 401),
]

@Test("who may ask, with a token and without", arguments: callers.indices)
func access(index: Int) {
    let caller = callers[index]
    var fields = HTTPHeaders()
    for (name, value) in caller.headers { fields.append(name, value) }
    let request = HTTPRequest(method: "GET", target: "/", path: "/", headers: fields)
    do throws(HTTPFault) {
        try AdminAccess.check(request, caller.hasToken ? made(secret) : nil)
        #expect(caller.status == 200, "\(caller)")
    } catch {
        #expect(error.status == caller.status, "\(caller): \(error)")
    }
}

@Test("two tokens in one request are one too many")
func twoTokens() {
    var fields: HTTPHeaders = ["Authorization": "Bearer \(secret)"]
    fields.append("Authorization", "Bearer \(secret)")
    #expect(throws: HTTPFault.self) {
        try AdminAccess.check(
            HTTPRequest(method: "GET", target: "/", path: "/", headers: fields), made(secret))
    }
}

// MARK: What loops tell

extension Engine {
    /// Why each of a session's streams of a symbol is not sent now.
    fileprivate func why(_ session: UInt64, _ symbol: String = "AAPL") -> [HoldUp] {
        var found: [HoldUp] = []
        handler.look { shard, now in
            if case .streams(_, let streams, _) = shard.explain(session: session, symbol: symbol, now) {
                found = streams.map(\.holdUp)
            }
        }
        return found
    }
}

extension FanOutHandler {
    /// Looks into the loop between two turns.
    fileprivate func look(_ body: (borrowing Shard, Instant) -> Void) {
        withoutActuallyEscaping(body) { body in
            let looking = Looking(body)
            perform { shard, now in looking.body(shard, now.instant) }
        }
    }
}

private struct Looking: @unchecked Sendable {
    let body: (borrowing Shard, Instant) -> Void
    init(_ body: @escaping (borrowing Shard, Instant) -> Void) { self.body = body }
}

@Test("why a quote is not sent: nothing new, its rate, max_kbps, a full socket")
func explanations() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    engine.quote(0, bid: 100)
    engine.run()
    engine.say(0, #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":1}"#)
    engine.run(milliseconds: 10)
    #expect(engine.why(1) == [.nothingNew])
    engine.quote(0, bid: 101)
    engine.run()
    guard case .rate(let span)? = engine.why(1).first else {
        Issue.record("\(engine.why(1))")
        return
    }
    #expect(span > .milliseconds(900) && span <= .seconds(1))
    engine.say(0, #"{"op":"set","max_kbps":8}"#)
    var isHeld = false
    for bid in 102..<142 where !isHeld {  // some 800 bits, at 8,000 a second
        engine.quote(0, bid: bid)
        engine.run(milliseconds: 50)
        if case .held? = engine.why(1).first { isHeld = true }
    }
    #expect(isHeld)
    engine.say(0, #"{"op":"set","max_kbps":null}"#)
    engine.network.room[0] = 3
    engine.quote(0, bid: 203)
    engine.run(milliseconds: 2_000)
    engine.quote(0, bid: 204)
    engine.run()
    guard case .blocked(let since)? = engine.why(1).first else {
        Issue.record("\(engine.why(1))")
        return
    }
    #expect(since > .milliseconds(500))
    engine.unblock(0)
    engine.run(milliseconds: 1_100)
    #expect(engine.why(1) == [.nothingNew])
}

@Test("what is not there is told apart from what is not subscribed to")
func nothingToExplain() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    engine.run()
    #expect(engine.why(1).isEmpty)
    engine.handler.look { shard, now in
        if case .noSuchSymbol = shard.explain(session: 1, symbol: "NONE", now) {
        } else {
            Issue.record("a symbol")
        }
        if case .noSuchConnection = shard.explain(session: 2, symbol: "AAPL", now) {
        } else {
            Issue.record("a session")
        }
        if case .noSuchConnection = shard.explain(session: 0, symbol: "AAPL", now) {
        } else {
            Issue.record("what has no session")
        }
    }
}

@Test("the slowest readers come first, and no more than were asked for")
func slowest() {
    let engine = Engine()
    engine.define("AAPL")
    for index in 0..<5 {
        engine.connect(index)
        engine.say(index, #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":"max"}"#)
    }
    engine.run()
    for (blocked, bid) in [(3, 1), (1, 2)] {  // 3 before 1
        engine.network.room[blocked] = 2
        engine.quote(0, bid: 100 + bid)
        engine.run(milliseconds: 50)
    }
    engine.handler.look { shard, now in
        let reports = shard.connectionReports(limit: 3, now)
        #expect(reports.map(\.session).prefix(2) == [4, 2] && reports.count == 3)
        #expect(reports.map(\.isBlocked) == [true, true, false])
        #expect(reports[0].lag >= .milliseconds(90) && reports[0].buffered > 0)
        #expect(reports[0].json.hasPrefix("{\"session\":\"4\",\"address\":\"127.0.0.1:1\",\"loop\":0,"))
    }
}

@Test("a wait falls into the first bucket that is not below it")
func lagBuckets() {
    for (index, bound) in Lags.bounds.enumerated() {
        #expect(Lags.bucket(of: bound) == index && Lags.bucket(of: bound + 1) == index + 1)
    }
    var lags = Lags()
    for wait in [Nanoseconds(raw: -5), .milliseconds(1), .seconds(100)] { lags.count(wait) }
    #expect(lags.total == 3 && lags.cumulated(to: 0) == 1 && lags.cumulated(to: 2) == 2)
    #expect(lags.sum == 100_001_000_000)
}
