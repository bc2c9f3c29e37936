// A line chart of the bars' closes, in dots of which a character has two by four.
import Basics
import Dialects
import Market

extension ScreenView {
    func drawChart(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        let symbol = model.shownDetail?.symbol ?? model.selected ?? ""
        let axis = 11
        let plot = Area(
            column: area.column, row: area.row + 1, columns: area.columns - axis, rows: area.rows - 2)
        let series = ChartSeries(model.shownDetail?.bars ?? [], points: max(0, plot.columns * 2))
        drawTitle("\(symbol) chart", series.step.map { "\($0.text) a dot" } ?? "", on: &canvas, area)
        guard !plot.isEmpty else { return }
        guard let low = series.low, let high = series.high else {
            return drawCentred("no trades yet", .dim, on: &canvas, plot)
        }
        drawLine(series, low, high, on: &canvas, plot)
        let right = plot.column + plot.columns + 1
        drawRight(Numbers.price(high), right, plot.row, axis - 1, .dim, on: &canvas)
        drawRight(Numbers.price(low), right, plot.row + plot.rows - 1, axis - 1, .dim, on: &canvas)
        if let last = series.prices.last ?? nil, plot.rows >= 3 {
            let row = plot.row + ChartSeries.dot(last, low, high, plot.rows * 4) / 4
            drawRight(Numbers.price(last), right, row, axis - 1, role(.strong), on: &canvas)
        }
        guard let start = series.start, let end = series.end else { return }
        canvas.draw(
            Numbers.time(start, milliseconds: false), plot.column, area.row + area.rows - 1, .dim,
            width: plot.columns)
        drawRight(
            Numbers.time(end, milliseconds: false), plot.column + max(0, plot.columns - 8),
            area.row + area.rows - 1,
            min(8, plot.columns), .dim, on: &canvas)
    }

    private func drawLine(
        _ series: ChartSeries, _ low: Price, _ high: Price, on canvas: inout Canvas, _ plot: Area
    ) {
        var dots = DotCanvas(columns: plot.columns, rows: plot.rows)
        var before: Int?
        for (x, price) in series.prices.enumerated() {
            guard let price else {
                before = nil
                continue
            }
            let y = ChartSeries.dot(price, low, high, plot.rows * 4)
            for step in min(before ?? y, y)...max(before ?? y, y) { dots.set(x, step) }
            before = y
        }
        let isUp =
            (series.prices.compactMap(\.self).last ?? .zero)
            >= (series.prices.compactMap(\.self).first ?? .zero)
        for row in 0..<plot.rows {
            for column in 0..<plot.columns {
                let pattern = dots[column, row]
                guard pattern != 0 else { continue }
                canvas[plot.column + column, plot.row + row] = Cell(
                    glyphs.chart(pattern), role(isUp ? .up : .down))
            }
        }
    }
}

/// Bars brought to a number of points of equal length.
struct ChartSeries {
    /// The close of each point; nil before the first bar. Where nothing was traded the price stood.
    private(set) var prices: [Price?] = []
    private(set) var low: Price?
    private(set) var high: Price?
    private(set) var start: Timestamp?
    private(set) var end: Timestamp?
    private(set) var step: Nanoseconds?

    private static let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600].map {
        Nanoseconds.seconds($0)
    }

    init(_ bars: [BarMessage], points: Int) {
        guard points > 0, let first = bars.first, let last = bars.last else { return }
        let length = last.start - first.start
        let step = ChartSeries.steps.first { $0.raw * Int64(points) > length.raw } ?? .seconds(3_600)
        self.step = step
        (start, end) = (first.start, last.start)
        var price: Price?, at = 0
        let count = min(points, Int(length.raw / step.raw) + 1)
        for point in 0..<count {
            let until = first.start + step * (point + 1)
            while at < bars.count, bars[at].start < until {
                price = bars[at].close
                at += 1
            }
            prices.append(price)
        }
        low = prices.compactMap(\.self).min()
        high = prices.compactMap(\.self).max()
    }

    /// How many dots from the top a price is.
    static func dot(_ price: Price, _ low: Price, _ high: Price, _ dots: Int) -> Int {
        guard high > low, dots > 1 else { return max(0, dots / 2) }
        return Int(Int128(high.e9 - price.e9) * Int128(dots - 1) / Int128(high.e9 - low.e9))
    }
}

/// Dots, two by four to a character.
private struct DotCanvas {
    let columns: Int, rows: Int
    private var bits: [UInt8]

    init(columns: Int, rows: Int) {
        (self.columns, self.rows) = (columns, rows)
        bits = Array(repeating: 0, count: columns * rows)
    }

    subscript(column: Int, row: Int) -> UInt8 { bits[row * columns + column] }

    mutating func set(_ x: Int, _ y: Int) {
        guard x >= 0, y >= 0, x < columns * 2, y < rows * 4 else { return }
        bits[(y / 4) * columns + x / 2] |= Glyphs.dot(x: x % 2, y: y % 4)
    }
}
