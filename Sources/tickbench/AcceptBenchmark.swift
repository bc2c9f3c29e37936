// How evenly connections spread over loops, and what accepting one costs, two ways:
//
//     reuseport: each loop has a listener of its own, and the kernel picks by a hash of the addresses
//     hand-over: one loop accepts for all and gives each connection to whoever has the fewest
//
// tickerd hands over; the kernel's way lives here alone, so that the choice can be measured again.
// The loops have a thread each and only count. The peers are another process, which connects as fast
// as it can and hangs up by reset, so that no port stays behind.
import Basics
import CLinux
import Glibc
import Synchronization
import Wire

struct AcceptBenchmark: Benchmark {
    private enum Way: String, CaseIterable { case reuseport, handOver = "hand-over" }
    private let loops: [Int]
    private let counts: [Int]
    private let runs: Int

    init(_ arguments: Arguments) throws(UsageError) {
        loops = try arguments.numbers("loops", "1,2,3,4", 1...64)
        counts = try arguments.numbers("connections", "3,100,10000", 1...15_000)
        runs = try arguments.number("runs", 7, 1...1_000)
    }

    func run() throws {
        try raiseDescriptorLimit(to: (counts.max() ?? 0) + 256)
        Console.write(
            "\(Measure.machine)\n\(runs) runs of each way in turn; medians [least-greatest]\n\n"
                + "| loops | connections | way | largest share / mean | least / mean | µs CPU a connection |\n"
                + "| ---: | ---: | --- | ---: | ---: | ---: |\n")
        for loops in loops {
            for count in counts {
                for (way, samples) in try compare(loops, count) { row(loops, count, way, samples) }
            }
        }
    }

    private func compare(_ loops: Int, _ count: Int) throws -> [(Way, [Sample])] {
        var samples: [Way: [Sample]] = [:]
        for run in 0..<runs {
            let order = run % 2 == 0 ? Way.allCases : Way.allCases.reversed()
            for way in order { samples[way, default: []].append(try measure(way, loops, count)) }
        }
        return Way.allCases.map { ($0, samples[$0] ?? []) }
    }

    private func row(_ loops: Int, _ count: Int, _ way: Way, _ samples: [Sample]) {
        func text(_ value: (Sample) -> Double) -> String { Spread(samples.map(value)).text(2) }
        Console.write(
            "| \(loops) | \(count) | \(way.rawValue) | \(text(\.largest)) | \(text(\.least)) "
                + "| \(text(\.cpu)) |\n")
    }

    // MARK: One measurement

    private struct Sample {
        var largest = 0.0, least = 0.0
        /// µs of all loops together.
        var cpu = 0.0
    }

    private func measure(_ way: Way, _ loops: Int, _ count: Int) throws -> Sample {
        let servers = try Self.servers(way, loops, connectionsMax: count)
        let threads = try servers.map { server in try Thread("loop") { server.run() } }
        defer {
            for server in servers { server.stop() }
            for thread in threads { thread.join() }
        }
        let before = Self.loopTime()
        let peers = try PeerProcess(port: servers[0].port, count)
        try wait(atMost: .seconds(30), else: "not all of \(count) could connect") {
            servers.reduce(0) { $0 + $1.opened } >= count
        }
        let used = Self.loopTime() - before
        _ = consume peers
        let shares = servers.map { Double($0.opened) }, mean = Double(count) / Double(loops)
        return Sample(
            largest: (shares.max() ?? 0) / mean, least: (shares.min() ?? 0) / mean,
            cpu: Double(used) / 1e3 / Double(count))
    }

    private static func servers(_ way: Way, _ count: Int, connectionsMax: Int) throws -> [CountingLoop] {
        let bells = try (0..<count).map { _ in try Doorbell() }
        switch way {
        case .handOver:
            let listener = try Listener.bind(host: "127.0.0.1", port: 0)
            let reception = Reception(connectionsMax: connectionsMax, bells: bells)
            return try bells.indices.map {
                let own = $0 == 0 ? listener : nil
                let reactor = try Reactor(listener: own, reception: reception, loop: $0)
                return CountingLoop(reactor, bells[$0], port: listener.localPort)
            }
        case .reuseport:
            var port: UInt16 = 0
            return try bells.map { bell in
                let listener = try sharedListener(port: port)
                port = listener.localPort
                let reactor = try Reactor(listener: listener, bell: bell, connectionsMax: connectionsMax)
                return CountingLoop(reactor, bell, port: port)
            }
        }
    }

    /// One of several sockets that listen on a port.
    private static func sharedListener(port: UInt16) throws -> Listener {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = withAddress(0x7f00_0001, port) { bind(descriptor, $0, $1) }
        guard bound == 0, listen(descriptor, 4_096) == 0 else { throw SystemError("listen") }
        return Listener(listening: descriptor)
    }

    /// CPU nanoseconds of all threads but this one.
    private static func loopTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) - Measure.cpu()
    }
}

/// A loop that takes connections in and does nothing with them.
///
/// Confined to its thread, but for the two atomics and the bell.
private final class CountingLoop: SocketHandler, @unchecked Sendable {
    let port: UInt16
    private let reactor: Reactor
    private let bell: Doorbell
    private let stopping = Atomic<Bool>(false)
    private let count = Atomic<Int>(0)
    var opened: Int { count.load(ordering: .acquiring) }

    init(_ reactor: Reactor, _ bell: Doorbell, port: UInt16) {
        (self.reactor, self.bell, self.port) = (reactor, bell, port)
    }

    func run() {
        while !stopping.load(ordering: .acquiring) { reactor.turn(until: .never, handler: self) }
    }
    func stop() {
        stopping.store(true, ordering: .releasing)
        bell.ring()
    }

    func opened(_ socket: SocketID, peer: PeerAddress) { count.add(1, ordering: .releasing) }
    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {}
    func writable(_ socket: SocketID) {}
    func closed(_ socket: SocketID) {}
}

/// Peers in a process of their own: descriptors and CPU are not the loops'.
private struct PeerProcess: ~Copyable {
    private let process: pid_t

    init(port: UInt16, _ count: Int) throws(BenchError) {
        // They say nothing, and stay until they are ended.
        process = try spawn(
            [
                "/proc/self/exe", "load", "--connect", "127.0.0.1:\(port)", "--speaks", "redis",
                "--connections", "\(count)", "--per-connection", "0", "--seconds", "3600",
            ], isServer: true)
    }
    deinit {
        kill(process, SIGTERM)
        waitpid(process, nil, 0)
    }
}
