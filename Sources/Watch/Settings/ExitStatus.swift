// How the program ends, as scripts see it: one table for the code, the help and the manual.

public enum ExitStatus: Int32, Hashable, Sendable, CaseIterable {
    case done = 0
    case internalFault = 1
    case usage = 2
    case noServer = 3
    case refused = 4
    case noSymbol = 5
    case integrity = 6
    case notMet = 7
    /// 128 and the number of SIGINT, as shells have it.
    case interrupted = 130

    public var meaning: String {
        switch self {
        case .done: "done: asked for and delivered, or nobody reads any more"
        case .internalFault:
            "something failed in here or on this machine, such as a file that cannot be written"
        case .usage: "wrong usage: an option, a symbol's name, a file that was named"
        case .noServer: "no server answers there"
        case .refused: "the server refuses: no token, a wrong one, not this address"
        case .noSymbol: "none of the symbols exists there"
        case .integrity: "--verify found the stream to differ from the server's own state"
        case .notMet: "it ended before --until was true, or before --once had every symbol"
        case .interrupted: "^C, where lines are printed"
        }
    }
}
