// The watchlist: a line a symbol, as many columns as fit, the weightiest first.
//
// Invariants
//   - A symbol's state is on every line, at any width: one mark behind the name.
//   - Direction is a sign and a glyph; colour only repeats it.
import Basics
import Market

extension ScreenView {
    func drawWatchlist(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        let list = model.listed
        guard !list.isEmpty else {
            let all = model.shownInstruments.isEmpty
            return drawCentred(
                all ? "no symbols: a adds some" : "nothing is listed: Esc", .dim, on: &canvas, area)
        }
        let hasTitles = layout.hasTitles, room = area.rows - (hasTitles ? 1 : 0)
        let shown = Array(list[window(list, room)])
        let table = WatchTable(shown, columns: model.settings.columns, width: area.columns, view: self)
        if hasTitles { drawTitles(table, on: &canvas, area) }
        for (line, instrument) in shown.enumerated() {
            let row = area.row + line + (hasTitles ? 1 : 0)
            drawLine(table, line, instrument, row, on: &canvas, area)
        }
    }

    /// The part of the list that is on the screen: the line of the cursor is in it.
    private func window(_ list: [Instrument], _ room: Int) -> Range<Int> {
        let cursor = list.firstIndex { $0.symbol == model.selected } ?? 0
        let page = max(1, room)
        let start = min(max(0, cursor / page * page), max(0, list.count - 1))
        return start..<min(list.count, start + page)
    }

    private func drawTitles(_ table: WatchTable, on canvas: inout Canvas, _ area: Area) {
        for place in table.places {
            var title = WatchTable.title(place.column)
            if let order = model.settings.order, order.column == place.column {
                title += order.isDescending ? glyphs.down : glyphs.up
            }
            let isChosen = model.sortColumn == place.column
            let column = area.column + place.start
            if place.isLeft {
                canvas.draw(title, column, area.row, isChosen ? .accent : .title, width: place.width)
            } else {
                drawRight(title, column, area.row, place.width, isChosen ? .accent : .title, on: &canvas)
            }
        }
    }

    private func drawLine(
        _ table: WatchTable, _ line: Int, _ instrument: Instrument, _ row: Int, on canvas: inout Canvas,
        _ area: Area
    ) {
        for (number, place) in table.places.enumerated() {
            let (text, role) = table.cells[line][number]
            let column = area.column + place.start
            if place.isLeft {
                canvas.draw(text, column, row, self.role(role), width: place.width)
            } else {
                drawRight(text, column, row, place.width, self.role(role), on: &canvas)
            }
        }
        let mark = self.mark(instrument)
        if let name = table.places.first, name.column == .symbol {
            canvas.draw(mark.text, area.column + name.start + name.width, row, mark.role, width: 1)
        }
        if instrument.symbol == model.selected, layout.rows > 2 {
            canvas.select(row: row, from: area.column, to: area.column + area.columns)
        }
    }

    /// One character that says what a line cannot be trusted for; a blank where all is well.
    func mark(_ instrument: Instrument) -> (text: String, role: Role) {
        if instrument.alert != nil { return ("*", .alarm) }
        switch instrument.state {
        case .refused: return ("x", .alarm)
        case .suspect: return ("!", .alarm)
        case .stale: return ("?", .alarm)
        case .halted: return ("H", .warning)
        case .paused: return ("P", .warning)
        case .auction: return ("A", .warning)
        case .closed: return ("C", .dim)
        case .quiet: return ("~", .warning)
        case .live, .unknown: return isOld ? (glyphs.times, .warning) : (" ", .plain)
        }
    }
}

/// What a watchlist's columns are, where they begin, and the text of each cell.
struct WatchTable {
    struct Place {
        let column: Column
        let start: Int
        let width: Int
        var isLeft: Bool { column == .symbol || column == .state || column == .spark }
    }
    private(set) var places: [Place] = []
    private(set) var cells: [[(text: String, role: Role)]] = []

    /// The weightiest first.
    private static let weights: [Column] = [
        .symbol, .last, .percent, .change, .bid, .ask, .state, .age, .spread, .volume, .spark, .bidSize,
        .askSize,
        .high, .low, .vwap, .open, .trades,
    ]
    private static let sparkPlaces = 12

    init(_ instruments: [Instrument], columns: [Column], width: Int, view: ScreenView) {
        let wanted = columns.contains(.symbol) ? columns : [.symbol] + columns
        let hasTitles = view.layout.hasTitles, isRoomy = width >= 60
        var widths: [Column: Int] = [:], texts: [Column: [(text: String, role: Role)]] = [:]
        var left = width
        for column in WatchTable.weights where wanted.contains(column) {
            var cells = instruments.map { WatchTable.cell(column, $0, view) }
            if isRoomy, WatchTable.prices.contains(column) { cells = WatchTable.aligned(cells) }
            var wide = WatchTable.width(cells)
            if hasTitles { wide = max(wide, WatchTable.title(column).count) }
            if isRoomy { wide = max(wide, WatchTable.least(column)) }
            // Name and last are there whatever the width; of others the first that is too wide is the last.
            let isNeeded = column == .symbol || column == .last
            guard wide <= left || isNeeded else { break }
            if column == .last, wide > left {
                cells = WatchTable.rounded(instruments, cells, left, view)
                wide = WatchTable.width(cells)
            }
            widths[column] = min(wide, max(0, left))
            texts[column] = cells
            left -= wide + 1
        }
        var start = 0
        for column in wanted {
            guard let wide = widths[column] else { continue }
            places.append(Place(column: column, start: start, width: wide))
            start += wide + 1
        }
        let chosen = places.map(\.column)
        cells = instruments.indices.map { line in chosen.map { texts[$0]?[line] ?? ("", .plain) } }
    }

    private static let prices: Set<Column> = [.last, .change, .bid, .ask, .high, .low, .open, .vwap]
    /// More would push the points of all far to the left for the sake of one.
    private static let alignedDecimalsMax = 4

    /// Points of prices below one another: blanks behind those with fewer decimals.
    private static func aligned(_ cells: [(text: String, role: Role)]) -> [(text: String, role: Role)] {
        func decimals(_ text: String) -> Int {
            text.utf8.lastIndex(of: UInt8(ascii: ".")).map {
                text.utf8.distance(from: $0, to: text.utf8.endIndex) - 1
            } ?? 0
        }
        let counts = cells.map { decimals($0.text) }
        guard let most = counts.max(), most > (counts.min() ?? most), most <= alignedDecimalsMax else {
            return cells
        }
        return zip(cells, counts).map { cell, count in
            count == 0 ? cell : (cell.text + String(repeating: " ", count: most - count), cell.role)
        }
    }

    private static func width(_ cells: [(text: String, role: Role)]) -> Int {
        cells.lazy.map(\.text.count).max() ?? 0
    }

    /// Prices with as few decimals as there is room for: what is cut off a number is never its end alone.
    private static func rounded(
        _ instruments: [Instrument], _ cells: [(text: String, role: Role)], _ room: Int, _ view: ScreenView
    ) -> [(text: String, role: Role)] {
        zip(instruments, cells).map { instrument, cell in
            guard cell.text.count > room, let last = instrument.last else { return cell }
            let text = (0...8).reversed().lazy.map { Numbers.rounded(last, decimals: $0) }.first {
                $0.count <= room
            }
            return (text ?? view.glyphs.dash, cell.role)
        }
    }

    static func title(_ column: Column) -> String {
        switch column {
        case .percent: "%"
        case .bidSize: "BIDSZ"
        case .askSize: "ASKSZ"
        case .spread: "SPR bp"
        case .spark: "TREND"
        default: column.rawValue.uppercased()
        }
    }

    /// So that columns do not move with every digit.
    private static func least(_ column: Column) -> Int {
        switch column {
        case .symbol: 6
        case .last, .bid, .ask, .high, .low, .open, .vwap: 8
        case .change: 8
        case .percent: 7
        case .bidSize, .askSize, .spread, .volume, .trades: 6
        case .spark: sparkPlaces
        case .age: 4
        case .state: 7
        }
    }

    private static func cell(_ column: Column, _ instrument: Instrument, _ view: ScreenView) -> (
        text: String, role: Role
    ) {
        if let refusal = instrument.refusal {
            return column == .symbol
                ? (instrument.symbol, .dim) : column == .state ? (refusal, .alarm) : ("", .plain)
        }
        let quote = instrument.quote, stats = instrument.stats, hasTraded = instrument.last != nil
        func text(_ price: Price?) -> String { view.missing(price.map { Numbers.price($0) }) }
        func size(_ size: Quantity?) -> String { view.missing(size.map(Numbers.short)) }
        switch column {
        case .symbol: return (instrument.symbol, instrument.alert == nil ? .strong : .alarm)
        case .last: return last(instrument, view)
        case .change:
            return (
                view.missing(instrument.change.map { Numbers.price($0, signed: true) }), trend(instrument)
            )
        case .percent:
            let arrow = direction(instrument, view)
            return (
                view.missing(instrument.changeBasisPoints.map { arrow + Numbers.percent($0) }),
                trend(instrument)
            )
        case .bid: return (text(quote?.bid), .bid)
        case .ask: return (text(quote?.ask), .ask)
        case .bidSize: return (size(quote?.bidSize), .plain)
        case .askSize: return (size(quote?.askSize), .plain)
        case .spread:
            let tenths = instrument.spreadTenths
            return (view.missing(tenths.map(Numbers.tenths)), (tenths ?? 0) < 0 ? .alarm : .plain)
        case .volume: return (view.missing(stats?.volumeE8.map { Numbers.short(Quantity(e8: $0)) }), .plain)
        case .high: return (hasTraded ? text(stats?.high) : view.glyphs.dash, .plain)
        case .low: return (hasTraded ? text(stats?.low) : view.glyphs.dash, .plain)
        case .open: return (hasTraded ? text(stats?.open) : view.glyphs.dash, .plain)
        case .vwap: return (view.missing(stats?.vwap.map { Numbers.price($0, decimalsMax: 4) }), .plain)
        case .trades: return (view.missing(stats.map { Numbers.short($0.count) }), .plain)
        case .spark:
            let heights = instrument.spark.heights(sparkPlaces, levels: view.glyphs.sparks.count)
            return (heights.map { String(view.glyphs.spark($0)) }.joined(), trend(instrument))
        case .age: return (view.missing(instrument.updated.map { Numbers.age(view.now.instant - $0) }), .dim)
        case .state: return state(instrument)
        }
    }

    private static func last(_ instrument: Instrument, _ view: ScreenView) -> (text: String, role: Role) {
        let text = view.missing(instrument.last.map { Numbers.price($0) })
        guard instrument.flashEnd > view.now.instant else { return (text, .strong) }
        return (text, instrument.move == .up ? .flashUp : .flashDown)
    }

    private static func direction(_ instrument: Instrument, _ view: ScreenView) -> String {
        switch instrument.change?.e9 ?? 0 {
        case 1...: view.glyphs.up
        case ..<0: view.glyphs.down
        default: ""
        }
    }

    private static func trend(_ instrument: Instrument) -> Role {
        switch instrument.change?.e9 ?? 0 {
        case 1...: .up
        case ..<0: .down
        default: .plain
        }
    }

    private static func state(_ instrument: Instrument) -> (text: String, role: Role) {
        if let alert = instrument.alert { return (alert, .alarm) }
        let state = instrument.state
        let reason = instrument.status?.reason ?? ""
        let text = state.rawValue + (reason.isEmpty || state == .live ? "" : " \(reason)")
        switch state {
        case .suspect, .stale, .refused: return (text, .alarm)
        case .halted, .paused, .auction, .quiet: return (text, .warning)
        case .live, .closed, .unknown: return (text, .dim)
        }
    }
}
