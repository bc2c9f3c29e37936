// `tickwatch AAPL MSFT`: prices in a terminal, or lines in a pipe.
import Basics
import CLinux
import Glibc
import TickerFeed
import Watch

@main
struct Tickwatch {
    static func main() {
        do {
            exit(try run(Array(CommandLine.arguments.dropFirst())).rawValue)
        } catch let error as UsageError {
            complain("\(error)")
            exit(ExitStatus.usage.rawValue)
        } catch {
            complain("\(error)")
            exit(ExitStatus.internalFault.rawValue)
        }
    }

    private static func run(_ arguments: [String]) throws -> ExitStatus {
        let environment = Environment.all
        let options = try WatchOptions.parse(arguments: arguments, environment: environment)
        switch options.action {
        case .help: Console.write(WatchOptions.help)
        case .version: Console.write("tickwatch \(Release.number)\n")
        case .manual: Console.write(WatchOptions.manual)
        case .completions(let shell):
            Console.write(WatchOptions.completions(shell, scenarios: Scenario.builtInNames))
        case .watch: return try watch(options, environment)
        }
        return .done
    }

    private static func watch(_ options: WatchOptions, _ environment: [String: String]) throws -> ExitStatus {
        let terminal = TerminalKind(environment, wish: .automatic)
        let isScreen = Console.isTerminal(Console.output) && !terminal.isDumb && !options.wantsLines
        // Before there is any other thread: a signal goes to whichever has not blocked it.
        // ^Z and the window's size are a screen's to see.
        let signals = try Signals(
            [SIGINT, SIGTERM, SIGHUP] + (isScreen ? [SIGWINCH, SIGTSTP, SIGCONT] : []))
        let setup = try Setup(options, environment)
        if options.isVerifying { return try VerifyRun(setup, signals).run() }
        return isScreen
            ? try ScreenRun(setup, signals, terminal).run() : try PipeRun(setup, signals).run()
    }

    /// One line, for whoever started it.
    static func complain(_ text: String) { Console.write("tickwatch: \(text)\n", to: Console.errors) }
}

/// The process's environment as a value.
enum Environment {
    static var all: [String: String] {
        var all: [String: String] = [:]
        var at = environ
        while let entry = at.pointee {
            let parts = String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { all[String(parts[0])] = String(parts[1]) }
            at += 1
        }
        return all
    }
}
