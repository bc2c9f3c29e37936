// Which text is which: by its first line, whatever the file is called.
import Basics
import TestSupport
import Testing

@testable import TickerFeed

private func recognised(_ head: String, path: String = "-") -> String? {
    let bytes = Array(head.utf8)
    return Formats.all.first { $0.recognise(bytes.span.bytes, path) }?.name
}

@Test(
    "formats of lines are told apart by their first line",
    arguments: [
        ("34200.004241176,1,16113575,18,5853300,1\n", "LOBSTER"),
        ("34201,7,0,0,-1,-1\r\n", "LOBSTER"), ("\n\n34201,7,0,0,-1,-1", "LOBSTER"),
        ("Time,Type,OrderID,Size,Price,Direction\n34200,1,2,3,4,1\n", "LOBSTER"),
        ("time,event type,order id,size,price,direction\n", "LOBSTER"),
        ("34200,1,2,3,4\n", nil), ("34200,1,2,3,4,1,1\n", nil), ("34200,1,2,3,4,x\n", nil),
        ("t,sym,type,side,price,size\n", "CSV"), ("\u{feff}\"sym\",\"price\"\n", "CSV"),
        ("date,price,volume\n", "CSV"), ("sym\n", nil), ("date,volume\n", nil), ("hello, world\n", nil),
        ("sym,price\"\n", "CSV"), ("\"sym,price\n", nil), ("1,2,3\n", nil),
        (#"{"t":1,"sym":"A","type":"trade"}"#, "NDJSON"), (#" {"type":"trade"}"#, "NDJSON"),
        (#"{"x":[{"src":1}],"sym":"A""#, "NDJSON"), (#"{"t":1,"sym":"A","src":"ws"}"#, nil),
        (#"{"x":1}"#, nil), ("{", nil), ("[]", nil), ("{}", nil), ("\"sym\"", nil), ("null", nil),
    ] as [(String, String?)])
func textFormats(head: String, name: String?) {
    let found = recognised(head)
    // Recorded sessions have a format of their own.
    if head.contains("\"src\":\"ws\"") { #expect(found != "NDJSON") } else { #expect(found == name) }
}

@Test(
    "an empty file is told by its name",
    arguments: [
        ("AAPL_2012-06-21_1_2_message_1.csv", "LOBSTER"), ("a.csv", "CSV"), ("a.ndjson", "NDJSON"),
        ("a.jsonl", "NDJSON"), ("a.csv.gz", nil),
    ] as [(String, String?)])
func emptyTexts(path: String, name: String?) {
    let bytes: [UInt8] = []
    let found = Formats.all.filter { $0.recognise(bytes.span.bytes, path) }.map(\.name)
    #expect(found.first { $0 == "LOBSTER" || $0 == "CSV" || $0 == "NDJSON" } == name)
}
