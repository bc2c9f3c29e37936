// The one port, request by request: bytes in, status and body out.
import Basics
import Foundation
import Dialects
import FanOut
import Market
import TestSupport
import Testing
import TickerFeed

/// A world after the whole recorded session was played.
private func worldAtTheEnd() throws -> World {
    let world = World(try InputFeed(FeedOptions(path: Repository.session)), pace: .unpaced, seed: Seed(1))
    while !world.feedHasEnded { world.step() }
    world.step()
    return world
}

/// All that comes back for these bytes.
private func ask(_ text: String, _ world: World) -> String {
    let socket = world.network.connect(world.handler)
    socket.write(Array(text.utf8))
    var answer: [UInt8] = []
    for _ in 0..<200 {
        world.step()
        answer += socket.read(.max)
    }
    socket.close()
    world.step()
    return String(decoding: answer, as: UTF8.self)
}

private func get(_ path: String, _ more: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: x\r\n\(more)\r\n"
}

private let upgrade =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    + "Sec-WebSocket-Version: 13\r\n"

@Test("each address answers as the protocol says")
func endpoints() throws {
    let world = try worldAtTheEnd()
    let table: [(request: String, status: Int, has: String)] = [
        (get("/"), 200, "/v1/stream"),
        (get("/livez"), 200, "alive"),
        (get("/readyz"), 200, "ready"),
        (get("/v1/symbols"), 200, #""symbol":"AAPL""#),
        (get("/v1/snapshot/AAPL?depth=1"), 200, #""bids":[[320.14,25]],"asks":[[320.3,100]]"#),
        (get("/v1/snapshot/AAPL"), 200, #""volume":81556"#),
        (get("/v1/snapshot/NOPE"), 404, "/v1/symbols"),
        (get("/v1/snapshot/AAPL?depth=0"), 400, "depth"),
        (get("/v1/snapshot/AAPL?depth=51"), 400, "depth"),
        (get("/v1/snapshot/AAPL?depth=x"), 400, "depth"),
        (get("/nowhere"), 404, "GET /"),
        (get("/metrics"), 200, "tickerfeed_connections "),
        (get("/v1/stream"), 426, "WebSocket"),
        (get("/v1/stream", upgrade), 101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (get("/v1/stream", upgrade + "Origin: http://x\r\n"), 101, #""type":"welcome""#),
        (get("/v1/stream", upgrade + "Origin: http://evil\r\n"), 403, "origin"),
        (
            get("/v1/stream", upgrade + "Sec-WebSocket-Protocol: tickerfeed.v1.json\r\n"), 101,
            "tickerfeed.v1.json"
        ),
        (get("/v1/stream", upgrade + "Sec-WebSocket-Protocol: soap\r\n"), 400, "sub-protocol"),
        (get("/v1/stream?token=abc", upgrade), 400, "logs"),
        (get("/v1/snapshot/AAPL?token=abc"), 400, "logs"),
        ("POST /v1/symbols HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "Allow: GET, HEAD"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "Host"),
        ("nonsense\r\n\r\n", 400, "Connection: close"),
    ]
    for (request, status, text) in table {
        let answer = ask(request, world)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request)→ \(answer.prefix(200))")
        #expect(answer.contains(text), "\(request)→ \(answer.prefix(600))")
    }
    #expect(world.handler.connectionCount == 0, "a connection was forgotten")
}

@Test("HEAD has no body, an unchanged snapshot is 304, requests in one piece are answered in order")
func keepAlive() throws {
    let world = try worldAtTheEnd()
    let head = ask("HEAD /v1/symbols HTTP/1.1\r\nHost: x\r\n\r\n", world)
    #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"))

    let first = ask(get("/v1/snapshot/AAPL"), world)
    let tag = first.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") }?.dropFirst(6) ?? ""
    #expect(ask(get("/v1/snapshot/AAPL", "If-None-Match: \(tag)\r\n"), world).hasPrefix("HTTP/1.1 304"))
    #expect(
        ask(get("/v1/snapshot/AAPL?depth=3", "If-None-Match: \(tag)\r\n"), world).hasPrefix("HTTP/1.1 200"))

    let three = ask(get("/livez") + get("/nowhere") + get("/readyz", "Connection: close\r\n"), world)
    let statuses = ["200 OK", "404 Not Found", "200 OK"]
    var rest = three[...]
    for status in statuses {
        let found = rest.range(of: "HTTP/1.1 \(status)")
        #expect(found != nil, "\(status) is missing, or out of order: \(three)")
        rest = rest[(found?.upperBound ?? rest.endIndex)...]
    }
    // A request on a connection that served others may still become a stream.
    #expect(ask(get("/livez") + get("/v1/stream", upgrade), world).contains(#""type":"welcome""#))
}

@Test("a request that never ends is timed out; a flood of operations is refused, then closed")
func deadlines() throws {
    let world = try worldAtTheEnd()
    let slow = world.network.connect(world.handler)
    slow.write(Array("GET / HTTP/1.1\r\nHo".utf8))
    for _ in 0..<10_100 { world.step() }
    #expect(String(decoding: slow.read(.max), as: UTF8.self).hasPrefix("HTTP/1.1 408"))
    #expect(slow.isOver())

    let client = StreamClient(world, [])
    for _ in 0..<400 { client.say(ClientMessage(.ping)) }
    for _ in 0..<500 where client.closeCode == nil {
        world.step()
        try client.read()
    }
    #expect(Set(client.errors) == ["limit_rate"] && client.closeCode == 4429)
}

@Test("an answer overtakes the data that waits for a full socket, between two frames")
func answersFirst() throws {
    let world = World(
        try InputFeed(FeedOptions(path: Repository.session)), pace: .recorded(Speed(times: 20_000)),
        seed: Seed(4))
    world.step()
    let client = StreamClient(world, StreamClient.everything(.max))
    while !client.messages.contains(where: { $0.channel == .trade }), !world.feedHasEnded {
        world.step()
        try client.read()
    }
    // So many trades come while the loop sleeps that one write of them fills the socket.
    for _ in 0..<500 { world.step(loopSleeps: true) }
    world.step()
    try #require(world.handler.bufferedBytes > 10_000, "the socket never filled")
    client.say(ClientMessage(id: .text("now"), .ping))
    for _ in 0..<50 { world.step() }
    // What the kernels hold comes first, and the frame that was cut; then the answer.
    func hasPong(_ message: ServerMessage) -> Bool { if case .pong = message { true } else { false } }
    #expect(!(try client.read(SimulatedNetwork.buffer).contains(where: hasPong)))
    for _ in 0..<50 { world.step() }
    #expect(try client.read(2_000).contains(where: hasPong), "the answer waited behind data")
    #expect(client.divergence == nil && client.errors.isEmpty, "\(client.divergence?.description ?? "")")
}
