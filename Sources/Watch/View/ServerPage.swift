// The server's connections, as its admin port tells them: the slowest readers first.
import Basics

extension ScreenView {
    func drawServer(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        let server = model.server
        drawTitle("the server's connections", server.total > 0 ? "\(server.total)" : "", on: &canvas, area)
        let body = Area(column: area.column, row: area.row + 1, columns: area.columns, rows: area.rows - 1)
        if let fault = server.fault { return drawCentred(fault, .warning, on: &canvas, body) }
        guard !server.rows.isEmpty else { return drawCentred("nobody", .dim, on: &canvas, body) }
        drawCells(ScreenView.titles, body.row, .title, on: &canvas, body)
        for (line, row) in server.rows.prefix(max(0, body.rows - 1)).enumerated() {
            let role: Role = row.isBlocked ? .alarm : row.lagMilliseconds > 0 ? .warning : .plain
            let cells = [
                row.session, row.address, row.transport, row.isBlocked ? "blocked" : "",
                "\(row.lagMilliseconds)",
                Numbers.short(UInt64(max(0, row.bufferedBytes))), "\(row.subscriptions)",
                Numbers.short(UInt64(max(0, row.messages))), Numbers.short(UInt64(max(0, row.merged))),
                Numbers.age(.milliseconds(Int(row.ageMilliseconds))),
            ]
            drawCells(cells, body.row + 1 + line, role, on: &canvas, body)
        }
    }

    private static let titles = [
        "SESSION", "ADDRESS", "VIA", "", "LAG ms", "BUFFERED", "SUBS", "MESSAGES", "MERGED", "AGE",
    ]
    private static let widths = [8, 22, 10, 8, 7, 9, 6, 9, 8, 6]

    private func drawCells(_ cells: [String], _ row: Int, _ role: Role, on canvas: inout Canvas, _ area: Area)
    {
        var column = area.column
        for (text, width) in zip(cells, ScreenView.widths) {
            let left = area.column + area.columns - column
            guard left > 0 else { return }
            if width == 8 || width > 9 {
                canvas.draw(text, column, row, role, width: min(width - 1, left))
            } else {
                drawRight(text, column, row, min(width, left), role, on: &canvas)
            }
            column += width + 1
        }
    }
}
