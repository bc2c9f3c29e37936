// The floor (bench/floor.c): built when it is missing, started as a server like ours.
import Basics
import CLinux

struct Floor {
    let congestion: String
    private static let path = ".build/floor"
    /// Should this program die, it does not stay for ever.
    private static let life = 120

    func build() throws(BenchError) {
        if access(Self.path, X_OK) == 0 { return }
        let command = ["cc", "-O2", "-o", Self.path, "bench/floor.c"]
        guard succeeds(command) else {
            throw BenchError("\(Self.path) is missing, and this failed: \(command.joined(separator: " "))")
        }
    }

    /// Publishes as soon as so many have subscribed.
    func start(port: UInt16, subscribers: Int, _ publishing: [String]) throws -> ServerProcess {
        let words = [
            Self.path, "--port", "\(port)", "--start", "\(subscribers)", "--cc", congestion,
        ]
        return try ServerProcess(words + publishing + ["--life", "\(Floor.life)"], port: port)
    }

    /// So many pairs, rotated (floor, ours, ours, floor, …): a machine that drifts does so for both.
    static func inTurn(
        _ pairs: Int, floor: () throws -> LoadResult, ours: () throws -> LoadResult
    ) rethrows -> (floor: [LoadResult], ours: [LoadResult]) {
        var results = (floor: [LoadResult](), ours: [LoadResult]())
        for pair in 0..<pairs {
            if pair % 2 == 0 { results.floor.append(try floor()) }
            results.ours.append(try ours())
            if pair % 2 == 1 { results.floor.append(try floor()) }
        }
        return results
    }
}
