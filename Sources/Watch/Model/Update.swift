// What happens to the model when something happens: the stream, the connection, the clock.
import Basics
import Dialects
import Market

extension Model {
    /// Takes one event.
    ///
    /// - Returns: what the world is to do about it.
    public mutating func update(_ event: Event, at now: Moment) -> [Effect] {
        switch event {
        case .message(let message): return take(message, now)
        case .link(let state): link(state, now.instant)
        case .unreadable: connection.unreadable &+= 1
        case .roundTrip(let span): connection.roundTrip = span
        case .clockOffset(let offset): connection.offset = offset
        case .key(let key): return press(key, now.instant)
        case .resized(let columns, let rows):
            size = (columns, rows)
            // Painted anew whatever was said; perhaps nothing was painted for a while.
            oldestUnpainted = nil
        case .painted: painted(now.instant)
        case .tick: return tick(now)
        case .settings(let settings, let faults): return adopt(settings, faults, now.instant)
        case .server(let view): server = view
        case .note(let text, let isFault): say(text, isFault: isFault, now.instant)
        }
        return []
    }

    mutating func say(_ text: String, isFault: Bool = false, _ now: Instant) {
        note = Note(text: text, isFault: isFault, end: now + .seconds(isFault ? 10 : 4))
    }

    // MARK: The stream

    private mutating func take(_ message: ServerMessage, _ now: Moment) -> [Effect] {
        switch message {
        case .quote(let quote):
            guard let at = advance(.quote, quote.version, now) else { return [] }
            instruments[at].quote = quote
            return alerts(for: at, now.instant)
        case .stats(let stats):
            guard let at = advance(.stats, stats.version, now) else { return [] }
            take(stats, at, now)
            return alerts(for: at, now.instant)
        case .status(let status):
            guard let at = advance(.status, status.version, now) else { return [] }
            instruments[at].status = status
        case .book(let book):
            guard detail?.symbol == book.version.symbol, advance(.book, book.version, now) != nil else {
                break
            }
            detail?.take(book)
        case .trade(let trade): take(.trade(trade), trade.version, now)
        case .broken(let broken): take(.broken(broken), broken.version, now)
        case .bar(let bar):
            guard detail?.symbol == bar.version.symbol, advance(.bar, bar.version, now) != nil else { break }
            detail?.take(bar)
        case .gap(let lost): gap(lost)
        case .epoch(let epoch, let reason):
            forget()
            connection.epoch = epoch
            say("the feed begins anew: \(reason)", now.instant)
        default: return answer(message, now)
        }
        return []
    }

    private mutating func answer(_ message: ServerMessage, _ now: Moment) -> [Effect] {
        switch message {
        case .welcome(let welcome): welcomed(welcome)
        case .ack(let ack): acknowledged(ack)
        case .heartbeat(let beat):
            connection.lag = beat.lag
            connection.merged = beat.merged
            connection.askedMilli = beat.askedMilli
            connection.sentMilli = beat.sentTenths * 100
        case .error(_, let code, let text): say("\(code): \(text)", isFault: true, now.instant)
        case .goodbye(let code, _): say("the server says goodbye: \(code)", now.instant)
        default: break
        }
        return []
    }

    private mutating func take(_ print: Detail.Print, _ version: Version, _ now: Moment) {
        guard detail?.symbol == version.symbol, advance(.trade, version, now) != nil else { return }
        detail?.take(print)
    }

    private mutating func take(_ stats: StatsMessage, _ at: Int, _ now: Moment) {
        let before = instruments[at].last
        instruments[at].stats = stats
        guard let last = instruments[at].last else { return }
        instruments[at].spark.add(last, at: now.wall)
        guard let before, before != last else { return }
        instruments[at].move = last > before ? .up : .down
        instruments[at].flashEnd = now.instant + Model.flash
    }
    static let flash = Nanoseconds.milliseconds(400)

    /// Checks the chain and the clocks. Nil for a symbol that is not watched.
    private mutating func advance(_ channel: Channel, _ version: Version, _ now: Moment) -> Int? {
        guard let at = place(of: version.symbol) else { return nil }
        connection.messages &+= 1
        let known = instruments[at].versions[Int(channel.rawValue)]
        if version.previous != known, version.previous != 0 {
            // After a break the chain begins with what was known, or with a snapshot.
            if known != 0 { connection.breaks &+= 1 }
        } else if version.isSnapshot, version.previous == 0, known > 0, version.sequence > known {
            connection.lastOutage?.skipped &+= version.sequence - known
        }
        instruments[at].versions[Int(channel.rawValue)] = version.sequence
        instruments[at].updated = now.instant
        instruments[at].refusal = nil
        time(version, now)
        return at
    }

    private mutating func gap(_ gap: GapMessage) {
        let count = gap.to >= gap.from ? gap.to - gap.from + 1 : 0
        connection.declaredLost &+= count
        connection.lastOutage?.lost &+= count
        if let at = index[gap.symbol], let channel = Channel(named: gap.channel) {
            instruments[at].versions[Int(channel.rawValue)] = gap.to
        }
        if detail?.symbol == gap.symbol { detail?.lost(gap.channel, count) }
    }

    private mutating func acknowledged(_ ack: AckMessage) {
        if ack.resumed == true { connection.lastOutage?.isResumed = true }
        for refusal in ack.refused {
            if let at = index[refusal.symbol] { instruments[at].refusal = refusal.code }
        }
        for symbol in ack.symbols {
            if let at = index[symbol] { instruments[at].refusal = nil }
        }
    }

    /// The feed begins a new life: what is shown is of the old one.
    private mutating func forget() {
        for at in instruments.indices { instruments[at].forget() }
        detail?.forget()
    }

    // MARK: Clocks

    private mutating func time(_ version: Version, _ now: Moment) {
        guard let offset = connection.offset, let sent = version.sent, !version.isSnapshot else { return }
        let network = max(.zero, (now.wall + offset) - sent)
        hops.network.record(network)
        guard let received = version.received else { return }
        hops.ingest.record(max(.zero, received - version.time))
        let server = max(.zero, sent - received)
        hops.server.record(server)
        if oldestUnpainted == nil {
            oldestUnpainted = now.instant
            oldestUnpaintedFeed = server + network
        }
    }

    private mutating func painted(_ now: Instant) {
        guard let since = oldestUnpainted else { return }
        hops.screen.record(now - since)
        if let feed = oldestUnpaintedFeed { hops.whole.record(feed + (now - since)) }
        oldestUnpainted = nil
    }

    // MARK: The connection

    private mutating func link(_ state: LinkState, _ now: Instant) {
        switch state {
        case .connecting: if connection.state != .connecting, !isBroken { connection.state = .connecting }
        case .live:
            if case .broken = connection.state, let began = connection.lastOutage?.began {
                connection.lastOutage?.length = now - began
            }
            connection.state = isReplay ? .replaying : .live
            connection.since = now
        case .broken(let reason, let retry):
            if connection.isLive {
                connection.outages += 1
                connection.lastOutage = Connection.Outage(began: now, length: .zero)
            }
            connection.state = .broken(reason: reason, retry: retry)
            connection.lag = .zero
            connection.roundTrip = nil
            connection.sentMilli = 0
        }
    }

    private var isBroken: Bool { if case .broken = connection.state { true } else { false } }

    private mutating func welcomed(_ welcome: WelcomeMessage) {
        if !connection.epoch.isEmpty, connection.epoch != welcome.epoch { forget() }
        connection.epoch = welcome.epoch
        connection.server = welcome.server
        let speed = welcome.clockSpeedMilli.map { $0 == 1_000 ? "" : " \(Numbers.rate(milli: $0))x" }
        connection.clock = welcome.clockMode + (welcome.clockMode == "replay" ? speed ?? " unpaced" : "")
        connection.merged = 0
    }

    // MARK: Time

    private mutating func tick(_ now: Moment) -> [Effect] {
        var effects = alerts(now.instant)
        hops.turn(now.instant)
        if let note, note.end <= now.instant { self.note = nil }
        let symbol = detailSymbol(now.instant)
        if symbol != detail?.symbol {
            detail = symbol.map { Detail($0) }
            for at in instruments.indices {
                for channel in [Channel.book, .trade, .bar] {
                    instruments[at].versions[Int(channel.rawValue)] = 0
                }
            }
            effects.append(.subscribe)
        }
        if page == .server, now.instant >= server.due {
            server.due = now.instant + .seconds(1)
            effects.append(.askServer)
        }
        return effects
    }

    private mutating func adopt(_ settings: Settings, _ faults: [String], _ now: Instant) -> [Effect] {
        let before = self.settings
        self.settings = settings
        if let group, !settings.groups.contains(where: { $0.name == group }) { self.group = nil }
        if let fault = faults.first {
            say(fault + (faults.count > 1 ? " (and \(faults.count - 1) more)" : ""), isFault: true, now)
        } else {
            say("configuration read", now)
        }
        let old = symbols
        for group in settings.groups { for symbol in group.symbols { insert(symbol) } }
        return before.rate != settings.rate || old != symbols ? [.subscribe] : []
    }
}
