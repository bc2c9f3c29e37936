// `tickerd journal cut`: a part of a journal becomes one of its own.
import Basics
import CLinux
import Journal

enum JournalCutting {
    static func run(
        _ journal: JournalPlace, _ range: JournalRange, _ out: String
    ) throws(JournalError) -> Int32 {
        let bounds = try range.bounds(in: journal)
        let slice = try JournalSlice(journal, bounds)
        guard try slice.hasBeginning() else {
            Tickerd.complain(
                "\(journal.folder.path): no event is as late as --from says; nothing was written")
            return 1
        }
        let folder: DiskFolder
        do throws(SystemError) {
            folder = try emptyFolder(out)
        } catch {
            let why = error.code == ENOTEMPTY ? "is not empty, and nothing is overwritten" : error.reason
            Tickerd.complain("--out \(out): \(why)")
            return 1
        }
        let cut = JournalCut(slice, into: folder)
        var progress = JournalProgress("cut", of: slice.bytesTotal)
        do throws(JournalError) {
            while try cut.step() { progress.show(slice.bytesRead) }
        } catch {
            progress.clear()
            Tickerd.complain("\(error); what is in \(out) is not all that was to be there")
            return 1
        }
        progress.clear()
        for found in cut.breaks { Tickerd.complain("\(found)") }
        let counts = cut.counts
        Console.write(
            "\(out): \(told(counts.ticks, "tick")), \(Progress.bytes(counts.bytes)) in "
                + "\(told(counts.segments, "segment")), \(told(counts.losses, "loss", "losses"))\n")
        return cut.breaks.isEmpty ? 0 : 1
    }

    private static func emptyFolder(_ path: String) throws(SystemError) -> DiskFolder {
        let folder = try DiskFolder.make(path)
        guard try folder.names().allSatisfy({ $0 == "." || $0 == ".." }) else {
            throw SystemError("mkdir", code: ENOTEMPTY)
        }
        return folder
    }
}
