// Long polls: one answer with what is new since a cursor, as soon as there is anything.
//
// Invariants
//   - A poll's cursor speaks of states too: what the client was told of them, for the same
//     subscriptions. So a state that did not change since is not sent again.
//   - A loop that lost its place does not know what it has not told: until all was told anew, answers
//     end where the client stood, and their cursors speak of events alone.
//   - An answer that cannot hold everything ends at a horizon (`Horizon.swift`), and its cursor is there.
//   - With a cursor, an answer waits for the interval of the rate: who polls in a loop is not sent more
//     than who streams.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    /// The connection's slots are there: sets them to where the client stands, and the times.
    mutating func beginPoll(_ index: Int, _ wanted: [ClientMessage.Subscribe], _ now: Moment) {
        let connection = connections.address(of: index)
        connection.pointee.deadline = now.instant + limits.poll
        connection.pointee.safePosition = view.position
        connection.pointee.nextHeartbeat = .never
        connection.pointee.life = .never
        connection.pointee.heldUntil = .zero
        // What was refused is told to those who ask for the first time.
        guard let cursor = wanted.first?.resume, cursor.epoch == view.epoch else { return }
        connection.pointee.control.release()
        connection.pointee.safePosition = cursor.position
        // A loop that is behind knows less than the client.
        if cursor.states == mark(connection), view.position >= cursor.position {
            skipKnownStates(connection, before: cursor.position)
        }
        let rates = connection.pointee.subscriptions.classes.classes.filter { $0.slots > 0 }
            .map { $0.isRealTime ? .milliseconds(1) : $0.interval }
        connection.pointee.heldUntil = now.instant + (rates.min() ?? .zero)
        connection.pointee.deadline = max(connection.pointee.deadline, connection.pointee.heldUntil)
    }

    /// States that have not changed since are known to the client.
    private func skipKnownStates(
        _ connection: UnsafeMutablePointer<Connection>, before position: UInt64
    ) {
        for at in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions.address(of: at)
            let symbol = view.symbol(slot.pointee.symbol)
            guard symbol.pointee.changedAt(slot.pointee.kind) < position,
                !symbol.pointee.awaitsSnapshot
            else { continue }
            let newest = symbol.pointee.newest(slot.pointee.kind)
            slot.pointee.options.formUnion(.resumed)
            // A window looks alike at several versions, and which one the client has is not known: where
            // it changes the client gets the whole.
            slot.pointee.sent = slot.pointee.kind.channel == .book ? 0 : newest
            switch slot.pointee.kind.channel {
            case .book: slot.pointee.seen = newest
            case .bar:
                slot.pointee.seen = symbol.pointee.series(slot.pointee.kind.interval).pointee.open.closes
            case .quote, .trade, .stats, .status: break
            }
        }
    }

    /// What the connection is subscribed to, in one number.
    private func mark(_ connection: UnsafeMutablePointer<Connection>) -> UInt32 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x0000_0100_0000_01b3 }
        for at in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions[at]
            // Patterns bring symbols that come later, and those are new by their versions.
            if slot.options.contains(.byPattern) { continue }
            mix(slot.key)
            mix(UInt64(slot.depth) << 8 | UInt64(slot.options.intersection([.latest, .checksum]).rawValue))
        }
        for pattern in connection.pointee.subscriptions.patterns {
            mix(UInt64(pattern.template.kind.raw) << 8 | UInt64(pattern.template.depth))
            for byte in pattern.prefix { mix(UInt64(byte)) }
        }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    /// Appends what is new, all rate classes together, up to where the answer is full.
    mutating func gatherAnswer(_ connection: UnsafeMutablePointer<Connection>, _ now: Moment) {
        horizon = horizon(of: connection, bytes: limits.pollBytes)
        writeMax = .max
        for at in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions[at]
            let isOne = slot.isNew || slot.kind.isState
            if isOne, view.symbol(slot.symbol).pointee.changedAt(slot.kind) >= horizon { continue }
            _ = gather(connection, slot: at, now)
        }
        let awaitsPast = (0..<connection.pointee.subscriptions.count).contains {
            connection.pointee.subscriptions[$0].awaitsPast
        }
        if view.isWhole {
            connection.pointee.safePosition = min(
                horizon, view.position, awaitsPast ? connection.pointee.resumesFrom : .max)
        }
        connection.pointee.waiting = 0
        connection.pointee.unfinished = 0
        horizon = .max
    }

    /// Where everything was told before, states included unless the loop lost its place.
    private func pollCursor(_ connection: UnsafeMutablePointer<Connection>) -> Cursor {
        Cursor(
            epoch: connection.pointee.epoch, position: connection.pointee.safePosition,
            states: view.isWhole ? mark(connection) : nil)
    }

    /// Makes one answer of what was gathered, and goes back to answering requests.
    mutating func answerPoll(_ index: Int, _ now: Moment) -> Verdict {
        let connection = connections.address(of: index)
        let cursor = pollCursor(connection)
        var last = ControlMessage("heartbeat")
        last.add("ts", now.wall.raw)
        last.add("lag_ms", 0)
        last.add("buffered", 0)
        last.add("merged", unsigned: connection.pointee.merged)
        last.add("resume", cursor.text)
        scratch.append(last.end())
        scratch.append("]\n")
        var head = ByteBuffer()
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Cache-Control": "no-store"]
        addCommonHeaders(to: &headers, origin: connection.pointee.origin, now)
        HTTPResponse.writeHead(
            200, headers, length: scratch.count + 1, keepAlive: connection.pointee.keepsAlive, into: &head)
        head.append("[")
        scratch.insert(head.readable, at: 0)
        finishPoll(connection, now)
        let verdict = transmit(index, answers: 0, now)
        guard verdict != .gone, !connection.pointee.keepsAlive else { return verdict }
        connection.pointee.phase = .closing(.served)
        guard verdict == .sent else { return verdict }
        drop(index, .served)
        return .gone
    }

    /// Nothing came in time, unless it came now.
    mutating func expirePoll(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        connection.pointee.waiting = .max
        guard flush(index, classes: 0, now) == .nothingNew else { return }
        var nothing = HTTPResponse(status: 204, headers: ["Cache-Control": "no-store"])
        nothing.headers.append("TickerFeed-Cursor", pollCursor(connection).text)
        endPoll(index, nothing, keepAlive: connection.pointee.keepsAlive, now)
    }

    /// Answers a poll by something else than what it waited for.
    mutating func endPoll(
        _ index: Int, _ response: HTTPResponse, keepAlive: Bool, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        connection.pointee.control.release()
        finishPoll(connection, now)
        respond(response, index, keepAlive: keepAlive, head: false, now)
        if connections.contains(index) { schedule(index) }
    }

    private mutating func finishPoll(_ connection: UnsafeMutablePointer<Connection>, _ now: Moment) {
        let index = connection.pointee.socket.index
        forgetSubscriptions(index)
        connection.pointee.waiting = 0
        connection.pointee.unfinished = 0
        connection.pointee.heldUntil = .zero
        connection.pointee.phase = .http
        connection.pointee.deadline = now.instant + limits.idleDeadline
        setTransport(index, .http)
        takeBack(from: connection)
        // The next request may be here already; it is read in the next turn, not inside of this one.
        if !connection.pointee.inbound.isEmpty { pipelined.append(Int32(index)) }
        schedule(index)
    }
}
