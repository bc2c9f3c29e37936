// The native protocol in JSON: the texts of its contract, byte for byte, and back.
import Basics
import Market
import TestSupport
import Testing

@testable import Dialects

private func text(_ write: (inout Pen) -> Void) -> String {
    var buffer = ByteBuffer()
    buffer.write(atMost: 1_024, write)
    return String(decoding: buffer.readable, as: UTF8.self)
}

private func named(_ name: String, _ body: (UnsafeRawBufferPointer) -> String) -> String {
    Array(name.utf8).withUnsafeBytes { body($0) }
}

private func best(_ side: Side, _ e4: UInt32, _ shares: UInt32, seq: UInt64, at time: Int64 = 0) -> Tick {
    Tick(
        .best, SymbolID(0), side: side, sequence: seq, eventTime: Timestamp(raw: time), price: Price(e4: e4),
        size: Quantity(shares: shares))
}

@Test("a quote is the text of the contract: a shared body and a tail of one's own")
func quoteText() {
    var quote = Quote()
    quote.apply(best(.bid, 5_853_300, 100, seq: 8_811))
    quote.apply(best(.ask, 5_854_400, 200, seq: 8_812, at: 1_340_285_400_004_241_176))
    let body = named("AAPL") { name in text { NativeJSON.quote(quote, name: name, to: &$0) } }
    let tail = NativeJSON.Tail(previous: 0, isSnapshot: true)
    #expect(
        body + text { tail.write(to: &$0) }
            == #"{"type":"quote","sym":"AAPL","seq":8812,"bid":585.33,"bid_size":100,"ask":585.44,"#
            + #""ask_size":200,"ts":1340285400004241176,"snap":true,"prev":0}"#)
}

@Test("a missing side is null, a crossed book says so")
func oddQuotes() {
    var quote = Quote()
    quote.apply(best(.ask, 1, 3, seq: 1))
    #expect(
        named("X") { name in text { NativeJSON.quote(quote, name: name, to: &$0) } }
            == #"{"type":"quote","sym":"X","seq":1,"bid":null,"bid_size":null,"ask":0.0001,"ask_size":3,"ts":0"#
    )
    quote.apply(best(.bid, 2, 3, seq: 2))
    #expect(
        named("X") { name in text { NativeJSON.quote(quote, name: name, to: &$0) } }.contains(
            #""crossed":true"#))
}

@Test(
    "the tail is as long as it says",
    arguments: [0, 9, 10, 99, 100, 12_345, UInt64.max], [false, true])
func tailLength(previous: UInt64, snapshot: Bool) {
    for stamps: (received: Timestamp, sent: Timestamp)? in [
        nil, (Timestamp(raw: 5), Timestamp(raw: 1_795_000_000_000_000_000)),
        (Timestamp(raw: -1), Timestamp.zero),
    ] {
        let tail = NativeJSON.Tail(previous: previous, isSnapshot: snapshot, stamps: stamps)
        #expect(text { tail.write(to: &$0) }.utf8.count == tail.count)
    }
}

@Test("what the server writes, the reader understands, to the last digit", arguments: Seed.smoke)
func roundTrip(seed: Seed) throws {
    var random = seed.generator()
    for step in 0..<500 {
        var quote = Quote()
        let bid = Price(e9: Int64(random.below(Int(UInt32.max))) * 977)
        let size = Quantity(e8: Int64(random.below(1_000_000)) + 1)
        quote.apply(Tick(.best, SymbolID(0), side: .bid, sequence: UInt64(step) + 2, price: bid, size: size))
        let json = named("BRK.B") { name in
            text {
                NativeJSON.quote(quote, name: name, to: &$0)
                NativeJSON.Tail(previous: UInt64(step) + 1, isSnapshot: false).write(to: &$0)
            }
        }
        let message = try Array(json.utf8).withUnsafeBytes { try ServerMessage(json: $0) }
        guard case .quote(let read) = message else {
            Issue.record("not a quote: \(json)")
            return
        }
        #expect(read.bid == bid && read.bidSize == size && read.ask == nil, "\(seed): \(json)")
        #expect(read.version.symbol == "BRK.B" && read.version.previous == UInt64(step) + 1)
    }
}

@Test("trades say who was the aggressor, where the source says it; merged ones add up")
func trades() {
    let trade = Tick(
        .trade, SymbolID(0), side: .bid, sequence: 311, price: Price(e4: 5_854_000),
        size: Quantity(shares: 50),
        aux: 77)
    #expect(
        named("AAPL") { name in text { NativeJSON.trade(trade, name: name, to: &$0) } }
            == #"{"type":"trade","sym":"AAPL","seq":311,"price":585.4,"size":50,"side":"buy","trade_id":"77","ts":0"#
    )
    var merged = DayStatistics()
    for (e4, shares) in [(5_860_000, 10), (5_840_000, 20), (5_854_000, 50)] as [(UInt32, UInt32)] {
        merged.add(price: Price(e4: e4), size: Quantity(shares: shares))
    }
    #expect(
        named("AAPL") { name in text { NativeJSON.trade(trade, merging: merged, name: name, to: &$0) } }
            == #"{"type":"trade","sym":"AAPL","seq":311,"price":585.4,"size":80,"side":"buy","trade_id":"77","#
            + #""count":3,"high":586,"low":584,"ts":0"#)
}

@Test(
    "requests are read as they are meant",
    arguments: [
        (
            #"{"op":"subscribe","id":2,"channel":"quote","symbols":["AAPL","MSFT"],"rate":10}"#,
            ClientMessage(
                id: .number(2),
                .subscribe(.init(channel: .quote, symbols: ["AAPL", "MSFT"], rate: .standard)))
        ),
        (
            #"{"op":"subscribe","id":"x","channel":"trade","symbols":["A"],"rate":"max","mode":"latest","later":1}"#,
            ClientMessage(
                id: .text("x"), .subscribe(.init(channel: .trade, symbols: ["A"], rate: .max, mode: .latest)))
        ),
        (
            #"{"op":"set","channel":"quote","symbols":["*"],"rate":0.1}"#,
            ClientMessage(.set(.rate(.perThousandSeconds(100), of: .init(channel: .quote, symbols: ["*"]))))
        ),
        (
            #"{"op":"unsubscribe","id":7,"channel":"quote","symbols":["MSFT"]}"#,
            ClientMessage(id: .number(7), .unsubscribe(.init(channel: .quote, symbols: ["MSFT"])))
        ),
        (
            #"{"op":"subscribe","channel":"book","symbols":["A"],"depth":50,"crc":true,"resume":"5f2c.90817"}"#,
            ClientMessage(
                .subscribe(
                    .init(
                        channel: .book, symbols: ["A"], depth: 50, checksum: true,
                        resume: Cursor(epoch: 0x5f2c, position: 90_817))))
        ),
        (
            #"{"op":"subscribe","channel":"bar","symbols":["*"],"interval":"1s","on_slow":"close"}"#,
            ClientMessage(
                .subscribe(
                    .init(channel: .bar, symbols: ["*"], interval: .second, closesWhenSlow: true)))
        ),
        (
            #"{"op":"unsubscribe","channel":"bar","interval":"1m","symbols":["A*"]}"#,
            ClientMessage(.unsubscribe(.init(channel: .bar, interval: .minute, symbols: ["A*"])))
        ),
        (#"{"op":"set","max_kbps":64}"#, ClientMessage(.set(.kilobits(64)))),
        (#"{"op":"set","max_kbps":null}"#, ClientMessage(.set(.kilobits(nil)))),
        (#"{"op":"list","id":8}"#, ClientMessage(id: .number(8), .list)),
        (#"{"op":"ping"}"#, ClientMessage(.ping)),
    ])
func requests(json: String, message: ClientMessage) throws {
    let read = try Array(json.utf8).withUnsafeBytes { try ClientMessage(json: $0) }
    #expect(read == message)
    let again = try Array(message.json.utf8).withUnsafeBytes { try ClientMessage(json: $0) }
    #expect(again == message)
}

@Test(
    "a wrong request names its fault and repeats its id",
    arguments: [
        (#"{"op":"subscribe","id":1,"channel":"quote","symbols":["A"],"rate":0}"#, ErrorCode.badRate),
        (#"{"op":"subscribe","id":1,"channel":"quote","symbols":["A"],"rate":0.0999}"#, .badRate),
        (#"{"op":"subscribe","id":1,"channel":"quote","symbols":["A"],"rate":1000.001}"#, .badRate),
        (#"{"op":"subscribe","id":1,"channel":"quote","symbols":["A"],"rate":"10"}"#, .badRate),
        (#"{"op":"subscribe","id":1,"channel":"nope","symbols":["A"]}"#, .unknownChannel),
        (#"{"op":"subscribe","id":1,"symbols":["A"]}"#, .badRequest),
        (#"{"op":"subscribe","id":1,"channel":"quote","symbols":[]}"#, .badRequest),
        (#"{"op":"subscribe","id":1,"channel":"quote","symbols":[1]}"#, .badRequest),
        (#"{"op":"subscribe","id":1,"channel":"book","symbols":["A"],"depth":0}"#, .badDepth),
        (#"{"op":"subscribe","id":1,"channel":"book","symbols":["A"],"depth":51}"#, .badDepth),
        (#"{"op":"subscribe","id":1,"channel":"book","symbols":["A"],"depth":"x"}"#, .badDepth),
        (#"{"op":"subscribe","id":1,"channel":"bar","symbols":["A"],"interval":"5m"}"#, .badRequest),
        (#"{"op":"subscribe","id":1,"channel":"trade","symbols":["A"],"on_slow":"x"}"#, .badRequest),
        (#"{"op":"subscribe","id":1,"channel":"trade","symbols":["A"],"resume":"zz"}"#, .badRequest),
        (#"{"op":"subscribe","id":1,"channel":"trade","symbols":["A"],"resume":"1.-2"}"#, .badRequest),
        (#"{"op":"set","id":1,"max_kbps":7}"#, .badRequest),
        (#"{"op":"set","id":1,"max_kbps":64,"rate":1,"symbols":["A"]}"#, .badRequest),
        (#"{"op":"set","id":1,"symbols":["A"]}"#, .badRequest),
        (#"{"op":"unsubscribe","id":1,"symbols":["A"]}"#, .badRequest),
        (#"{"op":"dance","id":1}"#, .unknownOp),
        (#"{"id":1}"#, .badRequest),
    ])
func wrongRequests(json: String, code: ErrorCode) {
    let fault = #expect(throws: ClientFault.self) {
        try Array(json.utf8).withUnsafeBytes { try ClientMessage(json: $0) }
    }
    #expect(fault?.code == code)
    #expect(fault?.id == .number(1))
}

@Test("an id too long to repeat is refused, and so is what is no object")
func oddRequests() {
    let long = "{\"op\":\"ping\",\"id\":\"\(String(repeating: "x", count: 65))\"}"
    for (json, code) in [
        (long, ErrorCode.badRequest), ("[]", .badRequest), ("{", .badJSON), ("\u{feff}{}", .badJSON),
    ] {
        let fault = #expect(throws: ClientFault.self) {
            try Array(json.utf8).withUnsafeBytes { try ClientMessage(json: $0) }
        }
        #expect(fault?.code == code)
    }
}

@Test("a rate is never exceeded by rounding", arguments: [100, 3_000, 10_000, 30_000, 1_000_000])
func rateInterval(milli: Int) {
    let interval = Rate.perThousandSeconds(milli).interval
    #expect(Int128(interval.raw) * Int128(milli) >= 1_000_000_000_000)
    #expect(Int128(interval.raw - 1) * Int128(milli) < 1_000_000_000_000)
}
