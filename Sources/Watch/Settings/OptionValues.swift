// Options as they stand on a command line, made into values: each fault is one line that says what would
// be right.
import Basics
import Dialects
import Market
import Wire

extension WatchOptions {
    public static let standardURL = "ws://127.0.0.1:7400/v1/stream"
    static let streamPath = "/v1/stream", eventsPath = "/v1/events"
    static let countMax = 1_000_000_000_000
    static let depths = 1...ClientMessage.Subscribe.depthMax
    static let channelNames = Channel.allCases.map { "\($0.name)" }
    static let colourNames: [(name: String, depth: ColourDepth?)] = [
        ("auto", nil), ("never", ColourDepth.none), ("16", .sixteen), ("256", .palette256),
        ("24bit", .trueColour),
    ]

    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - environment: only TICKWATCH_URL is looked at.
    /// - Throws: for the first thing that cannot be meant.
    public static func parse(
        arguments: [String], environment: [String: String]
    ) throws(UsageError) -> WatchOptions {
        let given = try Arguments(arguments, options: options)
        var result = WatchOptions()
        result.action = try action(given)
        // Whoever asks for help gets it, whatever else is wrong.
        guard result.action == .watch else { return result }
        try checkRules(given)
        result.isExact = given.has("exact")
        result.wishes = try wishes(given, isExact: result.isExact)
        result.source = try source(given, environment)
        try result.takeStream(given)
        try result.takeLines(given)
        try result.takeScreen(given)
        result.recordFile = given["record"]
        result.admin = try admin(given)
        result.configFile = given["config"]
        result.readsConfig = !given.has("no-config")
        return result
    }

    private static func action(_ given: Arguments) throws(UsageError) -> Action {
        if given.has("help") { return .help }
        if given.has("version") { return .version }
        if given.has("man") { return .manual }
        if given.has("completions") {
            return .completions(try word(given, "completions", Shell.self) ?? .bash)
        }
        return .watch
    }

    /// The value of an option that is one of a few words.
    private static func word<Word: RawRepresentable & CaseIterable>(
        _ given: Arguments, _ name: String, _ type: Word.Type
    ) throws(UsageError) -> Word? where Word.RawValue == String {
        guard let text = given[name] else { return nil }
        guard let word = Word(rawValue: text) else {
            throw UsageError(
                "--\(name) \(text): one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    private static func source(
        _ given: Arguments, _ environment: [String: String]
    ) throws(UsageError) -> Source {
        if given.has("demo") { return .demo(scenario: given["scenario"]) }
        if let file = given["replay"] { return .replay(file: file, try speed(given["speed"])) }
        let transport = try word(given, "transport", LinkTransport.self) ?? .webSocket
        let name = given.has("url") ? "--url" : "TICKWATCH_URL"
        let set = environment["TICKWATCH_URL"].flatMap { $0.isEmpty ? nil : $0 }
        let text = given["url"] ?? set ?? standardURL
        let url = try address(text, name, allowsHTTP: transport == .events)
        if given.has("ca"), !url.isSecure {
            throw UsageError(
                "--ca goes with a wss:// URL\(transport == .events ? " or an https:// one" : "")")
        }
        return .server(
            Server(
                text: text, url: transport == .events ? events(url) : url, transport: transport,
                trustFile: given["ca"], tokenFile: given["token-file"]))
    }

    /// A stream's address names its server as well; only its path is another one.
    private static func events(_ url: WebSocketURL) -> WebSocketURL {
        guard url.path == "/" || url.path == streamPath else { return url }
        return WebSocketURL(host: url.host, port: url.port, path: eventsPath, isSecure: url.isSecure)
    }

    private static func address(
        _ text: String, _ name: String, allowsHTTP: Bool
    ) throws(UsageError) -> WebSocketURL {
        // Not repeated: a terminal's scrollback and whoever collects errors need not have it, too.
        guard !text.contains("token="), !text.contains("@") else {
            throw UsageError("\(name): no token or password belongs in a URL; give --token-file FILE")
        }
        var address = text
        // The same address; what is spoken there is said elsewhere.
        if allowsHTTP, text.lowercased().hasPrefix("http") { address = "ws" + text.dropFirst(4) }
        do throws(ClientError) {
            return try WebSocketURL.parse(address)
        } catch {
            throw UsageError("\(name) \(text): \(error)")
        }
    }

    private static func admin(_ given: Arguments) throws(UsageError) -> Admin? {
        guard let text = given["admin"] else { return nil }
        guard text.lowercased().hasPrefix("http://") || text.lowercased().hasPrefix("https://") else {
            throw UsageError("--admin: an address such as http://127.0.0.1:7401 is wanted")
        }
        return Admin(
            text: text, url: try address(text, "--admin", allowsHTTP: true),
            tokenFile: given["admin-token-file"])
    }

    private static func speed(_ text: String?) throws(UsageError) -> ReplaySpeed {
        guard let text else { return .thousandths(1_000) }
        if text == "max" { return .max }
        guard let number = FixedPoint.parse(text.utf8, decimals: 3),
            ReplaySpeed.thousandthsAllowed.contains(number)
        else { throw UsageError("--speed \(text): a number from 0.001 to 1000000, or max") }
        return .thousandths(number)
    }

    private mutating func takeStream(_ given: Arguments) throws(UsageError) {
        encoding = try WatchOptions.word(given, "encoding", LinkEncoding.self) ?? .json
        isVerifying = given.has("verify")
        if let text = given["depth"] {
            guard let number = Int(text), WatchOptions.depths.contains(number) else {
                throw UsageError(
                    "--depth \(text): a whole number from 1 to \(WatchOptions.depths.upperBound)")
            }
            depth = number
        }
        if let text = given["rate"] {
            guard let value = Rate(text == "max" ? .string(text) : .number(text)) else {
                throw UsageError("--rate \(text): a number from 0.1 to 1000, or max")
            }
            rate = value
        }
    }

    private mutating func takeLines(_ given: Arguments) throws(UsageError) {
        output = given.has("json") ? .json : given.has("csv") ? .csv : .text
        channels = try WatchOptions.channels(given.all("channel"))
        isOnce = given.has("once")
        if let text = given["count"] {
            guard let number = Int(text), 1...WatchOptions.countMax ~= number else {
                throw UsageError("--count \(text): a whole number from 1")
            }
            count = number
        }
        if let text = given["for"] {
            guard let time = Nanoseconds(text: text), time > .zero else {
                throw UsageError("--for \(text): a time such as 10s, 500ms, 5m or 1h")
            }
            span = time
        }
        if let text = given["until"] {
            do throws(ConditionFault) {
                until = try Condition.parse(text, isExact: isExact)
            } catch {
                throw UsageError("--until '\(text)', \(error)")
            }
        }
    }

    private static func channels(_ given: [String]) throws(UsageError) -> [Channel]? {
        guard !given.isEmpty else { return nil }
        var channels: [Channel] = []
        for name in given.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
            guard let channel = Channel(named: String(name)) else {
                throw UsageError("--channel \(name): one of \(channelNames.joined(separator: ", "))")
            }
            if !channels.contains(channel) { channels.append(channel) }
        }
        return channels
    }

    private mutating func takeScreen(_ given: Arguments) throws(UsageError) {
        screen = try WatchOptions.word(given, "screen", Model.Page.self)
        palette = try WatchOptions.word(given, "palette", Palette.self)
        background = try WatchOptions.word(given, "background", Background.self)
        isUpRed = given.has("up-is-red") ? true : nil
        isASCII = given.has("ascii")
        if let text = given["columns"] {
            columns = try Column.list(text[...]).orUsageError("--columns")
        }
        if let text = given["sort"] {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            order = try Settings.Order.read(parts[0], parts.count == 2 ? parts[1] : nil).orUsageError(
                "--sort \(text)")
        }
        if let text = given["color"] {
            guard let known = WatchOptions.colourNames.first(where: { $0.name == text }) else {
                let names = WatchOptions.colourNames.map(\.name).joined(separator: ", ")
                throw UsageError("--color \(text): one of \(names)")
            }
            colours = known.depth
        }
    }
}
