// The floor (bench/floor.c): built when it is missing, started as a server like ours.
import Basics
import CLinux

struct Floor {
    let path: String
    /// Nil leaves it to the system.
    let congestion: String?
    /// Should this program die, it does not stay for ever.
    private static let life = 120

    init(_ arguments: Arguments, congestion: String?) {
        path = arguments["floor"] ?? ".build/floor"
        self.congestion = congestion
    }

    func build() throws(BenchError) {
        if access(path, X_OK) == 0 { return }
        let command = ["cc", "-O2", "-o", path, "bench/floor.c"]
        guard succeeds(command) else {
            throw BenchError("\(path) is missing, and this failed: \(command.joined(separator: " "))")
        }
    }

    /// Publishes as soon as so many have subscribed.
    func start(port: UInt16, subscribers: Int, _ publishing: [String]) throws -> ServerProcess {
        var words = [path, "--port", "\(port)", "--mode", "send", "--start", "\(subscribers)"]
        if let congestion { words += ["--cc", congestion] }
        return try ServerProcess(words + publishing + ["--life", "\(Floor.life)"], port: port)
    }
}
