// Two loops on one tape: what the one suffers is not the other's, and either can speak for both.
import Basics
import Dialects
import FanOut
import TestSupport
import Testing
import TickerFeed

/// What a client ended with, and all that it took to get there.
private struct Ending: Equatable {
    var quote: QuoteMessage?
    var stats: StatsMessage?
    var trade: TradeMessage?
    var messages: [String: Int]
    var heartbeats: Int
    var faults: [String]

    init(_ client: SimulatedClient) {
        quote = client.quotes["AAPL"]
        stats = client.stats["AAPL"]
        trade = client.trades["AAPL"]
        messages = client.chains.mapValues(\.messages)
        heartbeats = client.heartbeats
        faults = client.faults
    }
}

/// A session with a client at each of two loops, of which the second may nap longer than a tape.
private func run(_ seed: Seed, naps: Bool) throws -> (endings: [Ending], laps: [UInt64]) {
    var random = seed.generator()
    let feed = try InputFeed(FeedOptions(path: Repository.session))
    let world = World(
        feed, pace: .recorded(Speed(times: 2_000)), seed: seed, tape: 1 << 10, loops: 2)
    let clients = (0..<2).map { loop in
        SimulatedClient(
            .honest, rate: .standard, symbols: ["AAPL"], seed: seed.raw &+ UInt64(loop),
            lateness: .milliseconds(naps && loop == 1 ? 600 : 2))
    }
    for _ in 0..<5 { world.step() }
    for loop in 0..<2 { clients[loop].connect(world.networks[loop], world.handlers[loop]) }
    var quiet = 0, nap = 0
    while quiet < 2_000 {
        if nap > 0 { nap -= 1 } else if naps, quiet == 0, random.oneIn(100) { nap = random.below(600) }
        world.step(loopSleeps: nap > 0, loop: 1)
        for client in clients { client.read(.max, world.now.instant) }
        if world.feedHasEnded { quiet += 1 }
    }
    return (clients.map(Ending.init), world.handlers.map(\.laps))
}

@Test("a loop that naps is lapped and recovers; the other one notices nothing", arguments: Seed.smoke)
func neighbourNaps(seed: Seed) throws {
    let awake = try run(seed, naps: false), napping = try run(seed, naps: true)
    #expect(awake.laps == [0, 0], "\(seed)")
    #expect(napping.laps[0] == 0 && napping.laps[1] > 0, "\(seed): \(napping.laps)")
    // To the message, and to the time in each.
    #expect(napping.endings[0] == awake.endings[0], "\(seed)")
    let (other, undisturbed) = (napping.endings[1], napping.endings[0])
    #expect(other.faults.isEmpty, "\(seed): \(other.faults.prefix(3))")
    #expect(other.quote?.version.sequence == undisturbed.quote?.version.sequence, "\(seed)")
    #expect(other.quote?.bid == undisturbed.quote?.bid && other.quote?.ask == undisturbed.quote?.ask)
    #expect(other.stats?.count == 849 + 240 && undisturbed.stats?.count == 849 + 240, "\(seed)")
    #expect(other.stats?.volumeE8 == undisturbed.stats?.volumeE8, "\(seed)")
    #expect(other.trade?.version.sequence == undisturbed.trade?.version.sequence, "\(seed)")
    #expect(other.messages != undisturbed.messages, "\(seed): it missed nothing")
}

private let upgrade =
    "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

/// A WebSocket at a loop, and the session that `welcome` named.
private func stream(_ world: World, loop: Int) -> (socket: SimulatedNetwork.ClientSocket, session: String) {
    let socket = world.networks[loop].connect(world.handlers[loop])
    socket.write(Array(upgrade.utf8))
    for _ in 0..<50 { world.step() }
    let text = String(decoding: socket.read(.max), as: UTF8.self)
    let session = text.firstMatch(of: /"session":"(\w+)"/).map { String($0.1) }
    return (socket, session ?? "none")
}

private func metrics(_ world: World, loop: Int, asleep: Int? = nil) -> String {
    let socket = world.networks[loop].connect(world.handlers[loop])
    socket.write(Array("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
    var page = ""
    for _ in 0..<50 {
        world.step(loopSleeps: asleep != nil, loop: asleep ?? 0)
        page += String(decoding: socket.read(.max), as: UTF8.self)
    }
    return page
}

@Test("any loop shows the sum of all, and each by itself; sessions are numbered once")
func sums() throws {
    let world = World(
        try InputFeed(FeedOptions(path: Repository.session)), pace: .unpaced, seed: Seed(1), loops: 2)
    while !world.feedHasEnded { world.step() }
    let sockets = [0, 0, 0, 1].map { stream(world, loop: $0) }
    #expect(Set(sockets.map(\.session)) == ["1", "2", "3", "5"])
    for loop in 0..<2 {
        // What the other loop pinned may be as old as this.
        for _ in 0..<100 { world.step() }
        let page = metrics(world, loop: loop), own = [3 + (loop == 0 ? 1 : 0), 1 + loop]
        for line in [
            "connections 5", "websockets 4", "upgrades_total 4", "loop_connections{loop=\"0\"} \(own[0])",
            "loop_connections{loop=\"1\"} \(own[1])", "connections_refused_total 0",
            "closes_total{reason=\"served\"} \(loop)",
        ] {
            #expect(page.contains("\ntickerfeed_\(line)\n"), "\(line): \(page)")
        }
    }
    // A loop that has nobody left would sleep for ever: it wakes once more and leaves its figures.
    for socket in sockets.dropLast() { socket.socket.close() }
    world.step()
    let wanted = world.handler.turn()
    #expect(wanted <= world.now.instant + .milliseconds(100))
    while world.now.instant < wanted { world.step(loopSleeps: true, loop: 0) }
    #expect(world.handler.turn() == .never)
    let page = metrics(world, loop: 1, asleep: 0)
    #expect(page.contains("\ntickerfeed_loop_connections{loop=\"0\"} 0\n"), "\(page)")
    #expect(page.contains("\ntickerfeed_closes_total{reason=\"peer\"} 3\n"), "\(page)")
}
