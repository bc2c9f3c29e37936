// The loops of a server: one thread each, and one port for all.
//
//     listener → loop 0 ─ reception ─→ the loop with the fewest connections, which keeps it
//     tape → each loop's own reader, view and subscribers
//
// Loops share the reception, the turnstile and the noticeboard, and nothing else. A single loop accepts for itself,
// and is neither rung for a connection nor has another thread beside it.
import Basics
import Market
import Synchronization
import Wire

/// A loop's own reader and the bell that wakes it. All of a tape's are made before its writer.
public struct LoopEnd {
    let bell: Doorbell
    let reader: TapeReader

    /// - Throws: `SystemError` when the process is out of descriptors.
    public init(of tape: Tape) throws(SystemError) {
        bell = try Doorbell()
        reader = tape.makeReader(bell: bell)
    }
}

/// Threads that serve one listener from one tape; usable from any thread.
public struct FanOutLoops: Sendable {
    let loops: [FanOutLoop]
    let board: Noticeboard
    let turnstile: Turnstile
    /// Rings when the last loop has ended.
    public let ending: Doorbell
    private let running: Running

    /// - Parameters:
    ///   - options: `limits.connections` is for all loops together; each has room for its share.
    ///   - ends: as many as there shall be loops.
    ///   - tls: for all connections; nil leaves them plain.
    /// - Throws: `SystemError` when epoll or its descriptors are not to be had.
    public init(
        options: ServerOptions, listener: Listener, ends: [LoopEnd], tls: TLSContext? = nil
    ) throws(SystemError) {
        let reception = Reception(connectionsMax: options.limits.connections, bells: ends.map(\.bell))
        board = Noticeboard(loops: ends.count)
        ending = try Doorbell()
        running = Running(loops: ends.count)
        let memory = ResidentMemory()
        let entries = max(options.limits.limitTableEntries, 3 * options.limits.connections)
        turnstile = Turnstile(entries: entries) { memory.bytes() }
        var options = options
        options.limits.connections = reception.share
        var loops: [FanOutLoop] = []
        for (index, end) in ends.enumerated() {
            let reactor = try Reactor(
                listener: index == 0 ? listener : nil, reception: reception, loop: index, tls: tls)
            loops.append(
                FanOutLoop(
                    options: options, reactor: reactor, end: end,
                    place: LoopPlace(index: index, board: board, turnstile: turnstile)))
        }
        self.loops = loops
    }

    /// Starts a thread for each loop, to be joined after `stop`.
    @discardableResult
    public func start() throws(SystemError) -> [Thread] {
        var threads: [Thread] = []
        for (index, loop) in loops.enumerated() {
            threads.append(
                try Thread("loop \(index)") { [running, ending] in
                    loop.run()
                    if running.oneEnded() { ending.ring() }
                })
        }
        return threads
    }

    /// Has every loop change its options, from any thread. What was decided by the old ones stays decided.
    ///
    /// - Parameter change: `limits.connections` is the loop's share, and stays as it is.
    public func reload(_ change: @escaping @Sendable (inout ServerOptions) -> Void) {
        for loop in loops {
            loop.perform { shard, now in
                let verifier = shard.options.verifier
                let connections = shard.options.limits.connections
                change(&shard.options)
                shard.options.limits.connections = connections
                shard.withdrawGrants(takenBy: verifier, now)
            }
        }
    }

    /// Asks all loops to send their clients away and to end, from any thread. They do it side by side.
    ///
    /// - Parameter drain: by when the last client is told; a second more for those that read slowly.
    public func stop(drain: Nanoseconds) {
        running.stop()
        for loop in loops { loop.stop(drain: drain) }
    }

    /// Asks all loops to end at once, whatever they were about to say.
    public func abort() { for loop in loops { loop.abort() } }

    var count: Int { loops.count }
    /// They were asked to stop.
    var areStopping: Bool { running.isStopping }
    /// Every loop that was started has ended.
    public var haveEnded: Bool { running.count == 0 }
}

/// How many loops have not ended yet, and whether they are to.
private final class Running: Sendable {
    private let loops: Atomic<Int>
    private let stopping = Atomic<Bool>(false)
    init(loops: Int) { self.loops = Atomic(loops) }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    func stop() { stopping.store(true, ordering: .releasing) }

    var count: Int { loops.load(ordering: .acquiring) }
    /// True for the last one.
    func oneEnded() -> Bool {
        loops.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }
}
