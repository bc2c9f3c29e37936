// Whether ticks go on where the ones before them ended, and snapshots say what those came to.
import Basics
import Market

struct StateAudit: ~Copyable {
    private var image = MarketImage()
    /// What all ticks so far came to is known.
    private(set) var isKnown = false
    /// The highest event time so far; nil: nobody knows.
    var reached: Timestamp?
    /// An event is half told.
    private(set) var isInEvent = false

    /// The snapshot that should come.
    private var expected: [Tick] = []
    private var compared = 0
    /// How the snapshot that is read is taken: compared, believed, or passed over behind a fault.
    private var reading = Reading.none
    private enum Reading { case none, compares, believes, ignores }

    /// Something is missing here.
    mutating func forget() {
        isKnown = false
        reached = nil
        isInEvent = false
        reading = .none
    }

    /// Takes the ticks of a record.
    ///
    /// - Returns: the first thing that is wrong with them.
    mutating func take(_ ticks: UnsafeBufferPointer<Tick>) -> JournalFlaw? {
        var flaw: JournalFlaw?
        for tick in ticks {
            if flaw == nil { flaw = self.flaw(of: tick) }
            image.apply(tick)
            reached = reached.map { max($0, tick.eventTime) }
        }
        if let last = ticks.last { isInEvent = !last.flags.contains(.endOfEvent) }
        return flaw
    }

    private func flaw(of tick: Tick) -> JournalFlaw? {
        guard let kind = tick.kind, kind != .symbol, kind != .epoch else { return nil }
        if tick.flags.contains(.snapshot) { return JournalFlaw("a tick of a snapshot outside of one") }
        guard let definition = image.definition(of: tick.symbol) else {
            return JournalFlaw("a tick of symbol \(tick.symbol.index), which nobody defined")
        }
        guard let wanted = image.next(kind, of: tick.symbol), tick.sequence != wanted,
            kind != .best || tick.sequence &+ 1 != wanted
        else { return nil }
        return JournalFlaw("\(definition.name) has \(kind) \(tick.sequence) where \(wanted) is next")
    }

    // MARK: Snapshots

    mutating func beginSnapshot() {
        compared = 0
        expected.removeAll(keepingCapacity: true)
        reading = isKnown ? .compares : .believes
        guard isKnown else { return image.removeAll() }
        image.writeSnapshot { tick in expected.append(tick) }
    }

    /// - Returns: what is wrong with this part, once in a snapshot.
    mutating func takeSnapshot(_ ticks: UnsafeBufferPointer<Tick>) -> JournalFlaw? {
        switch reading {
        case .none:
            reading = .ignores
            return JournalFlaw("a part of a snapshot that was not begun")
        case .ignores: return nil
        case .believes:
            image.apply(ticks)
            return nil
        case .compares:
            for tick in ticks {
                guard compared < expected.count, tick == expected[compared] else {
                    reading = .ignores
                    return JournalFlaw("a snapshot that is not what the ticks before it come to")
                }
                compared += 1
            }
            return nil
        }
    }

    mutating func endSnapshot() -> JournalFlaw? {
        defer { reading = .none }
        guard reading == .compares || reading == .believes else { return nil }
        isKnown = true
        guard reading == .compares, compared < expected.count else { return nil }
        return JournalFlaw("a snapshot that has less than the ticks before it come to")
    }

    var isInSnapshot: Bool { reading != .none }
}
