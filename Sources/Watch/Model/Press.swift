// What keys do to the model.
import Basics
import Dialects

extension Model {
    mutating func press(_ key: Key, _ now: Instant) -> [Effect] {
        defer { keepCursor(now) }
        if input != nil { return type(key, now) }
        guard let command = KeyMap.command(key) else { return [] }
        if isHelpShown, ![.quit, .suspend, .repaint].contains(command) {
            isHelpShown = false
            return []
        }
        return obey(command, now)
    }

    private mutating func obey(_ command: Command, _ now: Instant) -> [Effect] {
        switch command {
        case .up: move(by: -1, now)
        case .down: move(by: 1, now)
        case .pageUp: move(by: -listRoom, now)
        case .pageDown: move(by: listRoom, now)
        case .first:
            move(by: -instruments.count, now)
            isAtTop = true
        case .last: move(by: instruments.count, now)
        case .open: page = .book
        case .back: back()
        case .nextPage: turnPage()
        case .watchlist: page = .watchlist
        case .book: page = .book
        case .trades: page = .trades
        case .chart: page = .chart
        case .latency: page = .latency
        case .server:
            page = .server
            server.due = now
        case .help: isHelpShown = true
        case .freeze: frozen = frozen == nil ? Frozen(instruments: instruments, detail: detail, at: now) : nil
        case .filter: input = Input(purpose: .filter, text: filter)
        case .add: input = Input(purpose: .add, text: "")
        case .nextGroup: turnGroup(by: 1)
        case .previousGroup: turnGroup(by: -1)
        case .quit: return [.quit]
        case .suspend: return [.suspend]
        case .repaint: return [.repaint]
        case .reconnect: return [.reconnect]
        case .write: return [.writeSettings]
        default: return change(command, now)
        }
        return []
    }

    /// What changes the settings or the list of symbols.
    private mutating func change(_ command: Command, _ now: Instant) -> [Effect] {
        switch command {
        case .remove: return remove(now)
        case .moveUp: shift(by: -1, now)
        case .moveDown: shift(by: 1, now)
        case .sortLeft: turnColumn(by: -1)
        case .sortRight: turnColumn(by: 1)
        case .sort: sort(now)
        case .ownOrder: settings.order = nil
        case .faster: return turnRate(by: 1, now)
        case .slower: return turnRate(by: -1, now)
        default: break
        }
        return []
    }

    // MARK: The cursor

    /// How many symbols a page of the list has.
    var listRoom: Int { max(1, Layout(columns: size.columns, rows: size.rows).listRows) }

    private mutating func move(by lines: Int, _ now: Instant) {
        let list = listed
        guard !list.isEmpty else { return }
        var at = list.firstIndex { $0.symbol == selected } ?? 0
        // A cursor that is out of sight begins where the reader looks.
        if isAtTop, at >= listRoom { at = 0 }
        isAtTop = false
        let next = min(max(0, at + lines), list.count - 1)
        if list[next].symbol != selected { selectedAt = now }
        selected = list[next].symbol
    }

    /// The cursor is on a line that is listed: what keys are about is seen.
    private mutating func keepCursor(_ now: Instant) {
        let list = listed
        guard let first = list.first, !list.contains(where: { $0.symbol == selected }) else { return }
        selected = first.symbol
        selectedAt = now
    }

    private mutating func back() {
        if page != .watchlist {
            page = .watchlist
        } else if frozen != nil {
            frozen = nil
        } else if !filter.isEmpty {
            filter = ""
        } else {
            group = nil
        }
    }

    private mutating func turnPage() {
        let pages = Page.allCases
        page = pages[((pages.firstIndex(of: page) ?? 0) + 1) % pages.count]
    }

    private mutating func turnGroup(by step: Int) {
        let names: [String?] = [nil] + settings.groups.map(\.name)
        let at = names.firstIndex(of: group) ?? 0
        group = names[(at + step + names.count) % names.count]
    }

    // MARK: Symbols

    private mutating func remove(_ now: Instant) -> [Effect] {
        guard let selected, let at = index[selected], frozen == nil else { return [] }
        let list = listed.map(\.symbol)
        let place = list.firstIndex(of: selected) ?? 0
        instruments.remove(at: at)
        reindex()
        let neighbours = list.filter { $0 != selected }
        self.selected = neighbours.isEmpty ? nil : neighbours[min(place, neighbours.count - 1)]
        selectedAt = now
        say("\(selected) removed", now)
        return [.subscribe]
    }

    private mutating func shift(by step: Int, _ now: Instant) {
        guard settings.order == nil else { return say("sorted: o goes back to your own order", now) }
        guard let selected, let at = index[selected], frozen == nil else { return }
        // Past the next one that is listed, however many lie hidden between.
        let list = listed.map(\.symbol)
        guard let place = list.firstIndex(of: selected), list.indices.contains(place + step),
            let other = index[list[place + step]]
        else { return }
        let moved = instruments.remove(at: at)
        instruments.insert(moved, at: other)
        reindex()
    }

    private mutating func add(_ text: String, _ now: Instant) -> [Effect] {
        let names = text.uppercased().split { $0 == " " || $0 == "," }.map(String.init)
        let fresh = names.filter { index[$0] == nil }
        for name in fresh { insert(name) }
        if let name = names.last {
            selected = name
            selectedAt = now
        }
        return fresh.isEmpty ? [] : [.subscribe]
    }

    // MARK: Sorting and rates

    private mutating func turnColumn(by step: Int) {
        let columns = settings.columns
        guard let at = columns.firstIndex(of: sortColumn) else {
            sortColumn = columns.first ?? .symbol
            return
        }
        sortColumn = columns[(at + step + columns.count) % columns.count]
    }

    /// By the chosen column, greatest first, names from A; again the other way round.
    private mutating func sort(_ now: Instant) {
        isAtTop = true
        if let order = settings.order, order.column == sortColumn {
            settings.order?.isDescending.toggle()
        } else {
            let isText = sortColumn == .symbol || sortColumn == .state
            settings.order = .init(column: sortColumn, isDescending: !isText)
        }
    }

    private static let rates = [
        100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000,
    ]

    private mutating func turnRate(by step: Int, _ now: Instant) -> [Effect] {
        guard case .perThousandSeconds(let rate) = settings.rate else {
            if step < 0 { settings.rate = .perThousandSeconds(1_000_000) }
            return step < 0 ? [.subscribe] : []
        }
        let next =
            step > 0 ? Model.rates.first { $0 > rate } : Model.rates.last { $0 < rate }
        guard let next else {
            if step > 0 { settings.rate = .max }
            return step > 0 ? [.subscribe] : []
        }
        settings.rate = .perThousandSeconds(next)
        return [.subscribe]
    }

    // MARK: Typing

    private mutating func type(_ key: Key, _ now: Instant) -> [Effect] {
        guard var line = input else { return [] }
        switch key {
        case .character(let scalar): line.text.unicodeScalars.append(scalar)
        case .paste(let text):
            line.text += text.map { $0.isNewline ? " " : String($0) }.joined()
        case .backspace: if !line.text.isEmpty { line.text.removeLast() }
        case .control("u"): line.text = ""
        case .control("c"), .escape:
            if line.purpose == .filter { filter = "" }
            input = nil
            return []
        case .enter:
            input = nil
            return line.purpose == .add ? add(line.text, now) : []
        default: return []
        }
        line.text = String(line.text.prefix(Input.lengthMax))
        input = line
        if line.purpose == .filter { filter = line.text }
        return []
    }
}
