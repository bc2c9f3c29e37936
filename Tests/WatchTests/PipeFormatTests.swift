// Lines of a pipe: what people, jq and spreadsheets are told.
import Basics
import Dialects
import Market
import Testing
import Watch

private let quote =
    #"{"type":"quote","sym":"AAPL","seq":7,"bid":231.44,"bid_size":300,"ask":231.46,"ask_size":0.5,"ts":20,"snap":true,"prev":0}"#
private let stats =
    #"{"type":"stats","sym":"AAPL","seq":3,"open":230.25,"high":232,"low":230.1,"last":231.45,"change":1.2,"volume":1000000,"vwap":231.2,"count":12,"ts":10,"prev":2}"#
private let all: [Channel] = [.quote, .trade, .book, .bar, .stats, .status]

private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

@Test("a row for people has what is known, and doubt comes last")
func pipeRowText() {
    let format = PipeFormat(.text)
    #expect(
        text(format.line(Said.row(quote, stats, market: "trading", feed: "live")))
            == "AAPL last 231.45 change +1.20 +0.52% bid 231.44 x 300 ask 231.46 x 0.5\n")
    #expect(
        text(format.line(Said.row(stats, market: "halted", feed: "suspect")))
            == "AAPL last 231.45 change +1.20 +0.52% market halted feed suspect\n")
    let empty =
        #"{"type":"quote","sym":"X","seq":1,"bid":null,"bid_size":null,"ask":2,"ask_size":1,"ts":1,"prev":0}"#
    #expect(text(format.line(Said.row(empty))) == "X bid none ask 2.00 x 1\n")
    #expect(format.header == nil)
}

@Test("a row of JSON has all members whatever is known, and exact numbers")
func pipeRowJSON() {
    let format = PipeFormat(.json)
    #expect(
        text(format.line(Said.row(quote, stats, market: "trading", feed: "live")))
            == #"{"type":"row","sym":"AAPL","ts":20,"last":231.45,"change":1.2,"percent":0.521172638,"bid":231.44,"bid_size":300,"ask":231.46,"ask_size":0.5,"open":230.25,"high":232,"low":230.1,"volume":1000000,"vwap":231.2,"count":12,"market":"trading","feed":"live"}"#
            + "\n")
    #expect(
        text(format.line(PipeRow(symbol: "X")))
            == #"{"type":"row","sym":"X","ts":null,"last":null,"change":null,"percent":null,"bid":null,"bid_size":null,"ask":null,"ask_size":null,"open":null,"high":null,"low":null,"volume":null,"vwap":null,"count":null,"market":null,"feed":null}"#
            + "\n")
}

@Test("a row of CSV has a value, or nothing, for each name of the header")
func pipeRowCSV() {
    let format = PipeFormat(.csv)
    #expect(
        text(format.header)
            == "symbol,ts,last,change,percent,bid,bid_size,ask,ask_size,open,high,low,volume,vwap,count,market,feed\n"
    )
    #expect(
        text(format.line(Said.row(quote, stats, market: "trading", feed: "live")))
            == "AAPL,20,231.45,1.2,0.521172638,231.44,300,231.46,0.5,230.25,232,230.1,1000000,231.2,12,trading,live\n"
    )
    #expect(text(format.line(PipeRow(symbol: "X"))) == "X" + String(repeating: ",", count: 16) + "\n")
}

/// Messages as servers write them, members in their order.
private let messages = [
    quote, stats,
    #"{"type":"quote","sym":"B","seq":9,"bid":2,"bid_size":1,"ask":1,"ask_size":1,"crossed":true,"ts":5,"prev":8}"#,
    #"{"type":"trade","sym":"B","seq":5,"price":1.000000001,"size":0.00000001,"side":"sell","trade_id":"77","ts":5,"recv":5,"prev":4,"sent":6}"#,
    #"{"type":"trade","sym":"B","seq":9,"price":1,"size":4,"count":3,"high":2,"low":0.5,"ts":5,"prev":4}"#,
    #"{"type":"trade","sym":"B","seq":6,"broken":"77","price":1,"size":2,"ts":5,"prev":5}"#,
    #"{"type":"trade","sym":"B","seq":6,"broken":"77","ts":5,"prev":5}"#,
    #"{"type":"book","sym":"B","seq":6,"bids":[[1,2],[0.5,3]],"asks":[],"crc":4294967295,"ts":5,"snap":true,"prev":0}"#,
    #"{"type":"bar","sym":"B","seq":6,"interval":"1m","start":0,"open":1,"high":2,"low":1,"close":2,"volume":3,"vwap":null,"count":2,"closed":true,"ts":5,"prev":5}"#,
    #"{"type":"status","sym":"B","seq":6,"market":"halted","feed":"stale","reason":"LUDP","ts":5,"prev":5}"#,
    #"{"type":"gap","sym":"B","channel":"trade","from":3,"to":9,"reason":"slow_reader"}"#,
    #"{"type":"epoch","epoch":"a005c1c1","reason":"seek"}"#,
]

@Test("a message of JSON is the server's own, byte for byte", arguments: messages)
func pipeMessageJSON(json: String) {
    #expect(text(PipeFormat(.json, channels: all).line(Said.message(json))) == json + "\n")
}

@Test("messages that nobody asked for have no line")
func pipeMessageAsked() {
    let trades = PipeFormat(.json, channels: [.trade])
    #expect(trades.line(Said.message(quote)) == nil)
    #expect(PipeFormat(.json).line(Said.message(quote)) == nil)
    #expect(trades.line(.gap(GapMessage(symbol: "B", channel: "book", from: 1, to: 2, reason: ""))) == nil)
    #expect(trades.line(.gap(GapMessage(symbol: "B", channel: "trade", from: 1, to: 2, reason: ""))) != nil)
    #expect(trades.line(.pong(id: nil, time: nil)) == nil)
}

@Test("messages for people")
func pipeMessageText() {
    let format = PipeFormat(.text, channels: all)
    let lines = messages.map { text(format.line(Said.message($0))) }
    #expect(lines[0] == "AAPL quote bid 231.44 x 300 ask 231.46 x 0.5\n")
    #expect(lines[2] == "B quote bid 2.00 x 1 ask 1.00 x 1 crossed\n")
    #expect(lines[3] == "B trade 1.000000001 x 0.00000001 sell\n")
    #expect(lines[4] == "B trade 1.00 x 4 of 3 high 2.00 low 0.50\n")
    #expect(lines[5] == "B trade broken 77 1.00 x 2\n")
    #expect(lines[7] == "B book whole bids 1.00 x 2 0.50 x 3 asks\n")
    #expect(lines[9] == "B status halted stale LUDP\n")
    #expect(lines[10] == "B gap trade 3..9 slow_reader\n" && lines[11] == "epoch a005c1c1 seek\n")
}

@Test("messages of CSV have as many values as the header names, alone and mixed", arguments: all)
func pipeMessageCSV(channel: Channel) {
    for format in [PipeFormat(.csv, channels: [channel]), PipeFormat(.csv, channels: all)] {
        let commas = text(format.header).filter { $0 == "," }.count
        let lines = messages.map { text(format.line(Said.message($0))) }.filter { !$0.isEmpty }
        #expect(!lines.isEmpty)
        for line in lines.flatMap({ $0.split(separator: "\n") }) {
            #expect(line.filter { $0 == "," }.count == commas)
        }
    }
}

@Test("a trade, a book and a bar of CSV")
func pipeMessageCSVValues() {
    func csv(_ channel: Channel, _ index: Int) -> String {
        text(PipeFormat(.csv, channels: [channel]).line(Said.message(messages[index])))
    }
    #expect(csv(.trade, 3) == "B,5,4,false,5,1.000000001,0.00000001,sell,77,,,,\n")
    #expect(
        csv(.book, 7) == "B,6,0,true,5,bid,1,2,false,4294967295\nB,6,0,true,5,bid,0.5,3,false,4294967295\n")
    #expect(csv(.bar, 8) == "B,6,5,false,5,1m,0,1,2,1,2,3,,2,true\n")
    #expect(csv(.trade, 10) == "" && csv(.trade, 11) == "")
    #expect(
        text(PipeFormat(.csv, channels: [.trade]).header)
            == "symbol,seq,prev,snap,ts,price,size,side,trade_id,broken,count,high,low\n")
}

@Test("a hostile word moves no cursor, ends no line and no field")
func pipeHostile() {
    let json =
        #"{"type":"status","sym":"B","seq":6,"market":"a,\"b","feed":"x\u001b[2J\u009by","reason":"r\n","ts":5,"prev":5}"#
    let message = Said.message(json)
    #expect(text(PipeFormat(.text, channels: all).line(message)) == "B status a,\"b x?[2J?y r?\n")
    #expect(
        text(PipeFormat(.csv, channels: [.status]).line(message)) == "B,6,5,false,5,\"a,\"\"b\",x?[2J?y,r?\n")
    let line = text(PipeFormat(.json, channels: all).line(message))
    #expect(Said.message(line) == message && !line.contains("\u{1b}") && !line.contains("\u{9b}"))
    #expect(line.filter { $0 == "\n" }.count == 1)
}
