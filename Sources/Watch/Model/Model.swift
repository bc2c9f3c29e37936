// Everything the screen shows and every key changes, as one value: events go in, effects come out.
//
//     event ──▶ update(event, now) ──▶ effects          model ──▶ view ──▶ canvas
//
// Invariants
//   - A value: no clock, no descriptor, no reference in here. The same events give the same screens.
//   - Memory is bounded by the number of symbols: what grows with time has a fixed room.
//   - On a break values stay; a new life of the feed (`epoch`) empties them.
import Basics
import Dialects

public struct Model: Sendable {
    public internal(set) var settings: Settings
    /// Watched symbols in the reader's own order.
    public internal(set) var instruments: [Instrument] = []
    /// `BRK*`, `*`: symbols that join the list when they are first heard of.
    public internal(set) var patterns: [String] = []
    var index: [String: Int] = [:]
    /// However many a pattern brings.
    public static let symbolsMax = 50_000
    public internal(set) var connection = Connection()
    public internal(set) var hops = Hops()
    public internal(set) var detail: Detail?
    public internal(set) var server = ServerView()

    // What the reader does.
    public internal(set) var page = Page.watchlist
    public internal(set) var isHelpShown = false
    /// The line of the cursor, by symbol: sorting moves it along.
    public internal(set) var selected: String?
    /// Which of `visible` is the first on the screen.
    public internal(set) var scroll = 0
    public internal(set) var filter = ""
    /// Nil: all symbols. Else a group of the settings.
    public internal(set) var group: String?
    public internal(set) var input: Input?
    /// What was shown when the reader froze the screen.
    public internal(set) var frozen: Frozen?
    /// The column that sorting keys are about.
    public internal(set) var sortColumn = Column.symbol
    public internal(set) var note: Note?
    public internal(set) var size: (columns: Int, rows: Int) = (80, 24)
    /// When the symbol under the cursor became that: its details are asked for when the cursor rests.
    var selectedAt = Instant.zero
    private let bookDepth: Int
    var isReplay = false
    var oldestUnpainted: Instant?
    var oldestUnpaintedFeed: Nanoseconds?

    /// What is shown on the whole screen, or in its largest part.
    public enum Page: String, Hashable, Sendable, CaseIterable {
        case watchlist, book, trades, chart, latency, server
    }

    /// A line that is typed into.
    public struct Input: Hashable, Sendable {
        public enum Purpose: Hashable, Sendable { case filter, add }
        public var purpose: Purpose
        public var text: String
        static let lengthMax = 256
    }

    public struct Note: Hashable, Sendable {
        public var text: String
        public var isFault: Bool
        public var end: Instant
    }

    public struct Frozen: Sendable {
        public var instruments: [Instrument]
        public var detail: Detail?
        public var at: Instant
    }

    /// - Parameter bookDepth: levels a side; a screen wants twenty at least.
    public init(symbols: [String], settings: Settings = Settings(), bookDepth: Int = 0) {
        self.settings = settings
        self.bookDepth = max(20, bookDepth)
        sortColumn = settings.order?.column ?? .symbol
        for symbol in symbols { insert(symbol) }
        selected = instruments.first?.symbol
    }

    // MARK: Symbols

    public var symbols: [String] { instruments.map(\.symbol) }

    public subscript(symbol: String) -> Instrument? { index[symbol].map { instruments[$0] } }

    /// A name, or a pattern.
    mutating func insert(_ symbol: String) {
        if symbol.hasSuffix("*") {
            if !patterns.contains(symbol) { patterns.append(symbol) }
            return
        }
        guard index[symbol] == nil, instruments.count < Model.symbolsMax else { return }
        index[symbol] = instruments.count
        instruments.append(Instrument(symbol))
    }

    /// The place of a symbol that was heard of: one that a pattern stands for joins the list.
    mutating func place(of symbol: String) -> Int? {
        if let at = index[symbol] { return at }
        guard patterns.contains(where: { symbol.hasPrefix($0.dropLast()) }) else { return nil }
        insert(symbol)
        if selected == nil { selected = symbol }
        return index[symbol]
    }

    mutating func reindex() {
        index = Dictionary(uniqueKeysWithValues: instruments.enumerated().map { ($1.symbol, $0) })
    }

    /// No symbol is to be had: the server refused each.
    public var areAllRefused: Bool {
        patterns.isEmpty && !instruments.isEmpty && instruments.allSatisfy { $0.refusal != nil }
    }

    // MARK: What is asked for

    /// The symbol whose book, trades and bars are wanted: the one that is looked at, once the cursor rests.
    func detailSymbol(_ now: Instant) -> String? {
        guard let selected, wantsDetail else { return nil }
        if detail?.symbol == selected || now - selectedAt >= Model.rest { return selected }
        return detail?.symbol
    }
    static let rest = Nanoseconds.milliseconds(150)

    var wantsDetail: Bool {
        switch page {
        case .book, .trades, .chart: true
        case .watchlist: Layout(columns: size.columns, rows: size.rows).hasPanes
        case .latency, .server: false
        }
    }

    /// All subscriptions, in the order in which they are made.
    public var wanted: [ClientMessage.Subscribe] {
        let rate = settings.rate,
            named = instruments.map(\.symbol).filter { symbol in
                !patterns.contains { symbol.hasPrefix($0.dropLast()) }
            }
        guard !(named.isEmpty && patterns.isEmpty) else { return [] }
        var wanted = [Channel.stats, .quote, .status].map {
            ClientMessage.Subscribe(channel: $0, symbols: named + patterns, rate: rate, stamps: true)
        }
        if let detail {
            let symbol = [detail.symbol]
            wanted.append(.init(channel: .book, symbols: symbol, rate: rate, depth: bookDepth, stamps: true))
            wanted.append(.init(channel: .trade, symbols: symbol, rate: rate, stamps: true))
            wanted.append(.init(channel: .bar, symbols: symbol, rate: rate, interval: .second))
        }
        return wanted
    }
}

/// What an update wants the world to do.
public enum Effect: Hashable, Sendable {
    /// `wanted` has changed.
    case subscribe
    case reconnect
    case ring
    case writeSettings
    case askServer
    case suspend
    case repaint
    case quit
}

public enum Event: Sendable {
    case message(ServerMessage)
    case link(LinkState)
    case unreadable
    case roundTrip(Nanoseconds)
    case clockOffset(Nanoseconds)
    case key(Key)
    case resized(columns: Int, rows: Int)
    /// The screen shows the model as it is now.
    case painted
    /// Time has passed.
    case tick
    /// The configuration was read again; faults are told.
    case settings(Settings, faults: [String])
    case server(ServerView)
    /// Something for the reader to know, as that the configuration was written.
    case note(String, isFault: Bool)
}
