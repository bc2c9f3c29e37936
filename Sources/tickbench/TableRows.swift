// The workloads of docs/BENCHMARKS.md: one name and one load each.
import Basics

/// One row of one of the tables, or two where two servers are compared.
struct TableRow {
    enum Kind {
        /// Several runs, medians.
        case load
        /// In turn with the floor at a cadence of 100 ms.
        case besideFloor
        /// Memory of connections that nothing is sent to.
        case idle
        /// Half of the subscribers never read; then the other half alone.
        case stalled
    }
    let name: String
    let kind: Kind
    let load: LoadOptions

    private init(_ name: String, _ kind: Kind, _ change: (inout LoadOptions) -> Void) {
        self.name = name
        self.kind = kind
        var load = LoadOptions()
        load.connections = 5_000
        change(&load)
        self.load = load
    }

    /// Updates a second that the floor publishes beside ours, whatever our source has.
    static let floorRate = 10_000

    static let all: [TableRow] =
        [(12_000, "12 k"), (25_000, "25 k"), (100_000, "100 k"), (1_000_000, "1 M")].map { rate, text in
            TableRow("5000 x 10, max, \(text)", .load) {
                $0.server = .own(rate)
                $0.rateMilli = nil
            }
        } + [
            TableRow("10000 x 10, rate 4, 100 k", .load) {
                $0.connections = 10_000
                $0.server = .own(100_000)
                $0.rateMilli = 4_000
            },
            TableRow("5000 x 10, rate 10, 10 k", .besideFloor) { $0.server = .own(10_000) },
            TableRow("5000 x 10, rate 10, 1 M", .besideFloor) { $0.server = .own(1_000_000) },
            TableRow("19000 idle", .idle) {
                $0.connections = 19_000
                $0.server = .own(1)
                $0.window = .seconds(1)
            },
            TableRow("2500 of 5000 never read, 50 k", .stalled) { $0.server = .own(50_000) },
        ]
}

extension TableRow.Kind {
    /// The table's head. Rows of one head stand together.
    var head: String {
        switch self {
        case .load, .besideFloor:
            "| workload | server | msg/s | of those owed | loop µs a message | loop CPU % | × floor "
                + "| ingest CPU % | fleet % | p50 ms | p99 ms | p99.9 ms | messages a read | bytes a message |\n"
                + "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        case .idle:
            "| workload | MiB before | MiB connected | MiB subscribed | bytes a connection "
                + "| with 10 subscriptions |\n| --- | ---: | ---: | ---: | ---: | ---: |\n"
        case .stalled:
            "| workload | seconds | MiB at the start | MiB at the end | healthy msg/s | p50 ms | p99 ms "
                + "| p99.9 ms | loop CPU % |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        }
    }
}
