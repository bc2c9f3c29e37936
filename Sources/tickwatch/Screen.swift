// The watchlist as a page of text: a pure function of what is known, the time and the size.
import Basics
import Dialects
import Market
import Watch

/// How the connection stands, apart from how any symbol stands.
enum LinkState: Equatable {
    case connecting
    case live
    /// Broken; the next try is at `retry`.
    case broken(reason: String, retry: Instant)
}

struct Screen {
    let url: String
    var colours = true

    /// Lines from top to bottom, at most `rows`, none wider than `columns` on screen.
    func lines(
        _ list: Watchlist, _ link: LinkState, unreadable: UInt64, now: Instant, rows: Int, columns: Int
    ) -> [String] {
        var lines = [header(link, now, columns), bold(fit(Screen.titles, columns))]
        let room = max(0, rows - lines.count - 1)
        let isBroken = link != .live
        for row in list.rows.prefix(room) { lines.append(line(row, isBroken, now, columns)) }
        if list.rows.count > room, room > 0 {
            lines[lines.count - 1] = fit(
                "… \(list.rows.count - room + 1) more: the window is too small", columns)
        }
        while lines.count < rows - 1 { lines.append("") }
        lines.append(footer(list, unreadable, columns))
        return Array(lines.prefix(rows))
    }

    private static let titles = cells(
        symbol: "SYMBOL", last: "LAST", change: "CHANGE", percent: "%", prices: ("BID", "ASK"),
        sizes: ("BID", "ASK SIZE"), age: "AGE")

    private func header(_ link: LinkState, _ now: Instant, _ columns: Int) -> String {
        let state: String
        switch link {
        case .connecting: state = "connecting"
        case .live: state = "live"
        case .broken(let reason, let retry):
            let left = max(0, (retry - now).raw)
            state = "next try in \(Numbers.age(Nanoseconds(raw: left))) · \(reason)"
        }
        let text = fit("tickwatch  \(state) · \(url)", columns)
        return link == .live ? bold(text) : paint(text, "33")
    }

    private func footer(_ list: Watchlist, _ unreadable: UInt64, _ columns: Int) -> String {
        var text = "\(list.messages) updates · \(list.merged) merged"
        if list.lag > .zero { text += " · lag \(list.lag.milliseconds) ms" }
        if list.breaks > 0 { text += " · \(list.breaks) lost on the way" }
        if unreadable > 0 { text += " · \(unreadable) not understood" }
        return paint(fit(text + " · q quits", columns), "2")
    }

    private func line(_ row: Row, _ isBroken: Bool, _ now: Instant, _ columns: Int) -> String {
        if let refusal = row.refusal {
            return paint(fit(Numbers.padEnd(row.symbol, 10) + "  " + refusal, columns), "31")
        }
        let text = fit(Screen.text(row, now), columns)
        if isBroken { return paint(text, "2") }
        switch row.change?.e9 ?? 0 {
        case 1...: return paint(text, "32")
        case ..<0: return paint(text, "31")
        default: return text
        }
    }

    private static func text(_ row: Row, _ now: Instant) -> String {
        let missing = "–"
        let quote = row.quote
        return cells(
            symbol: row.symbol, last: row.last.map { Numbers.price($0) } ?? missing,
            change: row.change.map { Numbers.price($0, signed: true) } ?? missing,
            percent: row.changeBasisPoints.map(Numbers.percent) ?? missing,
            prices: (
                quote?.bid.map { Numbers.price($0) } ?? missing,
                quote?.ask.map { Numbers.price($0) } ?? missing
            ),
            sizes: (quote?.bidSize.map(Numbers.size) ?? missing, quote?.askSize.map(Numbers.size) ?? missing),
            age: row.updated.map { Numbers.age(now - $0) } ?? missing) + (row.doubt.map { "  \($0)" } ?? "")
    }

    /// One line of the table, titles and rows alike.
    private static func cells(
        symbol: String, last: String, change: String, percent: String, prices: (String, String),
        sizes: (String, String), age: String
    ) -> String {
        Numbers.padEnd(symbol, 10) + Numbers.pad(last, 10) + Numbers.pad(change, 10)
            + Numbers.pad(percent, 9) + Numbers.pad(prices.0, 11) + " × " + Numbers.padEnd(prices.1, 10)
            + Numbers.pad(sizes.0, 7) + " × " + Numbers.padEnd(sizes.1, 9) + Numbers.pad(age, 6)
    }

    private func fit(_ text: String, _ columns: Int) -> String { String(text.prefix(columns)) }
    private func bold(_ text: String) -> String { paint(text, "1") }
    private func paint(_ text: String, _ code: String) -> String {
        colours ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}
