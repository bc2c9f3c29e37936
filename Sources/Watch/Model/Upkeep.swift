// What the door asks the model for: when to look again, what to write, what to say at an end.
import Basics

extension Model {
    /// The page to begin with.
    public mutating func show(_ page: Page) { self.page = page }

    /// What comes now was recorded before: no server is there, whatever the recording says.
    public mutating func beginReplay() {
        isReplay = true
        connection.state = .replaying
    }

    /// How long until something on the screen changes by itself: a tenth of a second where ages are young
    /// or a countdown runs, else what nobody sees the difference of.
    public func tickInterval(_ now: Instant) -> Nanoseconds {
        if case .broken(_, let retry) = connection.state, retry - now < .seconds(10) {
            return .milliseconds(100)
        }
        let youngest = instruments.lazy.compactMap(\.updated).max()
        if let youngest, now - youngest < .seconds(11) { return .milliseconds(100) }
        if wantsDetail, detail?.symbol != selected { return .milliseconds(50) }
        return .milliseconds(500)
    }

    /// Why nothing can be shown.
    public var refusals: String {
        let names = instruments.compactMap { instrument in
            instrument.refusal.map { "\(instrument.symbol) (\($0))" }
        }
        let told =
            names.prefix(10).joined(separator: ", ")
            + (names.count > 10 ? " and \(names.count - 10) more" : "")
        let isUnknown = instruments.contains { $0.refusal == "unknown_symbol" }
        return "the server refused \(told)" + (isUnknown ? "; GET /v1/symbols lists what it has" : "")
    }

    /// The settings with the symbols as they are now: groups keep who is still watched, in the order of the list;
    /// who is in none becomes the group `watchlist`.
    public var settingsToWrite: Settings {
        var settings = settings
        var grouped: Set<String> = []
        for at in settings.groups.indices {
            let members = Set(settings.groups[at].symbols)
            grouped.formUnion(members)
            settings.groups[at].symbols =
                symbols.filter { members.contains($0) }
                + settings.groups[at].symbols.filter { $0.hasSuffix("*") }
        }
        let others = symbols.filter { !grouped.contains($0) }
        if !others.isEmpty, patterns.isEmpty {
            if let at = settings.groups.firstIndex(where: { $0.name == "watchlist" }) {
                settings.groups[at].symbols += others
            } else {
                settings.groups.append(.init(name: "watchlist", symbols: others))
            }
        }
        return settings
    }

    /// What a line of a pipe tells of a symbol.
    public func row(_ symbol: String, now: Instant) -> PipeRow? {
        guard let at = index[symbol] else { return nil }
        let instrument = instruments[at]
        return PipeRow(
            symbol: symbol, quote: instrument.quote, stats: instrument.stats,
            market: instrument.status?.market,
            feed: instrument.status?.feed, age: instrument.updated.map { now - $0 })
    }
}
