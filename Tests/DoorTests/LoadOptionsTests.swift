// What `tickbench load` refuses, and what it owes to whom.
import Basics
import Testing

@testable import tickbench

private func options(_ line: String) throws(UsageError) -> LoadOptions {
    try LoadOptions(
        Arguments(line.split(separator: " ").map(String.init), options: Tickbench.options))
}

@Test(
    "a wrong load is refused in one line that names the option",
    arguments: [
        "--connections 0", "--connections many", "--pick best", "--channel bar", "--rate 0", "--rate 1001",
        "--encoding xml", "--speaks redis", "--connect 127.0.0.1:1 --speaks xmpp",
        "--connect 127.0.0.1:1 --speaks nats --rate 5", "--slow 101", "--slow 50 --stalled 50", "--pid 7",
        "--connect 127.0.0.1", "--connect 127.0.0.1:0", "--connect 127.0.0.1:1 --source-rate 5",
        "--connect 10.0.0.1:80 --addresses 2", "--per-connection 9 --universe 8", "--channel trade",
        "--source-rate 2000001", "--stamps 101", "--churn -1",
    ])
func wrongLoads(line: String) {
    let error = #expect(throws: UsageError.self) { _ = try options(line) }
    let named = line.split(separator: " ").contains {
        $0.hasPrefix("--") && error?.description.contains($0) == true
    }
    #expect(named, "\(error?.description ?? "")")
}

@Test(
    "what healthy subscribers are owed a second",
    arguments: [
        ("--connections 5000 --source-rate 25000 --rate max", 2_500_000),
        ("--connections 5000 --source-rate 25000 --rate 10", 500_000),
        ("--connections 5000 --source-rate 1000 --rate 10", 100_000),
        ("--connections 100 --per-connection 0", 0), ("--connections 100 --stalled 40 --slow 10", 5_000),
        ("--connect 127.0.0.1:9", nil), ("--channel book", nil),
    ] as [(String, Double?)])
func owed(line: String, messages: Double?) throws {
    #expect(try options(line).expected == messages)
}

@Test(
    "rates are asked for as the protocol writes them",
    arguments: [("0.5", "0.5"), ("10", "10"), ("max", "\"max\"")])
func askedRates(text: String, json: String) throws {
    let asked = try options("--rate \(text)").plan(at: .loopback(1)).subscription(of: 0)
    #expect(asked?.hasSuffix(",\"rate\":\(json)}") == true)
}

@Test("stamps are for all, or for a share that probes")
func stamps() throws {
    #expect(try options("--stamps all").stamped == 100 && options("--stamps 5").stamped == 5)
    #expect(try options("").stamped == 0)
}

@Test("every row of the table has a name of its own and stays within this machine's descriptors")
func tableRows() {
    #expect(Set(TableRow.all.map(\.name)).count == TableRow.all.count)
    #expect(TableRow.all.allSatisfy { $0.load.connections <= 19_900 })
}
