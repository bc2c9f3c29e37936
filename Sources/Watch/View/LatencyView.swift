// How long a price takes, hop by hop.
import Basics

extension ScreenView {
    func drawLatency(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        drawTitle("latency, the past 10 to 20 s", on: &canvas, area)
        let hops: [(String, SpanCounts, String)] = [
            ("source > ingest", model.hops.ingest, "the feed's own delay, by its clock"),
            ("ingest > socket", model.hops.server, "the server: books, its turn, the rate you asked for"),
            ("socket > here", model.hops.network, "the way, by clocks that pings brought together"),
            ("here > screen", model.hops.screen, "this program: until the next frame"),
            ("feed > screen", model.hops.whole, "all but the first"),
        ]
        var row = area.row + 1
        if area.rows > 7 {
            drawRow(["hop", "p50", "p90", "p99", ""], row, .title, on: &canvas, area)
            row += 1
        }
        for (name, counts, words) in hops {
            let spans = [500, 900, 990].map { missing(counts.quantile(permille: $0).map(Numbers.span)) }
            drawRow([name] + spans + [words], row, .plain, on: &canvas, area)
            row += 1
        }
        let connection = model.connection
        let facts = [
            ("round trip", missing(connection.roundTrip.map(Numbers.span))),
            (
                "server's clock",
                missing(
                    connection.offset.map {
                        ($0 < .zero ? "-" : "+") + Numbers.span(Nanoseconds(raw: Int64($0.raw.magnitude)))
                    })
            ),
            ("lag", Numbers.span(connection.lag)), ("merged", "\(connection.merged)"),
            ("messages", "\(connection.messages)"), ("declared lost", "\(connection.declaredLost)"),
            ("breaks", "\(connection.breaks)"), ("outages", "\(connection.outages)"),
        ]
        row += 1
        for (name, value) in facts where row < area.row + area.rows {
            drawRow([name, value], row, .plain, on: &canvas, area)
            row += 1
        }
    }

    private func drawRow(_ cells: [String], _ row: Int, _ role: Role, on canvas: inout Canvas, _ area: Area) {
        guard row < area.row + area.rows else { return }
        canvas.draw(cells[0], area.column, row, role, width: min(16, area.columns))
        for (number, text) in cells.dropFirst().enumerated() {
            let column = area.column + 16 + number * 10
            if number < 3 {
                guard column + 10 <= area.column + area.columns else { return }
                drawRight(text, column, row, 10, role, on: &canvas)
            } else {
                canvas.draw(text, column + 2, row, .dim, width: area.column + area.columns - column - 2)
            }
        }
    }
}
