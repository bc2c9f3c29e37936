// The server's door: reads the command line, puts the rooms together, waits for the end.
import Basics
import CLinux
import FanOut
import TickerFeed
import Wire

@main
struct Tickerd {
    static let help = """
        tickerd [options]         serve market data on one port, to many, each at its own rate
        tickerd digest FILE       counts, anomalies, final books and hashes of a recording, as JSON
                                  (--date, --symbol, --book as below)
        tickerd journal COMMAND   what --record wrote: info, verify, cut, export; tickerd journal --help

        \(Configuration.help)
        SIGTERM and ^C say goodbye and end, a second one ends at once; SIGHUP reads the configuration again.
        Exit status: 0 ended by SIGTERM or ^C, 1 could not start, or ended by a second one, 2 wrong usage.

        """

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do throws(UsageError) {
            if words.first == "journal" { exit(try JournalCommand.run(Array(words.dropFirst()))) }
            let arguments = try Arguments(words, options: Configuration.options)
            exit(try run(arguments))
        } catch {
            complain(error.description)
            exit(2)
        }
    }

    private static func run(_ arguments: Arguments) throws(UsageError) -> Int32 {
        if arguments.has("help") { return say(help) }
        if arguments.has("version") { return say("tickerd \(Release.number)\n") }
        if arguments.operands.first == "digest" { return try digest(arguments) }
        if arguments.has("check-config") { return Check.run(arguments) }
        return serve(arguments)
    }

    private static func serve(_ line: Arguments) -> Int32 {
        let settings = Settings(line), log = Log.onto(Console.errors, clock: Moment.read)
        do {
            let (arguments, configuration) = try settings.read()
            log.change(level: configuration.logLevel, format: configuration.logFormat)
            return try Server(settings, arguments, configuration, log: log).run()
        } catch let wrong as ConfigurationFaults {
            for line in wrong.lines { complain(line) }
            return 2
        } catch {
            complain("\(error)")
            // What is wrong with what was asked for, and what was not to be had.
            return error is UsageError || error is TLSError ? 2 : 1
        }
    }

    private static func digest(_ arguments: Arguments) throws(UsageError) -> Int32 {
        guard arguments.operands.count == 2, let path = arguments.operands.last else {
            throw UsageError("digest wants one file: tickerd digest FILE")
        }
        do {
            let date = try arguments["date"].map(Configuration.date)
            let symbol = try arguments["symbol"].map { try Configuration.symbol($0, "symbol") }
            var options = FeedOptions(path: path, date: date, symbol: symbol)
            try options.readBook(arguments["book"])
            return say(try digest(options) + "\n")
        } catch let error as UsageError {
            throw error
        } catch {
            complain("\(error)")
            return 1
        }
    }

    /// With a bar while somebody waits for it.
    private static func digest(_ options: FeedOptions) throws(FeedError) -> String {
        let started = Moment.read().instant
        var progress = Progress("digest", of: nil, started: started)
        var painter = ProgressPainter(descriptor: Console.errors, started: started)
        defer { if let line = painter.finish() { Console.write(line, to: Console.errors) } }
        return try Digest.report(of: options) { report in
            progress.total = report.bytesTotal.map { UInt64($0) }
            progress.done = UInt64(report.bytesRead)
            if let text = painter.draw(progress, at: Moment.read().instant) {
                Console.write(text, to: Console.errors)
            }
        }
    }

    static func say(_ text: String) -> Int32 {
        Console.write(text)
        return 0
    }

    static func complain(_ text: String) { Console.write("tickerd: \(text)\n", to: Console.errors) }
}
