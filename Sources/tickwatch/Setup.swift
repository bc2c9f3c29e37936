// What a run is made of: options over configuration, symbols, and where the stream comes from.
import Basics
import CLinux
import Wire
import Watch

struct Setup {
    let options: WatchOptions
    let settings: Settings
    /// Lines of the configuration that were not understood, with where and why.
    let faults: [String]
    /// Nil: there is none, and none is read.
    let configPath: String?
    let symbols: [String]
    let link: LinkOptions?
    /// As people know it.
    let place: String

    init(_ options: WatchOptions, _ environment: [String: String]) throws {
        self.options = options
        let path =
            options.readsConfig
            ? options.configFile ?? UserFiles.configuration(environment: environment) : nil
        configPath = path
        let configuration = try Setup.configuration(path, isNamed: options.configFile != nil)
        settings = options.applied(to: configuration.settings)
        faults = configuration.faults.map { "\(path ?? ""), \($0)" }
        var symbols = try options.symbols(groups: settings.groups, read: SymbolList.read)
        if symbols.isEmpty, options.screen != .server { symbols = ["*"] }
        self.symbols = symbols
        (link, place) = try Setup.link(options)
    }

    /// - Throws: where a file that was named cannot be read.
    static func configuration(_ path: String?, isNamed: Bool) throws -> Configuration {
        guard let path else { return Configuration(parsing: "") }
        do {
            guard let bytes = try UserFiles.read(path) else {
                if isNamed { throw UsageError("--config \(path): there is no such file") }
                return Configuration(parsing: "")
            }
            return Configuration(parsing: bytes)
        } catch let error as SystemError {
            throw UsageError("\(path): \(error.reason)")
        }
    }

    private static func link(_ options: WatchOptions) throws -> (LinkOptions?, String) {
        let now = Moment.read(), seed = UInt64(bitPattern: now.wall.raw)
        switch options.source {
        case .replay(let file, _): return (nil, file)
        case .demo(let scenario):
            let demo = try Demo(scenario: scenario, now: now)
            var link = LinkOptions(try ServerAddress("ws://127.0.0.1:\(demo.port)/v1/stream"), seed: seed)
            link.encoding = options.encoding
            return (link, "demo")
        case .server(let server):
            var link = LinkOptions(try ServerAddress(server.text), seed: seed)
            link.transport = server.transport
            link.encoding = options.encoding
            link.token = try TokenSource(file: server.tokenFile)
            link.trust = try trust(server)
            return (link, server.text)
        }
    }

    /// Read once, however often the connection is made anew.
    private static func trust(_ server: WatchOptions.Server) throws(UsageError) -> TLSTrust? {
        guard server.url.isSecure else { return nil }
        do throws(TLSError) {
            return if let file = server.trustFile { try TLSTrust.file(file) } else { try TLSTrust.system() }
        } catch {
            throw UsageError(server.trustFile == nil ? error.description : "--ca: \(error)")
        }
    }
}
