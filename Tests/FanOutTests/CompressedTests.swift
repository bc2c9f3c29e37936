// Who is sent compressed messages, what of, and how often each is compressed.
import Basics
import Testing
import Wire

@testable import FanOut

private let deflate = "permessage-deflate"

/// What a client was sent since it was asked last, as whole messages, and how it came.
private struct Sent: Equatable {
    var messages: [[UInt8]] = []
    var compressed = 0
    var bytes = 0
}

extension Engine {
    fileprivate func sent(_ index: Int) -> Sent {
        var bytes = network.take(index), sent = Sent(bytes: bytes.count), offset = 0
        let inflater = Inflater()
        var reader = WebSocketReader(role: .client, messageMax: 1 << 20)
        bytes.withUnsafeMutableBytes { raw in
            while offset < raw.count {
                let isCompressed = raw[offset] & 0x40 != 0
                guard let event = try? reader.next(raw, from: &offset, inflater: inflater) else { return }
                guard event == .text || event == .binary else { continue }
                let message = Array(reader.payload), text = String(decoding: message, as: UTF8.self)
                guard !text.hasPrefix("{\"type\":\"ack\""), !text.hasPrefix("{\"type\":\"heartbeat\"") else {
                    continue
                }
                sent.messages.append(message)
                sent.compressed += isCompressed ? 1 : 0
            }
        }
        return withExtendedLifetime(inflater) { sent }
    }

    fileprivate func fill(shares: Int) {
        for step in 0..<50 {
            level(0, .bid, cents: 10_000 - step * 3, shares: shares + step * 7)
            level(0, .ask, cents: 10_001 + step * 3, shares: shares + step * 11)
        }
    }

    /// Connects a client for each of these, and has all of them follow the book.
    fileprivate func follow(_ clients: [(extensions: String, encoding: String, options: String)]) {
        for (index, client) in clients.enumerated() {
            connect(index, protocol: "tickerfeed.v1.\(client.encoding)", extensions: client.extensions)
            say(
                index,
                #"{"op":"subscribe","channel":"book","depth":50,"symbols":["AAPL"],"rate":"max"\#(client.options)}"#
            )
        }
        run()
    }
}

@Test(
    "a large book is compressed once for each window, and reads as the uncompressed one",
    arguments: ["json", "sbe"])
func compressedOnce(encoding: String) {
    let engine = Engine()
    engine.define("AAPL")
    engine.fill(shares: 100)
    engine.follow([
        ("", encoding, ""), (deflate, encoding, ""), (deflate, encoding, ""),
        ("\(deflate); server_max_window_bits=9", encoding, ""),
    ])
    // The snapshot, then a difference that is large.
    for (round, deflates) in [(0, UInt64(2)), (1, 4)] {
        if round > 0 {
            engine.fill(shares: 500)
            engine.run()
        }
        let plain = engine.sent(0)
        #expect(plain.compressed == 0 && plain.messages.contains { $0.count >= 1_024 })
        for index in 1...3 {
            let sent = engine.sent(index)
            #expect(sent.messages == plain.messages, "client \(index), round \(round)")
            #expect(sent.compressed == 1 && sent.bytes < plain.bytes * 2 / 3)
        }
        #expect(engine.handler.deflates == deflates)
    }
    // A small one is not worth it.
    engine.level(0, .bid, cents: 10_000, shares: 1)
    engine.run()
    #expect(engine.sent(1) == engine.sent(0))
    #expect(engine.handler.deflates == 4)
}

@Test("what is one subscriber's own is not compressed, nor anything where it was not agreed on")
func notShared() {
    let engine = Engine()
    engine.define("AAPL")
    engine.fill(shares: 100)
    engine.follow([
        ("", "json", ""), (deflate, "json", #","stamps":true"#),
        ("\(deflate); server_max_window_bits=8", "json", ""),
    ])
    for index in 0...2 {
        let sent = engine.sent(index)
        #expect(sent.compressed == 0 && sent.messages.count == 1)
    }
    #expect(engine.handler.deflates == 0)
}

@Test("who is behind by a version more is sent another difference, compressed for itself")
func anotherPrevious() {
    let engine = Engine()
    engine.define("AAPL")
    engine.fill(shares: 100)
    engine.follow([(deflate, "json", ""), (deflate, "json", ""), ("", "json", "")])
    for index in 0...2 { _ = engine.sent(index) }
    engine.network.room[1] = 0  // takes nothing from here on
    engine.fill(shares: 200)
    engine.run()
    engine.fill(shares: 300)
    engine.run()
    engine.unblock(1)
    engine.run()
    let late = engine.sent(1), prompt = engine.sent(0)
    #expect(prompt.messages == engine.sent(2).messages)
    #expect(late.messages.count == 2 && prompt.messages.count == 2)
    #expect(late.compressed == 2 && late.messages.first == prompt.messages.first)
    #expect(engine.handler.deflates == 3)
}
