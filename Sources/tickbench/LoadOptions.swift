// What `tickbench load` can be asked for, checked before anything starts.
import Basics
import CLinux
import TickerFeed
import Wire

struct LoadOptions {
    /// Whom the fleet connects to.
    enum Server: Equatable {
        /// A `tickerd --bench` of our own with a uniform market.
        case own(SourceRate)
        case other(ServerAddress, process: Int32?)
    }
    typealias SourceRate = Int

    var server = Server.own(25_000)
    var connections = 1_000
    var perConnection = 10
    var universe = 500
    var pick = SymbolPicker.Pick.zipf
    var channel = "quote"
    var isBinary = false
    /// Updates a second in thousandths; nil is `max`.
    var rateMilli: Int64? = 10_000
    var slow = 0
    var stalled = 0
    var churn = 0
    var addresses = 1
    var stamped = 0
    var warmUp = Nanoseconds.seconds(2)
    var window = Nanoseconds.seconds(10)
    var port: UInt16 = 7_493
    /// What a server that is not ours speaks; nil is TickerFeed's, and nobody may be lost.
    var speaks: Dialect.Kind?
    var congestion: String?
    var tickerd: String?
    /// What a server of our own speaks TLS with.
    var certificate: String?
    var key: String?
    /// Whom to believe about a server that is not ours, which then speaks TLS.
    var authority: String?

    static let options = [
        Option("connections", "N", "load: subscribers (default 1000)"),
        Option("per-connection", "K", "load: symbols each; 0 subscribes to nothing (default 10)"),
        Option("universe", "M", "load: of S0 to S(M-1) (default 500)"),
        Option("pick", "zipf|round", "load: popular symbols more often, or in turn (default zipf)"),
        Option("channel", "NAME", "load: quote, trade, book or stats (default quote)"),
        Option("rate", "N|max", "load: updates a second for each symbol (default 10)"),
        Option("encoding", "json|sbe", "load: what messages are written in (default json)"),
        Option("source-rate", "R", "load: updates a second of the tickerd it starts (default 25000)"),
        Option("connect", "HOST:PORT", "load: measure this server instead of starting one"),
        Option("pid", "PID", "load: its process, to tell CPU and memory of"),
        Option(
            "speaks", "WHAT",
            "load: with --connect, native, plain, nats, redis or socketio (bench/peers); counts who is cut off"
        ),
        Option("warm-up", "SECONDS", "load, table: before measuring (default 2)"),
        Option("slow", "PERCENT", "load: of subscribers, read 4 KiB a second (default 0)"),
        Option("stalled", "PERCENT", "load: of subscribers, never read once subscribed (default 0)"),
        Option("churn", "N", "load: subscribers that leave and come back a second (default 0)"),
        Option("addresses", "A", "load: connect from 127.0.0.1 to 127.0.0.A in turn (default 1)"),
        Option(
            "stamps", "PERCENT",
            "load: of subscribers, ask for stamps, which tell ages hop by hop (default 0)"),
        Option("tls-cert", "FILE", "load: the tickerd it starts speaks TLS; the fleet believes it unasked"),
        Option("tls-key", "FILE", "load: its key"),
        Option("ca", "FILE", "load: with --connect, TLS with a server that this file's authorities signed"),
        Option("tickerd", "PATH", "load, table: the server to start (default beside tickbench)"),
    ]

    init() {}

    init(_ arguments: Arguments) throws(UsageError) {
        connections = try arguments.number("connections", connections, 1...60_000)
        universe = try arguments.number("universe", universe, Scenario.symbolsAllowed)
        perConnection = try arguments.number("per-connection", min(10, universe), 0...5_000)
        churn = try arguments.number("churn", 0, 0...10_000)
        addresses = try arguments.number("addresses", 1, 1...250)
        window = .seconds(try arguments.number("seconds", 10, 1...86_400))
        warmUp = .seconds(try arguments.number("warm-up", 2, 0...3_600))
        port = UInt16(try arguments.number("port", Int(port), 1...65_535))
        congestion = arguments["congestion"]
        tickerd = arguments["tickerd"]
        try readTLS(arguments)
        try readShares(arguments)
        try readWords(arguments)
        try readServer(arguments)
        try check()
    }

    private mutating func readTLS(_ arguments: Arguments) throws(UsageError) {
        (certificate, key, authority) = (arguments["tls-cert"], arguments["tls-key"], arguments["ca"])
        guard (certificate == nil) == (key == nil) else {
            throw UsageError("--tls-cert and --tls-key go together")
        }
        if certificate != nil, arguments.has("connect") {
            throw UsageError("--tls-cert is for a server that load starts: with --connect it is --ca")
        }
        if authority != nil, !arguments.has("connect") { throw UsageError("--ca goes with --connect") }
    }

    /// Nil where nobody speaks TLS.
    func trust() throws(TLSError) -> TLSTrust? {
        if certificate != nil { return try .nobodyChecked() }
        guard let authority else { return nil }
        return try .file(authority)
    }

    private mutating func readShares(_ arguments: Arguments) throws(UsageError) {
        slow = try arguments.number("slow", 0, 0...100)
        stalled = try arguments.number("stalled", 0, 0...100)
        stamped = arguments["stamps"] == "all" ? 100 : try arguments.number("stamps", 0, 0...100)
        guard slow + stalled < 100 else {
            throw UsageError("--slow and --stalled: some subscriber has to be healthy")
        }
    }

    private mutating func readWords(_ arguments: Arguments) throws(UsageError) {
        if let text = arguments["pick"] {
            guard let pick = SymbolPicker.Pick(rawValue: text) else {
                throw UsageError("--pick \(text): zipf or round")
            }
            self.pick = pick
        }
        channel = arguments["channel"] ?? channel
        guard ["quote", "trade", "book", "stats"].contains(channel) else {
            throw UsageError("--channel \(channel): quote, trade, book or stats")
        }
        if let text = arguments["rate"] { rateMilli = try LoadOptions.rate(text) }
        try readSpeech(arguments)
        switch arguments["encoding"] ?? "json" {
        case "json": isBinary = false
        case "sbe": isBinary = true
        case let text: throw UsageError("--encoding \(text): json or sbe")
        }
    }

    private mutating func readSpeech(_ arguments: Arguments) throws(UsageError) {
        guard let text = arguments["speaks"] else { return }
        guard let kind = Dialect.Kind(rawValue: text) else {
            let names = Dialect.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError("--speaks \(text): there are \(names)")
        }
        guard arguments.has("connect") else { throw UsageError("--speaks goes with --connect") }
        for name in ["channel", "rate", "encoding", "stamps"] where kind != .native && arguments.has(name) {
            throw UsageError("--\(name) is for servers that speak native")
        }
        speaks = kind
    }

    /// As the protocol has it: 0.1 to 1000 with at most three decimals.
    private static func rate(_ text: String) throws(UsageError) -> Int64? {
        if text == "max" { return nil }
        guard let milli = FixedPoint.parse(text.utf8, decimals: 3), (100...1_000_000).contains(milli) else {
            throw UsageError("--rate \(text): 0.1 to 1000 updates a second, or max")
        }
        return milli
    }

    private mutating func readServer(_ arguments: Arguments) throws(UsageError) {
        guard let text = arguments["connect"] else {
            if arguments.has("pid") { throw UsageError("--pid goes with --connect") }
            server = .own(try arguments.number("source-rate", 25_000, Scenario.rateAllowed))
            return
        }
        for name in ["source-rate", "tickerd", "congestion"] where arguments.has(name) {
            throw UsageError("--\(name) is for a server that load starts: not with --connect")
        }
        let address = try ServerAddress(text)
        let process = arguments.has("pid") ? try arguments.number("pid", 0, 1...4_194_304) : nil
        server = .other(address, process: process.map(Int32.init))
    }

    private func check() throws(UsageError) {
        guard perConnection <= universe else {
            throw UsageError("--per-connection \(perConnection): there are only \(universe) symbols")
        }
        switch server {
        case .own:
            if channel == "trade" || channel == "stats" {
                throw UsageError("--channel \(channel): the uniform market has no trades; use --connect")
            }
        case .other(let address, _):
            if addresses > 1, !address.isLoopback {
                throw UsageError("--addresses: only towards a server on loopback")
            }
        }
    }

    func plan(at address: ServerAddress) -> FleetPlan {
        FleetPlan(
            connections: connections, server: address, dialect: dialect,
            picker: SymbolPicker(pick, perConnection: perConnection, universe: universe),
            addresses: addresses, slow: slow, stalled: stalled, stamped: stamped, churn: churn,
            countsLosses: speaks != nil)
    }

    private var dialect: Dialect {
        let rate = rateMilli.map { Spread.shortest(milli: $0) } ?? "\"max\""
        return Dialect.peers.first { $0.kind == speaks }
            ?? .native(channel: channel, rate: rate, isBinary: isBinary)
    }

    /// What healthy subscribers are owed a second; nil where the source is not known.
    var expected: Double? {
        guard case .own(let source) = server, channel == "quote" else { return nil }
        let perSymbol = Double(source) / Double(universe)
        let wanted = rateMilli.map { min(perSymbol, Double($0) / 1_000) } ?? perSymbol
        return wanted * Double(plan(at: .loopback(port)).count(.healthy) * perConnection)
    }

    /// The server's command line.
    func serverWords(_ source: SourceRate) throws(BenchError) -> [String] {
        var words = [
            try LoadOptions.tickerdPath(tickerd), "--bench", "--listen", "127.0.0.1:\(port)", "--scenario",
            "uniform",
            "--set", "symbols=\(universe)", "--set", "rate=\(source)", "--stall-limit", "0", "--drain", "0",
        ]
        if let congestion { words += ["--congestion", congestion] }
        if let certificate, let key { words += ["--tls-cert", certificate, "--tls-key", key] }
        return words
    }

    /// The one that was named, or the one in this program's folder.
    static func tickerdPath(_ named: String?) throws(BenchError) -> String {
        if let named { return named }
        var room = [CChar](repeating: 0, count: 4_096)
        let count = readlink("/proc/self/exe", &room, room.count)
        let own = String(decoding: room.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path =
            own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/") + "/tickerd"
        guard access(path, X_OK) == 0 else {
            throw BenchError("\(path) is missing: script/build release, or --tickerd PATH")
        }
        return path
    }
}
