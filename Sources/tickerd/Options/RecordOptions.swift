// What is recorded, and where.
import Basics
import Journal

extension Configuration {
    /// What `--record` asks for.
    struct Recording: Equatable {
        var folder: String
        var segmentBytes = JournalWriter.segmentBytesStandard
        var sync = Recorder.Sync.none
    }

    static let recordOptions = Group(
        title: "Recording",
        options: [
            Option("record", "DIR", "record what is served into a journal in this folder (default none)"),
            Option(
                "record-segment", "SIZE",
                "begin a new file after so many bytes, with a suffix K, M or G; 1M to 1024G (default 1G)"),
            Option(
                "record-sync", "none|second",
                "leave it to the system when the disk is written, or wait for it once a second (default none)"
            ),
        ])

    mutating func takeRecording(_ arguments: Arguments) throws(UsageError) {
        guard let folder = arguments["record"] else {
            for name in ["record-segment", "record-sync"] where arguments.has(name) {
                throw UsageError("--\(name) goes with --record DIR")
            }
            return
        }
        guard !folder.isEmpty else { throw UsageError("--record: the name of a folder") }
        var recording = Recording(folder: folder)
        if let text = arguments["record-segment"] {
            guard let bytes = Configuration.number(text, suffixes: true),
                (JournalWriter.segmentBytesMin...1 << 40).contains(UInt64(bytes))
            else { throw UsageError("--record-segment \(text): from 1M to 1024G") }
            recording.segmentBytes = UInt64(bytes)
        }
        if let text = arguments["record-sync"] {
            guard let sync = Recorder.Sync(rawValue: text) else {
                throw UsageError("--record-sync \(text): none or second")
            }
            recording.sync = sync
        }
        self.recording = recording
    }
}
