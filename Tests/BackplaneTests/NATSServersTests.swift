// Which server is tried when.
import Basics
import TestSupport
import Testing
import Wire

@testable import Backplane

@Suite("A NATS cluster's servers")
struct NATSServersTests {
    private static let three = ["a", "b", "c"].map { ServerEndpoint(host: $0, port: 4_222) }

    @Test(
        "each is tried once before anybody waits; waits are bounded by 50 ms doubled up to 2 s",
        arguments: Seed.smoke)
    func rounds(seed: Seed) {
        var servers = NATSServers(NATSServersTests.three, seed: seed.raw)
        for cap in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000] {
            var hosts: Set<String> = [], waits: [Nanoseconds] = []
            for _ in 0..<3 {
                hosts.insert(servers.current.host)
                waits.append(servers.failed())
            }
            #expect(hosts == ["a", "b", "c"])
            #expect(waits.dropLast() == [.zero, .zero])
            #expect(waits[2] > .zero && waits[2] <= .milliseconds(cap), "\(seed), up to \(cap) ms")
        }
        servers.lasted()
        #expect([servers.failed(), servers.failed()] == [.zero, .zero])
        #expect(servers.failed() <= .milliseconds(50), "\(seed)")
    }

    @Test("not everybody begins with the same")
    func random() {
        let first = Set((1...32).map { NATSServers(NATSServersTests.three, seed: $0).current.host })
        #expect(first == ["a", "b", "c"])
    }

    @Test("servers that are named are tried too, once, up to 64, and forgotten when others are named")
    func learned() {
        var servers = NATSServers([ServerEndpoint(host: "a", port: 4_222)], seed: 1)
        servers.learn(["a:4222", "b:4223", "[::1]:4224", "nonsense:", "b:4223"])
        #expect(servers.all.map { "\($0.host) \($0.port)" } == ["a 4222", "b 4223", "::1 4224"])
        #expect(servers.current.host == "a")
        servers.learn([])
        #expect(servers.all.count == 3)
        servers.learn((0..<1_000).map { "s\($0):1" })
        #expect(servers.all.count == NATSServers.serversMax)
        servers.learn(["c:1"])
        #expect(servers.all.map(\.host) == ["a", "c"])
    }
}
