// A row of the backplane's table: medians of all rounds, each with its least and its greatest.
import Basics

struct BackplaneRow {
    let name: String
    var ages: [(ingest: Quantiles, node: Quantiles)] = []
    var costs: [BackplaneCosts] = []
    var joins: [JoinFigures] = []

    init(name: String) { self.name = name }

    static let head =
        "| engine | added p50 ms | added p99 ms | ingest CPU % | engine CPU % | a further node, % | node CPU % "
        + "| bytes an update into it | out of it | join of 1, ms | of 500, ms | of 5,000, ms "
        + "| engine MiB | node MiB before | node MiB |\n| --- |" + String(repeating: " ---: |", count: 14)
        + "\n"

    /// µs an update are tenths of a percent at 100,000 a second.
    private static let percent = 10.0

    var text: String {
        var cells = [name]
        cells.append(cell(ages.map { $0.node.p50 - $0.ingest.p50 }, 2))
        cells.append(cell(ages.map { $0.node.p99 - $0.ingest.p99 }, 2))
        cells.append(cell(costs.map { $0.ingest * BackplaneRow.percent }, 1))
        cells.append(cell(costs.compactMap(\.engine).map { $0 * BackplaneRow.percent }, 1))
        cells.append(cell(costs.compactMap(\.furtherNode).map { $0 * BackplaneRow.percent }, 1))
        cells.append(cell(costs.compactMap(\.node).map { $0 * BackplaneRow.percent }, 1))
        cells.append(cell(costs.compactMap(\.bytesIn), 1))
        cells.append(cell(costs.compactMap(\.bytesOut), 1))
        for place in BackplaneRun.joined.indices { cells.append(cell(joins.map { $0.joins[place] }, 1)) }
        cells.append(cell(joins.map { Double($0.engine) / 1_048_576 }, 1))
        cells.append(cell(joins.map { Double($0.nodeBefore) / 1_048_576 }, 1))
        cells.append(cell(joins.map { Double($0.node) / 1_048_576 }, 1))
        return "| " + cells.joined(separator: " | ") + " |\n"
    }

    private func cell(_ values: [Double], _ decimals: Int) -> String {
        values.isEmpty ? "—" : Spread(values).text(decimals)
    }

    /// What a reader of the row has to know, a line each.
    var notes: String {
        let own = Spread(ages.map(\.ingest.p50)), late = Spread(ages.map(\.ingest.p99))
        var notes =
            "\(name): of ages, the ingest node's own were p50 \(own.text(2)), p99 \(late.text(2)) ms\n"
        let reached = Spread(costs.map(\.reached)).least
        if reached <= BackplaneRun.asGoodAsAll {
            notes +=
                "\(name): only \(Spread.text(reached * 100, 0)) % of 100,000 updates a second came through; "
                + "CPU is that of those that did, times as many\n"
        }
        return notes
    }
}
