// What is published into an engine, and what is read from one.
import Backplane
import Basics
import Market
import Wire

extension Configuration {
    /// An engine, as one end of it is configured.
    struct EnginePlace: Equatable {
        /// `publish` or `feed`: what its options begin with.
        let option: String
        var url: EngineURL
        var name = "tickerfeed"
        var secretFile: String?
        var authorities: String?
        var interval = Nanoseconds.milliseconds(5)
    }

    static let backplaneOptions = Group(
        title: "Several nodes (docs/BACKPLANE.md)",
        options: [
            Option(
                "publish", "URL",
                "publish the feed for other nodes: redis[s]://[USER@]HOST[:PORT][/DATABASE], or nats://[USER@]HOST[:PORT],…; they read it with --feed URL"
            ),
            Option("publish-secret", "FILE", "the password or token for it"),
            Option("publish-ca", "FILE", "the authorities that its certificate is checked with, PEM"),
            Option(
                "publish-interval", "SPAN", "gather a symbol's ticks for so long, 1ms to 1s (default 5ms)"),
            Option("feed-secret", "FILE", "the password or token for --feed URL"),
            Option("feed-ca", "FILE", "the authorities that its certificate is checked with, PEM"),
            Option(
                "engine-name", "NAME",
                "what the feed is called there: keys and subjects begin with it (default tickerfeed)"),
        ])

    mutating func takeBackplane(_ arguments: Arguments) throws(UsageError) {
        publishing = try Configuration.engine("publish", arguments)
        if let text = arguments["publish-interval"] {
            guard publishing != nil else { throw UsageError("--publish-interval goes with --publish URL") }
            guard let span = Nanoseconds(text: text), (.milliseconds(1) ... .seconds(1)).contains(span) else {
                throw UsageError("--publish-interval \(text): a span from 1ms to 1s")
            }
            publishing?.interval = span
        }
        guard arguments.has("engine-name") else { return }
        guard publishing != nil || feedsFromEngine else {
            throw UsageError("--engine-name goes with --publish URL or --feed URL")
        }
    }

    var feedsFromEngine: Bool { if case .engine = source { true } else { false } }

    /// Nil where the option names no engine.
    static func engine(_ option: String, _ arguments: Arguments) throws(UsageError) -> EnginePlace? {
        guard let text = arguments[option], option == "publish" || EngineURL.recognises(text) else {
            for name in ["\(option)-secret", "\(option)-ca"] where arguments.has(name) {
                throw UsageError("--\(name) goes with --\(option) URL")
            }
            return nil
        }
        var place = EnginePlace(option: option, url: try EngineURL(text, option: option))
        place.secretFile = arguments["\(option)-secret"]
        place.authorities = arguments["\(option)-ca"]
        if place.authorities != nil, !place.url.isSecure, place.url.kind == .redis {
            throw UsageError("--\(option)-ca goes with rediss://")
        }
        if let name = arguments["engine-name"] {
            guard EngineOptions.isName(name) else {
                throw UsageError("--engine-name \(name): 1 to 32 letters, digits, - and _")
            }
            place.name = name
        }
        return place
    }
}

extension Configuration.EnginePlace {
    /// With its files read once, so that what cannot be read is said at the start.
    func options() throws(UsageError) -> EngineOptions {
        var options = EngineOptions(url)
        options.name = name
        options.authoritiesOption = "--\(option)-ca"
        options.seed = UInt64(truncatingIfNeeded: Moment.read().wall.raw)
        if let secretFile {
            let option = "\(option)-secret"
            guard !(try Configuration.EnginePlace.secret(secretFile, option)).isEmpty else {
                throw UsageError("--\(option) \(secretFile): it is empty")
            }
            options.secret = { try? Configuration.EnginePlace.secret(secretFile, option) }
        }
        if let authorities {
            do throws(TLSError) {
                options.trust = try TLSTrust.file(authorities)
            } catch {
                throw UsageError("--\(option)-ca: \(error)")
            }
        }
        return options
    }

    private static func secret(_ file: String, _ option: String) throws(UsageError) -> String {
        String(decoding: try Settings.bytes(ofFile: file, for: option), as: UTF8.self)
            .filter { !$0.isWhitespace }
    }

    func following() throws(UsageError) -> any FollowingEngine {
        let options = try options()
        return switch url.kind {
        case .redis: RedisFollowing(options)
        case .nats: NATSFollowing(options)
        }
    }

    func publishing() throws(UsageError) -> any PublishingEngine {
        let options = try options()
        return switch url.kind {
        case .redis: RedisPublishing(options)
        case .nats: NATSPublishing(options)
        }
    }

    /// Anybody between here and there can read, and change, what is not encrypted.
    var isExposed: Bool {
        url.servers.contains { !$0.isSecure && !Configuration.saysLoopback($0.host) }
    }
}
