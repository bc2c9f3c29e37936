// From an engine onto a tape: the ticks of the symbols that somebody here wants, as they were numbered.
//
//     idle ──wanted──▶ due ──▶ fetching ──picture──▶ live        what comes while it is not live is kept
//       ▲               ▲                              │
//       └─ 30 s unwanted└──── a hole, a new life ──────┘
//
// Invariants
//   - Correct by pictures and flushes alone: whatever the engine loses, repeats or reorders, a symbol that
//     is live has all of its ticks once, or is told anew, and readers are told that something was missing.
//   - Where a picture's frames lead on from what is known nothing is lost; else the state is put in place.
//   - `told` moves on where heads say what changed and all of it has come: a cursor never promises more.
//   - What waits is bounded, for each symbol and in all. It never waits for who reads the tape.
//   - No clock and no sleeping in here: the caller passes `now`, and waits until the answer.
import Basics
import Market

public final class Follower {
    public let board: ReportBoard
    /// What is to go onto the tape, in order; symbols as they are numbered there, in the order of their
    /// `.symbol` ticks. The caller takes them and calls `clear`.
    public internal(set) var ticks: [Tick] = []

    public let engine: any FollowingEngine
    let interest: Interest
    let wanted: Set<SymbolName>?
    let log: Log
    var random: SeededGenerator

    var symbols: [Followed] = []
    var ids: [SymbolName: Int] = [:]
    /// The symbol here, by the publisher's number; -1: not wanted.
    var numbers: [Int32] = []

    var life: Life?
    var heardAt = Instant.zero
    /// The last heads' flush; nil: none came in this life.
    var lastFlush: UInt64?
    /// What the publisher has told completely, and up to where all of it has come here.
    var newestTold: UInt64 = 0
    var told: UInt64 = 0
    /// Symbols that heads named and nothing came of, yet.
    var owed: [Owed] = []
    /// Symbols that are behind.
    var behind = 0

    var due: [Int] = []
    var fetching = 0
    /// Answers may be more than an engine lets wait for one reader: fewer at once, where that ended in a cut.
    var fetchesAllowed = Follower.fetchesMax
    var keptBytes = 0
    var letGo: [Int] = []
    var interestSeen = UInt64.max
    var scanDue = Instant.zero
    var directoryDue = Instant.never
    var directoryAsked = Instant(raw: .min / 2)
    var isAskingDirectory = false

    var disconnectedAt: Instant?
    var startedAt: Instant?
    var fault: String?
    var isSilent = false
    var clock: UInt8?
    var source: String?
    var counts = Counts()
    var reportDue = Instant.zero
    /// Kept, so that a batch allocates nothing.
    var batch: [Tick] = []

    struct Owed {
        let symbol: Int
        let flush: UInt64
        let since: Instant
    }

    struct Counts {
        var batches: UInt64 = 0
        var ticks: UInt64 = 0
        var joins: UInt64 = 0
        var gaps: UInt64 = 0
        var mended: UInt64 = 0
        var restated: UInt64 = 0
        var headsLost: UInt64 = 0
        var duplicates: UInt64 = 0
        var strays: UInt64 = 0
        var flaws: UInt64 = 0
        var overflows: UInt64 = 0
        var refetches: UInt64 = 0
        var lives: UInt64 = 0
    }

    /// How long a symbol is followed behind its last reader.
    static let linger = Nanoseconds.seconds(30)
    static let fetchesMax = 64
    /// Bytes kept of one symbol that is not live, and of all.
    static let keptOfSymbolMax = 1 << 18
    static let keptMax = 64 << 20
    /// How late a symbol's frame may be behind the heads that name it.
    static let owedMax = Nanoseconds.milliseconds(250)
    /// Without a connection for so long what is known is suspect.
    static let patience = Nanoseconds.milliseconds(500)
    /// Without heads for so long nobody publishes.
    static let silenceMax = Nanoseconds.seconds(2)
    /// A life that was not heard of for so long may be followed by one of an earlier clock.
    static let lifeMax = Nanoseconds.seconds(5)
    static let directoryInterval = Nanoseconds.milliseconds(250)
    static let scanInterval = Nanoseconds.milliseconds(2)
    static let rescanInterval = Nanoseconds.seconds(1)

    /// - Parameters:
    ///   - interest: which symbols, by their numbers here, are read.
    ///   - wanted: others are never defined; nil takes all.
    public init(
        _ engine: any FollowingEngine, interest: Interest, wanted: Set<SymbolName>? = nil, seed: UInt64 = 1,
        log: Log
    ) {
        self.engine = engine
        self.interest = interest
        self.wanted = wanted
        self.log = log
        random = SeededGenerator(seed: seed)
        board = ReportBoard(BackplaneReport(role: "follow", engine: engine.description))
    }

    /// Takes what the engine has, and asks it for what is wanted.
    ///
    /// - Returns: when to call again.
    public func turn(now: Moment) -> Instant {
        if startedAt == nil { startedAt = now.instant }
        var wake = engine.turn(now: now) { hear($0, now) }
        lookAround(now)
        if engine.wantsWrite || !due.isEmpty { wake = min(wake, engine.turn(now: now) { hear($0, now) }) }
        report(now)
        return max(now.instant, min(wake, next(now.instant)))
    }

    public func clear() { ticks.removeAll(keepingCapacity: true) }

    func next(_ now: Instant) -> Instant {
        var next = now + .milliseconds(20)
        if interest.changes != interestSeen { next = min(next, scanDue) }
        return next
    }

    func lookAround(_ now: Moment) {
        scanInterest(now.instant)
        letGoOfSome(now)
        checkOwed(now)
        checkSilence(now)
        fetchDue(now.instant)
        if engine.isConnected, now.instant >= directoryDue, !isAskingDirectory {
            isAskingDirectory = true
            directoryAsked = now.instant
            directoryDue = .never
            engine.fetchDirectory()
        }
        moveTold(now)
    }

    // MARK: Interest

    func scanInterest(_ now: Instant) {
        let changes = interest.changes
        guard now >= scanDue, changes != interestSeen || now >= scanDue + Follower.rescanInterval else {
            return
        }
        interestSeen = changes
        scanDue = now + Follower.scanInterval
        var new: [SymbolName] = []
        for index in symbols.indices {
            if interest.take(SymbolID(index)) {
                symbols[index].letGoAt = nil
                guard !symbols[index].isWanted else { continue }
                new.append(symbols[index].name)
                ask(index, at: now)
            } else if symbols[index].isWanted, symbols[index].letGoAt == nil {
                symbols[index].letGoAt = now + Follower.linger
                letGo.append(index)
            }
        }
        if engine.isConnected, !new.isEmpty { engine.follow(new) }
    }

    func letGoOfSome(_ now: Moment) {
        guard !letGo.isEmpty else { return }
        var gone: [SymbolName] = []
        letGo.removeAll { index in
            guard let end = symbols[index].letGoAt else { return true }
            guard now.instant >= end else { return false }
            gone.append(symbols[index].name)
            drop(index, now)
            return true
        }
        if engine.isConnected, !gone.isEmpty { engine.unfollow(gone) }
    }

    func drop(_ index: Int, _ now: Moment) {
        if symbols[index].isBehind { behind -= 1 }
        owed.removeAll { $0.symbol == index }
        keptBytes -= symbols[index].keptBytes
        let wasTold = symbols[index].isKnown || symbols[index].isSuspect
        symbols[index].forget()
        symbols[index].phase = .idle
        symbols[index].letGoAt = nil
        if wasTold { unknow(index, now) }
    }

    /// Readers here know nothing of the symbol any more.
    func unknow(_ index: Int, _ now: Moment) {
        out(.resync(SymbolID(index), forgets: true, flags: .endOfEvent, at: now.wall, received: now.wall))
    }

    // MARK: Fetching

    func ask(_ index: Int, at time: Instant) {
        symbols[index].phase = .due(time)
        symbols[index].picture = []
        due.append(index)
    }

    /// An answer has come, wanted or not.
    ///
    /// - Returns: whether it is wanted.
    func answered(_ index: Int) -> Bool {
        guard symbols[index].isAsked else { return false }
        symbols[index].isAsked = false
        fetching -= 1
        fetchesAllowed = min(fetchesAllowed + 1, Follower.fetchesMax)
        return symbols[index].phase == .fetching
    }

    func fetchDue(_ now: Instant) {
        // What is stored may be of a publisher that is gone: one that lives is heard first.
        guard engine.isConnected, lastFlush != nil, !due.isEmpty else { return }
        var later: [Int] = []
        for index in due {
            guard case .due(let time) = symbols[index].phase else { continue }
            guard fetching < fetchesAllowed, time <= now, !symbols[index].isAsked else {
                later.append(index)
                continue
            }
            symbols[index].phase = .fetching
            symbols[index].isAsked = true
            fetching += 1
            engine.fetch(symbols[index].name)
        }
        due = later
    }

    /// What came was of no use. Longer and longer, and not all at once.
    func retry(_ index: Int, _ now: Moment) {
        counts.refetches += 1
        if symbols[index].attempts > 1 { engine.complain(of: symbols[index].name) }
        ask(index, at: now.instant + pause(index))
    }

    func pause(_ index: Int) -> Nanoseconds {
        symbols[index].attempts += 1
        let span = Int64(10_000_000) << Int64(min(symbols[index].attempts, 7))
        return Nanoseconds(raw: Int64.random(in: span / 2...span, using: &random))
    }

    /// Cursors wait for a symbol that was live.
    func fallBehind(_ index: Int) {
        guard symbols[index].phase == .live, !symbols[index].isBehind else { return }
        symbols[index].isBehind = true
        behind += 1
    }

    /// Something of a symbol is missing, or may be.
    func rejoin(_ index: Int, isGap: Bool, _ now: Moment) {
        guard symbols[index].phase == .live else { return }
        fallBehind(index)
        if isGap {
            counts.gaps += 1
            suspect(index, now)
        }
        ask(index, at: symbols[index].attempts == 0 ? now.instant : now.instant + pause(index))
    }
}
