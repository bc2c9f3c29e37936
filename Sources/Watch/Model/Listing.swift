// Which symbols are listed, and in which order: group, filter, sorting.
//
// Invariants
//   - Sorting is stable: equals stand in the reader's own order. What has no value stands last.
//   - A frozen screen lists what was there when it froze.
import Basics
import Market

extension Model {
    /// The instruments as the screen shows them: now, or as they were.
    public var shownInstruments: [Instrument] { frozen?.instruments ?? instruments }
    public var shownDetail: Detail? { frozen == nil ? detail : frozen?.detail }

    /// The listed instruments, in order.
    public var listed: [Instrument] {
        let all = shownInstruments
        return listedPlaces.map { all[$0] }
    }

    /// Where the listed ones are among `shownInstruments`, in order: thousands are sorted thirty times a
    /// second, and few of them are shown.
    public var listedPlaces: [Int] {
        let all = shownInstruments
        var places = Array(all.indices)
        if let group, let symbols = settings.groups.first(where: { $0.name == group })?.symbols {
            let members = Set(symbols)
            places.removeAll { !members.contains(all[$0].symbol) }
        }
        if !filter.isEmpty {
            let wanted = filter.uppercased()
            places.removeAll { !all[$0].symbol.uppercased().contains(wanted) }
        }
        guard let order = settings.order else { return places }
        return Model.sorted(places, of: all, by: order)
    }

    private static func sorted(_ places: [Int], of all: [Instrument], by order: Settings.Order) -> [Int] {
        var keyed = places.enumerated().map { (key: SortKey(all[$1], order.column), rank: $0, place: $1) }
        keyed.sort { a, b in
            if a.key.isMissing || b.key.isMissing {
                return a.key.isMissing == b.key.isMissing ? a.rank < b.rank : b.key.isMissing
            }
            if a.key == b.key { return a.rank < b.rank }
            return order.isDescending ? b.key < a.key : a.key < b.key
        }
        return keyed.map(\.place)
    }
}

/// What a column sorts by: a number, or text.
private struct SortKey: Comparable {
    var number: Int64?
    var text = ""
    var isMissing: Bool { number == nil && text.isEmpty }

    init(_ instrument: Instrument, _ column: Column) {
        switch column {
        case .symbol: text = instrument.symbol
        case .state: text = instrument.state.rawValue
        case .last: number = instrument.last?.e9
        case .change: number = instrument.change?.e9
        case .percent, .spark: number = instrument.changeBasisPoints
        case .bid: number = instrument.quote?.bid?.e9
        case .ask: number = instrument.quote?.ask?.e9
        case .bidSize: number = instrument.quote?.bidSize?.e8
        case .askSize: number = instrument.quote?.askSize?.e8
        case .spread: number = instrument.spreadTenths
        case .volume: number = instrument.stats?.volumeE8
        case .high: number = instrument.stats?.high.e9
        case .low: number = instrument.stats?.low.e9
        case .open: number = instrument.stats?.open.e9
        case .vwap: number = instrument.stats?.vwap?.e9
        case .trades: number = instrument.stats.map { Int64(clamping: $0.count) }
        // The youngest first is the least age.
        case .age: number = instrument.updated.map { -$0.raw }
        }
    }

    static func < (a: SortKey, b: SortKey) -> Bool {
        if let x = a.number, let y = b.number { return x < y }
        return a.text < b.text
    }
}
