// What the engine sends to whom and when, turn by turn.
import Basics
import Dialects
import Market
import TestSupport
import Testing

@testable import FanOut

extension Engine {
    /// The data messages among what a client was sent.
    fileprivate func data(_ index: Int) -> [String] {
        texts(index).filter { text in
            !["ack", "heartbeat", "welcome", "error"].contains { text.hasPrefix("{\"type\":\"\($0)\"") }
        }
    }
}

@Test("a thousand equal subscribers share each body: less than one encode in a hundred frames")
func encodesAreShared() {
    let engine = Engine()
    engine.define("AAPL")
    for index in 0..<1_000 {
        engine.connect(index)
        engine.say(index, #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":"max"}"#)
        engine.say(
            index, #"{"op":"subscribe","channel":"trade","mode":"latest","symbols":["AAPL"],"rate":"max"}"#)
        engine.say(index, #"{"op":"subscribe","channel":"book","symbols":["AAPL"],"rate":"max"}"#)
    }
    engine.run(milliseconds: 5)
    let before = (engine.handler.messages, engine.handler.encodes)
    for step in 1...100 {
        engine.quote(0, bid: 1_000 + step)
        engine.level(0, .bid, cents: 1_000 + step, shares: 5)
        engine.trade(0, cents: 1_000, shares: step)
        engine.run(milliseconds: 3)
    }
    let messages = engine.handler.messages - before.0, encodes = engine.handler.encodes - before.1
    #expect(messages == 300_000)
    #expect(encodes * 100 < messages)
    #expect(encodes == 300)
}

@Test("a full socket skips its turns and then gets the newest; its neighbour notices nothing")
func conflation() {
    let engine = Engine()
    engine.define("AAPL")
    for index in 0..<2 {
        engine.connect(index)
        engine.say(index, #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":"max"}"#)
    }
    engine.quote(0, bid: 1_000)
    engine.run()
    _ = engine.data(0)
    _ = engine.data(1)
    engine.network.room[0] = 10
    for step in 1...50 {
        engine.quote(0, bid: 1_000 + step)
        engine.run()
        #expect(engine.data(1).count == 1)
    }
    #expect(engine.handler.bufferedBytes < 200)
    let cut = engine.network.take(0)
    #expect(cut.count == 10)
    engine.unblock(0)
    engine.run()
    let rest = String(decoding: engine.network.take(0), as: UTF8.self)
    #expect(rest.contains(#""bid":10.5,"#) && rest.contains(#""seq":51,"#) && rest.contains(#""prev":2}"#))
    #expect(!rest.contains(#""seq":50,"#))
}

@Test("who always has more than a write holds is written twice a turn at most, however long it lasts")
func cutWritesKeepTheirPlace() {
    var limits = Limits()
    limits.writeBytes = 300
    let engine = Engine(limits: limits)
    engine.define("AAPL")
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max"}"#)
    for _ in 0..<50 {
        for _ in 0..<20 { engine.trade(0, cents: 1_000, shares: 1) }
        let before = engine.network.sends
        engine.turnOnce()
        let sends = engine.network.sends - before
        #expect(sends <= 2)  // for the news, and for the rest of the last write
    }
}

@Test("patterns follow symbols that come later; by pattern they are changed and left again")
func patterns() {
    let engine = Engine()
    for name in ["BRK.A", "BRK.B", "AAPL"] { engine.define(name) }
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"quote","symbols":["BRK*","AAPL"],"rate":"max"}"#)
    #expect(engine.texts(0).first?.contains(#""symbols":["BRK*","AAPL"]"#) == true)
    for symbol in 0..<3 { engine.quote(symbol, bid: 1_000) }
    engine.run()
    #expect(engine.data(0).count == 3)
    engine.define("BRK.C")
    engine.define("MSFT")
    engine.run()
    for symbol in 0..<5 { engine.quote(symbol, bid: 1_001) }
    engine.run()
    #expect(engine.data(0).count == 4)
    engine.say(0, #"{"op":"set","channel":"quote","symbols":["*"],"rate":10}"#)
    for step in 0..<50 {
        engine.quote(3, bid: 1_002 + step)
        engine.run(milliseconds: 10)
    }
    #expect((4...6).contains(engine.data(0).count))
    engine.say(0, #"{"op":"unsubscribe","channel":"quote","symbols":["BRK*"]}"#)
    engine.define("BRK.D")
    engine.run()
    _ = engine.data(0)
    for symbol in 0..<6 { engine.quote(symbol, bid: 1_100) }
    engine.run(milliseconds: 110)
    #expect(engine.data(0).count == 1)
    engine.say(0, #"{"op":"list"}"#)
    #expect(
        engine.texts(0) == [
            #"{"type":"subscriptions","subscriptions":[{"channel":"quote","symbol":"AAPL","rate":10}]}"#
        ])
}

@Test("patterns are few, and an operation that looks at many symbols counts as several")
func patternsCost() {
    var limits = Limits()
    limits.comparisonsPerOperation = 100
    let engine = Engine(limits: limits)
    for number in 0..<500 { engine.define("S\(number)") }
    engine.run()
    engine.connect(0)
    let many = (0..<17).map { "\"S\($0)*\"" }.joined(separator: ",")
    engine.say(0, #"{"op":"subscribe","id":1,"channel":"quote","symbols":[\#(many)]}"#)
    #expect(engine.texts(0).first?.contains("at most 16 patterns a connection; 17 asked") == true)
    engine.say(0, #"{"op":"unsubscribe","id":2,"channel":"quote","symbols":[\#(many)]}"#)
    #expect(engine.texts(0).first?.contains("limit_symbols") == true)
    // Five hundred names and as many subscriptions to look at: ten operations each time, and itself.
    var taken = 0
    while taken < 50, engine.texts(0).allSatisfy({ !$0.contains("limit_rate") }) {
        engine.say(0, #"{"op":"subscribe","id":3,"channel":"quote","symbols":["*"]}"#)
        taken += 1
    }
    #expect(taken == 6)
    engine.run(milliseconds: 1_000)
    engine.say(0, #"{"op":"ping","id":4}"#)
    #expect(engine.texts(0).contains { $0.contains("pong") })
}

@Test("who would rather be closed than lose something is closed with 4408, after the gap that says what")
func closesWhenSlow() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    engine.say(
        0, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max","on_slow":"close"}"#)
    engine.trade(0, cents: 1_000, shares: 1)
    engine.run()
    engine.network.room[0] = 0
    engine.trade(0, cents: 1_000, shares: 1)
    engine.run()
    for _ in 0..<2_000 { engine.trade(0, cents: 1_000, shares: 1) }
    engine.run()
    engine.unblock(0)
    engine.run()
    let texts = engine.texts(0)
    #expect(texts.contains { $0.contains(#""type":"gap","sym":"AAPL","channel":"trade""#) })
    #expect(texts.last == "close 4408")
}

@Test("max_kbps holds data back and never answers; lifted, all is as before")
func kilobits() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":"max"}"#)
    engine.say(0, #"{"op":"set","id":1,"max_kbps":8}"#)
    engine.run()
    _ = engine.texts(0)
    var bytes = 0
    for step in 0..<2_000 {
        engine.quote(0, bid: 1_000 + step)
        engine.run()
        bytes += engine.network.take(0).count
    }
    // 8 kbit/s are 2,000 bytes in two seconds, heartbeats included; one message may begin each second.
    #expect((1_500...2_400).contains(bytes))
    engine.say(0, #"{"op":"ping","id":2}"#)
    #expect(engine.texts(0).contains { $0.contains("pong") })
    engine.say(0, #"{"op":"set","id":3,"max_kbps":null}"#)
    engine.quote(0, bid: 5_000)
    engine.run()
    #expect(engine.data(0).last?.contains(#""bid":50,"#) == true)
    for step in 0..<10 {
        engine.quote(0, bid: 1_000 + step)
        engine.run()
    }
    #expect(engine.data(0).count == 10)
}

@Test("a cursor brings every trade since, in both its ways; one of another life brings a snapshot")
func resuming() {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max"}"#)
    for _ in 0..<5 { engine.trade(0, cents: 1_000, shares: 1) }
    engine.say(0, #"{"op":"unsubscribe","channel":"trade","symbols":["AAPL"]}"#)
    let cursor = engine.texts(0).last?.split(separator: "\"").last { $0.hasPrefix("7.") } ?? ""
    for _ in 0..<7 { engine.trade(0, cents: 1_000, shares: 1) }
    engine.run()
    engine.connect(1)
    engine.say(
        1,
        #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max","resume":"\#(cursor)"}"#)
    engine.run()
    let texts = engine.texts(1)
    #expect(texts.first?.contains(#""resumed":true"#) == true)
    let data = texts.dropFirst().filter { $0.contains(#""type":"trade""#) }
    #expect(data.count == 7)
    #expect(data.first?.contains(#""seq":6,"#) == true && data.first?.hasSuffix(#""prev":5}"#) == true)
    engine.connect(2)
    engine.say(
        2, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max","resume":"8.1"}"#)
    engine.run()
    let other = engine.texts(2)
    #expect(other.first?.contains(#""resumed":false"#) == true)
    #expect(other.filter { $0.contains(#""type":"trade""#) }.count == 1)
    #expect(other.contains { $0.contains(#""seq":12,"#) && $0.contains(#""snap":true,"prev":0}"#) })
    // So much later that the history does not reach back.
    for _ in 0..<3_000 { engine.trade(0, cents: 1_000, shares: 1) }
    engine.run()
    engine.connect(3)
    engine.say(
        3,
        #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max","resume":"\#(cursor)"}"#)
    engine.run()
    let late = engine.texts(3).dropFirst()
    #expect(late.first?.contains(#""from":1,"to":1988,"reason":"slow""#) == true)
    #expect(late.dropFirst().first?.hasSuffix(#""prev":1988}"#) == true)
    #expect(late.count == 1 + 1_024)
}
