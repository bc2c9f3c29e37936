// A server that is killed under its clients and comes back: how soon they are all back, and how evenly.
//
//     connect all ─ kill -9 ─ start again ─ until the last one is subscribed
//
// The clients are whole ones, each with its own dice: it waits as long as tickwatch would, longer each
// time, or as long as a server that turns it away asks for.
import Basics
import CLinux
import Dialects
import Wire

struct StormBenchmark: Benchmark {
    private let connections: Int
    private let port: UInt16
    private let tickerd: String?

    /// All are to be back by then.
    private static let patience = Nanoseconds.seconds(120)

    init(_ arguments: Arguments) throws(UsageError) {
        connections = try arguments.number("connections", 5_000, 1...20_000)
        port = UInt16(try arguments.number("port", 7_493, 1...65_535))
        tickerd = arguments["tickerd"]
    }

    func run() throws {
        try raiseDescriptorLimit(to: connections + 64)
        Console.write("\(Measure.machine)\n")
        var crowd = Crowd(connections, port: port)
        var server: ServerProcess? = try start()
        try crowd.run(until: { $0.live == $0.count }, atMost: StormBenchmark.patience)
        crowd.forgetHandshakes()
        server?.killAtOnce()
        server = nil
        try crowd.run(until: { $0.live == 0 }, atMost: .seconds(5))
        let killed = Moment.read().instant
        server = try start()
        try crowd.run(until: { $0.live == $0.count }, atMost: StormBenchmark.patience)
        report(crowd, Moment.read().instant - killed)
        _ = consume server
    }

    private func start() throws -> ServerProcess {
        let server = try ServerProcess(
            [try LoadOptions.tickerdPath(tickerd), "--listen", "127.0.0.1:\(port)", "--drain", "0"],
            port: port)
        try server.waitForPort()
        return server
    }

    private func report(_ crowd: borrowing Crowd, _ span: Nanoseconds) {
        Console.write(
            "\(connections) clients back \(Spread.text(Double(span.raw) / 1e9, 1)) s after kill -9; "
                + "at most \(crowd.handshakesMax) handshakes in a second, \(crowd.refusals) refused, "
                + "\(crowd.tries) tries\n")
    }
}

/// Whole clients, on one thread.
struct Crowd: ~Copyable {
    private struct Member {
        var client: WebSocketClient?
        var tries = 0
        var retry = Instant.zero
        var isLive = false
    }

    let count: Int
    private(set) var live = 0
    private(set) var tries = 0
    private(set) var refusals = 0
    private var perSecond: [Int64: Int] = [:]
    private var members: [Member]
    private var polled: [pollfd]
    private let room = ReceiveBuffer()
    private let url: WebSocketURL
    private var random = SeededGenerator(seed: 7)

    init(_ count: Int, port: UInt16) {
        self.count = count
        url = WebSocketURL(host: "127.0.0.1", port: port, path: "/v1/stream")
        members = Array(repeating: Member(), count: count)
        polled = Array(repeating: pollfd(fd: -1, events: 0, revents: 0), count: count)
    }

    /// The most handshakes that were answered within one second of the clock.
    var handshakesMax: Int { perSecond.values.max() ?? 0 }
    mutating func forgetHandshakes() { (perSecond, tries, refusals) = ([:], 0, 0) }

    mutating func run(until isDone: (borrowing Crowd) -> Bool, atMost span: Nanoseconds) throws {
        let end = Moment.read().instant + span
        while !isDone(self) {
            let now = Moment.read().instant
            guard now < end else {
                throw BenchError("\(live) of \(count) connected after \(span.milliseconds / 1_000) s")
            }
            if Interrupt.isPending { throw Interrupted() }
            step(now)
        }
    }

    private mutating func step(_ now: Instant) {
        for index in 0..<count {
            if members[index].client == nil, now >= members[index].retry { connect(index, now) }
            let client = members[index].client
            polled[index].fd = client?.descriptor ?? -1
            polled[index].events = Int16(POLLIN) | (client?.wantsWrite == true ? Int16(POLLOUT) : 0)
        }
        guard poll(&polled, nfds_t(count), 5) > 0 else { return }
        for index in 0..<count where polled[index].revents != 0 { pump(index, polled[index].revents, now) }
    }

    private mutating func connect(_ index: Int, _ now: Instant) {
        tries += 1
        let client = WebSocketClient(
            url: url, protocols: ["tickerfeed.v1.json"], random: SeededGenerator(seed: random.next()),
            room: room)
        members[index].client = client
        do throws(ClientError) {
            try client.connect()
        } catch {
            lost(index, error, now)
        }
    }

    private mutating func pump(_ index: Int, _ events: Int16, _ now: Instant) {
        guard let client = members[index].client else { return }
        let ended = Int16(POLLHUP) | Int16(POLLERR) | Int16(POLLNVAL)
        var opened = false, closed = false
        do throws(ClientError) {
            try client.pump(
                readable: events & (Int16(POLLIN) | ended) != 0,
                writable: events & (Int16(POLLOUT) | ended) != 0
            ) { event in
                switch event {
                case .opened: opened = true
                case .closed: closed = true
                case .text, .binary: break
                }
            }
            if opened { self.opened(index, client, now) }
            if closed { lost(index, nil, now) }
        } catch {
            lost(index, error, now)
        }
    }

    private mutating func opened(_ index: Int, _ client: WebSocketClient, _ now: Instant) {
        perSecond[now.raw / 1_000_000_000, default: 0] += 1
        live += 1
        members[index].isLive = true
        members[index].tries = 0
        client.send(text: #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":1}"#)
    }

    private mutating func lost(_ index: Int, _ error: ClientError?, _ now: Instant) {
        if members[index].isLive { live -= 1 }
        members[index].isLive = false
        members[index].client = nil
        let ceiling = min(10_000, 250 << min(members[index].tries, 6))
        members[index].tries += 1
        var wait = Nanoseconds.milliseconds(Int(random.next() % UInt64(ceiling)) + 1)
        if case .refused(_, _, _, let after) = error {
            refusals += 1
            wait = wait + .seconds(after ?? 0)
        }
        members[index].retry = now + wait
    }
}
