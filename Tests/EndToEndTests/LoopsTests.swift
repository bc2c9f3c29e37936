// Two loops on one tape: what the one suffers is not the other's, and either can speak for both.
import Basics
import Dialects
import FanOut
import TestSupport
import Testing
import TickerFeed

/// A session with a client at each of two loops, of which the second may nap longer than a tape.
private func run(_ seed: Seed, naps: Bool) throws -> (clients: [StreamClient], laps: [UInt64]) {
    var random = seed.generator()
    let feed = try InputFeed(FeedOptions(path: Repository.session))
    let world = World(
        feed, pace: .recorded(Speed(times: 2_000)), seed: seed, tape: 1 << 10, loops: 2)
    for _ in 0..<5 { world.step() }
    let clients = (0..<2).map { StreamClient(world, loop: $0, StreamClient.everything(.standard)) }
    var quiet = 0, nap = 0
    while quiet < 2_000 {
        if nap > 0 { nap -= 1 } else if naps, quiet == 0, random.oneIn(100) { nap = random.below(600) }
        world.step(loopSleeps: nap > 0, loop: 1)
        for client in clients { try client.read() }
        if world.feedHasEnded { quiet += 1 }
    }
    return (clients, world.handlers.map(\.laps))
}

@Test("a loop that naps is lapped and recovers; the other one notices nothing", arguments: Seed.smoke)
func neighbourNaps(seed: Seed) throws {
    let awake = try run(seed, naps: false), napping = try run(seed, naps: true)
    #expect(awake.laps == [0, 0], "\(seed)")
    #expect(napping.laps[0] == 0 && napping.laps[1] > 0, "\(seed): \(napping.laps)")
    let (other, undisturbed) = (napping.clients[1], napping.clients[0])
    // To the message, and to the time in each; cursors count what was told to the other one, too.
    let isAsEver = undisturbed.data == awake.clients[0].data
    #expect(isAsEver && undisturbed.messages.count == awake.clients[0].messages.count, "\(seed)")
    for client in napping.clients {
        #expect(client.divergence == nil, "\(seed): \(client.divergence?.description ?? "")")
        #expect(client.newest(.trade)?.version?.sequence == 849 + 240, "\(seed)")
    }
    for channel in [Channel.quote, .stats, .trade] {
        let one = other.newest(channel), same = undisturbed.newest(channel)
        #expect(one != nil && one?.state == same?.state, "\(seed): \(channel.name)")
    }
    #expect(other.messages.count != undisturbed.messages.count, "\(seed): it missed nothing")
}

extension StreamClient {
    fileprivate var data: [ServerMessage] { messages.filter { $0.version != nil } }
    fileprivate func newest(_ channel: Channel) -> ServerMessage? { messages.last { $0.channel == channel } }
}

extension ServerMessage {
    /// Without what each client is told of its own.
    fileprivate var state: ServerMessage {
        with {
            $0.previous = 0
            $0.isSnapshot = false
        }
    }
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
