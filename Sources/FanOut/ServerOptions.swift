// What a server's loops are given at the start, and anew when the configuration is read again.
import Basics
import Market
import Wire

/// What is the same for every connection of a server.
public struct ServerOptions: Sendable {
    /// `connections` is for all loops together.
    public var limits = Limits()
    /// The server's name and version, as `welcome` says it.
    public var server: String
    /// The feed's first life: a new one for each start of the process. Others come by the tape.
    public var epoch: UInt32
    /// Origins a browser page may have besides the server's own.
    public var allowedOrigins: [String] = []
    /// What tokens are checked with; nil: nobody needs one.
    public var verifier: TokenVerifier?
    /// Proxies whose `X-Forwarded-For` counts.
    public var trustedProxies: [AddressBlock] = []
    /// `/` is a page for browsers.
    public var servesDashboard = true
    /// `/metrics` is served here too.
    public var servesMetrics = true
    /// Hears of what ends connections and the like; never of data.
    public var log = Log.none
    /// `/echo` is there, for conformance suites.
    public var servesEcho = false
    /// What the system says of the process; nil: metrics are silent about it.
    public var processReport: (@Sendable () -> ProcessReport)?
    /// What the recorder says of itself; nil: nothing is recorded.
    public var recorderReport: (@Sendable () -> RecorderReport)?
    /// What a publisher, or a follower of one, says of itself; nil: this node is alone.
    public var backplaneReport: (@Sendable () -> BackplaneReport)?
    /// What `welcome`, `/readyz` and `/metrics` say of the feed; asked from any loop.
    public var feedReport: @Sendable () -> FeedReport
    /// Told which symbols are subscribed to, where the feed brings no others.
    public var interest: Interest?
    /// Who plays, where that can be told what to do; nil: nothing is replayed.
    public var replay: (any ReplayControl)?
    /// Commands to the replay are taken at `/v1/replay` too; wants tokens, or a listener on loopback.
    public var takesReplayCommands = false

    /// Serves everybody, in the clear or by the loops' TLS.
    public init(server: String, epoch: UInt32, feedReport: @escaping @Sendable () -> FeedReport) {
        self.server = server
        self.epoch = epoch
        self.feedReport = feedReport
    }
}
