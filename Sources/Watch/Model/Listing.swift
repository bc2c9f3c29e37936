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
        var list = shownInstruments
        if let group, let symbols = settings.groups.first(where: { $0.name == group })?.symbols {
            let members = Set(symbols)
            list.removeAll { !members.contains($0.symbol) }
        }
        if !filter.isEmpty {
            let wanted = filter.uppercased()
            list.removeAll { !$0.symbol.uppercased().contains(wanted) }
        }
        guard let order = settings.order else { return list }
        return Model.sorted(list, by: order)
    }

    static func sorted(_ list: [Instrument], by order: Settings.Order) -> [Instrument] {
        let keyed = list.enumerated().map { (key: SortKey($1, order.column), place: $0, instrument: $1) }
        return keyed.sorted { a, b in
            switch (a.key.isMissing, b.key.isMissing) {
            case (true, true): return a.place < b.place
            case (true, false): return false
            case (false, true): return true
            case (false, false): break
            }
            if a.key == b.key { return a.place < b.place }
            return order.isDescending ? b.key < a.key : a.key < b.key
        }.map(\.instrument)
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
