// How far a symbol's book can be believed, beside what its market does: one status, two words.
//
//     gap → suspect → snapshot or clear → deltas
//
// Invariants
//   - Every change of either word is a tick of its own number: nothing changes in silence.
import Basics
import Market

extension BookBuilder {
    /// What the market does with a symbol.
    public mutating func status(_ symbol: SymbolID, _ status: MarketStatus, at stamp: Stamp) {
        let stamp = begin(stamp)
        states[symbol].pointee.status.market = status
        showStatus(symbol, at: stamp)
    }

    /// What was last said by `status`; closed before.
    public func marketStatus(of symbol: SymbolID) -> MarketStatus {
        states[symbol].pointee.status.market
    }

    /// The source lost something of this symbol: its book may be wrong until `trust`.
    public mutating func suspect(_ symbol: SymbolID, at stamp: Stamp) {
        setFeed(symbol, .suspect, at: stamp)
    }

    /// The source lost something, nobody knows of which symbol.
    public mutating func suspectAll(at stamp: Stamp) {
        for index in 0..<symbolCount { suspect(SymbolID(index), at: stamp) }
    }

    /// Empties every suspect book and forgets its orders, in front of all of them told anew. The day
    /// goes on. Costs a look at every order there is.
    public mutating func clearSuspects(at stamp: Stamp) {
        let stamp = begin(stamp)
        let isSuspect = (0..<symbolCount).map { states[SymbolID($0)].pointee.status.feed == .suspect }
        books.removeOrders { isSuspect[$0.index] }
        for index in isSuspect.indices where isSuspect[index] {
            showEmpty(SymbolID(index), aux: 1, at: stamp)
        }
    }

    /// The book was told from the start: it is right again.
    public mutating func trust(_ symbol: SymbolID, at stamp: Stamp) {
        setFeed(symbol, .live, at: stamp)
    }

    private mutating func setFeed(_ symbol: SymbolID, _ feed: FeedState, at stamp: Stamp) {
        let stamp = begin(stamp)
        guard states[symbol].pointee.status.feed != feed else { return }
        states[symbol].pointee.status.feed = feed
        showStatus(symbol, at: stamp)
    }

    mutating func showStatus(_ symbol: SymbolID, at stamp: Stamp) {
        let state = states[symbol]
        state.pointee.statusAt = stamp
        state.pointee.statusSequence += 1
        append(
            .status, symbol, sequence: state.pointee.statusSequence, aux: state.pointee.status.packed,
            at: stamp)
        writer.endEvent()
    }
}
