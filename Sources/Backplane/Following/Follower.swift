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
    public private(set) var ticks: [Tick] = []

    public let engine: any FollowingEngine
    private let interest: Interest
    private let wanted: Set<SymbolName>?
    private let log: Log
    private var random: SeededGenerator

    private var symbols: [Followed] = []
    private var ids: [SymbolName: Int] = [:]
    /// The symbol here, by the publisher's number; -1: not wanted.
    private var numbers: [Int32] = []

    private var life: Life?
    private var heardAt = Instant.zero
    /// The last heads' flush; nil: none came in this life.
    private var lastFlush: UInt64?
    /// What the publisher has told completely, and up to where all of it has come here.
    private var newestTold: UInt64 = 0
    private var told: UInt64 = 0
    /// Symbols that heads named and nothing came of, yet.
    private var owed: [Owed] = []
    /// Symbols that are behind.
    private var behind = 0

    private var due: [Int] = []
    private var fetching = 0
    /// Answers may be more than an engine lets wait for one reader: fewer at once, where that ended in a cut.
    private var fetchesAllowed = Follower.fetchesMax
    private var keptBytes = 0
    private var letGo: [Int] = []
    private var interestSeen = UInt64.max
    private var scanDue = Instant.zero
    private var directoryDue = Instant.never
    private var directoryAsked = Instant(raw: .min / 2)
    private var isAskingDirectory = false

    private var disconnectedAt: Instant?
    private var startedAt: Instant?
    private var fault: String?
    private var isSilent = false
    private var clock: UInt8?
    private var source: String?
    private var counts = Counts()
    private var reportDue = Instant.zero
    /// Kept, so that a batch allocates nothing.
    private var batch: [Tick] = []

    private struct Owed {
        let symbol: Int
        let flush: UInt64
        let since: Instant
    }

    private struct Counts {
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

    /// No symbol was heard of so far.
    public var isEmpty: Bool { symbols.isEmpty }

    private func next(_ now: Instant) -> Instant {
        var next = now + .milliseconds(20)
        if interest.changes != interestSeen { next = min(next, scanDue) }
        return next
    }

    private func lookAround(_ now: Moment) {
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

    private func scanInterest(_ now: Instant) {
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

    private func letGoOfSome(_ now: Moment) {
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

    private func drop(_ index: Int, _ now: Moment) {
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
    private func unknow(_ index: Int, _ now: Moment) {
        out(.resync(SymbolID(index), forgets: true, flags: .endOfEvent, at: now.wall, received: now.wall))
    }

    // MARK: Fetching

    private func ask(_ index: Int, at time: Instant) {
        symbols[index].phase = .due(time)
        symbols[index].picture = []
        due.append(index)
    }

    /// An answer has come, wanted or not.
    ///
    /// - Returns: whether it is wanted.
    private func answered(_ index: Int) -> Bool {
        guard symbols[index].isAsked else { return false }
        symbols[index].isAsked = false
        fetching -= 1
        fetchesAllowed = min(fetchesAllowed + 1, Follower.fetchesMax)
        return symbols[index].phase == .fetching
    }

    private func fetchDue(_ now: Instant) {
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
    private func retry(_ index: Int, _ now: Moment) {
        counts.refetches += 1
        if symbols[index].attempts > 1 { engine.complain(of: symbols[index].name) }
        ask(index, at: now.instant + pause(index))
    }

    private func pause(_ index: Int) -> Nanoseconds {
        symbols[index].attempts += 1
        let span = Int64(10_000_000) << Int64(min(symbols[index].attempts, 7))
        return Nanoseconds(raw: Int64.random(in: span / 2...span, using: &random))
    }

    /// Cursors wait for a symbol that was live.
    private func fallBehind(_ index: Int) {
        guard symbols[index].phase == .live, !symbols[index].isBehind else { return }
        symbols[index].isBehind = true
        behind += 1
    }

    /// Something of a symbol is missing, or may be.
    private func rejoin(_ index: Int, isGap: Bool, _ now: Moment) {
        guard symbols[index].phase == .live else { return }
        fallBehind(index)
        if isGap {
            counts.gaps += 1
            suspect(index, now)
        }
        ask(index, at: symbols[index].attempts == 0 ? now.instant : now.instant + pause(index))
    }

    // MARK: The engine

    private func hear(_ event: EngineEvent, _ now: Moment) {
        switch event {
        case .connected: connected(now)
        case .disconnected(let reason): disconnected(reason, now)
        case .heads(let bytes):
            read(now) { () throws(FrameFlaw) in try self.takeHeads(try Frame.only(in: bytes), now) }
        case .ticks(let name, let bytes):
            guard let index = ids[name] else { return }
            read(now, index) { () throws(FrameFlaw) in
                try self.takeFrame(try Frame.only(in: bytes), bytes, index, now)
            }
        case .picture(let name, let bytes, let isLast): takePart(name, bytes, isLast, now)
        case .noPicture(let name):
            guard let index = ids[name], answered(index) else { return }
            retry(index, now)
        case .directory(let bytes, let isLast):
            read(now) { () throws(FrameFlaw) in try self.takeDirectory(bytes, now) }
            if isLast { isAskingDirectory = false }
        case .noDirectory:
            isAskingDirectory = false
            // Where somebody publishes, what was stored is gone.
            if life != nil { engine.complain(of: nil) }
            directoryDue = min(directoryDue, now.instant + Follower.directoryInterval)
        case .refused(let reason): log.bounded(.error, "follow_refused", ["reason": .text(reason)])
        case .lease, .asked, .passed: break
        }
    }

    private func connected(_ now: Moment) {
        log.write(.info, "follow_connected", ["engine": .text(engine.description)])
        disconnectedAt = nil
        fault = nil
        heardAt = now.instant
        lastFlush = nil
        isAskingDirectory = false
        directoryDue = now.instant
        let names = symbols.filter(\.isWanted).map(\.name)
        if !names.isEmpty { engine.follow(names) }
    }

    private func disconnected(_ reason: String, _ now: Moment) {
        fault = reason
        log.bounded(
            .error, "follow_disconnected", ["engine": .text(engine.description), "reason": .text(reason)])
        guard disconnectedAt == nil else { return }
        disconnectedAt = now.instant
        owed = []
        due = []
        if fetching > 0 { fetchesAllowed = max(1, fetchesAllowed / 2) }
        fetching = 0
        for index in symbols.indices {
            symbols[index].isAsked = false
            guard symbols[index].isWanted else { continue }
            fallBehind(index)
            ask(index, at: now.instant)
        }
    }

    /// Runs what reads somebody's bytes.
    private func read(_ now: Moment, _ index: Int? = nil, _ body: () throws(FrameFlaw) -> Void) {
        do throws(FrameFlaw) {
            try body()
        } catch {
            counts.flaws += 1
            log.bounded(.error, "follow_flaw", ["reason": .text(error.description)])
            if let index { rejoin(index, isGap: true, now) }
        }
    }

    // MARK: Lives

    /// - Returns: whether it is the one that is followed.
    private func meet(_ other: Life, _ now: Moment) -> Bool {
        guard let life else {
            begin(other, now)
            return true
        }
        if other == life { return true }
        guard other.term > life.term || now.instant - heardAt > Follower.lifeMax else {
            counts.strays += 1
            return false
        }
        begin(other, now)
        return true
    }

    private func begin(_ new: Life, _ now: Moment) {
        life = new
        heardAt = now.instant
        lastFlush = nil
        (told, newestTold) = (0, 0)
        owed = []
        due = []
        (behind, keptBytes) = (0, 0)
        numbers = []
        directoryDue = now.instant
        counts.lives += 1
        log.write(
            .info, "following",
            ["engine": .text(engine.description), "epoch": .text(String(new.epoch, radix: 16))])
        out(.place(Place(first: 0, end: 0, told: 0), at: now.wall, received: now.wall))
        out(
            Tick(
                .epoch, SymbolID(0), flags: .endOfEvent, eventTime: now.wall, receiveTime: now.wall,
                aux: UInt64(new.epoch)))
        for index in symbols.indices {
            let wasTold = symbols[index].isKnown
            symbols[index].forget()
            if wasTold { unknow(index, now) }
            if symbols[index].isWanted { ask(index, at: now.instant) }
        }
    }

    // MARK: The directory

    private func takeDirectory(_ run: UnsafeRawBufferPointer, _ now: Moment) throws(FrameFlaw) {
        try Frame.forEach(in: run) { frame throws(FrameFlaw) in
            guard frame.type == .symbols else { return }
            batch.removeAll(keepingCapacity: true)
            let page = try frame.readSymbols(into: &batch)
            guard meet(Life(term: page.term, epoch: frame.epoch), now) else { return }
            clock = page.clock
            source = page.source
            // There is a hole before it: the rest alone is of no use.
            guard page.first <= numbers.count else { return engine.complain(of: nil) }
            for (offset, tick) in batch.enumerated() { define(page.first + offset, tick, now) }
        }
    }

    private func define(_ number: Int, _ tick: Tick, _ now: Moment) {
        guard number >= numbers.count, number < Interest.symbolsMax else { return }
        let name = tick.definition.name
        // The bytes may be anybody's; a name goes into JSON and onto terminals.
        guard tick.kind == .symbol, SymbolName(name.bytes) == name, wanted?.contains(name) ?? true else {
            return numbers.append(-1)
        }
        if let known = ids[name] { return numbers.append(Int32(known)) }
        let id = symbols.count
        ids[name] = id
        symbols.append(Followed(name))
        numbers.append(Int32(id))
        var definition = tick
        definition.head = definition.head & 0xffff_ffff | UInt64(id) << 32
        definition.flags = []
        out(definition)
        unknow(id, now)
        interestSeen = .max
    }

    // MARK: Heads

    private func takeHeads(_ frame: Frame, _ now: Moment) throws(FrameFlaw) {
        guard frame.type == .heads else { throw FrameFlaw("no heads") }
        var changed: [UInt32] = []
        let heads = try frame.readHeads { changed.append($0) }
        guard meet(Life(term: heads.term, epoch: frame.epoch), now) else { return }
        heardAt = now.instant
        clock = heads.clock
        if isSilent { hearAgain(now) }
        if min(heads.symbols, Interest.symbolsMax) > numbers.count, !isAskingDirectory {
            directoryDue = min(directoryDue, max(now.instant, directoryAsked + Follower.directoryInterval))
        }
        let flush = frame.place.flush
        if let lastFlush {
            guard flush > lastFlush else { return counts.duplicates += 1 }
            if flush > lastFlush + 1 { loseHeads(now) }
        }
        lastFlush = flush
        newestTold = heads.told
        for number in changed where Int(number) < numbers.count && numbers[Int(number)] >= 0 {
            let index = Int(numbers[Int(number)])
            guard symbols[index].phase == .live, symbols[index].flush < flush else { continue }
            owed.append(Owed(symbol: index, flush: flush, since: now.instant))
        }
        moveTold(now)
    }

    /// What they named nobody knows: each symbol is looked at.
    private func loseHeads(_ now: Moment) {
        counts.headsLost += 1
        for index in symbols.indices { rejoin(index, isGap: false, now) }
    }

    private func checkOwed(_ now: Moment) {
        guard let first = owed.first, now.instant - first.since > Follower.owedMax else { return }
        let late = owed.filter { now.instant - $0.since > Follower.owedMax }
        owed.removeAll { now.instant - $0.since > Follower.owedMax }
        for one in late where symbols[one.symbol].flush < one.flush { rejoin(one.symbol, isGap: true, now) }
    }

    private func paid(_ index: Int, _ now: Moment) {
        guard !owed.isEmpty else { return }
        let flush = symbols[index].flush
        owed.removeAll { $0.symbol == index && $0.flush <= flush }
        moveTold(now)
    }

    private func moveTold(_ now: Moment) {
        guard behind == 0, owed.isEmpty, told != newestTold, life != nil else { return }
        told = newestTold
        out(
            .place(
                Place(first: told, end: told, told: told), flags: .endOfEvent, at: now.wall,
                received: now.wall))
    }

    // MARK: Silence

    private func checkSilence(_ now: Moment) {
        if let disconnectedAt {
            guard now.instant - disconnectedAt > Follower.patience else { return }
            suspectAll(now)
        } else if engine.isConnected, now.instant - heardAt > Follower.silenceMax {
            if !isSilent {
                log.bounded(.error, "follow_silent", ["engine": .text(engine.description)])
            }
            isSilent = true
            fault = "nobody publishes there"
            suspectAll(now)
        }
    }

    private func suspectAll(_ now: Moment) {
        for index in symbols.indices where symbols[index].isWanted && !symbols[index].isSuspect {
            suspect(index, now)
        }
    }

    /// The same life again, and nothing is missing but what heads would have named.
    private func hearAgain(_ now: Moment) {
        isSilent = false
        fault = nil
        for index in symbols.indices where symbols[index].phase == .live && symbols[index].isSuspect {
            trust(index, now)
        }
    }

    private func suspect(_ index: Int, _ now: Moment) {
        guard !symbols[index].isSuspect else { return }
        symbols[index].isSuspect = true
        tellStatus(index, now)
    }

    private func trust(_ index: Int, _ now: Moment) {
        guard symbols[index].isSuspect else { return }
        symbols[index].isSuspect = false
        tellStatus(index, now)
    }

    /// What this node alone says of a symbol.
    private func tellStatus(_ index: Int, _ now: Moment) {
        symbols[index].statusHere += 1
        out(
            Tick(
                .status, SymbolID(index),
                // Of a symbol that is not known readers take nothing but what is told anew.
                flags: symbols[index].isKnown ? .endOfEvent : [.endOfEvent, .snapshot],
                sequence: symbols[index].statusHere, eventTime: now.wall, receiveTime: now.wall,
                aux: words(of: index)))
    }

    /// The publisher's words, and this node's where it knows worse.
    private func words(of index: Int) -> UInt64 {
        var words = SymbolStatus(packed: symbols[index].words)
        if symbols[index].isSuspect { words.feed = .suspect }
        return words.packed
    }

    // MARK: Frames

    private func takeFrame(
        _ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ index: Int, _ now: Moment
    ) throws(FrameFlaw) {
        guard let life, frame.epoch == life.epoch, frame.type == .ticks || frame.type == .gone else {
            return counts.strays += 1
        }
        switch symbols[index].phase {
        case .idle: return
        case .due, .fetching: keep(bytes, index)
        case .live:
            guard frame.place.flush > symbols[index].flush else { return counts.duplicates += 1 }
            guard frame.type == .ticks else {
                // Its state is told anew, and can be had.
                return rejoin(index, isGap: false, now)
            }
            batch.removeAll(keepingCapacity: true)
            let previous = try frame.readTicks(of: SymbolID(index), into: &batch)
            guard previous <= symbols[index].flush else {
                rejoin(index, isGap: true, now)
                return keep(bytes, index)
            }
            tell(batch, frame.place, index)
            paid(index, now)
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, _ index: Int) {
        guard symbols[index].keptBytes + bytes.count <= Follower.keptOfSymbolMax,
            keptBytes + bytes.count <= Follower.keptMax
        else {
            // The picture that comes will have a hole behind it, and another is asked for.
            counts.overflows += 1
            keptBytes -= symbols[index].keptBytes
            (symbols[index].kept, symbols[index].keptBytes) = ([], 0)
            return
        }
        symbols[index].kept.append(Array(bytes))
        symbols[index].keptBytes += bytes.count
        keptBytes += bytes.count
    }

    /// One flush of a symbol, onto the tape.
    private func tell(_ batch: [Tick], _ place: FlushPlace, _ index: Int) {
        symbols[index].flush = place.flush
        counts.batches += 1
        counts.ticks += UInt64(batch.count)
        guard let first = batch.first else { return }
        out(
            .place(
                Place(first: place.place(0, of: batch.count), end: place.end, told: told),
                at: first.eventTime,
                received: first.receiveTime))
        for tick in batch { out(here(tick, index)) }
        ticks[ticks.count - 1].flags.insert(.endOfEvent)
    }

    /// As it is numbered here.
    @inline(__always)
    private func here(_ tick: Tick, _ index: Int) -> Tick {
        var tick = tick
        switch tick.kind {
        case .trade, .tradeBreak: symbols[index].trade = tick.sequence
        case .status:
            // As many on as the publisher's went on.
            symbols[index].statusHere &+= max(1, tick.sequence &- min(tick.sequence, symbols[index].status))
            symbols[index].status = tick.sequence
            symbols[index].words = tick.aux
            tick.sequence = symbols[index].statusHere
            tick.aux = words(of: index)
        default: break
        }
        return tick
    }

    // MARK: Pictures

    private func takePart(
        _ name: SymbolName, _ bytes: UnsafeRawBufferPointer, _ isLast: Bool, _ now: Moment
    ) {
        guard let index = ids[name], symbols[index].isAsked else { return }
        if symbols[index].phase == .fetching { symbols[index].picture.append(contentsOf: bytes) }
        guard isLast, answered(index) else { return }
        let run = symbols[index].picture
        symbols[index].picture = []
        do throws(FrameFlaw) {
            guard let life else { return retry(index, now) }
            let picture = try run.withUnsafeBytes { bytes in
                Result { () throws(FrameFlaw) in try Picture(bytes, of: SymbolID(index), in: life) }
            }.get()
            join(index, picture, now)
        } catch {
            counts.flaws += 1
            log.bounded(.error, "follow_flaw", ["symbol": "\(name)", "reason": .text(error.description)])
            engine.complain(of: name)
            retry(index, now)
        }
    }

    private func join(_ index: Int, _ picture: Picture, _ now: Moment) {
        let known = symbols[index].flush
        if symbols[index].isKnown, let batches = picture.batches(since: known) {
            for batch in batches { tell(batch.ticks, batch.place, index) }
            // Of what is unchanged since a later state was made, that is the newest.
            symbols[index].flush = max(known, picture.newest)
            counts.mended += 1
        } else if let state = picture.state, state.place.flush >= known {
            restate(index, picture, state.place, state.ticks)
            for batch in picture.batches where batch.place.flush > symbols[index].flush {
                guard batch.previous <= symbols[index].flush else { return retry(index, now) }
                tell(batch.ticks, batch.place, index)
            }
        } else {
            return retry(index, now)
        }
        symbols[index].phase = .live
        goOn(index, now)
    }

    /// What was kept meanwhile.
    private func goOn(_ index: Int, _ now: Moment) {
        let kept = symbols[index].kept
        keptBytes -= symbols[index].keptBytes
        (symbols[index].kept, symbols[index].keptBytes) = ([], 0)
        for bytes in kept {
            bytes.withUnsafeBytes { bytes in
                read(now, index) { () throws(FrameFlaw) in
                    try self.takeFrame(try Frame.only(in: bytes), bytes, index, now)
                }
            }
        }
        guard symbols[index].phase == .live else {
            // There is a hole behind that picture: not at once again.
            return symbols[index].phase = .due(now.instant + pause(index))
        }
        symbols[index].attempts = 0
        if symbols[index].isBehind {
            symbols[index].isBehind = false
            behind -= 1
        }
        trust(index, now)
        paid(index, now)
    }

    /// The state in place of what was known, and before it what had happened, as far as that is to be had.
    private func restate(_ index: Int, _ picture: Picture, _ place: FlushPlace, _ state: [Tick]) {
        if symbols[index].isKnown { counts.restated += 1 } else { counts.joins += 1 }
        symbols[index].isKnown = true
        symbols[index].flush = place.flush
        let first = state.first ?? Tick(.symbol, SymbolID(index))
        out(.resync(SymbolID(index), forgets: false, at: first.eventTime, received: first.receiveTime))
        tellPast(index, picture, upTo: place.flush)
        tellPlace(place.place(0, of: 1), of: first)
        for tick in state { out(restated(tick, index)) }
        ticks[ticks.count - 1].flags.insert(.endOfEvent)
    }

    /// Trades and words of status that readers here were not told, for those who want each one.
    private func tellPast(_ index: Int, _ picture: Picture, upTo flush: UInt64) {
        let trades = picture.events(upTo: flush, isStatus: false, after: symbols[index].trade)
        let words = picture.events(upTo: flush, isStatus: true, after: symbols[index].status)
        for event in trades + words {
            tellPlace(event.place, of: event.tick)
            var tick = here(event.tick, index)
            tick.flags = tick.flags.subtracting(.endOfEvent).union(.snapshot)
            out(tick)
        }
    }

    private func tellPlace(_ place: UInt64, of tick: Tick) {
        out(
            .place(
                Place(first: place, end: place &+ 1, told: told), at: tick.eventTime,
                received: tick.receiveTime))
    }

    /// A tick of a state, as it is numbered here.
    private func restated(_ tick: Tick, _ index: Int) -> Tick {
        var tick = tick
        tick.flags = tick.flags.subtracting(.endOfEvent).union(.snapshot)
        switch tick.kind {
        case .trade, .tradeBreak: symbols[index].trade = max(symbols[index].trade, tick.sequence)
        case .status where tick.sequence > symbols[index].status: tick = here(tick, index)
        case .status:
            tick.sequence = symbols[index].statusHere
            tick.aux = words(of: index)
        default: break
        }
        return tick
    }

    private func out(_ tick: Tick) { ticks.append(tick) }

    // MARK: What others may know

    private func report(_ now: Moment) {
        guard now.instant >= reportDue else { return }
        reportDue = now.instant + .milliseconds(100)
        var report = BackplaneReport(role: "follow", engine: engine.description)
        report.fault =
            isSilent || (disconnectedAt.map { now.instant - $0 > Follower.patience } ?? false) ? fault : nil
        report.clock = clock.map { Follower.clockNames[Int($0) % Follower.clockNames.count] }
        report.source = source
        let traffic = engine.traffic
        var live = 0, wanted = 0, suspect = 0
        for symbol in symbols where symbol.isWanted {
            wanted += 1
            if symbol.phase == .live { live += 1 }
            if symbol.isSuspect { suspect += 1 }
        }
        report.figures = [
            .gauge("connected", "1 while there is a connection to the engine.", engine.isConnected ? 1 : 0),
            .gauge("symbols_followed", "Symbols that somebody here reads, or did a moment ago.", wanted),
            .gauge("symbols_live", "Those of them whose ticks come without a hole.", live),
            .gauge("symbols_suspect", "Those of them that readers were told not to trust.", suspect),
            .gauge("kept_bytes", "Bytes kept for symbols that are being joined.", keptBytes),
            .counter("connections", "Connections made to the engine.", traffic.connections),
            .counter("bytes_in", "Bytes read from the engine.", traffic.bytesIn),
            .counter("bytes_out", "Bytes written to the engine.", traffic.bytesOut),
            .counter("messages_in", "Messages read from the engine.", traffic.messagesIn),
            .counter("lives", "Publishers' lives that were met.", counts.lives),
            .counter("batches", "Symbols' batches applied.", counts.batches),
            .counter("ticks", "Ticks of these.", counts.ticks),
            .counter("joins", "Symbols joined that nobody here had read before.", counts.joins),
            .counter("gaps", "Holes found in a symbol's batches.", counts.gaps),
            .counter("mended", "Times that nothing was lost in the end.", counts.mended),
            .counter("restated", "Times that a state was put in place of another.", counts.restated),
            .counter("heads_lost", "Holes found in the publisher's heads.", counts.headsLost),
            .counter("refetches", "Pictures that were of no use.", counts.refetches),
            .counter("duplicates", "Batches and heads that came again.", counts.duplicates),
            .counter("strays", "Frames of a life that is not followed.", counts.strays),
            .counter("flaws", "Bytes that were no frame.", counts.flaws),
            .counter(
                "overflows", "Times that too much was kept for a symbol, and dropped.", counts.overflows),
        ]
        board.post(report)
    }

    /// The words of the protocol, by `FeedClock`'s numbers.
    static let clockNames = ["live", "replay", "sim"]
}
