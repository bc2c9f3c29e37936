// What a loop promises while it does not know what the tape has taken from it.
import Basics
import Dialects
import Market
import Testing

@testable import FanOut

private func cursors(_ texts: [String]) -> [String] {
    texts.flatMap { $0.matches(of: /"resume":"([^"]+)"/).map { String($0.1) } }
}

/// A symbol's last trade, and nothing else of it, as a round of snapshots tells it.
private func tellAnew(_ engine: Engine, _ symbol: Int, trade number: UInt64, isLast: Bool = true) {
    engine.append(
        Tick(
            .trade, SymbolID(symbol), side: .bid, flags: isLast ? [.snapshot, .endOfEvent] : .snapshot,
            sequence: number, eventTime: engine.now.wall, receiveTime: engine.now.wall,
            price: Price(e4: 10_000), size: Quantity(shares: 1), aux: 1))
}

@Test("a lapped loop moves no cursor before the last symbol was told anew, and then names what is lost")
func cursorsOfALappedLoop() throws {
    let engine = Engine()
    for name in ["AAPL", "MSFT"] { engine.define(name) }
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"trade","symbols":["AAPL"],"rate":"max"}"#)
    engine.trade(0, cents: 100, shares: 1)
    engine.run(milliseconds: 1_100)
    let known = try #require(cursors(engine.texts(0)).last)
    engine.trade(0, cents: 101, shares: 1)
    engine.lap()  // the trade is among it
    engine.run(milliseconds: 1_000)
    #expect(cursors(engine.texts(0)) == [known], "the second trade is owed, and nobody here knows of it")
    engine.epoch(7, isRepeated: true)
    tellAnew(engine, 0, trade: 3)
    engine.run(milliseconds: 1_000)
    let texts = engine.texts(0)
    #expect(texts.first?.contains(#""from":2,"to":2,"reason":"lapped""#) == true)
    #expect(cursors(texts) == [known], "another symbol is not known yet")
    tellAnew(engine, 1, trade: 1)
    engine.run(milliseconds: 1_000)
    let next = try #require(cursors(engine.texts(0)).last)
    #expect(next != known)
}

@Test("a lapped loop that may have missed a symbol waits for as many as its round announces")
func symbolsOfALappedLoop() throws {
    let engine = Engine()
    engine.define("AAPL")
    engine.connect(0)
    engine.say(0, #"{"op":"subscribe","channel":"trade","symbols":["*"],"rate":"max"}"#)
    engine.run(milliseconds: 1_100)
    let known = try #require(cursors(engine.texts(0)).last)
    engine.lap()
    engine.run()
    engine.epoch(7, isRepeated: true, symbols: 2)
    tellAnew(engine, 0, trade: 1)
    engine.run(milliseconds: 1_000)
    #expect(cursors(engine.texts(0)) == [known])
    engine.define("MSFT")
    engine.run(milliseconds: 1_000)
    #expect(cursors(engine.texts(0)).last != known)
}

@Test("a poll that a lapped loop answers ends where the client stood, and speaks of no states")
func pollOfALappedLoop() throws {
    let engine = Engine()
    for name in ["AAPL", "MSFT"] { engine.define(name) }
    engine.run()
    func poll(_ more: String) throws -> (text: String, cursor: String) {
        let path = "/v1/poll?channel=trade&symbols=AAPL,MSFT&rate=max\(more)"
        engine.askMore(0, "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        engine.run(milliseconds: 5)
        let text = engine.text(0)
        return (text, try #require(cursors([text]).last))
    }
    engine.open(0)
    let first = try poll("")
    #expect(first.cursor.split(separator: ".").count == 3, "\(first)")
    engine.trade(1, cents: 50, shares: 1)
    engine.lap()
    engine.run()
    engine.epoch(7, isRepeated: true, symbols: 2)
    tellAnew(engine, 0, trade: 1)
    let second = try poll("&cursor=\(first.cursor)")
    #expect(second.text.contains(#""sym":"AAPL","seq":1"#) && !second.text.contains("MSFT"))
    #expect(second.cursor == first.cursor.split(separator: ".").prefix(2).joined(separator: "."))
    tellAnew(engine, 1, trade: 2)
    let third = try poll("&cursor=\(second.cursor)")
    #expect(third.text.contains(#""sym":"MSFT","channel":"trade","from":1,"to":1"#), "\(third)")
    #expect(third.cursor.split(separator: ".").count == 3)
}
