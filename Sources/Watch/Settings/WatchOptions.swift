// What is asked of tickwatch, checked before anything starts. `OptionTable` has the options, `OptionValues`
// reads them, `OptionRules` refuses what contradicts itself.
import Basics
import Dialects
import Market
import Wire

public struct WatchOptions: Hashable, Sendable {
    /// What is to be done; all but `watch` print a text and end.
    public enum Action: Hashable, Sendable {
        case watch, help, version, manual
        case completions(Shell)
    }
    public enum Shell: String, Hashable, Sendable, CaseIterable { case bash, zsh, fish }

    public enum Source: Hashable, Sendable {
        case server(Server)
        /// A simulated market in this process; nil: its default scenario.
        case demo(scenario: String?)
        /// What another run recorded.
        case replay(file: String, ReplaySpeed)
    }
    public struct Server: Hashable, Sendable {
        /// As it was given, for people.
        public var text: String
        /// Host, port, path and whether it speaks TLS. With `sse` the path of the events.
        public var url: WebSocketURL
        public var transport: LinkTransport
        /// PEM; nil: the system's authorities.
        public var trustFile: String?
        /// Nil: TICKERFEED_TOKEN, which may be unset.
        public var tokenFile: String?
    }

    /// Where symbols are named, in the order of the command line.
    public enum Wish: Hashable, Sendable {
        /// A name, or a pattern that ends in `*`.
        case symbol(String)
        case file(String)
        case input
        /// Of the configuration.
        case group(String)
    }

    public enum Output: String, Hashable, Sendable, CaseIterable { case text, json, csv }

    public struct Admin: Hashable, Sendable {
        public var text: String
        /// Host, port, path and whether it speaks TLS.
        public var url: WebSocketURL
        public var tokenFile: String?
    }

    public var action = Action.watch
    public var source = Source.demo(scenario: nil)
    public var wishes: [Wish] = []
    /// Names are taken as they are written; else small letters of the command line are made capitals.
    public var isExact = false

    public var encoding = LinkEncoding.json
    /// Nil: as the configuration says.
    public var rate: Rate?
    /// Levels a side of a book, 1 to 50.
    public var depth = ClientMessage.Subscribe.depthStandard

    public var output = Output.text
    /// Nil: a row for each change of quote, stats or status.
    public var channels: [Channel]?
    /// One line a symbol, and the end.
    public var isOnce = false
    /// Lines after which it ends.
    public var count: Int?
    /// After which it ends.
    public var span: Nanoseconds?
    public var until: Condition?

    public var isVerifying = false
    public var recordFile: String?
    public var admin: Admin?

    // How the screen looks; nil where the configuration decides.
    public var columns: [Column]?
    public var order: Settings.Order?
    public var palette: Palette?
    public var background: Background?
    public var isUpRed: Bool?
    /// Nil: as the terminal says.
    public var colours: ColourDepth?
    /// No character beyond ASCII, whatever the locale says.
    public var isASCII = false
    public var screen: Model.Page?

    /// Nil: where `UserFiles` has it.
    public var configFile: String?
    public var readsConfig = true

    public init() {}

    /// Lines are printed, also on a terminal.
    public var wantsLines: Bool {
        output != .text || channels != nil || isOnce || count != nil || until != nil || isVerifying
    }

    /// What the configuration says, and the command line over it.
    public func applied(to settings: Settings) -> Settings {
        var settings = settings
        settings.columns = columns ?? settings.columns
        settings.order = order ?? settings.order
        settings.palette = palette ?? settings.palette
        settings.background = background ?? settings.background
        settings.isUpRed = isUpRed ?? settings.isUpRed
        settings.rate = rate ?? settings.rate
        return settings
    }
}
