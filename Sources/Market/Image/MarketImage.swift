// The market as the ticks so far have made it: what a snapshot in a journal is written from, and what
// whoever begins in its middle begins with.
//
// Invariants
//   - Who applies all ticks of a feed, and who applies a snapshot and then the ticks behind it, have
//     the same image, and write the same snapshot.
//   - Numbers of symbols are bounded, and where a tick names one that was never defined it is
//     counted and left out.
import Basics

public struct MarketImage: ~Copyable {
    /// Symbols an image holds: as many as a loop does.
    public static let symbolsMax = 65_536

    var symbols = Slab<SymbolImage>(capacity: symbolsMax)
    /// One behind the highest number that was defined.
    public private(set) var end = 0
    /// Symbols that are defined.
    public private(set) var symbolCount = 0
    /// Symbols that wait for their snapshot.
    public private(set) var awaited = 0
    /// Ticks that named no symbol that is defined.
    public private(set) var strays: UInt64 = 0
    /// The tick that began the life of the feed; nil: none was ever told.
    public private(set) var epoch: Tick?
    /// The number of the epoch that ticks begin in, where none was told yet; 0: nobody knows.
    private let firstEpoch: UInt32

    public init(epoch: UInt32 = 0) { firstEpoch = epoch }

    /// The number of the life of the feed.
    public var epochNumber: UInt64 { epoch?.aux ?? UInt64(firstEpoch) }

    /// The symbol's definition; nil where there is none of that number.
    public func definition(of symbol: SymbolID) -> SymbolDefinition? {
        guard symbols.contains(symbol.index) else { return nil }
        return symbols.address(of: symbol.index).pointee.definition.definition
    }

    /// The tick that defined it last; nil where there is none of that number.
    public func definitionTick(of symbol: SymbolID) -> Tick? {
        guard symbols.contains(symbol.index) else { return nil }
        return symbols.address(of: symbol.index).pointee.definition
    }

    /// What was said of a symbol last; of one that is not known, that it is closed.
    public func status(of symbol: SymbolID) -> SymbolStatus {
        guard symbols.contains(symbol.index) else { return SymbolStatus(MarketStatus(.closed)) }
        return SymbolStatus(packed: symbols.address(of: symbol.index).pointee.status)
    }

    /// The number that the next tick of that kind has; nil for kinds that count nothing of their own, and
    /// where there is no such symbol. Of one event both bests have the same.
    public func next(_ kind: Tick.Kind, of symbol: SymbolID) -> UInt64? {
        guard symbols.contains(symbol.index) else { return nil }
        return symbols.address(of: symbol.index).pointee.next(kind)
    }

    /// Everything is unknown again.
    public mutating func removeAll() {
        for index in 0..<end where symbols.contains(index) { symbols.remove(at: index) }
        end = 0
        symbolCount = 0
        awaited = 0
        epoch = nil
    }

    /// Takes one tick, of a snapshot or not.
    @inline(__always)
    public mutating func apply(_ tick: Tick) {
        guard let kind = tick.kind else { return }
        switch kind {
        case .symbol: define(tick)
        case .epoch: begin(tick)
        case .place: break
        default:
            let index = tick.symbol.index
            guard symbols.contains(index) else {
                strays += 1
                return
            }
            symbols.address(of: index).pointee.apply(tick, kind)
        }
    }

    public mutating func apply(_ ticks: UnsafeBufferPointer<Tick>) {
        for tick in ticks { apply(tick) }
    }

    /// A new name for a number leaves the states; a snapshot begins with one and replaces them.
    private mutating func define(_ tick: Tick) {
        let index = tick.symbol.index
        guard index < symbols.capacity else {
            strays += 1
            return
        }
        if symbols.contains(index) {
            let symbol = symbols.address(of: index)
            if tick.flags.contains(.snapshot) {
                let awaitsSnapshot = symbol.pointee.awaitsSnapshot
                symbol.pointee = SymbolImage(tick)
                symbol.pointee.awaitsSnapshot = awaitsSnapshot
            } else {
                symbol.pointee.definition = tick
            }
        } else {
            symbols.insert(SymbolImage(tick), at: index)
            symbolCount += 1
            end = max(end, index + 1)
        }
    }

    /// A new life of the feed: names stay, states go. One that is only repeated changes nothing.
    private mutating func begin(_ tick: Tick) {
        defer { epoch = tick }
        guard !tick.flags.contains(.snapshot) || tick.aux != epochNumber else { return }
        for index in 0..<end where symbols.contains(index) {
            let symbol = symbols.address(of: index), awaitsSnapshot = symbol.pointee.awaitsSnapshot
            symbol.pointee = SymbolImage(symbol.pointee.definition)
            symbol.pointee.awaitsSnapshot = awaitsSnapshot
        }
    }

    // MARK: After a lap

    /// Ticks were lost: no symbol is known for sure until its snapshot came by.
    public mutating func awaitSnapshots() {
        for index in 0..<end where symbols.contains(index) {
            symbols.address(of: index).pointee.awaitsSnapshot = true
        }
        awaited = symbolCount
    }

    /// Takes a tick from a tape that repeats state now and then: what repeats it is left out but where it
    /// is awaited, and nothing else counts there.
    ///
    /// - Returns: true where it names a symbol that is not known, or makes one known by its snapshot
    ///   alone: there may be more of these, and all of it is to be asked for again.
    @inline(__always)
    public mutating func applyLive(_ tick: Tick) -> Bool {
        let isRepeated = tick.flags.contains(.snapshot)
        guard isRepeated || awaited > 0 || tick.kind == .resync else {
            let before = strays
            apply(tick)
            return strays != before
        }
        return applyAwaiting(tick, isRepeated)
    }

    private mutating func applyAwaiting(_ tick: Tick, _ isRepeated: Bool) -> Bool {
        guard tick.kind != .epoch else {
            // One that comes as a repetition and is news: so come the states behind it.
            let isNews = isRepeated && tick.aux != epochNumber
            apply(tick)
            if isNews { awaitSnapshots() }
            return false
        }
        let index = tick.symbol.index
        guard tick.kind != .place else { return false }
        guard symbols.contains(index) else { return meet(tick, isRepeated) }
        let symbol = symbols.address(of: index)
        guard tick.kind != .resync else {
            resync(tick, symbol)
            return false
        }
        guard isRepeated == symbol.pointee.awaitsSnapshot else { return false }
        apply(tick)
        if isRepeated, tick.flags.contains(.endOfEvent) {
            symbol.pointee.awaitsSnapshot = false
            awaited -= 1
        }
        return false
    }

    /// One symbol is told anew, or not any more.
    private mutating func resync(_ tick: Tick, _ symbol: UnsafeMutablePointer<SymbolImage>) {
        let wasAwaited = symbol.pointee.awaitsSnapshot
        if tick.aux != 0 { symbol.pointee = SymbolImage(symbol.pointee.definition) }
        // What is not known is not waited for.
        symbol.pointee.awaitsSnapshot = tick.aux == 0
        awaited += (tick.aux == 0 ? 1 : 0) - (wasAwaited ? 1 : 0)
    }

    /// A number that nobody defined here.
    private mutating func meet(_ tick: Tick, _ isRepeated: Bool) -> Bool {
        let before = strays, index = tick.symbol.index
        apply(tick)
        // A tick of a later kind says nothing.
        guard symbols.contains(index) else { return strays != before }
        guard isRepeated else { return false }
        symbols.address(of: index).pointee.awaitsSnapshot = true
        awaited += 1
        return true
    }
}
