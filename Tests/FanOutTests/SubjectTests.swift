// What a token's subject may have at once, and what the pages for operators and clients say of it.
import Basics
import Testing
import Wire

@testable import FanOut

private func guarded(perSubject most: Int) -> Engine {
    var limits = Limits()
    limits.ping = .zero
    limits.connectionsPerSubject = most
    let engine = Engine(limits: limits, verifier: Minting.verifier())
    for name in ["AAPL", "MSFT"] { engine.define(name) }
    engine.run()
    return engine
}

private func bearer(_ subject: String) -> String {
    "Authorization: Bearer \(token(subject))\r\n"
}
private func token(_ subject: String) -> String {
    Minting.token(#""sub":"\#(subject)","symbols":["AAPL"]"#)
}

@Test("a subject has so many streams: one more is 429, by message 1013, and a place that is left is free")
func subjectsAreCounted() {
    let engine = guarded(perSubject: 2)
    #expect(engine.connect(0, headers: bearer("ann")).hasPrefix("HTTP/1.1 101 "))
    engine.open(1)
    #expect(
        engine.get(1, "/v1/events?channel=quote&symbols=AAPL", headers: bearer("ann")).hasPrefix(
            "HTTP/1.1 200 "))
    #expect(engine.connect(2, headers: bearer("ann")).hasPrefix("HTTP/1.1 429 "))
    engine.connect(3)
    engine.say(3, #"{"op":"auth","token":"\#(token("ann"))"}"#)
    #expect(engine.texts(3).last == "close 1013")
    // Another subject is not ann's business, and refreshing one's own token counts once.
    #expect(engine.connect(4, headers: bearer("bob")).hasPrefix("HTTP/1.1 101 "))
    engine.say(0, #"{"op":"auth","id":1,"token":"\#(token("ann"))"}"#)
    #expect(engine.texts(0).contains { $0.hasPrefix(#"{"type":"ack","id":1,"subject":"ann""#) })
    engine.close(1)
    engine.connect(5)
    engine.say(5, #"{"op":"auth","id":2,"token":"\#(token("ann"))"}"#)
    #expect(engine.texts(5).contains { $0.hasPrefix(#"{"type":"ack","id":2,"subject":"ann""#) })
}

@Test("preflight names the limit that a stream would reach")
func preflightNamesLimits() {
    let engine = guarded(perSubject: 1)
    engine.open(9)
    #expect(engine.get(9, "/v1/preflight", headers: bearer("ann")).contains(#""ok":true"#))
    engine.connect(0, headers: bearer("ann"))
    let answer = engine.get(9, "/v1/preflight", headers: bearer("ann"))
    #expect(answer.contains(#""ok":false"#) && answer.contains(#""code":"limit_subject_connections""#))
    #expect(engine.get(9, "/v1/preflight", headers: bearer("bob")).contains(#""ok":true"#))
    engine.handler.drain(over: .seconds(1))
    #expect(engine.get(9, "/v1/preflight", headers: bearer("bob")).contains(#""code":"drain""#))
}

@Test("an operator sees for whom a connection speaks, and that a symbol is forbidden to it")
func operatorsSeeSubjects() throws {
    let engine = guarded(perSubject: 4)
    engine.connect(0, headers: bearer("ann"))
    engine.handler.perform { shard, now in
        let report = shard.connectionReports(limit: 1, now.instant).first
        #expect(report?.json.contains(#""subject":"ann""#) == true)
        let session = report?.session ?? 0
        for (symbol, expected) in [("AAPL", false), ("MSFT", true)] {
            guard
                case .streams(_, let streams, let isForbidden) =
                    shard.explain(session: session, symbol: symbol, now.instant)
            else {
                Issue.record("no explanation of \(symbol)")
                continue
            }
            #expect(streams.isEmpty && isForbidden == expected)
        }
    }
}
