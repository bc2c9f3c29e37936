// A journal as a feed: what was recorded goes out again, tick for tick, event by event.
//
// Invariants
//   - Times, numbers and order are the recording's; only the receive time is now's.
//   - Where the recording lost something, states are put in place of states: readers are shown all of
//     them, in a new epoch, and nothing is made up for what is missing.
import Basics
import Journal
import Market

/// What `tickerd --record` wrote, played again.
public final class JournalFeed: Feed {
    public let description: String
    private let reader: JournalReader
    /// The symbol's number here, by that of the recording; `unwanted` and `unknown` are none.
    private var symbols: [UInt32] = []
    private var batch = UnsafeBufferPointer<Tick>(start: nil, count: 0)
    private var index = 0
    /// What comes behind the batch that was looked at.
    private var isAtEnd = false
    private var fault: FeedFault?
    private var counts: [UInt64] = Array(repeating: 0, count: 16)
    private var losses: UInt64 = 0

    private static let unknown = UInt32.max

    /// - Parameter path: the folder, or one of its segments.
    public convenience init(_ path: String) throws(FeedError) {
        do throws(JournalError) {
            try self.init(JournalPlace(path: path), description: "journal, \(path)")
        } catch {
            throw .missing(file: path, "\(error)")
        }
    }

    package init(_ journal: JournalPlace, description: String) throws(JournalError) {
        reader = try journal.reader()
        self.description = description
    }

    /// A folder, or a segment by its name.
    public static func recognises(_ path: String) -> Bool {
        path != "-" && (DiskFolder.exists(path) || path.hasSuffix(".tfj"))
    }

    public var isSeekable: Bool { true }
    /// A segment that cannot be read is told when it is played.
    public var lastTime: Timestamp? { try? reader.lastTime() }
    public var isVerbatim: Bool { true }

    public var report: InputReport? {
        var named: [FeedCount] = []
        for (kind, count) in counts.enumerated() where count > 0 {
            named.append(
                FeedCount("types.\(Tick.Kind(rawValue: UInt8(kind)).map { "\($0)" } ?? "other")", count))
        }
        if losses > 0 { named.append(FeedCount("recording.losses", losses)) }
        return InputReport(
            source: description, bytesRead: Int(reader.bytesRead),
            bytesTotal: (try? reader.size()).map(Int.init),
            counts: named)
    }

    public func rewind() -> Bool {
        reader.rewind()
        forget()
        return true
    }

    private func forget() {
        batch = UnsafeBufferPointer(start: nil, count: 0)
        (index, isAtEnd, fault) = (0, false, nil)
    }

    /// Snapshots are in the recording: the state at `time` is at once there.
    public func seek(before time: Timestamp, into builder: inout BookBuilder) -> Bool {
        var image = MarketImage()
        forget()
        do throws(JournalError) {
            _ = try reader.seek(to: time, image: &image)
            builder.last = .none
            try image.writeSnapshot { (tick: Tick) throws(JournalError) in
                take(tick, received: .zero, &builder)
            }
            return true
        } catch {
            fault = FeedFault(offset: Int(reader.place.offset), reason: "\(error)")
            return true
        }
    }

    public func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        var played = 0
        while true {
            while index < batch.count {
                let due = batch[index].eventTime
                guard played < limit, due <= time, !builder.isTurnFull else {
                    return FeedStep(played: played, next: .due(due))
                }
                playEvent(received, &builder)
                played += 1
            }
            if isAtEnd {
                return FeedStep(
                    played: played, next: fault.map { .failed(.broken(file: description, $0)) } ?? .end)
            }
            readOn(received, &builder)
            // States were replaced: they are shown before anything follows.
            if builder.isReplaced, !builder.writer.isMuted { return FeedStep(played: played, next: .now) }
        }
    }

    private func playEvent(_ received: Timestamp, _ builder: inout BookBuilder) {
        repeat {
            take(batch[index], received: received, &builder)
            index += 1
        } while index < batch.count && !batch[index - 1].flags.contains(.endOfEvent)
    }

    private func take(_ tick: Tick, received: Timestamp, _ builder: inout BookBuilder) {
        // Places are of another tape than this feed's will be.
        guard let kind = tick.kind, kind != .place, kind != .resync else { return }
        counts[Int(kind.rawValue) & 15] += 1
        if kind == .epoch { return takeEpoch(tick, received, &builder) }
        let id = tick.symbol.index
        if kind == .symbol { define(tick, received, &builder) }
        guard id < symbols.count, symbols[id] != JournalFeed.unknown else { return }
        builder.replay(tick, kind, as: SymbolID(symbols[id]), received: received)
    }

    private func takeEpoch(_ tick: Tick, _ received: Timestamp, _ builder: inout BookBuilder) {
        guard !tick.flags.contains(.snapshot) else { return }
        builder.beginEpoch(
            builder.epoch &+ 1, at: Stamp(time: tick.eventTime, received: received, source: tick.source))
    }

    private func define(_ tick: Tick, _ received: Timestamp, _ builder: inout BookBuilder) {
        let id = tick.symbol.index
        guard id < JournalFeed.symbolsMax else {
            return builder.count(.numberRange, message: tick.source, "a symbol's number")
        }
        while symbols.count <= id { symbols.append(JournalFeed.unknown) }
        // A recording's bytes may be anybody's; a name goes into JSON and onto terminals.
        let name = tick.definition.name
        guard SymbolName(name.bytes) == name else {
            symbols[id] = JournalFeed.unknown
            return builder.count(.badSymbol, message: tick.source, "a symbol without a name")
        }
        symbols[id] = builder.adopt(tick, received: received)?.raw ?? JournalFeed.unknown
    }

    /// Symbols a recording may have: what anybody's bytes may make us keep.
    private static let symbolsMax = 1 << 20

    /// Reads what comes next into `batch`, or takes it where it is no ticks.
    private func readOn(_ received: Timestamp, _ builder: inout BookBuilder) {
        do throws(JournalError) {
            switch try reader.next() {
            case .ticks(let ticks, _):
                batch = ticks
                index = 0
            case .snapshot(let ticks, let isFirst, let isLast):
                takeState(ticks, isFirst: isFirst, isLast: isLast, received, &builder)
            case .lost(let loss):
                // States that were only told anew are no gap of anything.
                if loss.reason == .restated, loss.ticks == 0 { return }
                losses += 1
                builder.count(
                    .sequenceGap, message: 0, offset: Int(reader.place.offset), "the recorder lost ticks here"
                )
            case .broken(let broken):
                builder.count(
                    .badPacket, message: 0, offset: Int(reader.place.offset),
                    "the segment is damaged or cut here")
                fault = FeedFault(offset: Int(reader.place.offset), reason: "\(broken)")
            case .segment: fault = nil
            case .notYet, .end: isAtEnd = true
            }
        } catch {
            fault = FeedFault(offset: Int(reader.place.offset), reason: "\(error)")
            isAtEnd = true
        }
    }

    /// A state to go on from, in place of what was known.
    private func takeState(
        _ ticks: UnsafeBufferPointer<Tick>, isFirst: Bool, isLast: Bool, _ received: Timestamp,
        _ builder: inout BookBuilder
    ) {
        let wasMuted = builder.writer.isMuted
        builder.writer.isMuted = true
        if isFirst, builder.symbolCount > 0 { builder.beginEpoch(builder.epoch &+ 1, at: builder.last) }
        if isFirst { builder.last = .none }
        for tick in ticks { take(tick, received: received, &builder) }
        builder.writer.isMuted = wasMuted
        if isLast, builder.symbolCount > 0 { builder.isReplaced = true }
    }
}
