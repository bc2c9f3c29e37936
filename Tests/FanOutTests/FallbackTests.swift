// Streams and polls over plain HTTP: what is said before, in between and at the end.
import Basics
import Foundation
import Market
import TestSupport
import Testing
import Wire

@testable import FanOut

private func get(_ target: String, _ fields: String = "") -> String {
    "GET \(target) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
}

private func engine(symbols: Int = 1, _ change: (inout Limits) -> Void = { _ in }) -> Engine {
    var limits = Limits()
    change(&limits)
    let engine = Engine(limits: limits)
    for symbol in 0..<symbols { engine.define(symbol == 0 ? "AAPL" : "S\(symbol)") }
    engine.run()
    return engine
}

/// The cursor at the end of a poll's answer.
private func cursor(_ answer: String) -> String {
    answer.components(separatedBy: "\"resume\":\"").last.map { String($0.prefix { $0 != "\"" }) } ?? ""
}

// MARK: Where messages end

private let endless: [Transport] = [.events, .lines]
private func bytes(_ transport: Transport, head: String = "") -> (bytes: [UInt8], ends: [Int]) {
    var bytes = Array(head.utf8), ends = head.isEmpty ? [] : [bytes.count]
    let events = [
        "retry: 1234\n\n", ": still here\n\n", "event: quote\nid: 7.1\ndata: {\"a\":1}\n\n", "id: 7.2\n\n",
    ]
    let lines = ["{}\n", "{\"type\":\"quote\"}\n", "{\"a\":\"Http\"}\n"]
    for message in transport == .events ? events + events : lines + lines {
        bytes += Array(message.utf8)
        ends.append(bytes.count)
    }
    return (bytes, ends)
}

@Test("wherever a stream was cut, the rest of its message is known", arguments: endless)
func streamRest(transport: Transport) {
    for head in ["", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"] {
        let (bytes, ends) = bytes(transport, head: head)
        for taken in 0...bytes.count {
            let rest = bytes.withUnsafeBytes { Shard.messageRest($0, taken: taken, on: transport) }
            let end = taken == 0 && head.isEmpty ? 0 : ends.first { $0 >= taken } ?? 0
            #expect(taken + rest == end, "\(transport), cut at \(taken)")
        }
    }
}

@Test("a stream's tail that leaves in pieces never loses the border of its message", arguments: endless)
func streamRestInPieces(transport: Transport) {
    let (bytes, ends) = bytes(transport, head: "HTTP/1.1 200 OK\r\n\r\n")
    for first in 0..<bytes.count {
        for second in first..<bytes.count {
            var rest = bytes.withUnsafeBytes { Shard.messageRest($0, taken: first, on: transport) }
            rest = bytes.withUnsafeBytes {
                Shard.restAfter(
                    UnsafeRawBufferPointer(rebasing: $0[first...]), rest: rest, taken: second - first,
                    on: transport)
            }
            #expect(
                second == 0 || ends.contains(second + rest), "\(transport): \(first), \(second) + \(rest)")
        }
    }
}

// MARK: Before the first byte

@Test(
    "what is wrong with a request is said by a status, and the connection goes on",
    arguments: [
        ("GET", "/v1/events", 400, "bad_request: channel is missing"),
        ("GET", "/v1/events?channel=quote", 400, "symbols"),
        ("GET", "/v1/events?channel=quote&symbols=AAPL&rate=fast", 400, "bad_rate"),
        ("GET", "/v1/events?channel=tea&symbols=AAPL", 400, "unknown_channel"),
        ("GET", "/v1/events?channel=quote&symbols=AAPL&token=x", 400, "logs"),
        ("GET", "/v1/events?channel=quote&symbols=AAPL&cursor=x", 400, "cursor"),
        ("GET", "/v1/events?channel=quote&symbols=NOBODY", 404, "/v1/symbols"),
        ("GET", "/v1/events?channel=quote&symbols=AAPL,S1,S2", 400, "limit_symbols"),
        ("GET", "/v1/poll?channel=quote&symbols=NOBODY", 404, "/v1/symbols"),
        ("GET", "/v1/poll?channel=quote&symbols=AAPL,S1,S2", 400, "limit_symbols"),
        ("GET", "/v1/poll?channel=trade,quote&symbols=AAPL&mode=latest", 400, "bad_request"),
        ("HEAD", "/v1/events?channel=quote&symbols=AAPL", 405, "Allow: GET, OPTIONS\r\n"),
        ("HEAD", "/v1/poll?channel=quote&symbols=AAPL", 405, "Allow: GET, OPTIONS\r\n"),
        ("POST", "/v1/poll?channel=quote&symbols=AAPL", 405, "Allow: GET, OPTIONS\r\n"),
        ("POST", "/v1/events?channel=quote&symbols=AAPL", 405, "Allow: GET, OPTIONS\r\n"),
    ])
func refusals(method: String, target: String, status: Int, words: String) {
    let engine = engine(symbols: 3) { $0.symbols = 2 }
    engine.ask(0, "\(method) \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + get("/livez"))
    engine.run()
    let answer = engine.text(0)
    let isHead = method == "HEAD"
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(target): \(answer)")
    #expect(answer.contains(words), "\(target): \(answer)")
    #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 3 && answer.hasSuffix("alive\n"))
    if isHead { #expect(!answer.contains("only GET here")) }
    let held = engine.handler.holdings
    #expect(held.slots == 0 && held.followers == 0 && held.bookReaders == 0)
}

@Test("an answer's head is all there is before the first event; the time to come back is each one's own")
func streamHead() {
    let engine = engine()
    var waits: Set<String> = []
    for index in 0..<20 {
        engine.ask(index, get("/v1/events?channel=quote&symbols=AAPL"))
        let text = engine.text(index)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"))
        #expect(
            text.contains("X-Accel-Buffering: no\r\n") && text.contains("Connection: close\r\n\r\nretry: "))
        let wait = text.components(separatedBy: "\r\n\r\nretry: ")[1].prefix { $0 != "\n" }
        #expect((Int(wait) ?? 0) >= 1_000 && (Int(wait) ?? 0) < 3_000)
        waits.insert(String(wait))
        #expect(text.contains("\n\nevent: welcome\nid: 7.1\ndata: {\"type\":\"welcome\""))
    }
    #expect(waits.count > 15)
}

@Test("until all channels of a request are subscribed to, an id is the cursor it came with")
func firstIDs() {
    let engine = engine()
    for step in 1...5 { engine.trade(0, cents: 1_000, shares: step) }
    engine.run()
    engine.ask(0, get("/v1/events?channel=quote,trade,status&symbols=AAPL&rate=1", "Last-Event-ID: 7.3\r\n"))
    let events = engine.text(0).components(separatedBy: "\n\n")
    let ids = events.compactMap {
        $0.components(separatedBy: "id: ").dropFirst().first?.prefix { $0 != "\n" }
    }
    // Welcome, three acks and trades 3 to 5, told only when they were written.
    #expect(ids == ["7.3", "7.3", "7.3", "7.3", "7.3", "7.3", "7.3", "7.6"], "\(ids)")
}

// MARK: Streams

@Test("an event stream gets a comment every 15 s, lines of JSON none")
func comments() {
    let engine = engine { $0.heartbeat = .seconds(600) }
    engine.ask(0, get("/v1/events?channel=quote&symbols=AAPL"))
    engine.ask(1, get("/v1/events?channel=quote&symbols=AAPL", "Accept: application/x-ndjson\r\n"))
    _ = engine.text(0)
    _ = engine.text(1)
    engine.run(milliseconds: 14_900)
    #expect(engine.text(0).isEmpty)
    engine.run(milliseconds: 45_100)
    #expect(engine.text(0) == String(repeating: ": still here\n\n", count: 4))
    #expect(engine.text(1).isEmpty)
}

@Test(
    "a reader that takes nothing is held to one write, and let go after the stall limit",
    arguments: ["", "Accept: application/x-ndjson\r\n"])
func stalledStream(accept: String) {
    let engine = engine()
    engine.ask(0, get("/v1/events?channel=trade&symbols=AAPL&rate=max", accept))
    _ = engine.text(0)
    engine.network.room[0] = 10
    for step in 1...29 {
        for _ in 0..<100 { engine.trade(0, cents: 1_000, shares: step) }
        engine.run(milliseconds: 1_000)
        #expect(engine.handler.bufferedBytes < 60_000)
    }
    #expect(!engine.network.closed.contains(0))
    engine.run(milliseconds: 10_000)
    #expect(engine.network.closed.contains(0) && engine.handler.connectionCount == 0)
}

@Test(
    "a stream that is closed ends behind whole messages, wherever the socket had stopped", arguments: endless)
func closedInBetween(transport: Transport) {
    for room in stride(from: 0, to: 420, by: 3) {
        let engine = engine()
        let accept = transport == .lines ? "Accept: application/x-ndjson\r\n" : ""
        engine.ask(0, get("/v1/events?channel=trade&symbols=AAPL&rate=max", accept))
        _ = engine.text(0)
        engine.network.room[0] = room
        for step in 1...3 { engine.trade(0, cents: 1_000, shares: step) }
        engine.run()
        engine.handler.drain()
        engine.unblock(0)
        engine.run()
        let text = engine.text(0)
        let end = transport == .lines ? "\n" : "\n\n"
        #expect(text.hasSuffix(end) && text.contains("goodbye"), "\(room): \(text)")
        for message in text.components(separatedBy: end).dropLast() {
            let json = transport == .lines ? message : message.components(separatedBy: "data: ").last ?? ""
            if message.hasPrefix("id: "), !message.contains("data") { continue }
            #expect((try? JSONSerialization.jsonObject(with: Data(json.utf8))) != nil, "\(room): \(message)")
        }
        #expect(engine.network.closed.contains(0))
    }
}

// MARK: Polls

@Test("a poll that has nothing to tell says so after 25 s, and where to go on")
func emptyPoll() {
    let engine = engine()
    engine.ask(0, get("/v1/poll?channel=quote&symbols=AAPL"))
    let first = engine.text(0)
    #expect(first.contains("[{\"type\":\"ack\"") && first.hasSuffix("]\n"))
    engine.askMore(0, get("/v1/poll?channel=quote&symbols=AAPL&cursor=\(cursor(first))"))
    engine.run(milliseconds: 24_900)
    #expect(engine.text(0).isEmpty)
    engine.run(milliseconds: 200)
    let nothing = engine.text(0)
    #expect(nothing.hasPrefix("HTTP/1.1 204 No Content\r\n") && nothing.hasSuffix("\r\n\r\n"))
    #expect(nothing.contains("TickerFeed-Cursor: \(cursor(first))\r\n"))
    engine.quote(0, bid: 1_000)
    engine.run()
    engine.askMore(0, get("/v1/poll?channel=quote&symbols=AAPL&cursor=\(cursor(first))"))
    engine.run(milliseconds: 99)
    #expect(engine.text(0).isEmpty, "a loop of polls is sent no more than its rate")
    engine.run(milliseconds: 2)
    #expect(engine.text(0).contains("\"type\":\"quote\""))
}

@Test("requests behind a poll wait for its answer, in order")
func pipelinedPolls() {
    let engine = engine()
    engine.ask(0, get("/v1/poll?channel=quote&symbols=AAPL"))
    let start = cursor(engine.text(0))
    let poll = get("/v1/poll?channel=quote&symbols=AAPL&cursor=\(start)")
    engine.askMore(0, poll + get("/livez") + poll)
    engine.askMore(0, get("/nowhere"))
    engine.run(milliseconds: 1_000)
    #expect(engine.text(0).isEmpty)
    engine.quote(0, bid: 1_000)
    engine.run(milliseconds: 300)
    let answers = engine.text(0).components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
    #expect(answers == ["200", "200", "200", "404"], "\(answers)")
    // Who says too much behind a poll is not listened to for ever.
    engine.askMore(0, get("/v1/poll?channel=status&symbols=AAPL&cursor=7.2"))
    for _ in 0..<40 { engine.askMore(0, String(repeating: "x", count: 500)) }
    #expect(engine.network.closed.contains(0))
}

@Test("however many symbols are busy, each answer begins where the last one ended, and nothing comes twice")
func cutAnswers() {
    let engine = engine(symbols: 12) { $0.pollBytes = 20_000 }
    for step in 0..<1_000 { for symbol in 0..<12 { engine.trade(symbol, cents: 1_000, shares: 1 + step) } }
    for symbol in 0..<12 { engine.quote(symbol, bid: 1_000 + symbol) }
    engine.run(milliseconds: 2)
    engine.ask(0, "")
    var place = "7.0", seen: [String: Int] = [:], last: [String: Int] = [:], answers = 0
    for _ in 0..<400 {
        engine.askMore(0, get("/v1/poll?channel=trade,quote&symbols=*&rate=1000&cursor=\(place)"))
        engine.run(milliseconds: 3)
        let answer = engine.text(0)
        if answer.isEmpty { break }
        answers += 1
        place = cursor(answer)
        #expect(answer.utf8.count < 24_000)
        for message in answer.components(separatedBy: "{\"type\":\"").dropFirst()
        where message.hasPrefix("trade") {
            let fields = message.components(separatedBy: "\"")
            let symbol = fields[4], number = Int(fields[7].filter(\.isNumber)) ?? 0
            #expect(number == last[symbol, default: 0] + 1)
            last[symbol] = number
            seen[symbol, default: 0] += 1
        }
    }
    #expect(seen.count == 12 && seen.values.allSatisfy { $0 == 1_000 })
    #expect(answers > 100 && answers < 130, "\(answers)")
}

@Test("many states that changed once fill few answers, each of them once")
func manyStates() {
    let engine = engine(symbols: 400) { $0.pollBytes = 20_000 }
    for symbol in (0..<400).reversed() { engine.quote(symbol, bid: 1_000 + symbol) }
    engine.run(milliseconds: 2)
    engine.ask(0, "")
    var place = "", messages = 0, answers = 0
    while answers < 20 {
        engine.askMore(0, get("/v1/poll?channel=quote&symbols=*&rate=max\(place)"))
        engine.run(milliseconds: 3)
        let answer = engine.text(0)
        if answer.isEmpty { break }
        answers += 1
        place = "&cursor=" + cursor(answer)
        messages += answer.components(separatedBy: "{\"type\":\"quote\"").count - 1
    }
    #expect(messages == 400 && answers == 4, "\(messages) in \(answers)")
}

@Test("a bar that did not change is not sent again because another interval's did")
func pollOfBars() {
    let engine = engine()
    engine.trade(0, cents: 1_000, shares: 1)
    engine.run()
    engine.ask(0, get("/v1/poll?channel=bar&symbols=AAPL&interval=1m"))
    let first = engine.text(0)
    #expect(first.contains("\"type\":\"bar\""))
    engine.closeBar(0, .second)
    engine.askMore(0, get("/v1/poll?channel=bar&symbols=AAPL&interval=1m&cursor=\(cursor(first))"))
    engine.run(milliseconds: 1_000)
    #expect(engine.text(0).isEmpty)
}

@Test("a book that looks alike is not sent again; one that changed comes whole")
func pollOfBooks() {
    let engine = engine()
    for level in 0..<3 { engine.level(0, .bid, cents: 1_000 - level, shares: 5) }
    engine.run()
    engine.ask(0, get("/v1/poll?channel=book,quote&symbols=AAPL&depth=2&rate=max"))
    var answer = engine.text(0)
    #expect(answer.contains("\"bids\":[[10,5],[9.99,5]]"))
    func poll() -> String {
        engine.askMore(
            0, get("/v1/poll?channel=book,quote&symbols=AAPL&depth=2&rate=max&cursor=\(cursor(answer))"))
        engine.run(milliseconds: 5)
        return engine.text(0)
    }
    #expect(poll().isEmpty)
    engine.level(0, .bid, cents: 998, shares: 7)  // below the window
    engine.run(milliseconds: 5)
    #expect(engine.text(0).isEmpty)
    engine.quote(0, bid: 1_000)
    engine.run(milliseconds: 5)
    answer = engine.text(0)
    #expect(answer.contains("\"type\":\"quote\"") && !answer.contains("\"type\":\"book\""))
    #expect(poll().isEmpty)
    engine.level(0, .bid, cents: 999, shares: 9)
    engine.run(milliseconds: 5)
    answer = engine.text(0)
    #expect(answer.contains("\"bids\":[[10,5],[9.99,9]]") && answer.contains("\"snap\":true,\"prev\":0"))
}

// MARK: The end

@Test(
    "a drain sends fifty streams away one after the other, polls at once, and answers requests until the end")
func drain() {
    let engine = engine()
    for index in 0..<50 {
        engine.ask(index, get("/v1/events?channel=quote&symbols=AAPL", "Accept: application/x-ndjson\r\n"))
        _ = engine.text(index)
    }
    engine.ask(50, get("/v1/poll?channel=quote&symbols=AAPL&cursor=7.1"))
    engine.handler.drain(over: .seconds(10))
    let sentAway = engine.text(50)
    #expect(sentAway.hasPrefix("HTTP/1.1 503 ") && sentAway.contains("Retry-After: 11\r\n"))
    var waits: Set<String> = []
    for step in 0..<50 {
        engine.run(milliseconds: 2)
        let told = (0..<50).filter { engine.network.closed.contains($0) }.count
        #expect(abs(told - step - 1) <= 1, "\(told) of 50 after \(step * 200) ms")
        engine.ask(60, get("/readyz") + get("/livez") + get("/v1/poll?channel=quote&symbols=AAPL"))
        let answers = engine.text(60)
        #expect(answers.contains("503") && answers.contains("alive") && answers.contains("Retry-After: "))
        engine.handler.closed(SocketID(60))
        engine.run(milliseconds: 198)
    }
    for index in 0..<50 {
        let text = engine.text(index)
        #expect(text.hasSuffix("}\n"))
        waits.insert(text.components(separatedBy: "\"reconnect_after_ms\":").last ?? "")
    }
    #expect(waits.count > 40 && engine.handler.isDrained)
}
