// What is asked of tickerd, checked before anything starts. `Options` has a file a group of options.
import Basics
import CLinux
import FanOut
import Market
import TickerFeed
import Wire

struct Configuration {
    // The feed.
    var source = Source.simulator(.default)
    var replay = ReplayOptions()
    var seed: UInt64 = 1
    var date: CalendarDate?
    var symbol: SymbolName?
    /// LOBSTER's order book file.
    var book: String?

    /// Nil: nothing is recorded.
    var recording: Recording?
    /// Nil: it is published nowhere.
    var publishing: EnginePlace?

    // The port and the threads behind it.
    var host = "127.0.0.1"
    var port: UInt16 = 7_400
    var loops = Configuration.loopsByDefault
    /// Nil leaves it to the system.
    var congestion: String?
    var allowedOrigins: [String] = []
    var servesDashboard = true
    /// `/v1/replay` takes commands.
    var takesReplayCommands = false
    /// Nil serves in the clear.
    var tls: TLSFiles?
    var isInsecure = false

    // Running it.
    /// Nil: there is no admin listener.
    var admin: (host: String, port: UInt16)?
    var adminTokenFile: String?
    /// How long goodbyes may take.
    var drain = Nanoseconds.seconds(10)
    var logLevel = LogLevel.info
    var logFormat = LogFormat.text

    /// What tokens are checked with; nil: nobody needs one.
    var verifier: TokenVerifier?
    var limits = Limits()
    var trustedProxies: [AddressBlock] = []
    /// Limits that protect against strangers are lifted.
    var isBench = false
    /// `/echo` is served.
    var isEcho = false

    /// Options that belong together in the help.
    struct Group {
        let title: String
        let options: [Option]
    }

    static let groups = [
        feedOptions, recordOptions, backplaneOptions, listenOptions, tlsOptions, tokenOptions, limitOptions,
        operationOptions,
        otherOptions,
    ]
    static var options: [Option] { groups.flatMap(\.options) }

    static var help: String {
        groups.map { "\($0.title):\n\(Arguments.help($0.options))" }.joined(separator: "\n")
            + "\n" + Scenario.help
    }

    private static let otherOptions = Group(
        title: "Other",
        options: [
            Option("bench", nil, "for measuring: lift limits on operations and symbols; loopback only"),
            Option(
                "test-echo", nil,
                "serve a WebSocket on /echo that sends all back, for conformance suites; loopback only"),
            Option("help", nil, "this text"),
            Option("version", nil, "the version"),
        ])

    /// In the order in which they are read.
    private enum Part: CaseIterable {
        case feed, recording, backplane, listen, tls, tokens, limits, operation, other
    }

    private mutating func take(
        _ part: Part, _ arguments: Arguments, _ faults: inout [UsageError]
    ) throws(UsageError) {
        switch part {
        case .feed: try takeFeed(arguments, &faults)
        case .recording: try takeRecording(arguments)
        case .backplane: try takeBackplane(arguments)
        case .listen: try takeListen(arguments)
        case .limits: try takeLimits(arguments)
        case .tls: try takeTLS(arguments)
        case .tokens: try takeTokens(arguments)
        case .operation: try takeOperation(arguments)
        case .other: try takeOther(arguments)
        }
    }

    /// - Parameter faults: takes what is wrong: at most one of each group, so that none hides another's.
    init(_ arguments: Arguments, faults: inout [UsageError]) {
        if let extra = arguments.operands.first {
            faults.append(
                UsageError("unknown command \(extra); there are: tickerd digest FILE, tickerd journal --help")
            )
        }
        for part in Part.allCases {
            do throws(UsageError) {
                try take(part, arguments, &faults)
            } catch {
                faults.append(error)
            }
        }
        faults = faults.map(arguments.located)
    }

    init(_ arguments: Arguments) throws(UsageError) {
        var faults: [UsageError] = []
        self.init(arguments, faults: &faults)
        if let first = faults.first { throw first }
    }

    /// A word for an address that nobody outside this machine reaches. A name may still lead anywhere.
    var saysLoopback: Bool { Configuration.saysLoopback(host) }

    static func saysLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "[::1]" || host == "::1" || host.hasPrefix("127.")
    }

    private mutating func takeOther(_ arguments: Arguments) throws(UsageError) {
        if arguments.has("bench") { try liftLimits() }
        if arguments.has("test-echo") {
            guard saysLoopback else {
                throw UsageError("--test-echo serves on loopback only: --listen 127.0.0.1:PORT")
            }
            isEcho = true
        }
    }

    /// What a load generator needs, and what nobody else may reach.
    private mutating func liftLimits() throws(UsageError) {
        guard saysLoopback else {
            throw UsageError("--bench lifts limits and serves on loopback only: --listen 127.0.0.1:PORT")
        }
        isBench = true
        limits.operationsPerSecond = 1_000_000
        limits.handshakesPerSecond = 1_000_000
        limits.inputBytesPerSecond = 0
        if case .simulator(let scenario) = source {
            limits.symbols = max(limits.symbols, scenario.symbolCount)
        } else {
            limits.symbols = Configuration.symbolsOfAFeed
        }
    }

    /// A file does not say beforehand how many it has; locate codes have 16 bits.
    private static let symbolsOfAFeed = 65_536
}
