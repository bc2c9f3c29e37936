// `tickerd journal info`: a paragraph a segment, or JSON.
import Basics
import Journal
import Market

enum JournalInfo {
    static func run(_ journal: JournalPlace, _ path: String, asJSON: Bool) throws(JournalError) -> Int32 {
        let names = try journal.segments()
        var surveys: [SegmentSurvey] = [], progress = JournalProgress("info", of: UInt64(names.count))
        for name in names {
            surveys.append(try SegmentSurvey(name, in: journal.folder))
            progress.show(UInt64(surveys.count))
        }
        progress.clear()
        if asJSON {
            Console.write(json(path, surveys) + "\n")
        } else {
            for survey in surveys { Console.write(text(survey)) }
            if surveys.count > 1 { Console.write(total(path, surveys)) }
        }
        return 0
    }

    // MARK: Text

    private static func text(_ survey: SegmentSurvey) -> String {
        let index = survey.indexed.map { $0 == survey.snapshots ? "" : ", \($0) of them in the index" }
        var lines = [
            "\(survey.name)  \(Progress.bytes(survey.bytes)), \(told(survey.ticks, "tick")) in "
                + "\(told(survey.records, "record")), \(told(survey.snapshots, "snapshot"))\(index ?? ", no index")"
        ]
        if let header = survey.header {
            lines.append("source   \(printable(header.source))")
            lines.append(
                "clock    \(header.clock.name), epoch \(epochs(survey)), version \(JournalFormat.version), "
                    + "run \(String(header.run, radix: 16)) from position \(header.position)")
            lines.append(
                "created  \(header.created.utc)" + (survey.written.map { ", written to \($0.utc)" } ?? ""))
        }
        if let first = survey.first, let reached = survey.reached {
            lines.append("times    \(first.utc) to \(reached.utc)")
        }
        lines.append("symbols  \(survey.symbols)")
        if survey.lossCount > 0 {
            lines.append("losses   \(survey.lossCount), at most \(survey.lostTicks) ticks")
            for loss in survey.losses { lines.append("         " + text(loss)) }
        }
        lines.append("end      \(survey.ending.text)")
        return lines.joined(separator: "\n  ") + "\n"
    }

    private static func epochs(_ survey: SegmentSurvey) -> String {
        let (first, last) = survey.epochs
        return first == last ? "\(first)" : "\(first) to \(last)"
    }

    static func text(_ loss: LossNote) -> String {
        let cause = loss.code == 0 ? "" : " (\(SystemError("", code: loss.code).reason))"
        return "\(loss.reason.name)\(cause), at most \(loss.ticks) ticks, \(loss.from.utc) to \(loss.to.utc)"
    }

    private static func total(_ path: String, _ surveys: [SegmentSurvey]) -> String {
        let bytes = surveys.reduce(0) { $0 + $1.bytes }, ticks = surveys.reduce(0) { $0 + $1.ticks }
        let losses = surveys.reduce(0) { $0 + $1.lossCount }
        let runs = Set(surveys.compactMap(\.header?.run)).count
        return
            "\(printable(path)): \(told(surveys.count, "segment")) of \(told(runs, "run")), \(Progress.bytes(bytes)), "
            + "\(told(ticks, "tick")), \(told(losses, "loss", "losses"))\n"
    }

    /// Words out of a file, without what would speak to a terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? "?" : $0 }))
    }

    // MARK: JSON

    private static func json(_ path: String, _ surveys: [SegmentSurvey]) -> String {
        JSONText.object { json in
            json.member("journal", path)
            json.member("bytes", surveys.reduce(0) { $0 + $1.bytes })
            json.member("ticks", surveys.reduce(0) { $0 + $1.ticks })
            json.member("losses", surveys.reduce(0) { $0 + $1.lossCount })
            json.member("segments", .array(surveys.map { survey in .object { add(survey, to: &$0) } }))
        }.text
    }

    /// Times are nanoseconds since 1970, as everywhere; what is not known is not there.
    private static func add(_ survey: SegmentSurvey, to json: inout JSONText) {
        json.member("file", survey.name)
        json.member("bytes", survey.bytes)
        if let header = survey.header {
            json.member("version", JournalFormat.version)
            json.member("source", header.source)
            json.member("clock", header.clock.name)
            json.member("run", String(header.run, radix: 16))
            json.member("position", header.position)
            json.member("created", header.created.raw)
            json.member("epoch", survey.epochs.first)
            json.member("last_epoch", survey.epochs.last)
        }
        if let written = survey.written { json.member("written", written.raw) }
        if let first = survey.first { json.member("first", first.raw) }
        if survey.first != nil, let reached = survey.reached { json.member("last", reached.raw) }
        json.member("symbols", survey.symbols)
        json.member("ticks", survey.ticks)
        json.member("records", survey.records)
        json.member("snapshots", survey.snapshots)
        if let indexed = survey.indexed { json.member("indexed", indexed) }
        json.member("losses", survey.lossCount)
        json.member("lost_ticks", survey.lostTicks)
        json.member("end", survey.ending.word)
        if case .cut(let offset, let bytes) = survey.ending {
            json.member("cut_at", offset)
            json.member("cut_bytes", bytes)
        }
        if case .damaged(let offset, let flaw) = survey.ending {
            json.member("damaged_at", offset)
            json.member("damage", flaw.description)
        }
    }
}

extension SegmentSurvey.Ending {
    fileprivate var word: String {
        switch self {
        case .closed: "closed"
        case .full: "full"
        case .open: "open"
        case .cut: "cut"
        case .damaged: "damaged"
        }
    }

    fileprivate var text: String {
        switch self {
        case .closed: "closed in order"
        case .full: "full, it goes on in the next segment"
        case .open: "none: its recorder was killed behind the last record, or is still writing"
        case .cut(let offset, let bytes):
            "cut at offset \(offset): \(bytes) bytes of something that is not whole"
        case .damaged(let offset, let flaw): "damaged at offset \(offset): \(flaw); more by journal verify"
        }
    }
}
