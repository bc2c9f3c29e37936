// Trades that are taken back: told in their place, out of the sums, and no trades themselves.
import Basics
import Dialects
import Market
import Testing

@testable import FanOut

private func makeEngine(_ more: String = "", protocol name: String = "tickerfeed.v1.json") -> Engine {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0, protocol: name)
    engine.say(0, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max"\#(more)}"#)
    engine.run()
    _ = engine.texts(0)
    return engine
}

@Test("mode every tells of it in order")
func breaksInOrder() throws {
    let engine = makeEngine()
    engine.trade(0, cents: 100, shares: 5)
    engine.run()
    _ = engine.texts(0)
    engine.breakTrade(0, id: 1, cents: 100, shares: 5)
    engine.trade(0, cents: 101, shares: 7)
    engine.run()
    let texts = engine.texts(0)
    try #require(texts.count == 2)
    #expect(
        texts[0].hasPrefix(#"{"type":"trade","sym":"AAPL","seq":2,"broken":"1","price":1,"size":5,"ts":"#))
    #expect(texts[0].hasSuffix(#","prev":1}"#) && texts[1].hasSuffix(#","prev":2}"#))
}

@Test("in binary it is a message of its own")
func breaksInBinary() throws {
    let engine = makeEngine(protocol: "tickerfeed.v1.sbe")
    engine.trade(0, cents: 100, shares: 5)
    engine.run()
    _ = engine.network.take(0)
    engine.breakTrade(0, id: 1, cents: 100, shares: 5)
    engine.run()
    let bytes = engine.network.take(0)
    #expect(bytes.count == 2 + 64 && bytes[4] == 9)
}

@Test("mode latest: the newest version until a trade follows, and part of no sum")
func breaksInLatest() throws {
    let engine = makeEngine(#","mode":"latest""#)
    engine.trade(0, cents: 100, shares: 5)
    engine.breakTrade(0, id: 1, cents: 100, shares: 5)
    engine.run()
    let texts = engine.texts(0)
    try #require(texts.count == 1)
    #expect(texts[0].contains(#""seq":2,"broken":"1""#))
    #expect(texts[0].hasSuffix(#","snap":true,"prev":0}"#))
    engine.breakTrade(0, id: 9, cents: 100, shares: 1)
    engine.trade(0, cents: 102, shares: 3)
    engine.trade(0, cents: 101, shares: 4)
    engine.run()
    let next = engine.texts(0)
    try #require(next.count == 1)
    #expect(next[0].contains(#""seq":5,"price":1.01,"size":7,"#))
    #expect(next[0].contains(#""count":2,"high":1.02,"low":1.01,"#) && next[0].hasSuffix(#","prev":2}"#))
}

@Test("who comes later begins with the last trade and what was taken back since")
func breaksForNewcomers() {
    let engine = makeEngine()
    engine.trade(0, cents: 100, shares: 5)
    engine.trade(0, cents: 101, shares: 6)
    engine.breakTrade(0, id: 1, cents: 100, shares: 5)
    engine.run()
    engine.connect(1)
    engine.say(1, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max"}"#)
    engine.run()
    let texts = engine.texts(1).dropFirst()
    #expect(texts.count == 2)
    #expect(texts.first?.contains(#""seq":2,"price":1.01"#) == true)
    #expect(
        texts.last?.contains(#""seq":3,"broken":"1""#) == true && texts.last?.hasSuffix(#""prev":2}"#) == true
    )
}

@Test("cut off between the last trade and what was taken back since, a client goes on with the latter")
func breaksForThoseCutOff() throws {
    let engine = makeEngine()
    engine.trade(0, cents: 100, shares: 5)
    engine.trade(0, cents: 101, shares: 6)
    engine.breakTrade(0, id: 1, cents: 100, shares: 5)
    engine.run()
    let wish = #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max""#
    engine.connect(1)
    engine.say(1, wish + "}")
    let ack = try #require(engine.texts(1).first)
    let cursor = try #require(ack.firstMatch(of: /"resume":"([^"]+)"/)).1
    engine.connect(2)
    engine.say(2, wish + #","resume":"\#(cursor)"}"#)
    engine.run()
    let texts = engine.texts(2)
    #expect(texts.count == 2 && texts[1].contains(#""seq":3,"broken":"1""#), "\(texts)")
}

@Test("the day and an open bar lose it, prices stand, a closed bar stays")
func breaksInSums() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    for request in [#""channel":"stats""#, #""channel":"bar","interval":"1s""#] {
        engine.say(0, #"{"op":"subscribe",\#(request),"symbols":["AAPL"],"rate":"max"}"#)
    }
    engine.run()
    _ = engine.texts(0)
    engine.trade(0, cents: 110, shares: 5)
    engine.trade(0, cents: 100, shares: 7)
    engine.breakTrade(0, id: 1, cents: 110, shares: 5, inOpen: .inOpenSecond)
    engine.run()
    var texts = engine.texts(0)
    let sums = #""volume":7,"vwap":1,"count":1"#
    #expect(texts.count == 2 && texts.allSatisfy { $0.contains(#""seq":3,"#) && $0.contains(sums) })
    #expect(texts.allSatisfy { $0.contains(#""open":1.1,"high":1.1,"low":1,"#) }, "\(texts)")
    engine.closeBar(0, .second)
    engine.breakTrade(0, id: 1, cents: 100, shares: 7)
    engine.run()
    texts = engine.texts(0)
    #expect(texts.count == 2)
    let bar = texts.first { $0.contains(#""type":"bar""#) } ?? ""
    #expect(bar.contains(#""seq":4,"#) && bar.contains(sums) && bar.contains(#""closed":true"#), "\(bar)")
    let day = texts.first { $0.contains(#""type":"stats""#) } ?? ""
    #expect(day.contains(#""volume":0,"vwap":null,"count":0"#) && day.contains(#""last":1,"#), "\(day)")
    engine.open(1)
    #expect(engine.get(1, "/v1/snapshot/AAPL").contains(#""stats":{"seq":4,"open":1.1"#))
}

@Test("the feed's state is told, shown and counted; where it is doubtful for all, the server is not ready")
func feedStates() {
    let engine = Engine()
    for name in ["AAPL", "MSFT"] { engine.define(name) }
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"status","symbols":["*"],"rate":"max"}"#)
    engine.open(1)
    func say(_ symbol: Int, _ feed: FeedState, _ sequence: UInt64) {
        engine.append(
            Tick(
                .status, SymbolID(symbol), flags: .endOfEvent, sequence: sequence,
                aux: SymbolStatus(MarketStatus(.trading), feed).packed))
        engine.run()
    }
    for (sequence, feed) in FeedState.allCases.enumerated() {
        say(0, feed, UInt64(sequence) + 1)
        #expect(engine.texts(0).last?.contains(#""feed":"\#(feed.name)""#) == true)
        #expect(engine.get(1, "/v1/snapshot/AAPL").contains(#""feed":"\#(feed.name)""#))
        #expect(engine.get(1, "/v1/symbols").contains(#""status":"trading","feed":"\#(feed.name)""#))
        #expect(engine.get(1, "/metrics").contains("tickerfeed_feed_symbols{feed=\"\(feed.name)\"} "))
        #expect(engine.get(1, "/readyz").hasPrefix("HTTP/1.1 200"))
    }
    #expect(engine.get(1, "/metrics").contains("tickerfeed_feed_symbols{feed=\"suspect\"} 1\n"))
    say(1, .stale, 1)
    #expect(engine.get(1, "/readyz").contains("not ready: the feed of every symbol is stale or suspect\n"))
    engine.epoch(8)
    engine.run()
    #expect(engine.get(1, "/readyz").hasPrefix("HTTP/1.1 200"))
    #expect(engine.get(1, "/metrics").contains("tickerfeed_feed_symbols{feed=\"live\"} 2\n"))
}
