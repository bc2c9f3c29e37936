// Subscriptions by a URL, and the cursors they go on from: the same as in JSON, fault by fault.
import Basics
import Market
import TestSupport
import Testing

@testable import Dialects

private typealias Subscribe = ClientMessage.Subscribe

/// `a=b&c=d`, decoded already.
private func pairs(_ query: String) -> [(name: String, value: String)] {
    query.split(separator: "&").map { pair in
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
}

/// What a message with these members subscribes to, or the code of its fault.
private func message(_ members: String) -> Result<Subscribe, ClientFault> {
    Result { () throws(ClientFault) in
        var text = "{\"op\":\"subscribe\"" + (members.isEmpty ? "" : "," + members) + "}"
        let parsed = text.withUTF8 { bytes in
            Result { () throws(ClientFault) in try ClientMessage(json: UnsafeRawBufferPointer(bytes)) }
        }
        guard case .subscribe(let wanted) = try parsed.get().operation else {
            throw ClientFault(.internal, "no subscribe")
        }
        return wanted
    }
}

private func queried(_ query: String) -> Result<[Subscribe], ClientFault> {
    Result { () throws(ClientFault) in try Subscribe.all(inQuery: pairs(query)) }
}

@Test(
    "a query subscribes to what the same words in JSON do, or fails as they do",
    arguments: [
        ("channel=quote&symbols=AAPL", #""channel":"quote","symbols":["AAPL"]"#),
        (
            "channel=quote&symbols=AAPL,MSFT&rate=2.5",
            #""channel":"quote","symbols":["AAPL","MSFT"],"rate":2.5"#
        ),
        ("symbols=A&symbols=B,C&channel=stats", #""channel":"stats","symbols":["A","B","C"]"#),
        ("channel=quote&symbols=BRK*,*&rate=max", #""channel":"quote","symbols":["BRK*","*"],"rate":"max""#),
        ("channel=trade&symbols=A&mode=latest", #""channel":"trade","symbols":["A"],"mode":"latest""#),
        (
            "channel=book&symbols=A&depth=50&crc=true",
            #""channel":"book","symbols":["A"],"depth":50,"crc":true"#
        ),
        (
            "channel=bar&symbols=A&interval=1s&stamps=true",
            #""channel":"bar","symbols":["A"],"interval":"1s","stamps":true"#
        ),
        ("channel=trade&symbols=A&on_slow=close", #""channel":"trade","symbols":["A"],"on_slow":"close""#),
        ("channel=trade&symbols=A&cursor=7.12", #""channel":"trade","symbols":["A"],"resume":"7.12""#),
        ("channel=trade&symbols=A&resume=7.12.ff", #""channel":"trade","symbols":["A"],"resume":"7.12.ff""#),
        ("channel=quote&symbols=A&colour=red", #""channel":"quote","symbols":["A"],"colour":"red""#),
        ("channel=quote&symbols=,A,", #""channel":"quote","symbols":["A"]"#),
        ("channel=quote&symbols=A\"B,ü", #""channel":"quote","symbols":["A\"B","ü"]"#),
        // And what is wrong.
        ("", ""),
        ("channel=quote", #""channel":"quote""#),
        ("channel=quote&symbols=", #""channel":"quote","symbols":[]"#),
        ("symbols=A", #""symbols":["A"]"#),
        ("channel=&symbols=A", #""symbols":["A"]"#),
        ("channel=quotes&symbols=A", #""channel":"quotes","symbols":["A"]"#),
        ("channel=quote&symbols=A&rate=0", #""channel":"quote","symbols":["A"],"rate":0"#),
        ("channel=quote&symbols=A&rate=fast", #""channel":"quote","symbols":["A"],"rate":"fast""#),
        ("channel=quote&symbols=A&rate=", #""channel":"quote","symbols":["A"],"rate":"""#),
        ("channel=quote&symbols=A&rate=.5", #""channel":"quote","symbols":["A"],"rate":".5""#),
        ("channel=quote&symbols=A&rate=1.2.3", #""channel":"quote","symbols":["A"],"rate":"1.2.3""#),
        ("channel=quote&symbols=A&rate=007", #""channel":"quote","symbols":["A"],"rate":"007""#),
        ("channel=quote&symbols=A&rate=-1", #""channel":"quote","symbols":["A"],"rate":-1"#),
        (
            "channel=quote&symbols=A&rate=1,\"depth\":3",
            #""channel":"quote","symbols":["A"],"rate":"1,\"depth\":3""#
        ),
        ("channel=book&symbols=A&depth=0", #""channel":"book","symbols":["A"],"depth":0"#),
        ("channel=book&symbols=A&depth=x", #""channel":"book","symbols":["A"],"depth":"x""#),
        ("channel=book&symbols=A&crc=1", #""channel":"book","symbols":["A"],"crc":"1""#),
        ("channel=quote&symbols=A&mode=latest", #""channel":"quote","symbols":["A"],"mode":"latest""#),
        ("channel=bar&symbols=A&interval=5m", #""channel":"bar","symbols":["A"],"interval":"5m""#),
        (
            "channel=trade&symbols=A&cursor=yesterday",
            #""channel":"trade","symbols":["A"],"resume":"yesterday""#
        ),
        ("channel=trade&symbols=A&on_slow=cry", #""channel":"trade","symbols":["A"],"on_slow":"cry""#),
    ])
func queryIsJSON(query: String, json: String) throws {
    switch (queried(query), message(json)) {
    case (.success(let wanted), .success(let one)): #expect(wanted == [one], "\(query)")
    case (.failure(let fault), .failure(let same)):
        #expect(fault.code == same.code && fault.message == same.message, "\(query): \(fault) \(same)")
    case (let one, let other): Issue.record("\(query): \(one), in JSON \(other)")
    }
}

@Test("several channels are as many subscriptions, alike but for the channel; nine are too many")
func queryOfChannels() throws {
    let wanted = try queried("channel=quote,trade&channel=book&symbols=A&rate=5&depth=3").get()
    #expect(wanted.map(\.channel) == [.quote, .trade, .book])
    #expect(
        wanted.allSatisfy { $0.symbols == ["A"] && $0.depth == 3 && $0.rate == .perThousandSeconds(5_000) })
    let nine = Array(repeating: "quote", count: 9).joined(separator: ",")
    #expect(throws: ClientFault.self) { try queried("channel=\(nine)&symbols=A").get() }
    // One that is wrong is enough.
    #expect(throws: ClientFault.self) { try queried("channel=quote,nonsense&symbols=A").get() }
    #expect(throws: ClientFault.self) { try queried("channel=trade,quote&mode=latest&symbols=A").get() }
}

@Test(
    "a cursor is read from the text it writes, and from no other",
    arguments: [
        ("0.0", true), ("5f2c.90817", true), ("ffffffff.18446744073709551615", true), ("7.1.0", true),
        ("7.1.ffffffff", true),
        ("", false), (".", false), ("7", false), ("7.", false), (".7", false), ("7.1.", false),
        ("7..1", false), ("7.1.2.3", false), ("07.1", false), ("7.01", false), ("7.1.0f", false),
        ("7.1.F", false), ("F.1", false), ("g.1", false), ("7.-1", false), ("7.+1", false), ("+7.1", false),
        ("7.1.+f", false), (" 7.1", false), ("7.1 ", false), ("7.1\n", false), ("100000000.1", false),
        ("7.18446744073709551616", false), ("7.1.100000000", false), ("7.1.٣", false),
    ])
func cursorText(text: String, isCursor: Bool) {
    #expect(Cursor(text)?.text == (isCursor ? text : nil))
}
