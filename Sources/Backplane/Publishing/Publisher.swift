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
        public var clock: FeedClock
        public var source: String
        /// Names this process to others that publish the same feed.
        public var holder: String
        public var interval = Nanoseconds.milliseconds(5)

        public init(epoch: UInt32, clock: FeedClock, source: String, holder: String) {
            self.epoch = epoch
            self.clock = clock
            self.source = source
            self.holder = holder
        }
    }

    public let board: ReportBoard

    let reader: TapeReader
    let engine: any PublishingEngine
    let options: Options
    let log: Log
    let batch: UnsafeMutableBufferPointer<Tick>

    var image: MarketImage
    var waiting = WaitingTicks()
    var lease = Lease()
    var life: Life?
    /// Nobody else can have published since the tape's epoch began: it is good for the life, too.
    var ownsEpoch = true
    var flush: UInt64 = 0
    /// Where the next flush begins, on the tape.
    var place: UInt64 = 0
    /// What was published completely, on the tape: behind it there are symbols that are to be told.
    var told: UInt64 = 0
    /// The next symbol to tell from the start; nil: none are left.
    var telling: Int?
    /// Symbols in the stored directory.
    var listed = 0
    var directory: [SymbolName: Int] = [:]
    var questions: [EngineQuestion] = []
    var lastFlush = Instant.zero
    var lastMark: UInt64 = 0
    var passedMark: UInt64 = 0
    var fault: String?
    var counts = Counts()
    var reportDue = Instant.zero

    // Kept, so that a flush allocates nothing.
    var frame = FrameWriter(epoch: 0)
    var state = FrameWriter(epoch: 0)
    var eventFrame = FrameWriter(epoch: 0)
    var ticks: [Tick] = []
    var events: [(index: Int, tick: Tick)] = []

    struct Counts {
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

    func next(_ now: Instant) -> Instant {
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

    var isIdle: Bool { waiting.isEmpty && telling == nil && questions.isEmpty }
    var flushesOnTheWay: UInt64 { lastMark - passedMark }

    // MARK: The engine

    func hear(_ event: EngineEvent, _ now: Moment) {
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

    func claim(_ now: Moment) {
        guard engine.isConnected else {
            if life != nil, !lease.isHeld(at: now.instant) { standBy("the lease is over") }
            return
        }
        if lease.shouldClaim(at: now.instant) { engine.claim(as: options.holder, for: Lease.span) }
        guard lease.isHeld(at: now.instant) else { return standBy("the lease is over") }
        if life == nil { begin(now) }
    }

    func standBy(_ reason: StaticString) {
        guard life != nil else { return }
        life = nil
        ownsEpoch = false
        telling = nil
        questions = []
        log.write(.warning, "publish_standby", ["reason": "\(reason)"])
    }

    /// A life begins: whatever was published before is void.
    func begin(_ now: Moment) {
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

    func tellAll() {
        waiting.removeAll()
        waiting.define(image.end)
        waiting.voidAll()
        telling = 0
        listed = 0
    }

    // MARK: The tape

    /// - Returns: true where there is more.
    func drain() -> Bool {
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
    func take(_ tick: Tick) {
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
    func lose(countsOverflow: Bool = false) {
        if countsOverflow { counts.overflows += 1 }
        if life != nil { tellAll() }
    }
}
