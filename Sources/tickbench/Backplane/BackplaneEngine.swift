// The engines that `tickbench backplane` measures, started as the guide for several nodes says, writing
// nothing to disk that outlives them.
import Basics
import CLinux

enum BackplaneEngine: String, CaseIterable {
    case redis = "Redis"
    case nats = "NATS"

    /// What names its program, and what it is called where nothing does.
    private var names: (variable: String, program: String) {
        switch self {
        case .redis: ("REDIS_SERVER", "redis-server")
        case .nats: ("NATS_SERVER", "nats-server")
        }
    }

    /// Its program; nil where it is not to be found.
    var program: String? {
        if let named = getenv(names.variable) { return String(cString: named) }
        let folders = (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":")
        return folders.map { "\($0)/\(names.program)" }.first { access($0, X_OK) == 0 }
    }

    var advice: String { "\(rawValue) is not measured: name its program by \(names.variable)" }

    /// - Parameter folder: an empty one.
    func words(_ program: String, port: UInt16, folder: String) -> [String] {
        switch self {
        case .redis:
            [
                program, "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                "--appendonly", "no", "--loglevel", "warning",
            ]
        // The lease is in JetStream, and in memory.
        case .nats:
            [program, "-a", "127.0.0.1", "-p", "\(port)", "-js", "-sd", folder, "-l", "/dev/null"]
        }
    }

    func url(port: UInt16) -> String {
        switch self {
        case .redis: "redis://127.0.0.1:\(port)"
        case .nats: "nats://127.0.0.1:\(port)"
        }
    }
}
