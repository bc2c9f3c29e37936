// The order book as a ladder: bids left, asks right, best on top, bars as long as sizes are.
import Basics
import Market

extension ScreenView {
    func drawBook(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        guard
            let symbol = model.page == .watchlist
                ? model.selected : model.shownDetail?.symbol ?? model.selected
        else {
            return drawCentred("no symbol", .dim, on: &canvas, area)
        }
        drawTitle("\(symbol) book", summary(symbol), on: &canvas, area)
        let body = Area(column: area.column, row: area.row + 1, columns: area.columns, rows: area.rows - 1)
        guard let detail = model.shownDetail, detail.symbol == symbol else { return }
        let book = detail.book
        guard !(book.bids.isEmpty && book.asks.isEmpty) else {
            return drawCentred("no orders", .dim, on: &canvas, body)
        }
        let most = (book.bids.prefix(body.rows) + book.asks.prefix(body.rows)).map(\.size.e8).max() ?? 1
        let half = (body.columns - 3) / 2
        for depth in 0..<body.rows {
            let row = body.row + depth
            if depth < book.bids.count {
                drawLevel(
                    book.bids[depth], .bid, most, Area(column: body.column, row: row, columns: half, rows: 1),
                    on: &canvas)
            }
            canvas.draw(glyphs.vertical, body.column + half + 1, row, .border)
            if depth < book.asks.count {
                let right = Area(
                    column: body.column + half + 3, row: row, columns: body.columns - half - 3, rows: 1)
                drawLevel(book.asks[depth], .ask, most, right, on: &canvas)
            }
        }
    }

    /// What a book says in one word: its spread, or that it is crossed.
    private func summary(_ symbol: String) -> String {
        guard let instrument = model.shownInstruments.first(where: { $0.symbol == symbol }) else { return "" }
        if let tenths = instrument.spreadTenths {
            return tenths < 0 ? "CROSSED" : "spread \(Numbers.tenths(tenths)) bp"
        }
        return ""
    }

    /// Price at the inner edge, then size, then as much bar as the size is of the greatest.
    private func drawLevel(_ level: Level, _ side: Side, _ most: Int64, _ area: Area, on canvas: inout Canvas)
    {
        let price = Numbers.price(level.price), size = Numbers.short(level.size)
        let sizeWidth = max(6, size.count)
        let room = max(0, area.columns - price.count - sizeWidth - 2)
        let length = most > 0 ? Int(Int128(level.size.e8) * Int128(room) / Int128(most)) : 0
        let bar = String(repeating: Character(glyphs.block), count: max(0, length))
        let end = area.column + area.columns
        if side == .bid {
            drawRight(price, end - price.count, area.row, price.count, role(.bid), on: &canvas)
            drawRight(size, end - price.count - 1 - sizeWidth, area.row, sizeWidth, role(.plain), on: &canvas)
            canvas.draw(bar, end - price.count - 2 - sizeWidth - length, area.row, role(.bid))
        } else {
            canvas.draw(price, area.column, area.row, role(.ask), width: area.columns)
            drawRight(size, area.column + price.count + 1, area.row, sizeWidth, role(.plain), on: &canvas)
            canvas.draw(bar, area.column + price.count + 2 + sizeWidth, area.row, role(.ask), width: room)
        }
    }
}
