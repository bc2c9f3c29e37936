// What a fleet counts of a server's bytes, however they are cut, and who is in it.
import Basics
import CLinux
import Dialects
import Market
import Testing
import Wire

@testable import tickbench

private func bytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try Array(text.utf8).withUnsafeBytes(body)
}

@Test(
    "the times of a message are read from its end",
    arguments: [
        (#"{"type":"quote","sym":"A","ts":17,"prev":3}"#, MessageTimes(event: 17)),
        (#"{"ts":5,"x":1,"ts":17,"snap":true,"prev":0}"#, MessageTimes(event: 17, isSnapshot: true)),
        (#"{"ts":17,"recv":18,"prev":4,"sent":19}"#, MessageTimes(event: 17, received: 18, sent: 19)),
        (
            #"{"ts":1,"snap":true,"recv":2,"prev":0,"sent":3}"#,
            MessageTimes(event: 1, received: 2, sent: 3, isSnapshot: true)
        ),
        (#"{"sym":"S1","seq":4,"ts":1795240187314229414}"#, MessageTimes(event: 1_795_240_187_314_229_414)),
        (#"{"type":"quote","prev":3}"#, nil), ("", nil), (#""ts":"#, MessageTimes(event: 0)),
    ] as [(String, MessageTimes?)])
func messageTimes(text: String, times: MessageTimes?) {
    #expect(bytes(text) { MessageTimes(json: $0) } == times)
    // Whatever a message is cut to: an answer or none, and never a byte behind it.
    for count in 0...text.utf8.count {
        bytes(String(text.prefix(count))) { _ = MessageTimes(json: $0) }
    }
}

@Test(
    "data is told from everything else",
    arguments: [
        ("quote", #"{"type":"quote","sym":"A"}"#, 1), ("quote", #"{"type":"heartbeat"}"#, 0),
        ("quote", #"{"type":"ack","id":1}"#, 0), ("trade", #"{"type":"trade","sym":"A"}"#, 1),
        ("trade", #"{"type":"gap","sym":"A"}"#, 0), ("book", #"{"type":"book","sym":"A"}"#, 1),
        ("quote", "{", 0),
    ])
func dataMessages(channel: String, text: String, count: Int) {
    let format = MessageFormat.native(channel: channel)
    #expect(bytes(text) { format.messages(head: 0x81, $0) } == count)
    #expect(bytes(text) { format.messages(head: 0x88, $0) } == 0)
}

@Test("of a binary message a fleet knows the times, the snapshot flag, and that it is data")
func binaryMessages() {
    var quote = Quote()
    quote.apply(
        Tick(
            .best, SymbolID(3), side: .bid, flags: .endOfEvent, sequence: 8, eventTime: Timestamp(raw: 700),
            price: Price(e4: 10_000), size: Quantity(shares: 1)))
    for stamps in [false, true] {
        var buffer = ByteBuffer()
        buffer.write(atMost: NativeSBE.bodyMax) { pen in
            let message = pen.at
            NativeSBE.quote(quote, symbol: SymbolID(3), to: &pen)
            NativeSBE.own(message, previous: 0, isSnapshot: true)
            guard stamps else { return }
            NativeSBE.stamps(received: Timestamp(raw: 800), sent: Timestamp(raw: 900), to: &pen)
        }
        let format = MessageFormat.binary
        #expect(format.messages(head: 0x82, buffer.readable) == 1)
        #expect(format.messages(head: 0x81, buffer.readable) == 0)
        let times = format.times(buffer.readable)
        let expected = MessageTimes(
            event: 700, received: stamps ? 800 : nil, sent: stamps ? 900 : nil, isSnapshot: true)
        #expect(times == expected)
    }
    var name = ByteBuffer()
    name.write(atMost: NativeSBE.bodyMax) { pen in
        guard let name = SymbolName("S3") else { return }
        NativeSBE.symbol(SymbolID(3), SymbolDefinition(name: name), to: &pen)
    }
    #expect(MessageFormat.binary.messages(head: 0x82, name.readable) == 0)
}

@Test("the floor's messages and its request are its own")
func floorDialect() {
    #expect(bytes(#"{"sym":"S3","bid":1}"#) { MessageFormat.plain.messages(head: 0x81, $0) } == 1)
    #expect(Dialect.plain.subscription([3, 14], stamps: true) == "SUB S3,S14")
    #expect(
        Dialect.native(channel: "book", rate: "0.5").subscription([3, 14], stamps: true)
            == #"{"op":"subscribe","channel":"book","symbols":["S3","S14"],"rate":0.5,"stamps":true}"#)
}

@Test("symbols are distinct, in the universe, the same again, and popular ones are", arguments: [1, 7, 500])
func picks(universe: Int) throws {
    let perConnection = min(10, universe)
    let picker = SymbolPicker(.zipf, perConnection: perConnection, universe: universe)
    var followers = Array(repeating: 0, count: universe)
    for member in 0..<1_000 {
        let symbols = picker.symbols(of: member)
        try #require(symbols.count == perConnection && Set(symbols).count == perConnection)
        try #require(symbols.allSatisfy { (0..<universe).contains($0) })
        try #require(symbols == picker.symbols(of: member))
        for symbol in symbols { followers[symbol] += 1 }
    }
    let all = SymbolPicker(.zipf, perConnection: universe, universe: universe)
    #expect(Set(all.symbols(of: 3)).count == universe)
    // Rank 0 is S0; the next ones are a stride apart, not beside it.
    #expect(followers[0] == followers.max())
    if universe == 500 { #expect(followers[0] > 600 && followers[SymbolPicker.stride(500)] > 350) }
    let round = SymbolPicker(.round, perConnection: perConnection, universe: universe)
    #expect(Array((0..<universe).flatMap { round.symbols(of: $0) }.prefix(universe)) == Array(0..<universe))
}

@Test("ranks are spread over the whole universe", arguments: [1, 2, 3, 6, 100, 499, 500, 618, 10_000])
func strides(universe: Int) {
    let stride = SymbolPicker.stride(universe)
    #expect(Set((0..<universe).map { $0 * stride % universe }).count == universe)
}

private func plan(_ count: Int, port: UInt16 = 1) -> FleetPlan {
    FleetPlan(
        connections: count, server: .loopback(port), dialect: .native(channel: "quote", rate: "10"),
        picker: SymbolPicker(.round, perConnection: 1, universe: 1))
}

@Test("any hundred members have the shares of roles and stamps that were asked for")
func roles() {
    var plan = plan(300)
    (plan.slow, plan.stalled, plan.stamped) = (7, 50, 3)
    for start in [0, 41, 200] {
        let roles = (start..<start + 100).map(plan.role(of:))
        #expect(roles.count { $0 == .slow } == 7 && roles.count { $0 == .stalled } == 50)
        #expect((start..<start + 100).count(where: plan.isStamped) == 3)
    }
    #expect(plan.count(.healthy) == 129)
}

@Test("of Socket.IO's packets an event is a message, with its time")
func socketIODialect() {
    let event = #"42["tick",{"sym":"S3","ts":17}]"#
    #expect(bytes(event) { MessageFormat.socketio.messages(head: 0x81, $0) } == 1)
    #expect(bytes(event) { MessageFormat.socketio.times($0) } == MessageTimes(event: 17))
    for other in [#"0{"sid":"x"}"#, #"40{"sid":"x"}"#, "2", ""] {
        #expect(bytes(other) { MessageFormat.socketio.messages(head: 0x81, $0) } == 0)
    }
    #expect(Dialect.socketio.subscription([3, 14], stamps: false) == #"42["sub","S3,S14"]"#)
}

@Test("NATS and Redis are asked in their own lines")
func lineDialects() {
    #expect(Dialect.nats.subscription([3, 14], stamps: false) == "SUB S3 1\r\nSUB S14 2\r\n")
    #expect(Dialect.redis.subscription([3, 14], stamps: false) == "SUBSCRIBE S3 S14\r\n")
}

@Test(
    "a line is whole with its body, and no byte sooner",
    arguments: [
        ("MSG S1 1 2\r\n{}\r\n", "M", 12..<14), ("MSG S1 9 0\r\n\r\n", "M", 12..<12),
        ("$7\r\nmessage\r\n", "$", 4..<11), ("PING\r\n", "M", nil), (":12\r\n", "$", nil), ("\r\n", "M", nil),
    ] as [(String, Character, Range<Int>?)])
func wholeLines(text: String, announcer: Character, body: Range<Int>?) {
    let announcer = announcer.asciiValue ?? 0
    bytes(text + "more") {
        let line = Line($0, 0, announcer: announcer)
        #expect(line?.body == body && line?.end == text.utf8.count)
    }
    // A line's end is one character of two bytes.
    for count in 1..<text.utf8.count {
        bytes(String(decoding: text.utf8.prefix(count), as: UTF8.self)) {
            #expect(Line($0, 0, announcer: announcer) == nil)
        }
    }
}

// MARK: A server by script

/// Accepts one, answers its upgrade if there is one, waits for its request, and sends bytes in pieces.
private func serveOne(_ listener: Int32, _ reply: [UInt8], piece: Int, upgrades: Bool) {
    var room = [UInt8](repeating: 0, count: 4_096)
    var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    poll(&waiting, 1, -1)
    let socket = accept(listener, nil, nil)
    defer { close(socket) }
    func send(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes)
        _ = CLinux.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
    if upgrades {
        _ = recv(socket, &room, room.count, 0)
        send(Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8)[...])
    }
    _ = recv(socket, &room, room.count, 0)
    var at = 0
    while at < reply.count {
        send(reply[at..<min(reply.count, at + piece)])
        at += piece
    }
    // Until the client has left.
    while recv(socket, &room, room.count, 0) > 0 {}
}

private func frame(_ text: String) -> [UInt8] {
    var frame = ByteBuffer()
    Array(text.utf8)
        .withUnsafeBytes { WebSocketFrame.write(into: &frame, opcode: .text, payload: $0, mask: nil) }
    return Array(frame.readable)
}

/// Runs a fleet of one against a script until `isDone`, and hands over what it counted.
private func withFleet(
    _ reply: [UInt8], piece: Int, stamped: Int = 0, speaking dialect: Dialect? = nil,
    until isDone: (borrowing Fleet) -> Bool,
    _ check: (borrowing Fleet) throws -> Void
) throws {
    let listener = try Listener.bind(host: "127.0.0.1", port: 0)
    let server = try Thread("script") {
        serveOne(listener.descriptor, reply, piece: piece, upgrades: dialect?.kind != .redis)
    }
    defer {
        server.join()
        listener.close()
    }
    var plan = plan(1, port: listener.localPort)
    plan.stamped = stamped
    if let dialect { (plan.dialect, plan.countsLosses) = (dialect, true) }
    var fleet = try Fleet(plan)
    try fleet.connect()
    try fleet.subscribe()
    while !isDone(fleet) { try fleet.receive(waitingFor: .milliseconds(100)) }
    try check(fleet)
}

@Test(
    "every message is counted once, however the bytes come, also around a frame that is too long",
    .timeLimit(.minutes(1)), arguments: [1, 7, 1_000, 100_000])
func countsFrames(piece: Int) throws {
    let quote = #"{"type":"quote","sym":"S0","seq":2,"ts":17,"recv":18,"prev":1,"sent":19}"#
    let gap = #"{"type":"gap","sym":"S0","channel":"trade","from":1,"to":2,"reason":"slow"}"#
    let long = #"{"type":"quote","sym":""# + String(repeating: "x", count: 6_000) + "\"}"
    let longest = #"{"type":"ack","symbols":[""# + String(repeating: "y", count: 70_000) + "\"]}"
    let bytes = [#"{"type":"ack","id":1}"#, quote, gap, long, quote, longest, quote].flatMap(frame)
    try withFleet(bytes, piece: piece, stamped: 100, until: { $0.healthy.bytes >= bytes.count + 56 }) {
        #expect($0.healthy.messages == 4 && $0.gaps == 1 && $0.acknowledged == 2)
    }
}

@Test(
    "of servers that write lines every message is counted once, however the bytes come",
    .timeLimit(.minutes(1)), arguments: [1, 7, 1_000, 100_000])
func countsLines(piece: Int) throws {
    let update = #"{"sym":"S0","seq":2,"ts":17}"#
    let pushed = "*3\r\n$7\r\nmessage\r\n$2\r\nS0\r\n$\(update.utf8.count)\r\n\(update)\r\n"
    let redis = Array(("*3\r\n$9\r\nsubscribe\r\n$2\r\nS0\r\n:1\r\n" + pushed + pushed).utf8)
    try withFleet(redis, piece: piece, speaking: .redis, until: { $0.healthy.bytes >= redis.count }) {
        #expect($0.healthy.messages == 2)
    }
    let message = "MSG S0 1 \(update.utf8.count)\r\n\(update)\r\n"
    let many = String(repeating: message, count: 200)
    let nats = [#"INFO {"port":1}"# + "\r\nPING\r\n", many, message, message + "PING\r\n"].flatMap(frame)
    try withFleet(nats, piece: piece, speaking: .nats, until: { $0.healthy.bytes >= nats.count + 56 }) {
        #expect($0.healthy.messages == 202 && $0.closedByServer == 0)
    }
}

@Test(
    "who is cut off by a peer is counted, and the fleet goes on", .timeLimit(.minutes(1)),
    arguments: [1, 100])
func countsLosses(piece: Int) throws {
    let close: [UInt8] = [0x88, 2, 0x03, 0xf0]
    for (dialect, first) in [(Dialect.plain, #"{"sym":"S0"}"#), (.nats, "MSG S0 1 2\r\n{}\r\n")] {
        try withFleet(frame(first) + close, piece: piece, speaking: dialect, until: { $0.closedByServer > 0 })
        {
            #expect($0.healthy.messages == 1 && $0.closedByServer == 1)
        }
    }
}

@Test(
    "a fleet says what its server told it", .timeLimit(.minutes(1)),
    arguments: [
        (#"{"type":"error","code":"bad_rate","message":"no"}"#, "bad_rate"),
        (
            #"{"type":"ack","symbols":[],"refused":[{"symbol":"S0","code":"unknown_symbol"}]}"#,
            "unknown_symbol"
        ),
    ])
func serverErrors(text: String, named: String) {
    let error = #expect(throws: BenchError.self) {
        try withFleet(frame(text), piece: 100, until: { _ in false }, { _ in })
    }
    #expect(error?.description.contains(named) == true)
}
