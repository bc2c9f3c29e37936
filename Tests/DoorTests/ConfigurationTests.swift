// What tickerd refuses before anything starts, and what it makes of the rest.
import Basics
import CLinux
import FanOut
import TickerFeed
import Wire
import Testing

@testable import tickerd

private func configuration(_ line: String) throws(UsageError) -> Configuration {
    try Configuration(
        Arguments(line.split(separator: " ").map(String.init), options: Configuration.options))
}

@Test(
    "a scenario and its settings",
    arguments: [
        ("", "default", 24, false), ("--scenario default --set symbols=5", "default", 5, false),
        ("--feed sim --scenario burst", "burst", 24, false),
        ("--scenario=8000-symbols --seed 7 --speed 2", "8000-symbols", 8_000, false),
        ("--scenario uniform", "uniform", 500, true),
        ("--scenario=uniform --set=rate=2000000 --set symbols=10000", "uniform", 10_000, true),
        ("--scenario uniform --set symbols=9 --set symbols=7", "uniform", 7, true),
        ("--set market=uniform", "default", 24, true),
    ])
func scenarios(line: String, name: String, symbols: Int, uniform: Bool) throws {
    let configuration = try configuration(line)
    guard case .simulator(let scenario) = configuration.source else { throw UsageError("no simulator") }
    #expect(scenario.name == name && scenario.symbolCount == symbols && scenario.isUniform == uniform)
    #expect((configuration.replay.pace == .live) == uniform)
}

@Test(
    "what means something else than it says is refused in one line that names it",
    arguments: [
        ("--scenario busy", "flash-crash"), ("--scenario no/such.scenario", "no/such.scenario"),
        ("--set speed=5", "crash-percent"), ("--set pause=5", "5m"), ("--set gap-symbol=ZZZ", "or all"),
        ("--scenario uniform --set speed=5", "--set speed=5"),
        ("--scenario uniform --set rate=0", "--set rate=0"),
        ("--scenario uniform --set rate=2000001", "--set rate=2000001"),
        ("--scenario uniform --set rate=1e6", "--set rate=1e6"),
        ("--scenario uniform --set rate", "--set rate"),
        ("--scenario uniform --set symbols=0", "--set symbols=0"),
        ("--scenario uniform --set symbols=10001", "--set symbols=10001"),
        ("--scenario uniform --set =5", "--set =5"),
        ("--scenario uniform --seed 3", "--seed"), ("--scenario uniform --speed 2", "--speed"),
        ("--scenario uniform --loop", "--loop"), ("--feed a.itch --scenario uniform", "--scenario"),
        ("--feed a.itch --set rate=5", "--set"), ("--bench --listen 0.0.0.0:7400", "--bench"),
        ("--max-connections 0", "--max-connections 0"), ("--max-connections 1e3", "--max-connections 1e3"),
        ("--max-connections -1", "--max-connections -1"), ("--max-connections 2K", "--max-connections 2K"),
        ("--max-memory 1K", "--max-memory 1K"), ("--max-memory 5T", "--max-memory 5T"),
        ("--max-memory 99999999999G", "--max-memory"), ("--max-memory M", "--max-memory M"),
        ("--max-head 70000", "--max-head 70000"), ("--auth-deadline 0", "--auth-deadline 0"),
        ("--request-deadline 3601", "--request-deadline"), ("--idle-deadline x", "--idle-deadline x"),
        ("--trusted-proxy 10.0.0.1/8", "--trusted-proxy"),
        ("--trusted-proxy proxy.example", "--trusted-proxy"),
        ("--trusted-proxy 10.0.0.0/33", "--trusted-proxy"),
        ("--bench --listen example.org:7400", "--bench"), ("--bench --listen [::]:7400", "--bench"),
        ("--allow-origin *", "--allow-origin *"), ("--allow-origin a.example", "--allow-origin a.example"),
        ("--allow-origin https://a.example/", "no path"), ("--allow-origin https://", "https://www"),
        ("--allow-origin https://A.example", "small letters"), ("--allow-origin null", "--allow-origin null"),
        ("--tls-cert a.pem", "--tls-key"), ("--tls-key a.key", "--tls-cert"),
        ("--tls-cert a.pem --tls-key a.key --insecure", "--insecure"),
    ])
func usageErrors(line: String, named: String) {
    let error = #expect(throws: UsageError.self) { _ = try configuration(line) }
    let text = error?.description ?? ""
    #expect(text.contains(named) && !text.contains("\n"), "\(text)")
}

@Test("limits are taken from the command line, sizes with a suffix")
func limits() throws {
    let plain = Limits()
    let taken = try configuration(
        "--max-connections 100 --max-memory 2G --max-head 2K --max-message 4096 --auth-deadline 0.5 "
            + "--trusted-proxy 10.0.0.0/8 --trusted-proxy ::1")
    #expect(taken.limits.connections == 100 && taken.limits.memoryBytes == 2 << 30)
    #expect(taken.limits.http.headBytesMax == 2_048 && taken.limits.messageBytes == 4_096)
    #expect(taken.limits.authDeadline == .milliseconds(500))
    #expect(taken.trustedProxies.map(\.description) == ["10.0.0.0/8", "::1/128"])
    #expect(try configuration("").limits == plain)
}

@Test("--bench lifts what is there against strangers, and nothing else")
func bench() throws {
    let plain = Limits()
    var limits = try configuration("--bench --scenario uniform --set symbols=900 --stall-limit 7").limits
    #expect(limits.symbols == 900 && limits.operationsPerSecond > 10_000 && limits.stall == .seconds(7))
    limits.symbols = plain.symbols
    limits.operationsPerSecond = plain.operationsPerSecond
    #expect(limits.handshakesPerSecond > 100_000 && limits.inputBytesPerSecond == 0)
    limits.handshakesPerSecond = plain.handshakesPerSecond
    limits.inputBytesPerSecond = plain.inputBytesPerSecond
    limits.stall = plain.stall
    #expect(limits == plain)
    #expect(try configuration("--bench").limits.symbols == plain.symbols)
    #expect(try configuration("--bench --feed a.itch").limits.symbols == 65_536)
    #expect(try configuration("--scenario uniform --set symbols=900").limits == plain)
    for host in ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"] {
        #expect(try configuration("--bench --listen \(host):1").isBench)
    }
}

@Test(
    "running it: what is understood, and what is refused",
    arguments: [
        ("--admin 127.0.0.1:7401 --drain 2.5 --log-level debug --log-format json", nil),
        ("--admin localhost", "--admin localhost"), ("--drain -1", "--drain -1"),
        ("--drain 3600", nil), ("--drain 3601", "--drain 3601"), ("--log-level loud", "--log-level loud"),
        ("--log-format xml", "--log-format xml"), ("--admin-token-file t", "--admin"),
        ("--admin [::1]:7401 --admin-token-file t", nil), ("--admin 0.0.0.0:7401", "--admin-token-file"),
        ("--admin example.org:7401", "--admin-token-file"),
        ("--admin 0.0.0.0:7401 --admin-token-file t", nil),
    ] as [(String, String?)])
func operations(line: String, named: String?) {
    do throws(UsageError) {
        _ = try configuration(line)
        #expect(named == nil)
    } catch {
        #expect(error.description.contains(named ?? "nothing"), "\(error)")
    }
}

@Test("faults of several groups are found at once")
func severalFaults() throws {
    let arguments = try Arguments(
        ["--speed", "0", "--loops", "0", "--log-level", "x"], options: Configuration.options)
    var faults: [UsageError] = []
    _ = Configuration(arguments, faults: &faults)
    #expect(faults.count == 3, "\(faults)")
}

@Test("options that say they may repeat do, and the table names each once")
func table() {
    for option in Configuration.options {
        #expect(option.mayRepeat == option.help.contains("may repeat"), "\(option.name)")
    }
    #expect(Set(Configuration.options.map(\.name)).count == Configuration.options.count)
    let known = Configuration.live.union(Configuration.commandLineOnly)
    #expect(known.isSubset(of: Configuration.options.map(\.name)))
}

@Test("a first signal drains, a second one aborts, and only a server that stays reads its configuration")
func signals() {
    let story: [(Int32, SignalRule.Request?)] = [
        (SIGHUP, .reload), (SIGHUP, .reload), (SIGUSR1, nil), (SIGTERM, .drain), (SIGHUP, nil),
        (SIGINT, .abort), (SIGTERM, .abort),
    ]
    var rule = SignalRule()
    for (signal, request) in story { #expect(rule.take(signal) == request) }
}

@Test("strangers are served with TLS, or where somebody said that they may be served without")
func exposure() throws {
    let own = try Listener.bind(host: "127.0.0.1", port: 0), all = try Listener.bind(host: "0.0.0.0", port: 0)
    defer {
        own.close()
        all.close()
    }
    try configuration("").checkExposure(own)
    try configuration("--insecure").checkExposure(all)
    try configuration("--tls-cert a.pem --tls-key a.key").checkExposure(all)
    let error = #expect(throws: UsageError.self) { try configuration("").checkExposure(all) }
    let text = error?.description ?? ""
    #expect(text.contains("--tls-cert") && text.contains("--insecure") && !text.contains("\n"), "\(text)")
}
