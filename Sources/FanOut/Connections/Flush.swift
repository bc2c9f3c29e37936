// One turn of one subscriber: gather what is newer than it has, write once, or skip the turn.
//
// Invariants
//   - `sent` is the version this subscriber was given last. It moves only with the frame.
//   - A blocked connection is skipped whole: its versions stay, and its next turn brings the newest.
//   - Nothing is queued: what a write could not place stays as its tail, and nothing joins it but
//     control frames.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    enum Verdict: Equatable { case blocked, nothingNew, sent, parked, gone }

    /// Writes what is due, answers first. No lock, no retain, no allocation from here to the socket
    /// once the buffers have grown.
    @discardableResult
    mutating func flush(_ index: Int, classes: UInt32, _ now: Moment) -> Verdict {
        let connection = connections.address(of: index)
        let isLate = connection.pointee.waiting != 0
        connection.pointee.waiting |= classes
        guard !connection.pointee.isBlocked else { return .blocked }
        scratch.removeAll()
        let answers = connection.pointee.control.count
        if answers > 0 {
            scratch.append(connection.pointee.control.readable)
            connection.pointee.control.release()
        }
        if connection.pointee.epoch != view.epoch { beginEpoch(connection) }
        if connection.pointee.isOwed { gather(connection, isLate: isLate, now) }
        guard !scratch.isEmpty else { return .nothingNew }
        switch connection.pointee.transport {
        case .http, .webSocket, .lines: return transmit(index, answers: answers, now)
        case .events: return transmitEvents(index, answers: answers, now)
        case .poll: return answerPoll(index, now)
        }
    }

    /// Appends a frame for each slot of the classes that wait, unless it has nothing newer.
    private mutating func gather(
        _ connection: UnsafeMutablePointer<Connection>, isLate: Bool, _ now: Moment
    ) {
        guard now.instant >= connection.pointee.heldUntil else {
            schedule(connection.pointee.socket.index)  // its turn may not have been the wheel's
            return
        }
        guard connection.pointee.transport != .poll else { return gatherAnswer(connection, now) }
        writeMax = connection.pointee.writeMax(limits)
        // A pass that was cut comes first, so that it looks at no slot twice.
        if connection.pointee.unfinished != 0 {
            let rest = connection.pointee.subscriptions.rest(connection.pointee.rest)
            connection.pointee.nextSlot = rest.first
            guard pass(connection, slots: rest.count, isLate: true, now) else { return }
        }
        guard connection.pointee.waiting != 0 else { return }
        connection.pointee.unfinished = connection.pointee.waiting
        connection.pointee.waiting = 0
        _ = pass(connection, slots: connection.pointee.subscriptions.count, isLate: isLate, now)
    }

    /// Looks at so many slots from where the last pass stopped.
    ///
    /// - Returns: false when the write was full before all of them had been looked at.
    private mutating func pass(
        _ connection: UnsafeMutablePointer<Connection>, slots: Int, isLate: Bool, _ now: Moment
    ) -> Bool {
        let count = connection.pointee.subscriptions.count, wanted = connection.pointee.unfinished
        var left = slots
        while left > 0 {
            if connection.pointee.nextSlot >= count { connection.pointee.nextSlot = 0 }
            let slot = connection.pointee.nextSlot
            if wanted & (1 << UInt32(connection.pointee.subscriptions[slot].rateClass)) != 0 {
                guard gather(connection, slot: slot, now) else {
                    let last = (slot + left - 1) % count
                    connection.pointee.rest = SlotRange(
                        first: connection.pointee.subscriptions[slot].key,
                        last: connection.pointee.subscriptions[last].key)
                    list(connection)
                    return false
                }
            }
            connection.pointee.nextSlot += 1
            left -= 1
        }
        connection.pointee.unfinished = 0
        if isLate {
            connection.pointee.waiting &= ~wanted | connection.pointee.subscriptions.realTimeClass
            connection.pointee.subscriptions.postpone(wanted, from: now.instant)
        }
        return true
    }

    /// Has the rest of its pass written in the next turn.
    private mutating func list(_ connection: UnsafeMutablePointer<Connection>) {
        guard !connection.pointee.isListed else { return }
        connection.pointee.isListed = true
        unfinished.append(Int32(connection.pointee.socket.index))
    }

    /// False when the write is full: the slot is to be looked at again.
    @inline(__always)
    mutating func gather(
        _ connection: UnsafeMutablePointer<Connection>, slot index: Int, _ now: Moment
    ) -> Bool {
        guard scratch.count < writeMax else { return false }
        let slot = connection.pointee.subscriptions.address(of: index)
        let one = Addressee(
            connection: connection, slot: slot, symbol: view.symbol(slot.pointee.symbol), now: now)
        if slot.pointee.awaitsPast {
            guard one.symbol.pointee.isKnown else { return true }
            resumeAwaited(one)
        }
        switch slot.pointee.kind.channel {
        case .quote: gatherQuote(one)
        case .stats: gatherStats(one)
        case .book: gatherBook(one)
        case .trade where slot.pointee.options.contains(.latest): gatherLatestTrade(one)
        case .trade: return gatherTrades(one)
        case .bar: return gatherBars(one)
        case .status: return gatherStatuses(one)
        }
        return true
    }

    /// Hands the scratch, which begins with so many bytes of answers, to the socket and keeps what it
    /// did not take.
    mutating func transmit(_ index: Int, answers: Int, _ now: Moment) -> Verdict {
        let connection = connections.address(of: index)
        counters.writes += 1
        switch network.send(connection.pointee.socket, scratch.readable) {
        case .closed:
            forget(index, .peer)
            network.close(SocketID(UInt32(index)), abort: true)
            return .gone
        case .sent(let taken):
            counters.bytes += UInt64(taken)
            if connection.pointee.kilobits > 0 { hold(connection, now.instant) }
            guard taken < scratch.count else { return .sent }
            return park(index, taken: taken, answers: answers, now.instant)
        case .buffered:
            counters.bytes += UInt64(scratch.count)
            if connection.pointee.kilobits > 0 { hold(connection, now.instant) }
            return park(index, taken: scratch.count, answers: answers, now.instant)
        }
    }

    /// What was written now is to last for a while.
    private func hold(_ connection: UnsafeMutablePointer<Connection>, _ now: Instant) {
        let span = Int64(scratch.count) * 8_000_000 / Int64(connection.pointee.kilobits)
        connection.pointee.heldUntil = max(connection.pointee.heldUntil, now) + Nanoseconds(raw: span)
    }

    /// Keeps what was not taken, which is nothing where the network holds the rest itself.
    private mutating func park(_ index: Int, taken: Int, answers: Int, _ now: Instant) -> Verdict {
        let connection = connections.address(of: index), bytes = scratch.readable
        counters.blocked += 1
        let transport = connection.pointee.transport
        connection.pointee.tailHead =
            transport.isStream
            ? max(Shard.messageRest(bytes, taken: taken, on: transport), answers - taken) : 0
        connection.pointee.tail.append(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        connection.pointee.parkedBytes = connection.pointee.tail.count
        connection.pointee.blockedSince = now
        connection.pointee.lastProgress = now
        schedule(index)
        return .parked
    }

    /// The socket takes bytes again: first the tail with waiting answers in their place, then news.
    mutating func resume(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        guard connection.pointee.isBlocked else { return }
        if connection.pointee.phase == .streaming, now.instant >= connection.pointee.nextHeartbeat {
            addHeartbeat(index, now)  // while there is a lag to tell of
        }
        if connection.pointee.transport.isStream, !connection.pointee.control.isEmpty {
            connection.pointee.tail.insert(
                connection.pointee.control.readable, at: connection.pointee.tailHead)
            connection.pointee.tailHead += connection.pointee.control.count
            connection.pointee.control.release()
        }
        guard !connection.pointee.tail.isEmpty else { return resumed(index, taken: 0, now) }
        counters.writes += 1
        switch network.send(connection.pointee.socket, connection.pointee.tail.readable) {
        case .closed: drop(index, .peer, abort: true)
        case .sent(let taken): resumed(index, taken: taken, now)
        case .buffered: buffered(index, now)
        }
    }

    /// The network took the whole tail, and holds a part of it: the socket is as blocked as before.
    private mutating func buffered(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        counters.bytes += UInt64(connection.pointee.tail.count)
        connection.pointee.tail.release()
        connection.pointee.tailHead = 0
        connection.pointee.parkedBytes = 0
        progressed(index, now)
    }

    /// The peer reads, if not enough to be written to: no stall.
    mutating func progressed(_ index: Int, _ now: Moment) {
        progressed(connections.address(of: index), now.instant)
        schedule(index)
    }

    private mutating func resumed(_ index: Int, taken: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        counters.bytes += UInt64(taken)
        if taken < connection.pointee.tail.count {
            let transport = connection.pointee.transport
            let rest = Shard.restAfter(
                connection.pointee.tail.readable, rest: connection.pointee.tailHead, taken: taken,
                on: transport)
            connection.pointee.tailHead = transport.isStream ? rest : 0
            connection.pointee.tail.consume(taken)
            if taken > 0 { progressed(connection, now.instant) }
            schedule(index)
            return
        }
        connection.pointee.tail.release()
        connection.pointee.tailHead = 0
        if let since = connection.pointee.blockedSince { counters.socketLags.count(now.instant - since) }
        connection.pointee.blockedSince = nil
        unblocked(index, now)
    }

    private func progressed(_ connection: UnsafeMutablePointer<Connection>, _ now: Instant) {
        connection.pointee.lastProgress = now
        if connection.pointee.phase == .http { connection.pointee.deadline = now + limits.requestDeadline }
    }

    private mutating func unblocked(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        switch connection.pointee.phase {
        case .closing(let reason): finishClosing(index, reason, now)
        case .http: continueRequests(index, now)
        case .streaming:
            // Whatever came due meanwhile goes out as one, and with its newest versions.
            renewLife(connection, now.instant)
            let due = connection.pointee.subscriptions.takeDue(at: now.instant)
            flush(index, classes: due | connection.pointee.subscriptions.realTimeClass, now)
        }
        if connections.contains(index) { schedule(index) }
    }
}
