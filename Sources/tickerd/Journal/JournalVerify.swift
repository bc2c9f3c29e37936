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
        let verdict = counts.faults == 0 ? "whole" : told(counts.faults, "fault")
        Console.write(
            "\(path): \(verdict): \(told(counts.segments, "segment")), \(told(counts.records, "record")), "
                + "\(told(counts.ticks, "tick")), \(told(counts.snapshots, "snapshot")), "
                + "\(told(counts.losses, "loss", "losses")); \(progress.summary)\n")
        return counts.faults == 0 ? 0 : 1
    }

    private static func tell(_ faults: [JournalFault], _ progress: inout JournalProgress) {
        guard !faults.isEmpty else { return }
        progress.clear()
        for fault in faults { Console.write("\(fault)\n") }
    }
}
