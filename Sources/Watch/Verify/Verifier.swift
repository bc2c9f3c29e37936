// Checks a stream against every rule of PROTOCOL.md that a reader can check alone, and against the
// server's own snapshots; the first break of a rule is told in one line.
//
// Checked: `prev` goes on where the chain stands, `seq` rises, and by one where nothing is ever merged;
// gaps follow; a book rebuilt from its messages is ordered, within its depth and of the checksum sent;
// `crossed` where and only where bid is above ask; bars and statistics are possible; rates; `merged`;
// that nothing comes that nobody asked for.
//
// Invariants
//   - Pure: messages in, a verdict out. Times are the server's own stamps, so a slow reader is no fault.
//   - Nothing that the protocol allows is called a divergence. Where it leaves two ways open, either is
//     right.
import Basics
import Dialects
import Market

public struct Verifier {
    public private(set) var totals = VerifierTotals()

    private var demands = Demands()
    private var wanted: [ClientMessage.Subscribe] = []
    /// Counts what was asked for: with each change the server may begin streams anew.
    private var generation = 0
    /// As it was when the connection began.
    private var base = 0
    var streams: [StreamKey: VerifiedStream] = [:]
    private var epoch = ""
    /// Channels whose cursor was taken on this connection.
    private var resumed: Set<Channel> = []
    /// As the server counts it; see `heartbeat`.
    private var merged: UInt64 = 0
    private var pending: [String: SnapshotMessage] = [:]

    /// What clocks that are set while they run may be wrong in a span.
    private static let slack = Nanoseconds.milliseconds(2)
    private static let pendingMax = 4_096

    public init(_ wanted: [ClientMessage.Subscribe]) { set(wanted) }

    /// Something else is wanted from now on.
    public mutating func set(_ wanted: [ClientMessage.Subscribe]) {
        self.wanted = wanted
        demands.add(wanted)
        generation += 1
    }

    /// Takes what a link tells, in order.
    public mutating func take(_ event: LinkEvent) -> Divergence? {
        switch event {
        case .state(.connecting): connect()
        case .message(let message): return take(message)
        case .asked(let wanted): set(wanted)
        case .unreadable(let text): return wrong("message", "one that can be read", text)
        default: break
        }
        return nil
    }

    /// A new connection: what was subscribed to begins again, or goes on by a cursor.
    private mutating func connect() {
        demands = Demands()
        demands.add(wanted)
        base = generation
        resumed = []
        merged = 0
        for (key, stream) in streams {
            stream.close(base)
            if demands[key] == nil { streams[key] = nil }
        }
    }

    // MARK: Messages

    public mutating func take(_ message: ServerMessage) -> Divergence? {
        switch message {
        case .welcome(let welcome): enter(welcome.epoch)
        case .epoch(let epoch, _): enter(epoch)
        case .ack(let ack): if ack.resumed == true, let channel = ack.channel { resumed.insert(channel) }
        case .gap(let gap): return take(gap)
        case .heartbeat(let beat): return take(beat)
        default:
            guard let version = message.version, let channel = message.channel else { return nil }
            var interval: BarInterval?
            if case .bar(let bar) = message { interval = bar.interval }
            return take(
                message, version, StreamKey(symbol: version.symbol, channel: channel, interval: interval))
        }
        return nil
    }

    private mutating func enter(_ epoch: String) {
        guard epoch != self.epoch else { return }
        self.epoch = epoch
        totals.epochs += 1
        streams = [:]
        pending = [:]
    }

    private mutating func take(_ gap: GapMessage) -> Divergence? {
        let found = "\(gap.from) to \(gap.to)"
        guard let channel = Channel(named: gap.channel) else {
            return Divergence(
                symbol: gap.symbol, channel: gap.channel, sequence: gap.from, expected: "a gap of a channel",
                found: found)
        }
        let key = StreamKey(symbol: gap.symbol, channel: channel, interval: gap.interval)
        guard demands[key] != nil else { return unasked(key, gap.from) }
        let stream = stream(key)
        guard gap.from <= gap.to, gap.from > 0 else {
            return wrong(key, gap.from, "a gap from one version to a later one", found)
        }
        if stream.isOpen, gap.from != stream.last &+ 1 {
            return wrong(key, gap.from, "a gap from \(stream.last &+ 1) on", found)
        }
        totals.gaps += 1
        totals.lost &+= gap.to - gap.from &+ 1
        stream.isOpen = true
        stream.last = gap.to
        stream.closed = nil
        return nil
    }

    /// What was merged is said to the last version, where everything that was written has been read.
    private func take(_ beat: HeartbeatMessage) -> Divergence? {
        guard beat.lag == .zero, beat.buffered == 0, beat.merged != merged else { return nil }
        return wrong("heartbeat", "\(merged) merged, as the messages said", "\(beat.merged)")
    }

    private mutating func take(
        _ message: ServerMessage, _ version: Version, _ key: StreamKey
    ) -> Divergence? {
        totals.messages += 1
        guard let demand = demands[key] else { return unasked(key, version.sequence) }
        let stream = stream(key)
        if let wrong = chain(version, key, stream, demand) { return wrong }
        if !(version.isSnapshot && version.previous == 0) {
            merged &+= version.sequence - version.previous - 1
        }
        if let wrong = pace(message, version, key, stream, demand) { return wrong }
        stream.isOpen = true
        stream.last = version.sequence
        if let wrong = content(message, key, stream, demand) { return wrong }
        return settle(key.symbol)
    }

    private mutating func stream(_ key: StreamKey) -> VerifiedStream {
        if let stream = streams[key] { return stream }
        let stream = VerifiedStream(base)
        streams[key] = stream
        return stream
    }

    // MARK: The chain

    /// Rules 1 to 3.
    private func chain(
        _ version: Version, _ key: StreamKey, _ stream: VerifiedStream, _ demand: Demand
    ) -> Divergence? {
        let sequence = version.sequence, previous = version.previous
        guard sequence > previous else {
            return wrong(key, sequence, "a seq above prev \(previous)", "\(sequence)")
        }
        if previous == 0, version.isSnapshot { return beginAnew(version, key, stream) }
        if version.isSnapshot, key.channel != .book {
            return wrong(key, sequence, "a snapshot with prev 0", "one with prev \(previous)")
        }
        if stream.isOpen {
            guard previous == stream.last else {
                return wrong(key, sequence, "prev \(stream.last)", "prev \(previous)")
            }
        } else if let wrong = goOn(version, key, stream) {
            return wrong
        }
        let isWhole = key.channel == .status || (key.channel == .trade && demand.isEvery)
        guard !isWhole || sequence == previous + 1 else {
            return wrong(key, sequence, "\(previous + 1), for nothing is merged", "\(sequence)")
        }
        return nil
    }

    /// A snapshot: the first message, or the first after another request.
    private func beginAnew(_ version: Version, _ key: StreamKey, _ stream: VerifiedStream) -> Divergence? {
        if stream.isOpen {
            guard stream.generation < generation else {
                return wrong(
                    key, version.sequence, "prev \(stream.last)", "a beginning that nobody asked for")
            }
            stream.close(stream.generation + 1)
        }
        return nil
    }

    /// The first message of a connection that goes on from a cursor.
    private func goOn(_ version: Version, _ key: StreamKey, _ stream: VerifiedStream) -> Divergence? {
        let resumes = key.channel == .trade || key.channel == .status || key.channel == .bar
        guard resumes, resumed.contains(key.channel) else {
            return wrong(key, version.sequence, "a snapshot to begin with", "prev \(version.previous)")
        }
        // What came again is older than what we have; newer, and something between is lost.
        let isComplete = key.channel != .bar
        guard !isComplete || stream.last == 0 || version.previous <= stream.last else {
            return wrong(
                key, version.sequence, "to go on at \(stream.last) or before", "prev \(version.previous)")
        }
        return nil
    }

    // MARK: Pace

    /// Rule 4, for what is not sent in batches.
    private func pace(
        _ message: ServerMessage, _ version: Version, _ key: StreamKey, _ stream: VerifiedStream,
        _ demand: Demand
    ) -> Divergence? {
        if key.channel == .status || (key.channel == .trade && demand.isEvery) { return nil }
        if case .bar(let bar) = message, bar.isClosed { return nil }
        guard let sent = version.sent, demand.spacing > .zero else { return nil }
        if stream.pacedFor != generation {
            // Another rate may hold: its first message is due at once.
            stream.pacedFor = generation
            stream.due = nil
        }
        defer { stream.due = max(stream.due ?? sent, sent) + demand.spacing }
        guard let due = stream.due, sent + Verifier.slack < due else { return nil }
        return wrong(
            key, version.sequence, "nothing for \((due - sent).raw / 1_000) µs more, at that rate",
            "a message")
    }

    // MARK: Snapshots

    /// Compares the server's snapshot of a symbol with what the stream has said, now or when the stream
    /// has come to where the snapshot stands.
    ///
    /// - Parameter depth: what the snapshot was asked for; books are compared where it is ours or more.
    public mutating func check(snapshot bytes: UnsafeRawBufferPointer, depth: Int) -> Divergence? {
        var snapshot: SnapshotMessage
        do throws(ServerMessageError) {
            snapshot = try SnapshotMessage(json: bytes)
        } catch {
            return wrong("snapshot", "one that can be read", error.description)
        }
        guard snapshot.epoch == epoch else {
            totals.snapshotsIncomparable += 1
            return nil
        }
        let book = StreamKey(symbol: snapshot.symbol, channel: .book)
        if let demand = demands[book], demand.depth > depth { snapshot.book = nil }
        guard pending.count < Verifier.pendingMax || pending[snapshot.symbol] != nil else { return nil }
        pending[snapshot.symbol] = snapshot
        return settle(snapshot.symbol)
    }

    /// Compares what of a snapshot the stream has come to.
    private mutating func settle(_ symbol: String) -> Divergence? {
        guard var snapshot = pending[symbol] else { return nil }
        var wrong: Divergence?
        func settle(_ channel: Channel, _ sequence: UInt64?, _ same: (VerifiedStream) -> (String, String)??)
            -> Bool
        {
            let key = StreamKey(symbol: symbol, channel: channel)
            guard let sequence, let stream = streams[key] else { return true }
            // Where the chain has no such version yet, it may come.
            guard stream.isOpen, stream.last >= sequence else { return false }
            guard let verdict = same(stream) else {
                totals.snapshotsIncomparable += 1
                return true
            }
            totals.snapshotsCompared += 1
            if let (expected, found) = verdict, wrong == nil {
                wrong = self.wrong(key, sequence, expected, found)
            }
            return true
        }
        let (quote, book, trade, stats) = (snapshot.quote, snapshot.book, snapshot.trade, snapshot.stats)
        if settle(.quote, quote?.version.sequence, { stream in quote.flatMap { stream.compare($0) } }) {
            snapshot.quote = nil
        }
        if settle(.trade, trade?.version.sequence, { stream in trade.flatMap { stream.compare($0) } }) {
            snapshot.trade = nil
        }
        if settle(.stats, stats?.version.sequence, { stream in stats.flatMap { stream.compare($0) } }) {
            snapshot.stats = nil
        }
        let depth = demands[StreamKey(symbol: symbol, channel: .book)]?.depth ?? 0
        if settle(
            .book, book?.version.sequence, { stream in book.flatMap { stream.compare($0, depth: depth) } })
        {
            snapshot.book = nil
        }
        let isSettled =
            snapshot.quote == nil && snapshot.book == nil && snapshot.trade == nil && snapshot.stats == nil
        pending[symbol] = isSettled ? nil : snapshot
        return wrong
    }

    // MARK: Words

    func wrong(_ key: StreamKey, _ sequence: UInt64, _ expected: String, _ found: String) -> Divergence {
        Divergence(
            symbol: key.symbol, channel: key.name, sequence: sequence, expected: expected, found: found)
    }

    private func wrong(_ place: String, _ expected: String, _ found: String) -> Divergence {
        Divergence(symbol: "", channel: place, sequence: 0, expected: expected, found: found)
    }

    private func unasked(_ key: StreamKey, _ sequence: UInt64) -> Divergence {
        wrong(key, sequence, "only what was subscribed to", "a message of it")
    }

    mutating func countBook(checksum: Bool) {
        totals.books += 1
        if checksum { totals.checksums += 1 }
    }
}
