// A symbol's frames and pictures, onto the tape.
//
// Invariants
//   - A frame is applied where it leads on from what is known, kept where the symbol is being joined, and
//     begins a join where something before it is missing.
//   - A picture whose frames lead on loses nothing; another puts a state in place, and behind that the events
//     that readers were not told.
import Basics
import Market

extension Follower {
    func takeFrame(
        _ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ index: Int, _ now: Moment
    ) throws(FrameFlaw) {
        guard let life, frame.epoch == life.epoch, frame.type == .ticks || frame.type == .gone else {
            return counts.strays += 1
        }
        switch symbols[index].phase {
        case .idle: return
        case .due, .fetching: keep(bytes, index)
        case .live:
            guard frame.place.flush > symbols[index].flush else { return counts.duplicates += 1 }
            guard frame.type == .ticks else {
                // Its state is told anew, and can be had.
                return rejoin(index, isGap: false, now)
            }
            batch.removeAll(keepingCapacity: true)
            let previous = try frame.readTicks(of: SymbolID(index), into: &batch)
            guard previous <= symbols[index].flush else {
                rejoin(index, isGap: true, now)
                return keep(bytes, index)
            }
            tell(batch, frame.place, index)
            paid(index, now)
        }
    }

    func keep(_ bytes: UnsafeRawBufferPointer, _ index: Int) {
        guard symbols[index].keptBytes + bytes.count <= Follower.keptOfSymbolMax,
            keptBytes + bytes.count <= Follower.keptMax
        else {
            // The picture that comes will have a hole behind it, and another is asked for.
            counts.overflows += 1
            keptBytes -= symbols[index].keptBytes
            (symbols[index].kept, symbols[index].keptBytes) = ([], 0)
            return
        }
        symbols[index].kept.append(Array(bytes))
        symbols[index].keptBytes += bytes.count
        keptBytes += bytes.count
    }

    /// One flush of a symbol, onto the tape.
    func tell(_ batch: [Tick], _ place: FlushPlace, _ index: Int) {
        symbols[index].flush = place.flush
        counts.batches += 1
        counts.ticks += UInt64(batch.count)
        guard let first = batch.first else { return }
        out(
            .place(
                Place(first: place.place(0, of: batch.count), end: place.end, told: told),
                at: first.eventTime,
                received: first.receiveTime))
        for tick in batch { out(here(tick, index)) }
        ticks[ticks.count - 1].flags.insert(.endOfEvent)
    }

    /// As it is numbered here.
    @inline(__always)
    func here(_ tick: Tick, _ index: Int) -> Tick {
        var tick = tick
        switch tick.kind {
        case .trade, .tradeBreak: symbols[index].trade = tick.sequence
        case .status:
            // As many on as the publisher's went on.
            symbols[index].statusHere &+= max(1, tick.sequence &- min(tick.sequence, symbols[index].status))
            symbols[index].status = tick.sequence
            symbols[index].words = tick.aux
            tick.sequence = symbols[index].statusHere
            tick.aux = words(of: index)
        default: break
        }
        return tick
    }

    // MARK: Pictures
    func takePart(
        _ name: SymbolName, _ bytes: UnsafeRawBufferPointer, _ isLast: Bool, _ now: Moment
    ) {
        guard let index = ids[name], symbols[index].isAsked else { return }
        if symbols[index].phase == .fetching { symbols[index].picture.append(contentsOf: bytes) }
        guard isLast, answered(index) else { return }
        let run = symbols[index].picture
        symbols[index].picture = []
        do throws(FrameFlaw) {
            guard let life else { return retry(index, now) }
            let picture = try run.withUnsafeBytes { bytes in
                Result { () throws(FrameFlaw) in try Picture(bytes, of: SymbolID(index), in: life) }
            }.get()
            join(index, picture, now)
        } catch {
            counts.flaws += 1
            log.bounded(.error, "follow_flaw", ["symbol": "\(name)", "reason": .text(error.description)])
            engine.complain(of: name)
            retry(index, now)
        }
    }

    func join(_ index: Int, _ picture: Picture, _ now: Moment) {
        let known = symbols[index].flush
        if symbols[index].isKnown, let batches = picture.batches(since: known) {
            for batch in batches { tell(batch.ticks, batch.place, index) }
            // Of what is unchanged since a later state was made, that is the newest.
            symbols[index].flush = max(known, picture.newest)
            counts.mended += 1
        } else if let state = picture.state, state.place.flush >= known {
            restate(index, picture, state.place, state.ticks)
            for batch in picture.batches where batch.place.flush > symbols[index].flush {
                guard batch.previous <= symbols[index].flush else { return retry(index, now) }
                tell(batch.ticks, batch.place, index)
            }
        } else {
            return retry(index, now)
        }
        symbols[index].phase = .live
        goOn(index, now)
    }

    /// What was kept meanwhile.
    func goOn(_ index: Int, _ now: Moment) {
        let kept = symbols[index].kept
        keptBytes -= symbols[index].keptBytes
        (symbols[index].kept, symbols[index].keptBytes) = ([], 0)
        for bytes in kept {
            bytes.withUnsafeBytes { bytes in
                read(now, index) { () throws(FrameFlaw) in
                    try self.takeFrame(try Frame.only(in: bytes), bytes, index, now)
                }
            }
        }
        guard symbols[index].phase == .live else {
            // There is a hole behind that picture: not at once again.
            return symbols[index].phase = .due(now.instant + pause(index))
        }
        symbols[index].attempts = 0
        if symbols[index].isBehind {
            symbols[index].isBehind = false
            behind -= 1
        }
        trust(index, now)
        paid(index, now)
    }

    /// The state in place of what was known, and before it what had happened, as far as that is to be had.
    func restate(_ index: Int, _ picture: Picture, _ place: FlushPlace, _ state: [Tick]) {
        if symbols[index].isKnown { counts.restated += 1 } else { counts.joins += 1 }
        symbols[index].isKnown = true
        symbols[index].flush = place.flush
        let first = state.first ?? Tick(.symbol, SymbolID(index))
        out(.resync(SymbolID(index), forgets: false, at: first.eventTime, received: first.receiveTime))
        tellPast(index, picture, upTo: place.flush)
        tellPlace(place.place(0, of: 1), of: first)
        for tick in state { out(restated(tick, index)) }
        ticks[ticks.count - 1].flags.insert(.endOfEvent)
    }

    /// Trades and words of status that readers here were not told, for those who want each one.
    func tellPast(_ index: Int, _ picture: Picture, upTo flush: UInt64) {
        let trades = picture.events(upTo: flush, isStatus: false, after: symbols[index].trade)
        let words = picture.events(upTo: flush, isStatus: true, after: symbols[index].status)
        for event in trades + words {
            tellPlace(event.place, of: event.tick)
            var tick = here(event.tick, index)
            tick.flags = tick.flags.subtracting(.endOfEvent).union(.snapshot)
            out(tick)
        }
    }

    func tellPlace(_ place: UInt64, of tick: Tick) {
        out(
            .place(
                Place(first: place, end: place &+ 1, told: told), at: tick.eventTime,
                received: tick.receiveTime))
    }

    /// A tick of a state, as it is numbered here.
    func restated(_ tick: Tick, _ index: Int) -> Tick {
        var tick = tick
        tick.flags = tick.flags.subtracting(.endOfEvent).union(.snapshot)
        switch tick.kind {
        case .trade, .tradeBreak: symbols[index].trade = max(symbols[index].trade, tick.sequence)
        case .status where tick.sequence > symbols[index].status: tick = here(tick, index)
        case .status:
            tick.sequence = symbols[index].statusHere
            tick.aux = words(of: index)
        default: break
        }
        return tick
    }

    func out(_ tick: Tick) { ticks.append(tick) }
}
