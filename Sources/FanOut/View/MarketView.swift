// The market as one loop sees it: built from the tape, read by the loop's subscribers, shared with
// nobody.
//
// Invariants
//   - It counts nothing: every version comes from a tick.
//   - After a lap each symbol waits for its own snapshot; until then its last state stays as it is.
//   - All of it is of one epoch. A lap may have swallowed the beginning of another: no snapshot is
//     believed before one's round said which epoch it is of.
import Basics
import Market

struct MarketView: ~Copyable {
    /// Symbols a feed may have; later ones are counted and left out.
    static let symbolsMax = 65_536

    private let reader: TapeReader
    private let batch: UnsafeMutableBufferPointer<Tick>
    private var symbols = Slab<SymbolView>(capacity: symbolsMax)
    private(set) var directory = Directory()
    private(set) var ticks: UInt64 = 0
    private(set) var laps: UInt64 = 0
    private(set) var ticksLost: UInt64 = 0
    /// Symbols by how far their feed can be trusted, by the state's raw value.
    private(set) var feeds = InlineArray<4, Int>(repeating: 0)
    /// Symbols whose feed is stale or suspect.
    var doubtful: Int { feeds[Int(FeedState.stale.rawValue)] + feeds[Int(FeedState.suspect.rawValue)] }
    /// The life of the feed that everything here is of.
    private(set) var epoch: UInt32
    /// Epochs begun while this view looked on.
    private(set) var epochsBegun: UInt64 = 0
    /// False from a lap until every symbol was told anew: what there is, nobody here knows meanwhile.
    private(set) var isWhole = true
    /// Lapped: which epoch it is, the next round of snapshots says, and how many symbols there are.
    private var awaitsEpoch = false
    private var symbolsToCome = 0
    /// Of the symbols, how many were seen to have been told anew.
    private var symbolsBack = 0
    /// When ingest took the oldest tick that was drained since `forgetAge`; zero: there was none.
    private(set) var oldestReceived = Timestamp.zero
    private(set) var symbolsRefused: UInt64 = 0
    /// Where the ticks stand on the tape of who numbered them; nil: it is this one.
    private var place: Place?
    /// Symbols that something happened to since `forgetChanges`.
    private(set) var changed: [SymbolID] = []

    /// - Parameter epoch: the one that the feed begins with.
    init(_ reader: TapeReader, epoch: UInt32) {
        self.reader = reader
        self.epoch = epoch
        batch = .allocate(capacity: 1_024)
    }
    deinit { batch.deallocate() }

    /// Ticks before what this view shows, on the tape of who numbered them: the cursor of `resume`.
    var position: UInt64 { place?.told ?? reader.position }

    @inline(__always)
    func symbol(_ id: SymbolID) -> UnsafeMutablePointer<SymbolView> { symbols.address(of: id.index) }

    func find(_ name: String) -> SymbolID? { SymbolName(name).flatMap { directory.find($0) } }

    /// Applies what the tape brought, at most about `limit` ticks, and never half an event.
    ///
    /// - Returns: how many were applied; as many as `limit` means there may be more.
    mutating func drain(limit: Int) -> Int {
        var applied = 0
        var isInEvent = false
        while applied < limit || isInEvent {
            switch reader.read(into: batch) {
            case .nothingNew:
                if !isWhole { look() }
                return applied
            case .lapped(let lost):
                recover(lost)
                isInEvent = false
            case .ticks(let count):
                let start = reader.position - UInt64(count)
                if oldestReceived == .zero, !batch[0].flags.contains(.snapshot) {
                    oldestReceived = batch[0].receiveTime
                }
                for index in 0..<count { apply(batch[index], position: start + UInt64(index)) }
                applied += count
                isInEvent = !batch[count - 1].flags.contains(.endOfEvent)
            }
        }
        return applied
    }

    func willSleep(untilBehindBy ticks: Int) -> Bool { reader.willSleep(untilBehindBy: ticks) }

    private mutating func recover(_ lost: UInt64) {
        laps += 1
        ticksLost += lost
        for index in 0..<directory.count { symbols.address(of: index).pointee.awaitsSnapshot = true }
        awaitsEpoch = true
        isWhole = false
        symbolsBack = 0
        reader.askForSnapshot()
    }

    /// Looks whether all that the lap took has been told anew. A symbol that is not followed is not.
    private mutating func look() {
        guard !awaitsEpoch, directory.count >= symbolsToCome else { return }
        while symbolsBack < directory.count {
            let symbol = symbols.address(of: symbolsBack)
            guard !symbol.pointee.awaitsSnapshot || !symbol.pointee.isKnown else { return }
            symbolsBack += 1
        }
        isWhole = true
    }

    /// The feed begins a new life, or says before a round of snapshots which one it is in.
    private mutating func begin(_ tick: Tick, position: UInt64) {
        let isRepeated = tick.flags.contains(.snapshot)
        awaitsEpoch = false
        if isRepeated { symbolsToCome = min(Int(clamping: tick.sequence), MarketView.symbolsMax) }
        guard UInt32(truncatingIfNeeded: tick.aux) != epoch else { return }
        epoch = UInt32(truncatingIfNeeded: tick.aux)
        epochsBegun += 1
        for index in 0..<directory.count {
            symbols.address(of: index).pointee.forgetAll(position: position)
            symbols.address(of: index).pointee.awaitsSnapshot = isRepeated
        }
        feeds = InlineArray(repeating: 0)
        feeds[Int(FeedState.live.rawValue)] = directory.count
    }

    /// The changes are told: what happens next is new.
    mutating func forgetChanges() {
        for at in changed.indices { symbols.address(of: changed[at].index).pointee.changes = [] }
        changed.removeAll(keepingCapacity: true)
    }

    mutating func forgetAge() { oldestReceived = .zero }

    /// The place of the next tick; on a tape of one's own that is where it stands.
    private mutating func nextPlace(_ position: UInt64) -> UInt64 {
        guard let here = place else { return position }
        if here.first + 1 < here.end { place?.first += 1 }
        return here.first
    }

    /// One symbol is told anew behind this, or it is not followed any more.
    private mutating func resync(
        _ tick: Tick, _ view: UnsafeMutablePointer<SymbolView>, position: UInt64
    ) {
        view.pointee.isKnown = tick.aux == 0
        view.pointee.awaitsSnapshot = true
        guard tick.aux != 0 else { return }
        feeds[Int(view.pointee.feed.rawValue)] -= 1
        view.pointee.forgetAll(position: position)
        feeds[Int(view.pointee.feed.rawValue)] += 1
    }

    private mutating func apply(_ tick: Tick, position tapePosition: UInt64) {
        ticks += 1
        guard let kind = tick.kind else { return }
        let position = nextPlace(tapePosition)
        if kind == .symbol { define(tick) }
        if kind == .epoch { return begin(tick, position: position) }
        if kind == .place { return place = tick.place }
        guard tick.symbol.index < directory.count else { return }
        let view = symbols.address(of: tick.symbol.index)
        let repeated = tick.flags.contains(.snapshot)
        if kind == .resync { return resync(tick, view, position: position) }
        // In sync, a snapshot tells nothing new; lapped, nothing else can be believed.
        guard repeated == view.pointee.awaitsSnapshot, !(repeated && awaitsEpoch) else { return }
        let wasUnchanged = view.pointee.changes.isEmpty
        if kind == .status { feeds[Int(view.pointee.feed.rawValue)] -= 1 }
        view.pointee.apply(tick, kind, position: position)
        if kind == .status { feeds[Int(view.pointee.feed.rawValue)] += 1 }
        if wasUnchanged, !view.pointee.changes.isEmpty { changed.append(tick.symbol) }
        if repeated, tick.flags.contains(.endOfEvent) { view.pointee.awaitsSnapshot = false }
    }

    private mutating func define(_ tick: Tick) {
        guard tick.symbol.index >= directory.count else { return }
        guard tick.symbol.index == directory.count else {
            // Numbers are dense: a definition before this one was lost to a lap. Ask again, until a
            // whole round of snapshots has come by.
            reader.askForSnapshot()
            return
        }
        guard directory.count < MarketView.symbolsMax else {
            symbolsRefused += 1
            return
        }
        let definition = tick.definition
        let id = directory.add(definition)
        symbols.insert(SymbolView(definition), at: id.index)
        // Lapped, its ordinary ticks may be of another epoch than the view.
        symbols.address(of: id.index).pointee.awaitsSnapshot =
            awaitsEpoch || tick.flags.contains(.snapshot)
        feeds[Int(FeedState.live.rawValue)] += 1
    }
}
