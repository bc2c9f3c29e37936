// A new life of the feed: everybody is told, nothing of the old one is said as if it were of the new.
import Basics
import Dialects
import Market
import Testing

@testable import FanOut

private let told = #"{"type":"epoch","epoch":"8","reason":"seek"}"#

/// A market of one symbol with a subscriber of every channel.
private func makeEngine(rate: String = #""max""#, protocol name: String = "tickerfeed.v1.json") -> Engine {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0, protocol: name)
    for channel in ["quote", "trade", "book", "stats", "status"] {
        engine.say(0, #"{"op":"subscribe","channel":"\#(channel)","symbols":["AAPL"],"rate":\#(rate)}"#)
    }
    engine.say(0, #"{"op":"subscribe","channel":"bar","interval":"1s","symbols":["AAPL"],"rate":\#(rate)}"#)
    engine.run()
    _ = engine.texts(0)
    return engine
}

private func market(_ engine: Engine, cents: Int) {
    engine.quote(0, bid: cents)
    engine.level(0, .bid, cents: cents, shares: 5)
    engine.trade(0, cents: cents, shares: 10)
    engine.status(0, .trading)
}

@Test("a stream is told, and each subscription begins anew with its own versions")
func everyChannelBeginsAnew() {
    let engine = makeEngine()
    for cents in 100..<103 { market(engine, cents: cents) }
    engine.run()
    #expect(engine.texts(0).count >= 6)
    engine.epoch(8)
    market(engine, cents: 200)
    engine.run()
    let texts = engine.texts(0)
    #expect(texts.first == told)
    #expect(texts.count == 7)
    for text in texts.dropFirst() {
        #expect(text.contains(#""seq":1,"#) && text.hasSuffix(#","snap":true,"prev":0}"#), "\(text)")
        #expect(!text.contains("1.0"), "of the old epoch: \(text)")
    }
}

@Test("bodies and differences of the old epoch are not found in the new one")
func nothingIsSharedAcrossEpochs() {
    let engine = makeEngine()
    for cents in 101...103 {
        engine.level(0, .bid, cents: cents, shares: 5)
        engine.run()  // differences 1 → 2 and 2 → 3 are cached
    }
    _ = engine.texts(0)
    engine.epoch(8)
    for cents in 201...203 {
        engine.level(0, .bid, cents: cents, shares: 5)
        engine.run()
    }
    let books = engine.texts(0).filter { $0.contains(#""type":"book""#) }
    #expect(books.count == 3 && books.allSatisfy { $0.contains("2.0") && !$0.contains("1.0") }, "\(books)")
}

@Test("on a binary connection the epoch is text, and names stay bound")
func binaryEpoch() {
    let engine = makeEngine(protocol: "tickerfeed.v1.sbe")
    engine.quote(0, bid: 100)
    engine.run()
    _ = engine.network.take(0)
    engine.epoch(8)
    engine.quote(0, bid: 200)
    engine.run()
    let bytes = engine.network.take(0)
    #expect(bytes.starts(with: [0x81, UInt8(told.utf8.count)] + Array(told.utf8)))
    #expect(bytes.count == 2 + told.utf8.count + 2 + 72)
}

@Test("a stream that has nothing due is told at once, and sent data at its rate")
func quietStreams() {
    let engine = makeEngine(rate: "1")
    market(engine, cents: 100)
    engine.run(milliseconds: 1_500)
    _ = engine.texts(0)
    engine.connect(1)
    engine.run()
    _ = engine.texts(1)
    engine.epoch(8)
    engine.run()
    #expect(engine.texts(0) == [told])
    #expect(engine.texts(1) == [told], "without a subscription")
    market(engine, cents: 200)
    engine.run(milliseconds: 1_100)
    #expect(engine.texts(0).filter { $0.hasSuffix(#""snap":true,"prev":0}"#) }.count == 6)
}

@Test("who takes no bytes hears of the last epoch, behind what it was sent before")
func blockedStreams() throws {
    let engine = makeEngine()
    engine.network.room[0] = 5
    engine.quote(0, bid: 100)
    engine.run()
    let head = engine.network.take(0)
    engine.epoch(8)
    engine.quote(0, bid: 200)
    engine.run(milliseconds: 5)
    engine.epoch(9)
    engine.quote(0, bid: 300)
    engine.run(milliseconds: 5)
    #expect(engine.network.take(0).isEmpty)
    engine.say(0, #"{"op":"ping","id":1}"#)
    engine.unblock(0)
    engine.run()
    let text = String(decoding: head + engine.network.take(0), as: UTF8.self)
    #expect(!text.contains(#""epoch":"8""#) && !text.contains(#""bid":2"#))
    let old = try #require(text.range(of: #""bid":1"#)), new = try #require(text.range(of: #""epoch":"9""#))
    let state = try #require(text.range(of: #""bid":3"#))
    #expect(old.upperBound < new.lowerBound && new.upperBound < state.lowerBound)
}

@Test("cursors of the old epoch begin anew, also one that was handed out just before")
func cursorsOfAnotherEpoch() throws {
    let engine = makeEngine()
    market(engine, cents: 100)
    engine.run()
    engine.epoch(8)
    market(engine, cents: 200)
    engine.run()
    engine.connect(1)
    engine.say(1, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"resume":"7.3"}"#)
    let texts = engine.texts(1)
    #expect(texts[0].contains(#""resumed":false,"resume":"8."#))
    #expect(texts[1].contains(#""seq":1,"price":2,"#) && texts[1].hasSuffix(#""snap":true,"prev":0}"#))
}

@Test("events say it with their id, lines as a line")
func epochsOnOtherTransports() {
    let engine = Engine()
    engine.define("AAPL")
    engine.run()
    engine.ask(1, "GET /v1/events?channel=quote&symbols=AAPL HTTP/1.1\r\nHost: x\r\n\r\n")
    engine.ask(
        2,
        "GET /v1/events?channel=quote&symbols=AAPL HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n"
    )
    engine.run()
    _ = (engine.text(1), engine.text(2))
    engine.epoch(8)
    engine.run()
    #expect(engine.text(1) == "event: epoch\nid: 8.2\ndata: \(told)\n\nid: 8.2\n\n")
    #expect(engine.text(2) == told + "\n")
}

@Test("a poll that waits returns with the new epoch, its states and its cursor")
func epochEndsPolls() throws {
    let engine = Engine()
    engine.define("AAPL")
    engine.quote(0, bid: 100)
    engine.run()
    engine.open(0)
    let first = engine.get(0, "/v1/poll?channel=quote&symbols=AAPL&rate=0.1")
    let cursor = try #require(first.firstMatch(of: /"resume":"(7\.2\.[0-9a-f]+)"/)).1
    #expect(engine.get(0, "/v1/poll?channel=quote&symbols=AAPL&rate=0.1&cursor=\(cursor)").isEmpty)
    engine.epoch(8)
    engine.quote(0, bid: 200)
    engine.run()
    let answer = engine.text(0)
    #expect(answer.contains("\r\n\r\n[\(told),"))
    #expect(answer.contains(#""bid":2,"#) && answer.contains(#""snap":true,"prev":0}"#))
    #expect(answer.contains(#""resume":"8.4."#))
    let anew = engine.get(0, "/v1/poll?channel=quote&symbols=AAPL&cursor=\(cursor)")
    #expect(anew.contains(#""resumed":false"#) && anew.contains(#""bid":2,"#))
}

@Test("snapshots and the directory are of the new epoch, with other tags")
func epochsOfSnapshots() throws {
    let engine = Engine()
    engine.define("AAPL")
    engine.quote(0, bid: 100)
    engine.run()
    engine.open(0)
    let before = engine.get(0, "/v1/snapshot/AAPL")
    let tag = try #require(before.firstMatch(of: /ETag: ("[^"]+")/)).1
    engine.epoch(8)
    engine.quote(0, bid: 200)
    engine.run()
    let after = engine.get(0, "/v1/snapshot/AAPL", headers: "If-None-Match: \(tag)\r\n")
    #expect(after.hasPrefix("HTTP/1.1 200") && after.contains(#""epoch":"8""#))
    #expect(after.contains(#""bid":2,"#) && after.contains(#""trade":null"#))
    #expect(engine.get(0, "/v1/symbols").contains(#""epoch":"8""#))
}

@Test("lapped across a seek, a loop believes no snapshot before it was told of which epoch it is")
func lappedAcrossAnEpoch() {
    let engine = makeEngine()
    engine.quote(0, bid: 100)
    engine.run()
    _ = engine.texts(0)
    engine.lap()  // the beginning of epoch 8 is among it
    engine.run()
    let late = Tick(
        .best, SymbolID(0), side: .bid, flags: [.snapshot, .endOfEvent], sequence: 40,
        price: Price(e4: 30_000), size: Quantity(shares: 1))
    engine.append(late)  // the rest of somebody else's round
    engine.run()
    #expect(engine.texts(0).isEmpty)
    engine.epoch(8, isRepeated: true)
    engine.append(late)
    engine.run()
    let texts = engine.texts(0)
    #expect(texts.count == 2 && texts[0] == told)
    #expect(texts.last?.contains(#""seq":40,"bid":3,"#) == true)
    engine.epoch(8, isRepeated: true)
    engine.run()
    #expect(engine.texts(0).isEmpty, "the same once more is no news")
}

@Test("a thousand streams are told within a few turns, and none is told twice")
func manyStreams() {
    let engine = Engine()
    engine.define("AAPL")
    for index in 0..<1_050 {
        engine.connect(index)
        if index == 900 { engine.run(milliseconds: 100) }  // so many handshakes a second
    }
    engine.run()
    for index in 0..<1_050 { _ = engine.texts(index) }
    engine.epoch(8)
    engine.run(milliseconds: 5)
    let all = (0..<1_050).map { engine.texts($0) }
    #expect(all.allSatisfy { $0 == [told] }, "\(all.enumerated().filter { $0.element != [told] }.prefix(3))")
}
