// What heads say: which symbols changed, and that somebody publishes at all.
//
// Invariants
//   - `told` moves on where heads say what changed and all of it has come: a cursor never promises more.
//   - What this node alone says of a symbol, that it is not to be trusted, has a number like any other word.
import Basics
import Market

extension Follower {
    func takeHeads(_ frame: Frame, _ now: Moment) throws(FrameFlaw) {
        guard frame.type == .heads else { throw FrameFlaw("no heads") }
        var changed: [UInt32] = []
        let heads = try frame.readHeads { changed.append($0) }
        guard meet(Life(term: heads.term, epoch: frame.epoch), now) else { return }
        heardAt = now.instant
        clock = heads.clock
        if isSilent { hearAgain(now) }
        if min(heads.symbols, Interest.symbolsMax) > numbers.count, !isAskingDirectory {
            directoryDue = min(directoryDue, max(now.instant, directoryAsked + Follower.directoryInterval))
        }
        let flush = frame.place.flush
        if let lastFlush {
            guard flush > lastFlush else { return counts.duplicates += 1 }
            if flush > lastFlush + 1 { loseHeads(now) }
        }
        lastFlush = flush
        newestTold = heads.told
        for number in changed where Int(number) < numbers.count && numbers[Int(number)] >= 0 {
            let index = Int(numbers[Int(number)])
            guard symbols[index].phase == .live, symbols[index].flush < flush else { continue }
            owed.append(Owed(symbol: index, flush: flush, since: now.instant))
        }
        moveTold(now)
    }

    /// What they named nobody knows: each symbol is looked at.
    func loseHeads(_ now: Moment) {
        counts.headsLost += 1
        for index in symbols.indices { rejoin(index, isGap: false, now) }
    }

    func checkOwed(_ now: Moment) {
        guard let first = owed.first, now.instant - first.since > Follower.owedMax else { return }
        let late = owed.filter { now.instant - $0.since > Follower.owedMax }
        owed.removeAll { now.instant - $0.since > Follower.owedMax }
        for one in late where symbols[one.symbol].flush < one.flush { rejoin(one.symbol, isGap: true, now) }
    }

    func paid(_ index: Int, _ now: Moment) {
        guard !owed.isEmpty else { return }
        let flush = symbols[index].flush
        owed.removeAll { $0.symbol == index && $0.flush <= flush }
        moveTold(now)
    }

    func moveTold(_ now: Moment) {
        guard behind == 0, owed.isEmpty, told != newestTold, life != nil else { return }
        told = newestTold
        out(
            .place(
                Place(first: told, end: told, told: told), flags: .endOfEvent, at: now.wall,
                received: now.wall))
    }

    // MARK: Silence
    func checkSilence(_ now: Moment) {
        if let disconnectedAt {
            guard now.instant - disconnectedAt > Follower.patience else { return }
            suspectAll(now)
        } else if engine.isConnected, now.instant - heardAt > Follower.silenceMax {
            if !isSilent {
                log.bounded(.error, "follow_silent", ["engine": .text(engine.description)])
            }
            isSilent = true
            fault = "nobody publishes there"
            suspectAll(now)
        }
    }

    func suspectAll(_ now: Moment) {
        for index in symbols.indices where symbols[index].isWanted && !symbols[index].isSuspect {
            suspect(index, now)
        }
    }

    /// The same life again, and nothing is missing but what heads would have named.
    func hearAgain(_ now: Moment) {
        isSilent = false
        fault = nil
        for index in symbols.indices where symbols[index].phase == .live && symbols[index].isSuspect {
            trust(index, now)
        }
    }

    func suspect(_ index: Int, _ now: Moment) {
        guard !symbols[index].isSuspect else { return }
        symbols[index].isSuspect = true
        tellStatus(index, now)
    }

    func trust(_ index: Int, _ now: Moment) {
        guard symbols[index].isSuspect else { return }
        symbols[index].isSuspect = false
        tellStatus(index, now)
    }

    /// What this node alone says of a symbol.
    func tellStatus(_ index: Int, _ now: Moment) {
        symbols[index].statusHere += 1
        out(
            Tick(
                .status, SymbolID(index),
                // Of a symbol that is not known readers take nothing but what is told anew.
                flags: symbols[index].isKnown ? .endOfEvent : [.endOfEvent, .snapshot],
                sequence: symbols[index].statusHere, eventTime: now.wall, receiveTime: now.wall,
                aux: words(of: index)))
    }

    /// The publisher's words, and this node's where it knows worse.
    func words(of index: Int) -> UInt64 {
        var words = SymbolStatus(packed: symbols[index].words)
        if symbols[index].isSuspect { words.feed = .suspect }
        return words.packed
    }
}
