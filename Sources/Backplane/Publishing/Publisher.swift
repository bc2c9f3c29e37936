// From the tape into an engine: what each symbol's ticks were, a few milliseconds at a time.
//
//     tape ─→ image, waiting ticks ─→ flush: a frame a symbol that changed, its picture, heads ─→ engine
//
//     standby ──lease──▶ telling: every symbol from the start, in slices ──▶ streaming
//        ▲                   ▲ a lap, a seek, too much waits, another connection │
//        └──── lease over ───┴───────────────────────────────────────────────────┘
//
// Invariants
//   - The tape is read all the time, on standby too: an engine that is slow or gone delays nobody.
//   - What a picture says and what was sent on the symbol's channel are of the same flush. So who asks for
//     a picture after it began to listen finds no hole.
//   - While symbols are still to be told, places do not move on: no cursor promises what was not published.
//   - At most two flushes are on their way. What comes meanwhile waits and makes the next one larger:
//     a slow engine is sent fewer, fuller messages, and what waits is bounded.
//   - No clock and no sleeping in here: the caller passes `now`, and waits until the answer.
import Basics
import Market

public final class Publisher {
    public struct Options: Sendable {
        /// The epoch that the tape begins in.
        public var epoch: UInt32
        public var clock: UInt8
        public var source: String
        /// Names this process to others that publish the same feed.
        public var holder: String
        public var interval = Nanoseconds.milliseconds(5)

        public init(epoch: UInt32, clock: UInt8, source: String, holder: String) {
            self.epoch = epoch
            self.clock = clock
            self.source = source
            self.holder = holder
        }
    }

    public let board: ReportBoard

    private let reader: TapeReader
    let engine: any PublishingEngine
    let options: Options
    private let log: Log
    private let batch: UnsafeMutableBufferPointer<Tick>

    private var image: MarketImage
    private var waiting = WaitingTicks()
    private var lease = Lease()
    private var life: Life?
    /// Nobody else can have published since the tape's epoch began: it is good for the life, too.
    private var ownsEpoch = true
    private var flush: UInt64 = 0
    /// Where the next flush begins, on the tape.
    private var place: UInt64 = 0
    /// What was published completely, on the tape: behind it there are symbols that are to be told.
    private var told: UInt64 = 0
    /// The next symbol to tell from the start; nil: none are left.
    private var telling: Int?
    /// Symbols in the stored directory.
    private var listed = 0
    private var directory: [SymbolName: Int] = [:]
    private var questions: [EngineQuestion] = []
    private var lastFlush = Instant.zero
    private var lastMark: UInt64 = 0
    private var passedMark: UInt64 = 0
    private var fault: String?
    private var counts = Counts()
    private var reportDue = Instant.zero

    // Kept, so that a flush allocates nothing.
    private var frame = FrameWriter(epoch: 0)
    private var state = FrameWriter(epoch: 0)
    private var eventFrame = FrameWriter(epoch: 0)
    private var ticks: [Tick] = []
    private var events: [(index: Int, tick: Tick)] = []

    private struct Counts {
        var flushes: UInt64 = 0
        var batches: UInt64 = 0
        var ticks: UInt64 = 0
        var states: UInt64 = 0
        var lives: UInt64 = 0
        var laps: UInt64 = 0
        var overflows: UInt64 = 0
        var answers: UInt64 = 0
        var refusals: UInt64 = 0
    }

    static let heartbeat = Nanoseconds.milliseconds(250)
    static let flushesOnTheWay: UInt64 = 2
    /// More than so much waits for the socket: nothing is added.
    static let pendingMax = 4 << 20
    static let turnTicks = 65_536
    static let questionsMax = 65_536
    /// A picture is written anew where what was appended to it is as large as it, and this at least.
    static let appendedMin = 4_096

    /// - Parameter reader: made before the tape's writer, like any other.
    public init(_ reader: TapeReader, _ engine: any PublishingEngine, _ options: Options, log: Log) {
        self.reader = reader
        self.engine = engine
        self.options = options
        self.log = log
        image = MarketImage(epoch: options.epoch)
        batch = .allocate(capacity: 1_024)
        board = ReportBoard(BackplaneReport(role: "publish", engine: engine.description))
    }
    deinit { batch.deallocate() }

    /// Reads what the tape and the engine have, and publishes what is due.
    ///
    /// - Returns: when to call again; `now` where there is more already.
    public func turn(now: Moment) -> Instant {
        var wake = engine.turn(now: now) { event in hear(event, now) }
        let hasMore = drain()
        claim(now)
        if canPublish(now.instant) {
            publish(now)
            wake = min(wake, engine.turn(now: now) { event in hear(event, now) })
        }
        report(now)
        if hasMore { return now.instant }
        return min(wake, next(now.instant), now.instant + Publisher.heartbeat)
    }

    private func next(_ now: Instant) -> Instant {
        var next = lease.next(after: now)
        if life != nil, flushesOnTheWay < Publisher.flushesOnTheWay {
            next = min(next, lastFlush + (isIdle ? Publisher.heartbeat : options.interval))
        }
        return max(next, now)
    }

    /// Before a sleep: true where the tape will ring at its next tick.
    public func willSleep() -> Bool { reader.willSleep(untilBehindBy: 1) }

    /// The last turn: what the tape still has is published, and the lease given back.
    public func close(now: Moment) {
        while drain() {}
        if life != nil, lease.isHeld(at: now.instant), engine.isConnected { publish(now) }
        engine.release()
        _ = engine.turn(now: now) { _ in }
        engine.close()
    }

    private var isIdle: Bool { waiting.isEmpty && telling == nil && questions.isEmpty }
    private var flushesOnTheWay: UInt64 { lastMark - passedMark }

    // MARK: The engine

    private func hear(_ event: EngineEvent, _ now: Moment) {
        switch event {
        case .connected:
            fault = nil
            log.write(.info, "publish_connected", ["engine": .text(engine.description)])
            // What the other side has by now is not known.
            if life != nil { tellAll() }
        case .disconnected(let reason):
            fault = reason
            log.bounded(
                .error, "publish_disconnected",
                ["engine": .text(engine.description), "reason": .text(reason)])
            lease.disconnected()
            lastMark = 0
            passedMark = 0
            questions = []
        case .lease(let isOwn):
            lease.answered(isOwn: isOwn)
            if !isOwn { standBy("another publishes") }
        case .passed(let mark): passedMark = max(passedMark, mark)
        case .asked(let question):
            if life != nil, questions.count < Publisher.questionsMax { questions.append(question) }
        case .refused(let reason):
            counts.refusals += 1
            log.bounded(.error, "publish_refused", ["reason": .text(reason)])
        case .heads, .ticks, .picture, .noPicture, .directory, .noDirectory: break
        }
    }

    private func claim(_ now: Moment) {
        guard engine.isConnected else {
            if life != nil, !lease.isHeld(at: now.instant) { standBy("the lease is over") }
            return
        }
        if lease.shouldClaim(at: now.instant) { engine.claim(as: options.holder, for: Lease.span) }
        guard lease.isHeld(at: now.instant) else { return standBy("the lease is over") }
        if life == nil { begin(now) }
    }

    private func standBy(_ reason: StaticString) {
        guard life != nil else { return }
        life = nil
        ownsEpoch = false
        telling = nil
        questions = []
        log.write(.warning, "publish_standby", ["reason": "\(reason)"])
    }

    /// A life begins: whatever was published before is void.
    private func begin(_ now: Moment) {
        let term = max(UInt64(clamping: now.wall.raw), (life?.term ?? 0) + 1)
        let own = UInt32(truncatingIfNeeded: image.epochNumber)
        let epoch = ownsEpoch ? own : UInt32(truncatingIfNeeded: term >> 20) | 1
        life = Life(term: term, epoch: epoch)
        frame = FrameWriter(epoch: epoch)
        state = FrameWriter(epoch: epoch)
        eventFrame = FrameWriter(epoch: epoch)
        counts.lives += 1
        flush = 0
        place = reader.position
        told = place
        tellAll()
        log.write(
            .info, "publishing",
            [
                "engine": .text(engine.description), "epoch": .text(String(epoch, radix: 16)),
                "symbols": LogValue(image.symbolCount),
            ])
    }

    private func tellAll() {
        waiting.removeAll()
        waiting.define(image.end)
        waiting.voidAll()
        telling = 0
        listed = 0
    }

    // MARK: The tape

    /// - Returns: true where there is more.
    private func drain() -> Bool {
        var count = 0
        while count < Publisher.turnTicks {
            switch reader.read(into: batch) {
            case .nothingNew: return false
            case .lapped(let lost):
                counts.laps += 1
                log.bounded(.error, "publisher_lapped", ["lost": LogValue(lost)])
                image.awaitSnapshots()
                reader.askForSnapshot()
                lose()
            case .ticks(let read):
                for index in 0..<read { take(batch[index]) }
                count += read
            }
        }
        return true
    }

    @inline(__always)
    private func take(_ tick: Tick) {
        let epoch = image.epochNumber
        if image.applyLive(tick) { reader.askForSnapshot() }
        if tick.kind == .epoch {
            // Another life of the feed is one of its publisher's.
            if image.epochNumber != epoch { life = nil }
            return
        }
        // What repeats state, and what is not known for sure, is no news.
        guard !tick.flags.contains(.snapshot), image.awaited == 0, life != nil else { return }
        waiting.append(tick, limit: image.end)
        if waiting.isFull { lose(countsOverflow: true) }
    }

    /// What waits is not all there was: every symbol is told from the start.
    private func lose(countsOverflow: Bool = false) {
        if countsOverflow { counts.overflows += 1 }
        if life != nil { tellAll() }
    }

    // MARK: Publishing

    private func canPublish(_ now: Instant) -> Bool {
        guard life != nil, engine.isConnected, lease.isHeld(at: now), image.awaited == 0,
            flushesOnTheWay < Publisher.flushesOnTheWay, engine.pendingBytes < Publisher.pendingMax
        else { return false }
        return now >= lastFlush + (isIdle ? Publisher.heartbeat : options.interval)
    }

    /// One flush: what changed, and some of what is to be told from the start.
    private func publish(_ now: Moment) {
        guard let life else { return }
        flush += 1
        counts.flushes += 1
        lastFlush = now.instant
        let here = FlushPlace(flush: flush, first: place, end: reader.position)
        list(life)
        tellSome(here, life)
        waiting.sortChanged()
        for number in waiting.changed { send(Int(number), here, life) }
        if telling == nil { told = here.end }
        frame.removeAll()
        frame.heads(
            here, told: told, term: life.term, clock: options.clock, symbols: listed, changed: waiting.changed
        )
        engine.publishHeads(frame.bytes)
        waiting.removeAll()
        place = here.end
        lastMark += 1
        engine.mark(lastMark)
        answer(here, life)
    }

    /// Symbols that are not in the directory yet.
    private func list(_ life: Life) {
        let first = listed
        while let definition = image.definitionTick(of: SymbolID(listed)) {
            var tick = definition
            tick.flags = []
            ticks.append(tick)
            directory[definition.definition.name] = listed
            listed += 1
        }
        waiting.define(listed)
        guard listed > first || first == 0 else { return ticks.removeAll(keepingCapacity: true) }
        writeDirectory(ticks, first: first, life)
        engine.storeDirectory(state.bytes, replaces: first == 0)
        state.removeAll()
        ticks.removeAll(keepingCapacity: true)
    }

    private func writeDirectory(_ definitions: [Tick], first: Int, _ life: Life) {
        state.removeAll()
        var from = 0
        repeat {
            let to = min(from + FrameLimits.ticksMax, definitions.count)
            state.symbols(
                definitions[from..<to], first: first + from, term: life.term, clock: options.clock,
                source: options.source)
            from = to
        } while from < definitions.count
    }

    /// Tells symbols from the start, until the engine has enough for now.
    private func tellSome(_ here: FlushPlace, _ life: Life) {
        guard var index = telling else { return }
        while index < listed, engine.pendingBytes < Publisher.pendingMax {
            waiting.note(index)
            if waiting[index].isVoid { tell(index, here, life) }
            index += 1
        }
        telling = index < listed ? index : nil
    }

    /// What was before is void; the state is there to be fetched.
    private func tell(_ index: Int, _ here: FlushPlace, _ life: Life) {
        counts.states += 1
        waiting[index].isVoid = false
        waiting[index].log.removeAll()
        waiting[index].lastFlush = here.flush
        guard let name = image.definition(of: SymbolID(index))?.name else { return }
        frame.removeAll()
        frame.gone(here)
        if engine.storesPictures {
            writeState(index, here, life)
            waiting[index].stateBytes = state.bytes.count
            waiting[index].storedBytes = state.bytes.count
            engine.publish(
                name, ticks: frame.bytes, picture: .replace(state.bytes, forgetsEvents: true), events: nil)
            state.removeAll()
        } else {
            engine.publish(name, ticks: frame.bytes, picture: .none, events: nil)
        }
    }

    private func writeState(_ index: Int, _ here: FlushPlace, _ life: Life) {
        state.removeAll()
        ticks.removeAll(keepingCapacity: true)
        image.writeSnapshot(of: SymbolID(index)) { ticks.append($0) }
        state.state(ticks, here, term: life.term)
        ticks.removeAll(keepingCapacity: true)
    }

    private func send(_ index: Int, _ here: FlushPlace, _ life: Life) {
        if waiting[index].isVoid {
            // Its ticks are in its state, which is told now, or when its turn comes.
            if telling.map({ index < $0 }) ?? true { tell(index, here, life) }
            return
        }
        guard waiting[index].lastFlush != here.flush else { return }
        guard let name = image.definition(of: SymbolID(index))?.name else { return }
        ticks.removeAll(keepingCapacity: true)
        waiting.read(index, into: &ticks)
        guard !ticks.isEmpty else { return }
        guard ticks.count <= FrameLimits.ticksMax else { return tell(index, here, life) }
        frame.removeAll()
        frame.ticks(ticks, here, previous: waiting[index].lastFlush)
        collectEvents()
        eventFrame.removeAll()
        if !events.isEmpty { eventFrame.events(events, of: ticks.count, here) }
        counts.batches += 1
        counts.ticks += UInt64(ticks.count)
        waiting[index].lastFlush = here.flush
        let events = eventFrame.isEmpty ? nil : eventFrame.bytes
        if engine.storesPictures {
            store(index, name, here, life, events)
        } else {
            waiting[index].log.append(frame.bytes)
            if let events { waiting[index].events.append(events) }
            engine.publish(name, ticks: frame.bytes, picture: .none, events: nil)
        }
        ticks.removeAll(keepingCapacity: true)
    }

    /// What is never conflated, for who resumes. Bars are made of trades, and closed ones are told in order.
    private func collectEvents() {
        events.removeAll(keepingCapacity: true)
        for (index, tick) in ticks.enumerated() {
            switch tick.kind {
            case .trade, .tradeBreak, .status: events.append((index, tick))
            default: break
            }
        }
    }

    /// A picture is a state and the frames since: writing it costs what the frames do, on the whole.
    private func store(
        _ index: Int, _ name: SymbolName, _ here: FlushPlace, _ life: Life, _ events: UnsafeRawBufferPointer?
    ) {
        let stored = waiting[index].storedBytes + frame.bytes.count
        guard stored > waiting[index].stateBytes + max(waiting[index].stateBytes, Publisher.appendedMin)
        else {
            waiting[index].storedBytes = stored
            return engine.publish(name, ticks: frame.bytes, picture: .append(frame.bytes), events: events)
        }
        counts.states += 1
        writeState(index, here, life)
        waiting[index].stateBytes = state.bytes.count
        waiting[index].storedBytes = state.bytes.count
        engine.publish(
            name, ticks: frame.bytes, picture: .replace(state.bytes, forgetsEvents: false), events: events)
        state.removeAll()
    }

    // MARK: Questions

    /// Everything was published that the image knows: now it can be told.
    private func answer(_ here: FlushPlace, _ life: Life) {
        guard telling == nil, !questions.isEmpty else { return }
        let asked = questions
        questions = []
        for question in asked {
            counts.answers += 1
            guard let symbol = question.symbol else {
                answerDirectory(question, life)
                continue
            }
            guard let index = directory[symbol], index < listed else {
                if !question.inbox.isEmpty { engine.answer(question, parts: []) }
                continue
            }
            if question.inbox.isEmpty {
                restore(index, symbol, here, life)
            } else {
                answer(question, index, here, life)
            }
        }
    }

    private func answer(_ question: EngineQuestion, _ index: Int, _ here: FlushPlace, _ life: Life) {
        writeState(index, here, life)
        var parts = Publisher.split(state.bytes)
        state.removeAll()
        if !waiting[index].log.bytes.isEmpty { parts.append(waiting[index].log.bytes) }
        if !waiting[index].events.bytes.isEmpty { parts.append(waiting[index].events.bytes) }
        engine.answer(question, parts: parts)
    }

    private func answerDirectory(_ question: EngineQuestion, _ life: Life) {
        for index in 0..<listed {
            if var tick = image.definitionTick(of: SymbolID(index)) {
                tick.flags = []
                ticks.append(tick)
            }
        }
        writeDirectory(ticks, first: 0, life)
        ticks.removeAll(keepingCapacity: true)
        if question.inbox.isEmpty {
            engine.storeDirectory(state.bytes, replaces: true)
        } else {
            engine.answer(question, parts: Publisher.split(state.bytes))
        }
        state.removeAll()
    }

    /// What the engine had stored is of no use, or gone.
    private func restore(_ index: Int, _ symbol: SymbolName, _ here: FlushPlace, _ life: Life) {
        counts.states += 1
        writeState(index, here, life)
        waiting[index].stateBytes = state.bytes.count
        waiting[index].storedBytes = state.bytes.count
        engine.publish(symbol, ticks: nil, picture: .replace(state.bytes, forgetsEvents: false), events: nil)
        state.removeAll()
    }

    /// A run's frames, one by one.
    private static func split(_ run: UnsafeRawBufferPointer) -> [[UInt8]] {
        var parts: [[UInt8]] = [], at = 0
        while at + 4 <= run.count {
            let length = 4 + Int(UInt32(littleEndian: run.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            parts.append(Array(run[at..<min(at + length, run.count)]))
            at += length
        }
        return parts
    }

    // MARK: What others may know

    private func report(_ now: Moment) {
        guard now.instant >= reportDue else { return }
        reportDue = now.instant + .milliseconds(100)
        var report = BackplaneReport(role: "publish", engine: engine.description)
        report.fault = fault
        let traffic = engine.traffic
        report.figures = [
            .gauge("connected", "1 while there is a connection to the engine.", engine.isConnected ? 1 : 0),
            .gauge("active", "1 while this node publishes; 0 on standby.", life == nil ? 0 : 1),
            .gauge("waiting_ticks", "Ticks that wait to be published.", waiting.count),
            .counter("connections", "Connections made to the engine.", traffic.connections),
            .counter("bytes_out", "Bytes written to the engine.", traffic.bytesOut),
            .counter("bytes_in", "Bytes read from the engine.", traffic.bytesIn),
            .counter("lives", "Times that this node became the one that publishes.", counts.lives),
            .counter("flushes", "Flushes published.", counts.flushes),
            .counter("batches", "Symbols' batches published.", counts.batches),
            .counter("ticks", "Ticks published.", counts.ticks),
            .counter("states", "Symbols told from the start.", counts.states),
            .counter("answers", "Questions answered.", counts.answers),
            .counter("laps", "Times that the tape lapped the publisher.", counts.laps),
            .counter(
                "overflows", "Times that too much waited for the engine, and all was told anew.",
                counts.overflows),
            .counter("refusals", "What the engine did not take.", counts.refusals),
        ]
        board.post(report)
    }
}
