// What clients of a fuzzed loop say in one go, so that the fuzzer need not find it a byte at a time.
import Basics
import Dialects
import Wire

enum Phrases {
    static func phrase(_ index: Int) -> [UInt8] { all[index % all.count] }

    private static let all: [[UInt8]] =
        heads.map { Array($0.utf8) } + messages.map { frame(.text, Array($0.utf8)) }
        + tokens.map(authentication)
        + tokens.map { Array(upgrade("Authorization: Bearer \(text($0))\r\n").utf8) }
        + tokens.map {
            Array(
                get("/v1/events?channel=quote,book,bar&symbols=*", "Cookie: tickerfeed_token=\(text($0))\r\n")
                    .utf8)
        }

    private static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }
    private static func upgrade(_ fields: String = "", path: String = "/v1/stream") -> String {
        get(
            path,
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + "Sec-WebSocket-Version: 13\r\n" + fields)
    }

    private static let heads = [
        upgrade(), upgrade("Sec-WebSocket-Protocol: tickerfeed.v1.sbe\r\n"),
        upgrade("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n"),
        upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n", path: "/echo"),
        get("/v1/events?channel=quote,trade,book,bar,status,stats&symbols=*&rate=max"),
        get("/v1/events?channel=book&symbols=S0,S1&depth=2", "Accept: application/x-ndjson\r\n"),
        get("/v1/events?channel=trade&symbols=S0&mode=latest&rate=0.5", "Last-Event-ID: 7.0\r\n"),
        get("/v1/poll?channel=quote,trade&symbols=S0,S1,S2"),
        get("/v1/poll?channel=trade&symbols=S*&cursor=7.1"),
        get("/v1/snapshot/S0?depth=2"), get("/v1/symbols"), get("/metrics"), get("/readyz"), get("/"),
        "HEAD /v1/events?channel=quote&symbols=S0 HTTP/1.1\r\nHost: x\r\n\r\n",
        get("/livez", "Connection: close\r\n"),
    ]

    private static let messages = [
        #"{"op":"subscribe","id":1,"channel":"quote","symbols":["S0","S1","S9"],"rate":"max"}"#,
        #"{"op":"subscribe","id":2,"channel":"book","symbols":["S*"],"depth":3,"crc":true,"rate":100}"#,
        #"{"op":"subscribe","id":3,"channel":"trade","symbols":["*"],"stamps":true,"on_slow":"close"}"#,
        #"{"op":"subscribe","channel":"trade","symbols":["S0"],"mode":"latest","rate":1,"resume":"7.1"}"#,
        #"{"op":"subscribe","channel":"bar","symbols":["S0","S1"],"interval":"1s","rate":"max"}"#,
        #"{"op":"subscribe","channel":"stats","symbols":["S0"],"rate":1000}"#,
        #"{"op":"subscribe","channel":"status","symbols":["*"]}"#,
        #"{"op":"set","channel":"quote","symbols":["*"],"rate":0.1}"#, #"{"op":"set","max_kbps":8}"#,
        #"{"op":"unsubscribe","channel":"book","symbols":["S*"]}"#,
        #"{"op":"unsubscribe","channel":"trade","symbols":["*"]}"#, #"{"op":"list","id":"l"}"#,
        #"{"op":"ping"}"#,
    ]

    // MARK: Tokens

    /// None of them allows a bar, nor a symbol beyond S1: what comes to a client is held against that.
    private static let tokens = [
        #"{"exp":1700000100,"sub":"a","symbols":["S0","S1*"],"channels":["quote","trade","book"]}"#,
        #"{"exp":1700000003,"sub":"a","symbols":["S0"],"channels":["quote"],"max_rate":10}"#,
        #"{"exp":1700000900,"sub":"a","symbols":["S1"],"channels":["book","status"],"max_depth":1}"#,
        #"{"exp":1700000900,"symbols":[],"channels":[]}"#,
    ].map { Array($0.utf8) }

    static func allows(_ message: ServerMessage) -> Bool {
        switch message {
        case .bar: false
        case .quote(let quote): allows(quote.version)
        case .trade(let trade): allows(trade.version)
        case .broken(let broken): allows(broken.version)
        case .book(let book): allows(book.version)
        case .stats: false
        case .status(let status): allows(status.version)
        default: true
        }
    }

    private static func allows(_ version: Version) -> Bool {
        version.symbol == "S0" || version.symbol.hasPrefix("S1")
    }

    private static func text(_ claims: [UInt8]) -> String {
        String(decoding: Known.token(header: #"{"alg":"HS256"}"#.utf8, claims: claims), as: UTF8.self)
    }

    /// A message with a token of these claims.
    static func authentication(_ claims: [UInt8]) -> [UInt8] {
        frame(.text, Array(#"{"op":"auth","id":"t","token":"\#(text(claims))"}"#.utf8))
    }

    /// A frame whose payload is the input's: its kind, its length, its bytes.
    static func frame(_ input: inout Input) -> [UInt8] {
        let kind = input.byte(), count = Int(input.byte())
        let rest = input.take(count), payload = Array(rest.bytes)
        switch kind & 7 {
        case 0, 1: return frame(.text, payload)
        case 2: return frame(.binary, payload)
        case 3: return frame(.ping, payload)
        case 4: return frame(.pong, payload)
        case 5: return frame(.close, payload)
        case 6: return frame(kind & 8 == 0 ? .text : .continuation, payload, fin: kind & 16 != 0)
        default: return frame(.text, payload, isCompressed: true)
        }
    }

    private static func frame(
        _ opcode: WebSocketOpcode, _ payload: [UInt8], fin: Bool = true, isCompressed: Bool = false
    ) -> [UInt8] {
        var buffer = ByteBuffer()
        // A mask of zero leaves the payload as it is.
        buffer.write(atMost: WebSocketFrame.headerBytesMax) {
            WebSocketFrame.writeHeader(
                into: &$0, opcode: opcode, payload: payload.count, fin: fin, isCompressed: isCompressed,
                mask: 0)
        }
        return Array(buffer.readable) + payload
    }
}
