// A symbol's picture, read: its state at a flush, the frames around it, and events before it.
//
//     state at flush 90 · frame 93 (since 88) · frame 95 (since 93)        as an engine stores it
//     state at flush 95 · … frame 93 · frame 95                            as a publisher answers
//
// Invariant: whatever is in it of another life is left out.
import Basics
import Market

struct Picture {
    struct Batch {
        let place: FlushPlace
        /// The symbol's flush before.
        let previous: UInt64
        let ticks: [Tick]
    }
    struct Event {
        let tick: Tick
        let place: UInt64
        let flush: UInt64
    }

    /// Nil where it has none, or not all of it.
    private(set) var state: (place: FlushPlace, ticks: [Tick])?
    private(set) var batches: [Batch] = []
    /// Trades, ones taken back, words of status.
    private(set) var events: [Event] = []

    init(_ run: UnsafeRawBufferPointer, of symbol: SymbolID, in life: Life) throws(FrameFlaw) {
        var parts: [Tick] = [], partsOf: UInt64?
        try Frame.forEach(in: run) { frame throws(FrameFlaw) in
            guard frame.epoch == life.epoch else { return }
            switch frame.type {
            case .state:
                var ticks: [Tick] = []
                let (term, isFirst, isLast) = try frame.readState(of: symbol, into: &ticks)
                guard term == life.term else { return }
                if isFirst { (parts, partsOf) = ([], frame.place.flush) }
                guard partsOf == frame.place.flush else { return }
                parts += ticks
                guard isLast else { return }
                state = (frame.place, parts)
                partsOf = nil
            case .ticks:
                var ticks: [Tick] = []
                let previous = try frame.readTicks(of: symbol, into: &ticks)
                batches.append(Batch(place: frame.place, previous: previous, ticks: ticks))
            case .events:
                let flush = frame.place.flush
                try frame.readEvents(of: symbol) { events.append(Event(tick: $0, place: $1, flush: flush)) }
            case .gone, .heads, .symbols: break
            }
        }
        batches.sort { $0.place.flush < $1.place.flush }
        for batch in batches {
            for (index, tick) in batch.ticks.enumerated() where tick.isEventOfHistory {
                events.append(
                    Event(
                        tick: tick, place: batch.place.place(index, of: batch.ticks.count),
                        flush: batch.place.flush))
            }
        }
    }

    /// The newest flush that it knows of; 0: none.
    var newest: UInt64 { max(state?.place.flush ?? 0, batches.last?.place.flush ?? 0) }

    /// The batches that lead on from a flush to the newest one, where none is missing. Empty: nothing is.
    func batches(since flush: UInt64) -> ArraySlice<Batch>? {
        // With nothing but a later state nobody knows what happened before it.
        guard !batches.isEmpty || newest <= flush else { return nil }
        let first = batches.firstIndex { $0.place.flush > flush } ?? batches.endIndex
        var reached = flush
        for batch in batches[first...] {
            guard batch.previous <= reached else { return nil }
            reached = batch.place.flush
        }
        return batches[first...]
    }

    /// Events up to a flush, each once, in the order of their numbers.
    func events(upTo flush: UInt64, isStatus: Bool, after number: UInt64) -> [Event] {
        let wanted = events.filter {
            $0.flush <= flush && ($0.tick.kind == .status) == isStatus && $0.tick.sequence > number
        }.sorted { $0.tick.sequence < $1.tick.sequence }
        return wanted.enumerated().filter {
            $0.offset == 0 || wanted[$0.offset - 1].tick.sequence < $0.element.tick.sequence
        }
        .map(\.element)
    }
}

extension Tick {
    /// Of what is never conflated, what stands in a history by itself.
    var isEventOfHistory: Bool { kind == .trade || kind == .tradeBreak || kind == .status }
}
