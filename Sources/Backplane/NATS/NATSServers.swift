// Which server is tried when: in turn from a random one; once all were, after a random wait that grows.
//
//     a  b  c  wait 0…50 ms  a  b  c  wait 0…100 ms  a …  wait 0…2 s
//
// Invariants
//   - Servers of the options are tried for ever; those that a server named, until another names others.
//   - A connection that lasted makes the next wait a short one again.
import Basics
import Wire

struct NATSServers {
    static let serversMax = 64
    static let shortestWait = Nanoseconds.milliseconds(50)
    static let longestWait = Nanoseconds.seconds(2)
    /// What lasted so long is no failed attempt.
    static let lasting = Nanoseconds.seconds(2)

    private let configured: [ServerEndpoint]
    private(set) var all: [ServerEndpoint]
    private var random: SeededGenerator
    private var at: Int
    private var tried = 0
    private var rounds = 0

    init(_ servers: [ServerEndpoint], seed: UInt64) {
        configured = servers
        all = servers
        random = SeededGenerator(seed: seed)
        at = random.below(servers.count)
    }

    var current: ServerEndpoint { all[at] }

    /// It came to nothing: the next server is tried.
    ///
    /// - Returns: after how long.
    mutating func failed() -> Nanoseconds {
        at = (at + 1) % all.count
        tried += 1
        guard tried >= all.count else { return .zero }
        tried = 0
        let cap = min(NATSServers.longestWait.milliseconds, NATSServers.shortestWait.milliseconds << rounds)
        rounds = min(rounds + 1, 10)
        return .milliseconds(1 + random.below(Int(cap)))
    }

    /// The connection lasted: what comes now is a first attempt.
    mutating func lasted() { (tried, rounds) = (0, 0) }

    /// The servers of the cluster, as one of them names them.
    mutating func learn(_ names: [String]) {
        guard !names.isEmpty else { return }
        let here = current
        all = configured
        for name in names where all.count < NATSServers.serversMax {
            let server = EngineURL.server(name[...], 4_222, here.isSecure)
            if let server, !all.contains(server) { all.append(server) }
        }
        // It may be one that is named no more, and still the one that is connected.
        if let place = all.firstIndex(of: here) {
            at = place
        } else {
            all.append(here)
            at = all.count - 1
        }
    }
}
