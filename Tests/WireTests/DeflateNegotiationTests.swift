import Basics
import Testing

@testable import Wire

private let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

/// What a server answers to those header lines; nil where it declines.
private func answer(_ lines: [String]) throws -> String? {
    var headers = HTTPHeaders()
    for line in lines { headers.append("Sec-WebSocket-Extensions", line) }
    return try MessageDeflate.agree(headers)?.answer
}

@Suite struct DeflateNegotiationTests {
    @Test(
        "offers that are taken",
        arguments: [
            ("permessage-deflate", ""), ("permessage-deflate; client_max_window_bits", ""),
            ("permessage-deflate;client_max_window_bits=8", ""),
            (" permessage-deflate ; client_max_window_bits = 15 ", ""),
            ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", ""),
            ("permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9"),
            ("permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=15"),
            ("permessage-deflate; server_max_window_bits=\"10\"", "; server_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits=\"1\\2\"", "; server_max_window_bits=12"),
            ("x-other; a=b, permessage-deflate", ""), (", ,permessage-deflate,", ""),
            // The first that can be kept
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ""),
            (
                "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=11",
                "; server_max_window_bits=11"
            ),
        ])
    func taken(offer: String, rest: String) throws { #expect(try answer([offer]) == agreed + rest) }

    @Test(
        "offers that are declined",
        arguments: [
            "", "x-webkit-deflate-frame", "permessage-deflate2", "permessage-bzip2",
            "permessage-deflate; unknown", "permessage-deflate; unknown=1",
            "permessage-deflate; server_max_window_bits",  // wants a value
            "permessage-deflate; server_max_window_bits=8",  // zlib has no such window
            "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09", "permessage-deflate; server_max_window_bits=1e1",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=99999999999999999999",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=010",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=true",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=10",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        ])
    func declined(offer: String) throws { #expect(try answer([offer]) == nil) }

    @Test(
        "what the grammar does not have fails the handshake",
        arguments: [
            "permessage-deflate;", "permessage-deflate; ;", ";", "permessage-deflate; =9", "=",
            "permessage-deflate; a=", "permessage-deflate; a=\"", "permessage-deflate; a=\"b",
            "permessage-deflate; a=\"b\\", "permessage-deflate; a=\"\"", "permessage-deflate; a=\"b c\"",
            "permessage-deflate; a=\"b,c\"", "permessage deflate", "permessage-deflate x, y", "(x)",
            "a; b=c d",
            "a; b=\"c\"d", "é",
        ])
    func malformed(offer: String) {
        let fault = #expect(throws: HTTPFault.self) { try answer([offer]) }
        #expect(fault?.status == 400)
    }

    @Test("several lines are one list")
    func lines() throws {
        #expect(
            try answer(["x-a", "permessage-deflate; server_max_window_bits=12"])?.hasSuffix("=12") == true)
        #expect(try answer(["permessage-deflate; server_max_window_bits=8", "x-b"]) == nil)
    }

    @Test(
        "answers that a client takes",
        arguments: [
            agreed, "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=8",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        ])
    func verified(answer: String) throws {
        #expect(try MessageDeflate.verify(["Sec-WebSocket-Extensions": answer], offered: true))
    }

    @Test("no answer is none")
    func absent() throws {
        #expect(try !MessageDeflate.verify([:], offered: true))
        #expect(try !MessageDeflate.verify([:], offered: false))
    }

    @Test(
        "answers that break the handshake",
        arguments: [
            "permessage-deflate",  // keeps its context, against what was asked
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=15",  // not offered
            "permessage-deflate; server_no_context_takeover; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=16",
            "permessage-deflate; server_no_context_takeover; unknown",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover=1", agreed + ", " + agreed, "x-other",
            agreed + ", x-other", "permessage-deflate;;",
        ])
    func broken(answer: String) {
        #expect(throws: WebSocketRefusal.self) {
            try MessageDeflate.verify(["Sec-WebSocket-Extensions": answer], offered: true)
        }
    }

    @Test("an answer to what was not offered breaks it too")
    func unasked() {
        #expect(throws: WebSocketRefusal.self) {
            try MessageDeflate.verify(["Sec-WebSocket-Extensions": agreed], offered: false)
        }
    }

    @Test(
        "both ends of a handshake agree, and a server that speaks none says nothing",
        arguments: [true, false])
    func bothEnds(deflates: Bool) throws {
        let key = WebSocketHandshake.key(1, 2)
        let bytes = WebSocketHandshake.request(host: "h", path: "/", key: key, deflate: true)
        let request = try #require(try bytes.withUnsafeBytes { try HTTPRequestParser().parse($0) }).request
        let acceptance = try WebSocketHandshake.accept(request, protocols: [], deflates: deflates)
        #expect(acceptance.deflate?.serverWindowBits == (deflates ? 15 : nil))
        var buffer = ByteBuffer()
        acceptance.write(into: &buffer)
        let head = try #require(try HTTPResponseHead.parse(buffer.readable)).head
        #expect(head.headers["Sec-WebSocket-Extensions"] == (deflates ? agreed : nil))
        let agreement = try WebSocketHandshake.verify(response: head, key: key, protocols: [], deflate: true)
        #expect(agreement == WebSocketAgreement(subprotocol: nil, deflates: deflates))
    }
}
