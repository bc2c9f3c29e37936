// An engine, the ingest node that publishes into it, and a fan-out node that follows it, each a process.
//
//     tickerd --scenario uniform --publish ──▶ engine ──▶ tickerd --feed
//
// Invariants
//   - When it is made, all symbols were published and the node knows them; nobody follows any yet.
//   - All are on any core: the kernel shares the machine among them, as it would.
//   - Who was started last ends first, so that nobody complains about an engine that is gone.
import Basics
import CLinux
import Wire

/// The uniform market that is published.
struct BackplaneMarket {
    let symbols: Int
    /// Updates a second of all of them together, each two ticks on the tape.
    let rate: Int

    func ingestWords(_ tickerd: String, port: UInt16) -> [String] {
        BackplaneMarket.words(tickerd, port) + [
            "--scenario", "uniform", "--set", "symbols=\(symbols)", "--set", "rate=\(rate)",
        ]
    }

    static func words(_ tickerd: String, _ port: UInt16) -> [String] {
        // One loop each: nobody here has subscribers for a second one.
        [
            tickerd, "--bench", "--listen", "127.0.0.1:\(port)", "--loops", "1", "--stall-limit", "0",
            "--drain", "0", "--log-level", "error",
        ]
    }
}

struct BackplaneStage: ~Copyable {
    // Ended in this order.
    let node: ServerProcess
    let ingest: ServerProcess
    let engine: ServerProcess
    let market: BackplaneMarket
    private let tickerd: String
    private let url: String

    private static let patience = Nanoseconds.seconds(20)

    /// - Parameters:
    ///   - port: the engine's; the nodes have the next ones.
    ///   - folder: an empty one for the engine.
    init(
        _ kind: BackplaneEngine, _ program: String, tickerd: String, _ market: BackplaneMarket, port: UInt16,
        folder: String
    ) throws {
        let engine = try ServerProcess(
            kind.words(program, port: port, folder: folder), port: port, isPinned: false)
        try engine.waitForPort()
        let url = kind.url(port: port)
        let ingest = try ServerProcess(
            market.ingestWords(tickerd, port: port + 1) + ["--publish", url], port: port + 1, isPinned: false)
        try ingest.waitForPort()
        try BackplaneStage.wait(for: "publishing", at: ingest.address) {
            $0["backplane_active"] == 1 && $0["backplane_states_total", default: 0] >= Double(market.symbols)
        }
        let node = try BackplaneStage.node(tickerd, url, port: port + 2, market)
        (self.tickerd, self.url) = (tickerd, url)
        self.market = market
        self.engine = engine
        self.ingest = ingest
        self.node = node
    }

    /// Another node of the same engine.
    func furtherNode() throws -> ServerProcess {
        try BackplaneStage.node(tickerd, url, port: node.address.port + 1, market)
    }

    private static func node(
        _ tickerd: String, _ url: String, port: UInt16, _ market: BackplaneMarket
    ) throws -> ServerProcess {
        let node = try ServerProcess(
            BackplaneMarket.words(tickerd, port) + ["--feed", url], port: port, isPinned: false)
        try node.waitForPort()
        try wait(for: "the directory", at: node.address) {
            $0["symbols", default: 0] >= Double(market.symbols)
        }
        return node
    }

    private static func wait(
        for what: String, at address: ServerAddress, _ isDone: ([String: Double]) -> Bool
    ) throws {
        let complaint = "\(address.description): no \(what) in \(patience.milliseconds / 1_000) s"
        try tickbench.wait(atMost: patience, else: complaint) {
            isDone(try MetricsReading.read(from: address))
        }
    }
}

enum MetricsReading {
    /// What a server's `/metrics` says, by name: without `tickerfeed_` and without labels, of several
    /// samples the last.
    static func read(from address: ServerAddress) throws -> [String: Double] {
        let url = WebSocketURL(host: address.host, port: address.port, path: "/metrics")
        let fetch = HTTPFetch(HTTPClient(url: url))
        try fetch.connect()
        let limit = Moment.read().instant + .seconds(5)
        while Moment.read().instant < limit {
            if Interrupt.isPending { throw Interrupted() }
            let client = fetch.client
            guard let ready = awaitSocket(client.descriptor, writing: client.wantsWrite, milliseconds: 10)
            else { continue }
            if let answer = try fetch.pump(readable: ready.readable, writable: ready.writable) {
                return figures(String(decoding: answer.body, as: UTF8.self))
            }
        }
        throw BenchError("\(address.description)/metrics does not answer")
    }

    private static func figures(_ text: String) -> [String: Double] {
        var figures: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let name = line.prefix { $0 != "{" && $0 != " " }.dropFirst("tickerfeed_".count)
            guard let value = line.split(separator: " ").last.flatMap({ Double($0) }) else { continue }
            figures[String(name)] = value
        }
        return figures
    }
}
