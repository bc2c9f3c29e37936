// Where commands for the replay wait until ingest's next turn takes them.
//
// Invariants
//   - A command is refused at once or applied by ingest, on its own thread, between two turns.
import Basics
import Market
import Synchronization

/// Given to the admin port; any thread may use it.
public final class IngestControl: ReplayControl {
    private let state: IngestState
    private let isSeekable: Bool
    private let canPace: Bool
    private let waiting = Mutex<[ReplayCommand]>([])
    private let asked = Atomic<UInt64>(0)
    private let done = Atomic<UInt64>(0)

    /// - Parameter canPace: false for a market made as the clock goes: it has no pace but that.
    init(_ state: IngestState, isSeekable: Bool, canPace: Bool) {
        self.state = state
        self.isSeekable = isSeekable
        self.canPace = canPace
    }

    private static let patience = Nanoseconds.milliseconds(800)
    private static let commandsMax = 64

    public func take(_ command: ReplayCommand) -> ReplayAnswer {
        let (answer, ticket) = ask(command)
        let end = Moment.read().instant + IngestControl.patience
        while let ticket, done.load(ordering: .acquiring) < ticket, Moment.read().instant < end {
            Thread.sleep(.milliseconds(1))
        }
        return answer
    }

    public func leave(_ command: ReplayCommand) -> ReplayAnswer { ask(command).answer }

    /// Leaves a command for ingest's next turn.
    ///
    /// - Returns: the answer, and how many commands are done when this one is; nil for one that was refused.
    func ask(_ command: ReplayCommand) -> (answer: ReplayAnswer, ticket: UInt64?) {
        if case .seek = command, !isSeekable {
            return (.refused("not seekable: what is past is not kept"), nil)
        }
        guard canPace else {
            return (.refused("the market is made as the clock goes: nothing can be changed"), nil)
        }
        let ticket: UInt64? = waiting.withLock { commands in
            guard commands.count < IngestControl.commandsMax else { return nil }
            commands.append(command)
            return asked.add(1, ordering: .relaxed).newValue
        }
        return (ticket == nil ? .refused("too many commands wait") : .accepted, ticket)
    }

    public func report() -> ReplayReport {
        var report = state.replay
        report.isSeekable = isSeekable
        return report
    }

    /// What came since the last turn. Costs an atomic load where nothing did.
    func takeCommands() -> [ReplayCommand] {
        guard asked.load(ordering: .relaxed) != done.load(ordering: .relaxed) else { return [] }
        return waiting.withLock { commands in
            defer { commands = [] }
            return commands
        }
    }

    /// That many are applied.
    func applied(_ count: Int) { done.add(UInt64(count), ordering: .releasing) }
}
