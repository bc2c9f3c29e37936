// What loops let each other see: each pins a copy of its figures to the board now and then, and the
// one that is asked for `/metrics` adds them up.
//
// Invariants
//   - A loop pins every 100 ms, and sleeps longer only when its last turn has pinned. So what another
//     loop reads is 100 ms and a turn old at most.
//   - This is the only lock a turn may take: ten times a second, held for a copy of a kilobyte.
import Basics
import Market
import Synchronization
import Wire

/// One loop's figures, or the sum of several. Nothing but `UInt64`s, as in `Counters`.
struct Figures: BitwiseCopyable {
    var counters = Counters()
    var connections: UInt64 = 0
    private var transports = InlineArray<8, UInt64>(repeating: 0)
    var subscriptions: UInt64 = 0
    /// Each loop has all symbols: these are not to be summed.
    var symbols: UInt64 = 0
    /// By the feed state's raw value.
    var feeds = InlineArray<4, UInt64>(repeating: 0)
    /// Each loop sees all of them: not to be summed either.
    var epochsBegun: UInt64 = 0
    var encodes: UInt64 = 0
    var ticksRead: UInt64 = 0
    var laps: UInt64 = 0
    var ticksLost: UInt64 = 0
    /// Who was turned away is counted by the loop that accepts.
    var network = NetworkCounters()

    /// Symbols whose feed is stale or suspect.
    var doubtful: UInt64 {
        feeds[Int(FeedState.stale.rawValue)] + feeds[Int(FeedState.suspect.rawValue)]
    }

    func count(on transport: Transport) -> UInt64 { transports[Int(transport.rawValue)] }
    mutating func set(_ count: Int, on transport: Transport) {
        transports[Int(transport.rawValue)] = UInt64(count)
    }

    static func += (sum: inout Figures, other: Figures) {
        withUnsafeMutableBytes(of: &sum) { sum in
            withUnsafeBytes(of: other) { other in
                for at in stride(from: 0, to: sum.count, by: 8) {
                    let word = other.load(fromByteOffset: at, as: UInt64.self)
                    sum.storeBytes(
                        of: sum.load(fromByteOffset: at, as: UInt64.self) &+ word, toByteOffset: at,
                        as: UInt64.self)
                }
            }
        }
    }
}

/// Which of a server's loops one is.
struct LoopPlace: Sendable {
    let index: Int
    let board: Noticeboard
    var turnstile = Turnstile()

    /// A loop that has no others.
    static var alone: LoopPlace { LoopPlace(index: 0, board: Noticeboard(loops: 1)) }

    /// The loop's nth of something, numbered so that no other loop has the same.
    func unique(_ n: UInt64) -> UInt64 {
        (n - 1) * UInt64(board.loops) + UInt64(index) + 1
    }
}

final class Noticeboard: Sendable {
    static let interval = Nanoseconds.milliseconds(100)

    let loops: Int
    private let figures: Mutex<[Figures]>

    init(loops: Int) {
        self.loops = loops
        figures = Mutex(Array(repeating: Figures(), count: loops))
    }

    func pin(_ one: Figures, loop: Int) { figures.withLock { $0[loop] = one } }

    /// The figures of all loops, as they were pinned last.
    func read() -> [Figures] { figures.withLock { $0 } }
}

/// What the process's main thread looks at now and then.
public struct LoopsOverview: Equatable, Sendable {
    /// Connections now; what follows counts since the start.
    public var connections: UInt64 = 0
    /// Connections closed for being too many.
    public var refused: UInt64 = 0
    /// Connections for which the process had no descriptor.
    public var refusedDescriptors: UInt64 = 0
    /// Other failures of `accept`.
    public var acceptErrors: UInt64 = 0
    /// Times that the tape lapped a loop.
    public var laps: UInt64 = 0
    /// Memory keeps new clients out, as when the last one came.
    public var isMemoryTight = false
    public init() {}
}

extension FanOutLoops {
    /// 100 ms and a turn old at most.
    public var overview: LoopsOverview {
        var overview = LoopsOverview()
        for figures in board.read() {
            overview.connections += figures.connections
            overview.refused += figures.network.refused
            overview.refusedDescriptors += figures.network.refusedDescriptors
            overview.acceptErrors += figures.network.acceptErrors
            overview.laps += figures.laps
        }
        overview.isMemoryTight = turnstile.isMemoryTight
        return overview
    }
}

extension Shard {
    var figures: Figures {
        var figures = Figures()
        figures.counters = counters
        figures.connections = UInt64(connectionCount)
        for transport in Transport.allCases { figures.set(count(on: transport), on: transport) }
        figures.subscriptions = UInt64(slotCount)
        figures.symbols = UInt64(view.directory.count)
        for state in FeedState.allCases {
            figures.feeds[Int(state.rawValue)] = UInt64(view.feeds[Int(state.rawValue)])
        }
        figures.epochsBegun = view.epochsBegun
        figures.encodes = arena.encodes
        figures.ticksRead = view.ticks
        figures.laps = view.laps
        figures.ticksLost = view.ticksLost
        figures.network = network.counters
        return figures
    }

    /// Pins the figures if it is time to.
    ///
    /// - Returns: when to come again even if nothing happens; `.never` once all is on the board.
    mutating func pinFigures(_ now: Instant) -> Instant {
        guard now >= figuresDue else { return figuresDue }
        place.board.pin(figures, loop: place.index)
        figuresDue = now + Noticeboard.interval
        return .never
    }
}
