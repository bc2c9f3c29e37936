// Running it: where the configuration comes from, what is said of it, how it ends.
import Basics

extension Configuration {
    static let operationOptions = Group(
        title: "Operations",
        options: [
            Option(
                "config", "FILE",
                "read options from a file too, one a line as name = value; the command line wins"),
            Option("check-config", nil, "check everything that a start would, say what is wrong, and end"),
            Option(
                "admin", "HOST:PORT",
                "serve /metrics, /livez, /readyz and /debug on a port of their own, as 127.0.0.1:7401 (default none)"
            ),
            Option(
                "admin-token-file", "FILE",
                "what the admin port wants as a bearer token; needed where it is not on loopback"),
            Option(
                "drain", "SECONDS",
                "how long goodbyes may take once it is asked to stop, 0 to 3600 (default 10)"),
            Option("log-level", "LEVEL", "error, warning, info or debug (default info)"),
            Option("log-format", "text|json", "how lines on standard error look (default text)"),
        ])

    /// What makes no sense in a file.
    static let commandLineOnly: Set<String> = ["config", "check-config", "help", "version"]

    mutating func takeOperation(_ arguments: Arguments) throws(UsageError) {
        if let text = arguments["admin"] { admin = try Configuration.address("admin", text) }
        adminTokenFile = arguments["admin-token-file"]
        guard admin != nil || adminTokenFile == nil else {
            throw UsageError("--admin-token-file goes with --admin HOST:PORT")
        }
        if let admin, adminTokenFile == nil, !Configuration.saysLoopback(admin.host) {
            throw UsageError("--admin \(admin.host): not on loopback, so it wants --admin-token-file FILE")
        }
        if let text = arguments["drain"] {
            drain = try Configuration.seconds("drain", text)
            guard drain <= .seconds(3_600) else { throw UsageError("--drain \(text): at most 3600 seconds") }
        }
        if let text = arguments["log-level"] {
            guard let level = LogLevel(text) else {
                throw UsageError("--log-level \(text): error, warning, info or debug")
            }
            logLevel = level
        }
        if let text = arguments["log-format"] {
            guard let format = LogFormat(rawValue: text) else {
                throw UsageError("--log-format \(text): text or json")
            }
            logFormat = format
        }
    }
}
