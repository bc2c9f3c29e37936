// A journal from one time to another: the state at its beginning, and every event up to its end.
//
//     state · ticks · ticks · … · state (behind a loss, or of another run) · ticks · …
//
// Invariants
//   - Half-open, by the recording's clock: from the first event that has the time `from` or a later one, up to
//     and without the first that has `to` or a later one.
//   - Before the first ticks, and wherever something is missing, `image` is all that is known.
import Basics
import Market

public final class JournalSlice {
    public struct Bounds: Sendable {
        /// Nil: from the first event.
        public var from: Timestamp?
        /// Nil: to the last event.
        public var to: Timestamp?
        /// Nil: all.
        public var symbols: Set<SymbolName>?
        public init(from: Timestamp? = nil, to: Timestamp? = nil, symbols: Set<SymbolName>? = nil) {
            self.from = from
            self.to = to
            self.symbols = symbols
        }
    }

    public enum Item {
        /// What was known is void: `image` is the state. A run begins, the one that the header is of, or
        /// goes on behind a loss.
        case state(run: SegmentHeader?, loss: LossNote?)
        /// Whole events, but for one that is longer than a record. Good until the next call.
        case ticks(UnsafeBufferPointer<Tick>, written: Timestamp)
        /// The rest of a segment cannot be read.
        case broken(JournalBreak)
        /// Closed: what was asked for ends here, or the recording ended in order.
        case end(isClosed: Bool)
    }

    /// The state that an item spoke of.
    public private(set) var image = MarketImage()
    /// How far it got, of `bytesTotal`.
    public var bytesRead: UInt64 { reader.bytesRead }
    public let bytesTotal: UInt64

    private let reader: JournalReader
    private let bounds: Bounds
    private var filter: SymbolFilter
    private var hasBegun = false
    private var isAtEnd = false
    private var beginsEvent = true
    /// The run that was entered in its middle, to be told.
    private var joined: SegmentHeader?
    private var run: SegmentHeader?
    private var loss: LossNote?
    private var picked = UnsafeMutableBufferPointer<Tick>.allocate(capacity: JournalFormat.ticksMax)

    public init(_ journal: JournalPlace, _ bounds: Bounds) throws(JournalError) {
        reader = try journal.reader()
        bytesTotal = try reader.size()
        self.bounds = bounds
        filter = SymbolFilter(bounds.symbols)
    }
    deinit { picked.deallocate() }

    /// The time of a journal's first event; nil where there is none.
    public static func start(of journal: JournalPlace) throws(JournalError) -> Timestamp? {
        let reader = try journal.reader()
        while true {
            switch try reader.next() {
            case .ticks(_, let head): return head.first
            case .end, .notYet: return nil
            case .segment, .snapshot, .lost, .broken: continue
            }
        }
    }

    /// False where no event is as late as `from`. It may be asked before anything is read.
    public func hasBeginning() throws(JournalError) -> Bool {
        try begin()
        return !isAtEnd
    }

    public func next() throws(JournalError) -> Item {
        try begin()
        if isAtEnd { return .end(isClosed: true) }
        if let joined {
            self.joined = nil
            return .state(run: joined, loss: nil)
        }
        while true {
            if let item = try step() { return item }
        }
    }

    private func begin() throws(JournalError) {
        guard !hasBegun else { return }
        hasBegun = true
        guard let from = bounds.from else { return }
        var whole = MarketImage()
        guard try reader.seek(to: from, image: &whole) else { return isAtEnd = true }
        whole.writeSnapshot { tick in
            if filter.takes(tick) { image.apply(tick) }
        }
        joined = reader.header
    }

    private func step() throws(JournalError) -> Item? {
        switch try reader.next() {
        case .segment(let header, let continues):
            if !continues { run = header }
        case .snapshot(let ticks, let isFirst, let isLast):
            if isFirst { image.removeAll() }
            for tick in ticks where filter.takes(tick) { image.apply(tick) }
            guard isLast else { return nil }
            beginsEvent = true
            return .state(run: run.take(), loss: loss.take())
        case .lost(let note): lose(note)
        case .broken(let broken): return .broken(broken)
        case .ticks(let ticks, let head): return take(ticks, head)
        case .notYet: return .end(isClosed: false)
        case .end(let isClosed): return .end(isClosed: isClosed)
        }
        return nil
    }

    /// One loss behind another, with no state between them, is one.
    private func lose(_ note: LossNote) {
        guard var all = loss else { return loss = note }
        all.ticks &+= note.ticks
        all.to = note.to
        loss = all
    }

    private func take(_ ticks: UnsafeBufferPointer<Tick>, _ head: RecordHead) -> Item? {
        var ticks = ticks
        if let to = bounds.to, let end = end(of: ticks, before: to) {
            isAtEnd = true
            ticks = UnsafeBufferPointer(rebasing: ticks[..<end])
        }
        let count = filter.pick(ticks) { kept in
            _ = picked.update(fromContentsOf: kept)
            return kept.count
        }
        guard count > 0 else { return isAtEnd ? .end(isClosed: true) : nil }
        return .ticks(UnsafeBufferPointer(rebasing: picked[..<count]), written: head.written)
    }

    /// Where the first event begins that is not wanted any more.
    private func end(of ticks: UnsafeBufferPointer<Tick>, before time: Timestamp) -> Int? {
        for index in ticks.indices {
            if beginsEvent, ticks[index].eventTime >= time { return index }
            beginsEvent = ticks[index].flags.contains(.endOfEvent)
        }
        return nil
    }
}
