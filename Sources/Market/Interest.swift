// Which symbols somebody reads: what the loops tell a feed that brings only what is wanted.
//
// Invariants
//   - A loop adds a symbol with its first subscription, and removes it with its last.
//   - What flows this way is a wish, never data: a feed that brings everything has no use for it.
import Basics
import Synchronization

/// How many loops want each symbol, by its number; shared by loops and ingest.
public final class Interest: @unchecked Sendable {
    /// As many as a loop holds.
    public static let symbolsMax = 65_536

    private let counts: UnsafeMutablePointer<Atomic<UInt32>>
    private let changeCount = Atomic<UInt64>(0)
    private let bell: Doorbell?
    /// Set in a count: somebody asked once, and stays not.
    private static let touched: UInt32 = 1 << 31

    /// - Parameter bell: rung at every change.
    public init(bell: Doorbell? = nil) {
        self.bell = bell
        counts = .allocate(capacity: Interest.symbolsMax)
        for index in 0..<Interest.symbolsMax { (counts + index).initialize(to: Atomic(0)) }
    }
    deinit { counts.deallocate() }

    /// Moves with every change.
    public var changes: UInt64 { changeCount.load(ordering: .acquiring) }

    public func add(_ symbol: SymbolID) {
        guard symbol.index < Interest.symbolsMax else { return }
        counts[symbol.index].add(1, ordering: .relaxed)
        changed()
    }

    public func remove(_ symbol: SymbolID) {
        guard symbol.index < Interest.symbolsMax else { return }
        counts[symbol.index].subtract(1, ordering: .relaxed)
        changed()
    }

    /// As if it had been added and removed.
    public func touch(_ symbol: SymbolID) {
        guard symbol.index < Interest.symbolsMax else { return }
        counts[symbol.index].bitwiseOr(Interest.touched, ordering: .relaxed)
        changed()
    }

    /// Whether a loop wants it, or somebody asked since this was asked last.
    public func take(_ symbol: SymbolID) -> Bool {
        guard symbol.index < Interest.symbolsMax else { return false }
        let count = counts[symbol.index].load(ordering: .relaxed)
        if count & Interest.touched != 0 {
            counts[symbol.index].bitwiseAnd(~Interest.touched, ordering: .relaxed)
        }
        return count != 0
    }

    private func changed() {
        changeCount.add(1, ordering: .releasing)
        bell?.ring()
    }
}
