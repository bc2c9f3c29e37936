// What a follower hears of its engine: connections, a publisher's lives, and which symbols there are.
//
// Invariant: what is of another life than the one that is followed changes nothing.
import Basics
import Market

extension Follower {
    func hear(_ event: EngineEvent, _ now: Moment) {
        switch event {
        case .connected: connected(now)
        case .disconnected(let reason): disconnected(reason, now)
        case .heads(let bytes):
            read(now) { () throws(FrameFlaw) in try self.takeHeads(try Frame.only(in: bytes), now) }
        case .ticks(let name, let bytes):
            guard let index = ids[name] else { return }
            read(now, index) { () throws(FrameFlaw) in
                try self.takeFrame(try Frame.only(in: bytes), bytes, index, now)
            }
        case .picture(let name, let bytes, let isLast): takePart(name, bytes, isLast, now)
        case .noPicture(let name):
            guard let index = ids[name], answered(index) else { return }
            retry(index, now)
        case .directory(let bytes, let isLast):
            read(now) { () throws(FrameFlaw) in try self.takeDirectory(bytes, now) }
            if isLast { isAskingDirectory = false }
        case .noDirectory:
            isAskingDirectory = false
            // Where somebody publishes, what was stored is gone.
            if life != nil { engine.complain(of: nil) }
            directoryDue = min(directoryDue, now.instant + Follower.directoryInterval)
        case .refused(let reason): log.bounded(.error, "follow_refused", ["reason": .text(reason)])
        case .lease, .asked, .passed: break
        }
    }

    func connected(_ now: Moment) {
        log.write(.info, "follow_connected", ["engine": .text(engine.description)])
        disconnectedAt = nil
        fault = nil
        heardAt = now.instant
        lastFlush = nil
        isAskingDirectory = false
        directoryDue = now.instant
        let names = symbols.filter(\.isWanted).map(\.name)
        if !names.isEmpty { engine.follow(names) }
    }

    func disconnected(_ reason: String, _ now: Moment) {
        fault = reason
        log.bounded(
            .error, "follow_disconnected", ["engine": .text(engine.description), "reason": .text(reason)])
        guard disconnectedAt == nil else { return }
        disconnectedAt = now.instant
        owed = []
        due = []
        if fetching > 0 { fetchesAllowed = max(1, fetchesAllowed / 2) }
        fetching = 0
        for index in symbols.indices {
            symbols[index].isAsked = false
            guard symbols[index].isWanted else { continue }
            fallBehind(index)
            ask(index, at: now.instant)
        }
    }

    /// Runs what reads somebody's bytes.
    func read(_ now: Moment, _ index: Int? = nil, _ body: () throws(FrameFlaw) -> Void) {
        do throws(FrameFlaw) {
            try body()
        } catch {
            counts.flaws += 1
            log.bounded(.error, "follow_flaw", ["reason": .text(error.description)])
            if let index { rejoin(index, isGap: true, now) }
        }
    }

    // MARK: Lives
    /// - Returns: whether it is the one that is followed.
    func meet(_ other: Life, _ now: Moment) -> Bool {
        guard let life else {
            begin(other, now)
            return true
        }
        if other == life { return true }
        guard other.term > life.term || now.instant - heardAt > Follower.lifeMax else {
            counts.strays += 1
            return false
        }
        begin(other, now)
        return true
    }

    func begin(_ new: Life, _ now: Moment) {
        life = new
        heardAt = now.instant
        lastFlush = nil
        (told, newestTold) = (0, 0)
        owed = []
        due = []
        (behind, keptBytes) = (0, 0)
        numbers = []
        directoryDue = now.instant
        counts.lives += 1
        log.write(
            .info, "following",
            ["engine": .text(engine.description), "epoch": .text(String(new.epoch, radix: 16))])
        out(.place(Place(first: 0, end: 0, told: 0), at: now.wall, received: now.wall))
        out(
            Tick(
                .epoch, SymbolID(0), flags: .endOfEvent, eventTime: now.wall, receiveTime: now.wall,
                aux: UInt64(new.epoch)))
        for index in symbols.indices {
            let wasTold = symbols[index].isKnown
            symbols[index].forget()
            if wasTold { unknow(index, now) }
            if symbols[index].isWanted { ask(index, at: now.instant) }
        }
    }

    // MARK: The directory
    func takeDirectory(_ run: UnsafeRawBufferPointer, _ now: Moment) throws(FrameFlaw) {
        try Frame.forEach(in: run) { frame throws(FrameFlaw) in
            guard frame.type == .symbols else { return }
            batch.removeAll(keepingCapacity: true)
            let page = try frame.readSymbols(into: &batch)
            guard meet(Life(term: page.term, epoch: frame.epoch), now) else { return }
            clock = page.clock
            source = page.source
            // There is a hole before it: the rest alone is of no use.
            guard page.first <= numbers.count else { return engine.complain(of: nil) }
            for (offset, tick) in batch.enumerated() { define(page.first + offset, tick, now) }
        }
    }

    func define(_ number: Int, _ tick: Tick, _ now: Moment) {
        guard number >= numbers.count, number < Interest.symbolsMax else { return }
        let name = tick.definition.name
        // The bytes may be anybody's; a name goes into JSON and onto terminals.
        guard tick.kind == .symbol, SymbolName(name.bytes) == name, wanted?.contains(name) ?? true else {
            return numbers.append(-1)
        }
        if let known = ids[name] { return numbers.append(Int32(known)) }
        let id = symbols.count
        ids[name] = id
        symbols.append(Followed(name))
        numbers.append(Int32(id))
        var definition = tick
        definition.head = definition.head & 0xffff_ffff | UInt64(id) << 32
        definition.flags = []
        out(definition)
        unknow(id, now)
        interestSeen = .max
    }
}
