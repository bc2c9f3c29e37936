// `tickwatch AAPL MSFT`: prices in a terminal, or lines in a pipe.
import Basics
import CLinux
import Dialects
import Watch
import Wire

@main
struct Tickwatch {
    enum Status: Int32 {
        case done = 0, usage = 2, noServer = 3, refused = 4, noSymbol = 5, interrupted = 130
    }

    static let options = [
        Option("url", "URL", "the server's stream (default ws://127.0.0.1:7400/v1/stream)"),
        Option("ca", "FILE", "with wss: trust the authorities in this PEM file instead of the system's"),
        Option("rate", "N", "updates a second for each symbol, 0.1 to 1000, or max (default 10)"),
        Option(
            "token-file", "FILE", "the token that the server wants (default: what TICKERFEED_TOKEN holds)"),
        Option("help", nil, "this text"),
        Option("version", nil, "the version"),
    ]

    static let help = """
        tickwatch SYMBOL... [options]    watch prices live

        In a terminal it shows a table; q or ^C ends it. In a pipe it prints a line a change.

        \(Arguments.help(options))
        Exit status: 0 done, 2 wrong usage, 3 no server, 4 refused, 5 no such symbol, 130 ^C in a pipe.

        """

    static func main() {
        do throws(UsageError) {
            let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()), options: options)
            exit(try run(arguments).rawValue)
        } catch {
            Console.write("tickwatch: \(error)\n", to: Console.errors)
            exit(Status.usage.rawValue)
        }
    }

    private static func run(_ arguments: Arguments) throws(UsageError) -> Status {
        if arguments.has("help") {
            Console.write(help)
            return .done
        }
        if arguments.has("version") {
            Console.write("tickwatch \(Release.number)\n")
            return .done
        }
        guard !arguments.operands.isEmpty else {
            throw UsageError("which symbols? For example: tickwatch AAPL MSFT")
        }
        let text = arguments["url"] ?? "ws://127.0.0.1:7400/v1/stream"
        // Not repeated: a terminal's scrollback and whoever collects errors need not have it, too.
        guard !text.contains("token="), !text.contains("@") else {
            throw UsageError("--url: no token or password belongs in a URL; give --token-file FILE")
        }
        let url: WebSocketURL
        do {
            url = try WebSocketURL.parse(text)
        } catch {
            throw UsageError("--url \(text): \(error)")
        }
        let rate = try rate(arguments["rate"]), trust = try trust(arguments["ca"], url)
        return Watcher(
            url, text, symbols: arguments.operands.map { $0.uppercased() }, rate: rate, trust: trust,
            token: try TokenSource(file: arguments["token-file"])
        ).run()
    }

    /// Read once, however often the connection is made anew.
    private static func trust(_ file: String?, _ url: WebSocketURL) throws(UsageError) -> TLSTrust? {
        guard url.isSecure else {
            if file != nil { throw UsageError("--ca goes with a wss:// URL") }
            return nil
        }
        do throws(TLSError) {
            return if let file { try TLSTrust.file(file) } else { try TLSTrust.system() }
        } catch {
            throw UsageError(file == nil ? error.description : "--ca: \(error)")
        }
    }

    private static func rate(_ text: String?) throws(UsageError) -> Rate {
        guard let text else { return .standard }
        guard let rate = Rate(text == "max" ? .string(text) : .number(text)) else {
            throw UsageError("--rate \(text): a number from 0.1 to 1000, or max")
        }
        return rate
    }
}
