// The recorder on a thread of its own, as the server runs it.
import Basics
import CLinux
import Journal
import Market
import Synchronization

/// Turns, and sleeps between them until the tape has a record's worth or time is up.
final class RecorderThread: @unchecked Sendable {
    private let recorder: Recorder
    private let state: RecorderState
    private let bell: Doorbell
    private let folder: String
    private let stopping = Atomic<Bool>(false)
    private var thread: Thread?

    /// Before the tape's writer is made, as all readers of it.
    init(_ tape: Tape, _ writer: JournalWriter, _ recording: Configuration.Recording, log: Log) throws {
        bell = try Doorbell()
        folder = recording.folder
        recorder = Recorder(tape.makeReader(bell: bell), writer, sync: recording.sync, log: log)
        state = recorder.state
    }

    func start() throws {
        thread = try Thread("recorder") { [self] in run() }
    }

    private func run() {
        while !stopping.load(ordering: .acquiring) {
            let next = recorder.turn(now: Moment.read())
            let now = Moment.read().instant
            guard next > now, recorder.willSleep() else { continue }
            bell.wait(atMost: next - now)
            bell.silence()
        }
        recorder.close(now: Moment.read())
    }

    /// Writes what the tape still has, and closes the journal in order.
    func stop() {
        stopping.store(true, ordering: .releasing)
        bell.ring()
        thread?.join()
    }

    @Sendable
    func report() -> RecorderReport { state.report(folder) }
}

extension Configuration.Recording {
    /// What speaks against the folder, as far as one can tell without making it.
    var fault: UsageError? {
        do throws(SystemError) {
            _ = try DiskFolder(folder)
            return nil
        } catch {
            return error.code == ENOENT ? nil : UsageError("--record \(folder): \(error.reason)")
        }
    }

    /// Opens the folder, and mends what an earlier recorder left in it.
    func open(source: String, clock: FeedClock, epoch: UInt32) throws(UsageError) -> JournalWriter {
        var options = JournalWriter.Options(source: source, clock: clock, epoch: epoch)
        options.segmentBytes = segmentBytes
        do {
            return try JournalWriter(try DiskFolder.make(folder), options, now: Moment.read().wall)
        } catch let error as SystemError {
            throw UsageError("--record \(folder): \(error.reason)")
        } catch JournalError.system(_, let error) where error.call == "flock" {
            throw UsageError("--record \(folder): somebody else is recording there")
        } catch {
            throw UsageError("--record \(error)")
        }
    }
}
