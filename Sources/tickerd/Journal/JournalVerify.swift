// `tickerd journal verify`: reads all of a journal, and says a line for each fault.
import Basics
import Journal

enum JournalVerify {
    static func run(_ journal: JournalPlace, _ path: String) throws(JournalError) -> Int32 {
        let audit = try JournalAudit(journal)
        var progress = JournalProgress("verify", of: audit.bytesTotal)
        while try audit.step() {
            tell(audit.takeFaults(), &progress)
            progress.show(audit.bytesRead)
        }
        tell(audit.takeFaults(), &progress)
        progress.show(audit.bytesRead)
        progress.clear()
        for name in audit.unended {
            Console.write(
                "\(name): has no end: its recorder was killed behind the last record, or is still writing\n")
        }
        let counts = audit.counts
        let verdict =
            counts.faults == 0 ? "whole" : counts.faults == 1 ? "1 fault" : "\(counts.faults) faults"
        Console.write(
            "\(path): \(verdict): \(counts.segments) segments, \(counts.records) records, \(counts.ticks) ticks, "
                + "\(counts.snapshots) snapshots, \(counts.losses) losses; \(progress.summary)\n")
        return counts.faults == 0 ? 0 : 1
    }

    private static func tell(_ faults: [JournalFault], _ progress: inout JournalProgress) {
        guard !faults.isEmpty else { return }
        progress.clear()
        for fault in faults { Console.write("\(fault)\n") }
    }
}
