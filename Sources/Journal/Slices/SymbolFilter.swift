// Of all ticks those of some symbols, still as whole events.
import Market

struct SymbolFilter {
    /// Nil: all.
    private let names: Set<SymbolName>?
    private var isWanted: [Bool] = []
    /// Something of the event that is told was taken.
    private var hasTaken = false
    private var kept: [Tick] = []

    init(_ names: Set<SymbolName>?) { self.names = names }

    /// Whether a tick is wanted, of a symbol or of all of them.
    mutating func takes(_ tick: Tick) -> Bool {
        guard let names, tick.kind != .epoch else { return true }
        let index = tick.symbol.index
        if tick.kind == .symbol, index < MarketImage.symbolsMax {
            while isWanted.count <= index { isWanted.append(false) }
            isWanted[index] = names.contains(tick.definition.name)
        }
        return index < isWanted.count && isWanted[index]
    }

    /// Those that are wanted. Where an event loses its last tick, what is left of it ends before that.
    mutating func pick<R>(
        _ ticks: UnsafeBufferPointer<Tick>, _ body: (UnsafeBufferPointer<Tick>) -> R
    ) -> R {
        guard names != nil else { return body(ticks) }
        kept.removeAll(keepingCapacity: true)
        for tick in ticks {
            let isLast = tick.flags.contains(.endOfEvent)
            if takes(tick) {
                kept.append(tick)
                hasTaken = !isLast
            } else if isLast, hasTaken {
                // Of an event longer than a record the part before is away already, and stays open.
                if !kept.isEmpty { kept[kept.count - 1].flags.insert(.endOfEvent) }
                hasTaken = false
            }
        }
        return kept.withUnsafeBufferPointer(body)
    }
}
