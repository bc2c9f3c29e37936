// The whole screen as a canvas: a pure function of the model, the time and the glyphs there are.
//
//     header    how the connection stands, and how fast it is
//     body      the page, or all panes that there is room for
//     footer    what is typed, what happened, which keys there are
import Basics

public struct ScreenView {
    let model: Model
    let glyphs: Glyphs
    let now: Moment
    let layout: Layout
    /// Places of the listed instruments: found once a frame.
    let listed: [Int]

    public static func render(_ model: Model, glyphs: Glyphs = .unicode, at now: Moment) -> Canvas {
        let layout = Layout(columns: model.size.columns, rows: model.size.rows)
        let view = ScreenView(
            model: model, glyphs: glyphs, now: now, layout: layout, listed: model.listedPlaces)
        var canvas = Canvas(columns: model.size.columns, rows: model.size.rows)
        view.draw(on: &canvas)
        return canvas
    }

    private func draw(on canvas: inout Canvas) {
        guard canvas.columns > 0, canvas.rows > 0 else { return }
        if layout.hasHeader { drawHeader(on: &canvas) }
        if model.isHelpShown {
            drawHelp(on: &canvas, layout.body)
        } else {
            drawPage(on: &canvas)
        }
        if layout.hasFooter { drawFooter(on: &canvas) }
    }

    private func drawPage(on canvas: inout Canvas) {
        switch model.page {
        case .watchlist:
            drawWatchlist(on: &canvas, layout.list)
            guard layout.hasPanes else { return }
            drawBorders(on: &canvas)
            drawBook(on: &canvas, layout.book)
            drawTrades(on: &canvas, layout.trades)
            drawChart(on: &canvas, layout.chart)
        case .book: drawSymbol(on: &canvas)
        case .trades: drawTrades(on: &canvas, layout.body)
        case .chart: drawChart(on: &canvas, layout.body)
        case .latency: drawLatency(on: &canvas, layout.body)
        case .server: drawServer(on: &canvas, layout.body)
        }
    }

    /// One symbol on the whole screen: book, and trades and chart where there is room.
    private func drawSymbol(on canvas: inout Canvas) {
        let body = layout.body
        guard body.columns >= 70, body.rows >= 12 else { return drawBook(on: &canvas, body) }
        let left = body.columns * 3 / 5, upper = body.rows >= 18 ? body.rows * 3 / 5 : body.rows
        drawBook(on: &canvas, Area(column: 0, row: body.row, columns: left, rows: upper))
        drawTrades(
            on: &canvas,
            Area(column: left + 1, row: body.row, columns: body.columns - left - 1, rows: upper))
        guard upper < body.rows else { return }
        drawChart(
            on: &canvas,
            Area(column: 0, row: body.row + upper, columns: body.columns, rows: body.rows - upper))
    }

    private func drawBorders(on canvas: inout Canvas) {
        let list = layout.list
        if list.columns < canvas.columns {
            for row in list.row..<list.row + list.rows {
                canvas.draw(glyphs.vertical, list.columns, row, .border)
            }
        } else {
            let row = list.row + list.rows
            for column in 0..<canvas.columns { canvas.draw(glyphs.horizontal, column, row, .border) }
            for pane in [layout.book, layout.trades] {
                let column = pane.column + pane.columns + 1
                for row in pane.row..<pane.row + pane.rows {
                    canvas.draw(glyphs.vertical, column, row, .border)
                }
            }
        }
    }

    // MARK: Pieces that all panes are made of

    /// A line's title, left, and what belongs to it, right.
    func drawTitle(_ title: String, _ right: String = "", on canvas: inout Canvas, _ area: Area) {
        let end = canvas.draw(title, area.column, area.row, .title, width: area.columns)
        let start = area.column + area.columns - right.count
        if start > end { canvas.draw(right, start, area.row, .dim) }
    }

    func drawCentred(_ text: String, _ role: Role, on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        let column = area.column + max(0, (area.columns - text.count) / 2)
        canvas.draw(text, column, area.row + area.rows / 2, role, width: area.columns)
    }

    /// Right-aligned within a width; what is too long is told to be.
    func drawRight(
        _ text: String, _ column: Int, _ row: Int, _ width: Int, _ role: Role, on canvas: inout Canvas
    ) {
        guard text.count <= width else {
            canvas.draw(
                String(text.prefix(max(0, width - 1))) + glyphs.ellipsis, column, row, role, width: width)
            return
        }
        canvas.draw(text, column + width - text.count, row, role, width: width)
    }

    /// Values of a connection that is not there are old, whatever they say.
    var isOld: Bool { !model.connection.isLive }
    func role(_ role: Role) -> Role { isOld ? .dim : role }

    func missing(_ text: String?) -> String { text ?? glyphs.dash }
}
