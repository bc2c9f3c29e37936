// The tape: each trade a line, the newest on top, those taken back said so.
import Basics
import Dialects
import Market

extension ScreenView {
    func drawTrades(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        let symbol = model.shownDetail?.symbol ?? model.selected ?? ""
        let lost = model.shownDetail?.tradesLost ?? 0
        drawTitle("\(symbol) trades", lost > 0 ? "\(lost) lost" : "", on: &canvas, area)
        let body = Area(column: area.column, row: area.row + 1, columns: area.columns, rows: area.rows - 1)
        guard let detail = model.shownDetail, !body.isEmpty else { return }
        guard !detail.trades.isEmpty else { return drawCentred("no trades", .dim, on: &canvas, body) }
        for (line, print) in detail.trades.prefix(body.rows).enumerated() {
            drawPrint(print, body.row + line, on: &canvas, body)
        }
    }

    private func drawPrint(_ print: Detail.Print, _ row: Int, on canvas: inout Canvas, _ area: Area) {
        let hasTime = area.columns >= 34
        var column = area.column
        func time(_ time: Timestamp) {
            guard hasTime else { return }
            column = canvas.draw(Numbers.time(time, milliseconds: true) + "  ", column, row, .dim)
        }
        switch print {
        case .trade(let trade):
            time(trade.version.time)
            let glyph =
                trade.aggressor == nil ? glyphs.dot : trade.aggressor == .bid ? glyphs.up : glyphs.down
            let role = trade.aggressor == nil ? Role.plain : trade.aggressor == .bid ? .up : .down
            let price = Numbers.pad(Numbers.price(trade.price), 10)
            column = canvas.draw(
                "\(glyph)\(price)", column, row, self.role(role), width: area.column + area.columns - column)
            let size = Numbers.pad(Numbers.size(trade.size), 10)
            canvas.draw(size, column, row, self.role(.plain), width: area.column + area.columns - column)
        case .broken(let broken):
            time(broken.version.time)
            let what = broken.price.map { " \(Numbers.price($0))" } ?? ""
            canvas.draw(
                "x taken back\(what)", column, row, .warning, width: area.column + area.columns - column)
        }
    }
}
