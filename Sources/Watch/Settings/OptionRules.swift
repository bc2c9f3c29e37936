// Options that cannot be meant together, and those that mean nothing without another: a line each.
import Basics

extension WatchOptions {
    private struct Clash {
        let option: String
        let others: [String]
        let why: String
    }
    private struct Need {
        let option: String
        /// One of them.
        let others: [String]
        let why: String
    }

    private static let clashes = [
        Clash(option: "json", others: ["csv"], why: "a line is one or the other"),
        Clash(option: "config", others: ["no-config"], why: "one names what the other refuses"),
        Clash(option: "group", others: ["no-config"], why: "groups are in the configuration"),
        Clash(
            option: "demo",
            others: ["url", "ca", "token-file", "admin", "transport", "replay"],
            why: "it has a market of its own"),
        Clash(
            option: "replay",
            others: [
                "url", "ca", "token-file", "admin", "transport", "encoding", "rate", "depth", "record",
            ], why: "what was received is in the file"),
        Clash(
            option: "once", others: ["count", "until", "channel"], why: "it prints one line a symbol and ends"
        ),
        Clash(
            option: "verify", others: ["once", "count", "until", "json", "csv", "channel", "screen"],
            why: "it prints what it found, and no prices"),
        Clash(
            option: "screen", others: ["json", "csv", "once", "count", "until", "channel"],
            why: "lines have no screen"),
        Clash(
            option: "columns", others: ["json", "csv"], why: "lines have names of their own for all there is"),
        Clash(option: "sort", others: ["json", "csv"], why: "lines come as it happens"),
    ]

    private static let needs = [
        Need(option: "scenario", others: ["demo"], why: "it names a simulated market"),
        Need(option: "speed", others: ["replay"], why: "a server has its own pace"),
        Need(option: "admin-token-file", others: ["admin"], why: "it is the admin port's"),
    ]

    static func checkRules(_ given: Arguments) throws(UsageError) {
        for clash in clashes where given.has(clash.option) {
            for other in clash.others where given.has(other) {
                throw UsageError("--\(clash.option) and --\(other) exclude each other: \(clash.why)")
            }
        }
        for need in needs where given.has(need.option) {
            guard !need.others.contains(where: { given.has($0) }) else { continue }
            let names = need.others.map { "--\($0)" }.joined(separator: " or ")
            throw UsageError("--\(need.option) goes with \(names): \(need.why)")
        }
        if given["encoding"] == "sbe", given["transport"] == "sse" {
            throw UsageError("--encoding sbe goes with --transport ws: events are text")
        }
        if given["screen"] == "server", !given.has("admin"), !given.has("demo") {
            throw UsageError("--screen server goes with --admin URL: the server's view is on its admin port")
        }
    }
}
