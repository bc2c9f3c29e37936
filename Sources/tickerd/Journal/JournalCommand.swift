// `tickerd journal`: what was recorded, looked at, checked, cut and told as text.
import Basics
import CLinux
import Journal
import Market

enum JournalCommand: String, CaseIterable {
    case info, verify, cut, export

    static let help = """
        tickerd journal info [--json] JOURNAL      what each segment is, how far it goes, and how it ends
        tickerd journal verify JOURNAL             read all of it: checksums, numbers, snapshots; a line a fault
        tickerd journal cut JOURNAL --out DIR      write a part of it as a journal of its own
        tickerd journal export JOURNAL             ticks as text on standard output, for --feed - or for people

        JOURNAL is the folder that --record wrote, or one segment of it, NNNNNN.tfj. It may still be written.

        \(Arguments.help(options))
        Exit status: 0 done, and whole; 1 faults, or it could not be read or written; 2 wrong usage.

        """

    private static let jsonOption = Option("json", nil, "info: as JSON")
    private static let rangeOptions = [
        Option(
            "from", "TIME",
            "cut, export: begin here: 2020-01-30T14:30:00Z, nanoseconds since 1970, or +90s from the beginning"
        ),
        Option("to", "TIME", "cut, export: up to here, and not this time itself"),
        Option("symbols", "A,B,…", "cut, export: only these symbols; may repeat", mayRepeat: true),
    ]
    private static let outOption = Option("out", "DIR", "cut: a folder that is empty or is not there yet")
    private static let formatOption = Option(
        "format", "ndjson|csv", "export: how lines look (default ndjson)")
    private static let helpOption = Option("help", nil, "this text")

    static let options = [jsonOption] + rangeOptions + [outOption, formatOption, helpOption]

    /// Those that mean something to the command.
    private var options: [String] {
        let range = JournalCommand.rangeOptions.map(\.name)
        return switch self {
        case .info: ["json"]
        case .verify: []
        case .cut: range + ["out"]
        case .export: range + ["format"]
        }
    }

    /// - Parameter words: behind `journal`.
    /// - Returns: the exit status.
    static func run(_ words: [String]) throws(UsageError) -> Int32 {
        let arguments = try Arguments(words, options: options)
        if arguments.has("help") { return Tickerd.say(help) }
        guard let word = arguments.operands.first else {
            throw UsageError("journal: which command? info, verify, cut or export; --help tells them")
        }
        guard let command = JournalCommand(rawValue: word) else {
            throw UsageError("journal: unknown command \(word); there are info, verify, cut and export")
        }
        for option in options where arguments.has(option.name) && !command.options.contains(option.name) {
            throw UsageError("--\(option.name) means nothing to journal \(word)")
        }
        guard arguments.operands.count == 2, let path = arguments.operands.last else {
            throw UsageError("journal \(word) wants one journal: a folder, or a file that ends in .tfj")
        }
        return try command.run(path, arguments)
    }

    private func run(_ path: String, _ arguments: Arguments) throws(UsageError) -> Int32 {
        // Whoever reads what we write may go away: that ends the work, not the process.
        tf_ignore_broken_pipes()
        tf_ignore_size_limits()
        let range = try JournalRange(arguments)
        if self == .cut, arguments["out"]?.isEmpty ?? true {
            throw UsageError("journal cut wants --out DIR, a folder to write to")
        }
        let format = try JournalCommand.format(arguments["format"])
        do throws(JournalError) {
            let journal = try JournalPlace(path: path)
            switch self {
            case .info: return try JournalInfo.run(journal, path, asJSON: arguments.has("json"))
            case .verify: return try JournalVerify.run(journal, path)
            case .cut: return try JournalCutting.run(journal, range, arguments["out"] ?? "")
            case .export: return try JournalExport.run(journal, range, format)
            }
        } catch {
            Tickerd.complain(error.description)
            return 1
        }
    }

    private static func format(_ text: String?) throws(UsageError) -> PlainText.Format {
        guard let text else { return .ndjson }
        guard let format = PlainText.Format(rawValue: text) else {
            throw UsageError("--format \(text): ndjson or csv")
        }
        return format
    }
}

/// What part of a journal is meant.
struct JournalRange {
    private let from: ReplayTarget?
    private let to: ReplayTarget?
    private let symbols: Set<SymbolName>?

    init(_ arguments: Arguments) throws(UsageError) {
        from = try Configuration.target(arguments["from"], "from")
        to = try Configuration.target(arguments["to"], "to")
        symbols = try Configuration.symbols(arguments)
        if let from, let to, JournalRange.isEmpty(from, to) {
            throw UsageError("--from and --to: nothing lies between them")
        }
    }

    /// Known only of those that count from the same moment.
    private static func isEmpty(_ from: ReplayTarget, _ to: ReplayTarget) -> Bool {
        switch (from, to) {
        case (.time(let from), .time(let to)): to <= from
        case (.offset(let from), .offset(let to)): to <= from
        default: false
        }
    }

    /// Offsets count from the journal's first event.
    func bounds(in journal: JournalPlace) throws(JournalError) -> JournalSlice.Bounds {
        var start = Timestamp.zero
        if from?.isOffset == true || to?.isOffset == true {
            start = try JournalSlice.start(of: journal) ?? .zero
        }
        return JournalSlice.Bounds(
            from: from.map { $0.time(since: start) }, to: to.map { $0.time(since: start) }, symbols: symbols)
    }
}

extension ReplayTarget {
    fileprivate var isOffset: Bool {
        if case .offset = self { return true }
        return false
    }
}

/// How far the work has come, on standard error: a bar where that is a terminal, a line now and then elsewhere.
struct JournalProgress {
    private var progress: Progress
    private var painter: ProgressPainter

    init(_ title: String, of total: UInt64) {
        let now = Moment.read().instant
        progress = Progress(title, of: total, started: now)
        painter = ProgressPainter(descriptor: Console.errors, started: now)
    }

    mutating func show(_ done: UInt64) {
        progress.done = done
        if let text = painter.draw(progress, at: Moment.read().instant) {
            Console.write(text, to: Console.errors)
        }
    }

    /// Before something else is written, and at the end.
    mutating func clear() {
        if let text = painter.finish() { Console.write(text, to: Console.errors) }
    }

    /// `1.2 GB in 0:03, 400 MB/s`
    var summary: String { progress.summary(at: Moment.read().instant) }
}

/// `1 segment`, `2 segments`.
func told(_ count: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
    "\(count) \(count == 1 ? one : many ?? one + "s")"
}
