// What may be asked of tickwatch, and what is refused with a line.
import Basics
import Dialects
import Market
import Testing
import Watch

private func options(_ line: String, _ environment: [String: String] = [:]) throws -> WatchOptions {
    try WatchOptions.parse(
        arguments: line.split(separator: " ").map(String.init), environment: environment)
}

/// The one line that a command line is refused with; empty where it is not.
private func refusal(_ line: String, _ environment: [String: String] = [:]) -> String {
    do {
        _ = try options(line, environment)
        return ""
    } catch {
        return "\(error)"
    }
}

private func symbols(
    _ options: WatchOptions, groups: [Settings.Group] = [], files: [String: String] = [:]
) throws -> [String] {
    try options.symbols(groups: groups) { path throws(UsageError) in
        guard let text = files[path] else { throw UsageError("\(path): No such file or directory") }
        return Array(text.utf8)
    }
}

@Test("symbols alone watch the usual server at the usual rate")
func optionsStandard() throws {
    let options = try options("aapl MSFT,brk.b")
    #expect(options.wishes == [.symbol("AAPL"), .symbol("MSFT"), .symbol("BRK.B")])
    guard case .server(let server) = options.source else { return #expect(Bool(false)) }
    #expect(server.text == "ws://127.0.0.1:7400/v1/stream")
    #expect(server.url.host == "127.0.0.1" && server.url.port == 7400 && server.transport == .webSocket)
    #expect(options.rate == nil && options.depth == 10 && options.encoding == .json)
    #expect(!options.wantsLines && options.readsConfig)
}

@Test("symbols come from words, files, standard input and groups, each once and in order")
func optionsSymbols() throws {
    let options = try options("MSFT @list - --group tech AAPL")
    let names = try symbols(
        options, groups: [.init(name: "tech", symbols: ["NVDA", "AAPL", "eth"])],
        files: ["list": "# mine\ngoog, amzn # two\n\n  BRK.B\tAAPL\r\n", "-": "tsla"])
    #expect(names == ["MSFT", "GOOG", "AMZN", "BRK.B", "AAPL", "TSLA", "NVDA", "eth"])
}

@Test("names keep their small letters where they are to be exact")
func optionsExact() throws {
    #expect(try symbols(options("--exact aApl @f"), files: ["f": "xRp"]) == ["aApl", "xRp"])
    #expect(try options("--exact aApl --until aApl.last>1").until?.symbols == ["aApl"])
}

@Test("a symbol that a condition speaks of is watched, too")
func optionsUntilSymbols() throws {
    let options = try WatchOptions.parse(
        arguments: ["AAPL", "--until", "MSFT.last > 1 and aapl.bid < 2"], environment: [:])
    #expect(try symbols(options) == ["AAPL", "MSFT"])
}

@Test("a file's fault is told by its line")
func optionsFileFault() throws {
    let options = try options("@list")
    #expect(throws: UsageError.self) { try symbols(options) }
    #expect {
        try symbols(options, files: ["list": "AAPL\nMS\"FT"])
    } throws: { "\($0)".hasPrefix("list:2: MS\"FT is no symbol's name") }
    #expect {
        try symbols(options, files: ["list": String(repeating: "A ", count: 600_000)])
    } throws: { "\($0)".contains("1048576 bytes") }
    #expect {
        try symbols(options, files: ["list": String(repeating: "A\n", count: 50_001)])
    } throws: { "\($0)" == "list:50001: more than 50000 symbols" }
}

@Test("without a symbol, groups are watched; without those, somebody has to say which")
func optionsNoSymbols() throws {
    let groups = [Settings.Group(name: "a", symbols: ["X"]), .init(name: "b", symbols: ["Y", "X"])]
    #expect(try symbols(options(""), groups: groups) == ["X", "Y"])
    #expect { try symbols(options("")) } throws: { "\($0)".hasPrefix("which symbols?") }
    #expect { try symbols(options("--group c"), groups: groups) } throws: { "\($0)".contains("has a, b") }
    #expect(try symbols(options("--demo")) == [])
    #expect(try symbols(options("--replay f.tfw")) == [])
    #expect(try symbols(options("--screen server --admin http://127.0.0.1:7401")) == [])
}

@Test("the environment names the server where the command line does not")
func optionsEnvironment() throws {
    let environment = ["TICKWATCH_URL": "wss://feed.example/v1/stream"]
    guard case .server(let server) = try options("AAPL --ca ca.pem", environment).source,
        case .server(let other) = try options("AAPL --url ws://[::1]:9/s", environment).source
    else { return #expect(Bool(false)) }
    #expect(server.url.isSecure && server.url.port == 443 && server.trustFile == "ca.pem")
    #expect(other.text == "ws://[::1]:9/s")
    #expect(refusal("AAPL", ["TICKWATCH_URL": "ftp://x"]).hasPrefix("TICKWATCH_URL ftp://x: "))
    #expect(refusal("AAPL", ["TICKWATCH_URL": ""]) == "")
}

@Test("events are at another path of the same server, which may be given as HTTP")
func optionsEvents() throws {
    for (url, path) in [
        ("ws://h:1/v1/stream", "/v1/events"), ("http://h:1", "/v1/events"), ("https://h/prices", "/prices"),
    ] {
        guard case .server(let server) = try options("A --transport sse --url \(url)").source else {
            return #expect(Bool(false))
        }
        #expect(server.url.path == path && server.url.host == "h", "\(url)")
        #expect(server.url.isSecure == url.hasPrefix("https"))
    }
    #expect(refusal("A --url http://h:1") != "")
}

@Test("numbers, times and words of options are read, and wrong ones refused")
func optionsValues() throws {
    let options = try options(
        "A -n5 --for 1.5m --rate 0.5 --depth 50 --channel trade,book --channel quote --json --encoding sbe")
    #expect(options.count == 5 && options.span == .seconds(90) && options.depth == 50)
    #expect(options.rate == .perThousandSeconds(500) && options.channels == [.trade, .book, .quote])
    #expect(options.output == .json && options.encoding == .sbe && options.wantsLines)
    for (line, word) in [
        ("A -n 0", "--count 0"), ("A --for 0s", "--for 0s"), ("A --for 10", "--for 10"),
        ("A --rate 0", "--rate 0"),
        ("A --depth 51", "1 to 50"), ("A --channel trade,", "--channel"), ("A --channel x", "status"),
        ("A --encoding xml", "json, sbe"), ("A --sort spark", "--sort"), ("A --sort last:up", "asc or desc"),
        ("A --columns last,last", "twice"), ("A --color 8", "24bit"),
        ("A --completions tcsh", "bash, zsh, fish"),
        ("A --replay f --speed 0", "0.001"), ("A --nope", "--nope"), ("A -x", "-x"), ("@", "@:"),
        ("- -", "- stands"),
        ("A --until A.last", "column 7"), ("A*B", "A*B is no symbol"), ("A --admin h:1", "http://"),
    ] {
        #expect(refusal(line).contains(word), "\(line): \(refusal(line))")
        #expect(!refusal(line).contains("\n"))
    }
}

@Test(
    "what contradicts itself is refused with one line that names both",
    arguments: [
        "--json --csv", "--config f --no-config", "--group g --no-config", "--demo --url ws://h/",
        "--demo --replay f",
        "--replay f --record g", "--replay f --rate 1", "--once --count 1", "--once --channel quote",
        "--verify --once",
        "--verify --json", "--screen book --json", "--screen book --once", "--columns last --csv",
        "--demo --ca f",
    ])
func optionsContradict(line: String) {
    let text = refusal("AAPL \(line)")
    for name in line.split(separator: " ") where name.hasPrefix("--") {
        #expect(text.contains(name), "\(text)")
    }
    #expect(text.contains("exclude each other: ") && !text.contains("\n"))
}

@Test("an option that means nothing without another says which")
func optionsNeed() {
    #expect(refusal("A --speed 2").contains("--speed goes with --replay"))
    #expect(refusal("A --scenario burst").contains("goes with --demo"))
    #expect(refusal("A --admin-token-file f").contains("goes with --admin"))
    #expect(refusal("A --ca f").contains("--ca goes with a wss:// URL"))
    #expect(refusal("A --encoding sbe --transport sse").contains("--transport ws"))
    #expect(refusal("--screen server").contains("--admin URL"))
}

@Test("a token in a URL is refused and not repeated")
func optionsSecrets() {
    for line in [
        "A --url ws://ann:sesame@h/", "A --url ws://h/?token=sesame", "A --admin http://ann:sesame@h/",
    ] {
        #expect(refusal(line).contains("--token-file") && !refusal(line).contains("sesame"))
    }
}

@Test("help comes whatever else is wrong")
func optionsActions() throws {
    #expect(try options("--json --csv -h").action == .help)
    #expect(try options("--version").action == .version)
    #expect(try options("--man").action == .manual)
    #expect(try options("--completions fish").action == .completions(.fish))
}

@Test("the command line counts more than the configuration, where it says something")
func optionsOverSettings() throws {
    var settings = Settings()
    settings.palette = .monochrome
    settings.rate = .max
    settings.order = .init(column: .last, isDescending: false)
    let both = try options("A --palette blue-orange --sort percent:desc --columns symbol,last --up-is-red")
        .applied(
            to: settings)
    #expect(
        both.palette == .blueOrange && both.rate == .max && both.columns == [.symbol, .last] && both.isUpRed)
    #expect(both.order == .init(column: .percent, isDescending: true))
    #expect(try options("A").applied(to: settings) == settings)
}
