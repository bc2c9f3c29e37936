// `tickerd journal export`: ticks as lines of text, to be read by anybody and by `--feed -`.
import Basics
import Journal
import Market

enum JournalExport {
    static func run(
        _ journal: JournalPlace, _ range: JournalRange, _ format: PlainText.Format
    ) throws(JournalError) -> Int32 {
        let bounds = try range.bounds(in: journal)
        let slice = try JournalSlice(journal, bounds)
        var export = Export(slice, format, from: bounds.from)
        var progress = JournalProgress("export", of: slice.bytesTotal)
        while try export.step() {
            progress.show(slice.bytesRead)
            guard export.flush() else {
                // Nobody reads on, as behind `head`.
                progress.clear()
                return 0
            }
        }
        let isRead = export.flush()
        progress.clear()
        guard isRead else { return 0 }
        for (name, count) in export.unmapped { Tickerd.complain("not in the text: \(count) \(name)") }
        if export.losses > 0 {
            Tickerd.complain("\(export.losses) times something is missing; books are told anew behind it")
        }
        for found in export.breaks { Tickerd.complain("\(found)") }
        return export.breaks.isEmpty ? 0 : 1
    }
}

private struct Export: ~Copyable {
    private let slice: JournalSlice
    private var text: PlainText
    /// The highest event time so far: when a state is told.
    private var clock: Timestamp
    private(set) var losses = 0
    private(set) var breaks: [JournalBreak] = []
    var unmapped: [(name: String, count: UInt64)] { text.unmapped }

    init(_ slice: JournalSlice, _ format: PlainText.Format, from: Timestamp?) {
        self.slice = slice
        text = PlainText(format)
        clock = from ?? Timestamp(raw: .min)
    }

    /// False at the end.
    mutating func step() throws(JournalError) -> Bool {
        switch try slice.next() {
        case .state(_, let loss):
            if loss != nil { losses += 1 }
            text.take(slice.image, at: clock)
        case .ticks(let ticks, _):
            for tick in ticks { clock = max(clock, tick.eventTime) }
            text.take(ticks)
        case .broken(let found): breaks.append(found)
        case .end: return false
        }
        return true
    }

    /// False when nobody reads any more.
    mutating func flush() -> Bool {
        defer { text.text.removeAll() }
        return Console.write(text.text.readable)
    }
}
