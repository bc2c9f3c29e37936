// One flush: a frame for each symbol that changed, what that makes of its picture, and heads that name them.
//
// Invariants
//   - What a picture says and what was sent on the symbol's channel are of the same flush.
//   - A picture is a state and the frames since. It is written anew where they have grown as large as it: so
//     storing it costs what the frames do, on the whole.
import Basics
import Market

extension Publisher {
    func canPublish(_ now: Instant) -> Bool {
        guard life != nil, engine.isConnected, lease.isHeld(at: now), image.awaited == 0,
            flushesOnTheWay < Publisher.flushesOnTheWay, engine.pendingBytes < Publisher.pendingMax
        else { return false }
        return now >= lastFlush + (isIdle ? Publisher.heartbeat : options.interval)
    }

    /// One flush: what changed, and some of what is to be told from the start.
    func publish(_ now: Moment) {
        guard let life else { return }
        flush += 1
        counts.flushes += 1
        lastFlush = now.instant
        let here = FlushPlace(flush: flush, first: place, end: reader.position)
        list(life)
        tellSome(here, life)
        waiting.sortChanged()
        for number in waiting.changed { send(Int(number), here, life) }
        if telling == nil { told = here.end }
        frame.removeAll()
        frame.heads(
            here, told: told, term: life.term, clock: options.clock.rawValue, symbols: listed,
            changed: waiting.changed
        )
        engine.publishHeads(frame.bytes)
        waiting.removeAll()
        place = here.end
        lastMark += 1
        engine.mark(lastMark)
        answer(here, life)
    }

    /// Symbols that are not in the directory yet.
    func list(_ life: Life) {
        let first = listed
        while let definition = image.definitionTick(of: SymbolID(listed)) {
            var tick = definition
            tick.flags = []
            ticks.append(tick)
            directory[definition.definition.name] = listed
            listed += 1
        }
        waiting.define(listed)
        guard listed > first || first == 0 else { return ticks.removeAll(keepingCapacity: true) }
        writeDirectory(ticks, first: first, life)
        engine.storeDirectory(state.bytes, replaces: first == 0)
        state.removeAll()
        ticks.removeAll(keepingCapacity: true)
    }

    func writeDirectory(_ definitions: [Tick], first: Int, _ life: Life) {
        state.removeAll()
        var from = 0
        repeat {
            let to = min(from + FrameLimits.ticksMax, definitions.count)
            state.symbols(
                definitions[from..<to], first: first + from, term: life.term, clock: options.clock.rawValue,
                source: options.source)
            from = to
        } while from < definitions.count
    }

    /// Tells symbols from the start, until the engine has enough for now.
    func tellSome(_ here: FlushPlace, _ life: Life) {
        guard var index = telling else { return }
        while index < listed, engine.pendingBytes < Publisher.pendingMax {
            waiting.note(index)
            if waiting[index].isVoid { tell(index, here, life) }
            index += 1
        }
        telling = index < listed ? index : nil
    }

    /// What was before is void; the state is there to be fetched.
    func tell(_ index: Int, _ here: FlushPlace, _ life: Life) {
        counts.states += 1
        waiting[index].isVoid = false
        waiting[index].log.removeAll()
        waiting[index].lastFlush = here.flush
        guard let name = image.definition(of: SymbolID(index))?.name else { return }
        frame.removeAll()
        frame.gone(here)
        if engine.storesPictures {
            renewState(index, here, life)
            engine.publish(
                name, ticks: frame.bytes, picture: .replace(state.bytes, forgetsEvents: true), events: nil)
            state.removeAll()
        } else {
            engine.publish(name, ticks: frame.bytes, picture: .none, events: nil)
        }
    }

    /// The state as it is to be stored in place of all that is.
    func renewState(_ index: Int, _ here: FlushPlace, _ life: Life) {
        writeState(index, here, life)
        waiting[index].stateBytes = state.bytes.count
        waiting[index].storedBytes = state.bytes.count
    }

    func writeState(_ index: Int, _ here: FlushPlace, _ life: Life) {
        state.removeAll()
        ticks.removeAll(keepingCapacity: true)
        image.writeSnapshot(of: SymbolID(index)) { ticks.append($0) }
        state.state(ticks, here, term: life.term)
        ticks.removeAll(keepingCapacity: true)
    }

    func send(_ index: Int, _ here: FlushPlace, _ life: Life) {
        if waiting[index].isVoid {
            // Its ticks are in its state, which is told now, or when its turn comes.
            if telling.map({ index < $0 }) ?? true { tell(index, here, life) }
            return
        }
        guard waiting[index].lastFlush != here.flush else { return }
        guard let name = image.definition(of: SymbolID(index))?.name else { return }
        ticks.removeAll(keepingCapacity: true)
        waiting.read(index, into: &ticks)
        guard !ticks.isEmpty else { return }
        guard ticks.count <= FrameLimits.ticksMax else { return tell(index, here, life) }
        frame.removeAll()
        frame.ticks(ticks, here, previous: waiting[index].lastFlush)
        collectEvents()
        eventFrame.removeAll()
        if !events.isEmpty { eventFrame.events(events, of: ticks.count, here) }
        counts.batches += 1
        counts.ticks += UInt64(ticks.count)
        waiting[index].lastFlush = here.flush
        let events = eventFrame.isEmpty ? nil : eventFrame.bytes
        if engine.storesPictures {
            store(index, name, here, life, events)
        } else {
            waiting[index].log.append(frame.bytes)
            if let events { waiting[index].events.append(events) }
            engine.publish(name, ticks: frame.bytes, picture: .none, events: nil)
        }
        ticks.removeAll(keepingCapacity: true)
    }

    /// What is never conflated, for who resumes. Bars are made of trades, and closed ones are told in order.
    func collectEvents() {
        events.removeAll(keepingCapacity: true)
        for (index, tick) in ticks.enumerated() {
            switch tick.kind {
            case .trade, .tradeBreak, .status: events.append((index, tick))
            default: break
            }
        }
    }

    /// A picture is a state and the frames since: writing it costs what the frames do, on the whole.
    func store(
        _ index: Int, _ name: SymbolName, _ here: FlushPlace, _ life: Life, _ events: UnsafeRawBufferPointer?
    ) {
        let stored = waiting[index].storedBytes + frame.bytes.count
        guard stored > waiting[index].stateBytes + max(waiting[index].stateBytes, Publisher.appendedMin)
        else {
            waiting[index].storedBytes = stored
            return engine.publish(name, ticks: frame.bytes, picture: .append(frame.bytes), events: events)
        }
        counts.states += 1
        renewState(index, here, life)
        engine.publish(
            name, ticks: frame.bytes, picture: .replace(state.bytes, forgetsEvents: false), events: events)
        state.removeAll()
    }
}
