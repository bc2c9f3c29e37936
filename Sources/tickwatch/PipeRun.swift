// Lines: the stream in, a line a change out, as fast as whoever reads them takes them.
//
// Invariants
//   - No escape code, ever; what is said about the run itself goes to standard error.
//   - A slow reader never holds up the stream: lines are merged meanwhile, and that is said at the end.
//   - Nobody reads any more (`| head -3`): that is the end, not an error.
import Basics
import CLinux
import Dialects
import Watch

final class PipeRun {
    private let setup: Setup
    private let options: WatchOptions
    private let signals: Signals
    private let stream: Stream
    private var model: Model
    private var queue: PipeQueue
    private let ending: PipeEnding
    private var facts = PipeEnding.Facts()
    private var status: ExitStatus?
    private var once: OncePerSymbol?
    private var isRefusalTold = false
    /// Somebody closed the other end.
    private var isClosed = false
    /// As last told, without its age: what says nothing new has no line.
    private var told: [String: PipeRow] = [:]

    /// What a pipe takes at once without ever making the writer wait (`PIPE_BUF`).
    private static let pieceMax = 4_096
    /// How long the last lines may take to be taken.
    private static let drainMax = Nanoseconds.seconds(2)

    init(_ setup: Setup, _ signals: Signals) throws {
        self.setup = setup
        self.signals = signals
        options = setup.options
        stream = try Stream(setup)
        model = Model(symbols: setup.symbols, settings: setup.settings)
        queue = PipeQueue(PipeFormat(options.output, channels: options.channels), limit: options.count)
        ending = PipeEnding(options, began: Moment.read().instant)
        if options.isOnce { once = OncePerSymbol(options.channels) }
    }

    func run() throws -> ExitStatus {
        for fault in setup.faults { Tickwatch.complain(fault) }
        stream.set(wanted)
        while status == nil { try step() }
        stream.stop()
        drain()
        if !isClosed, let report = queue.counts.report { Tickwatch.complain(report) }
        return status ?? .done
    }

    /// Rows are made of three channels; else what was asked for is subscribed to.
    private var wanted: [ClientMessage.Subscribe] {
        guard let channels = options.channels else { return model.wanted }
        let symbols = setup.symbols
        var all = channels.map { channel in
            ClientMessage.Subscribe(
                channel: channel, symbols: symbols, rate: setup.settings.rate,
                depth: channel == .book ? options.depth : nil,
                interval: .second, stamps: true)
        }
        // A condition is about rows.
        if options.until != nil { all += model.wanted.filter { !channels.contains($0.channel) } }
        return all
    }

    // MARK: The loop

    private func step() throws {
        var poller = Poller()
        let signal = poller.add(signals.descriptor)
        let socket = poller.add(stream.descriptor, writes: stream.wantsWrite)
        // Without anything to write, a pipe that nobody reads any more still says so.
        let pipe = poller.add(Console.output, reads: false, writes: !queue.isEmpty)
        poller.wait(until: min(stream.next, ending.deadline))
        let now = Moment.read()
        if poller.isReadable(signal), !signals.read().isEmpty { return end(.interrupted) }
        try stream.attend(poller, socket, now) { take($0, $1) }
        if let words = stream.takeComplaint() { Tickwatch.complain(words) }
        if poller.isWritable(pipe), queue.isEmpty { return close() }
        write()
        judge(now.instant)
        checkLink()
    }

    private func judge(_ now: Instant) {
        if queue.isComplete { facts.hasAllLines = true }
        if let once { facts.hasAllSymbols = once.isWhole(model, now) }
        facts.hasEnded = stream.hasEnded
        if now >= ending.deadline, once != nil { offerRest() }
        if let status = ending.status(facts, now: now) { end(status) }
    }

    private func end(_ status: ExitStatus) { self.status = self.status ?? status }

    // MARK: The stream

    private func take(_ event: LinkEvent, _ now: Moment) {
        // It ends, and why has been said: what came in the same piece is too late.
        guard status == nil else { return }
        switch event {
        case .message(let message): take(message, now)
        case .state(let state): tell(state, now)
        case .unreadable: _ = model.update(.unreadable, at: now)
        default: break
        }
    }

    private func take(_ message: ServerMessage, _ now: Moment) {
        guard status == nil else { return }
        _ = model.update(.message(message), at: now)
        if case .error(_, "unauthenticated", let reason) = message {
            Tickwatch.complain("\(setup.place) refused: \(reason); see --token-file")
            return end(.refused)
        }
        if case .ack(let ack) = message, !ack.refused.isEmpty { tellRefusals() }
        if options.channels != nil {
            offer(message, now)
        } else if let version = message.version, let row = model.row(version.symbol, now: now.instant) {
            offer(row, now)
        }
        guard let until = options.until, !facts.isMet else { return }
        facts.isMet = until.isMet { symbol, field in model.row(symbol, now: now.instant)?.value(field) }
    }

    private func offer(_ message: ServerMessage, _ now: Moment) {
        if let version = message.version, let channel = message.channel, once != nil {
            guard once?.admit(version.symbol, channel, now.instant) == true else { return }
        }
        queue.offer(.message(message))
    }

    private func offer(_ row: PipeRow, _ now: Moment) {
        if once != nil {
            guard row.quote != nil, row.stats != nil, row.feed != nil,
                once?.admit(row.symbol, nil, now.instant) == true
            else { return }
        }
        var shown = row
        shown.age = nil
        if options.output == .text { shown.forgetUnprinted() }
        guard !row.isBlank, told.updateValue(shown, forKey: row.symbol) != shown else { return }
        queue.offer(.row(row))
    }

    /// The time is up: who said something, though not all, has a line as well.
    private func offerRest() {
        guard options.channels == nil else { return }
        let now = Moment.read()
        for symbol in model.symbols {
            guard let row = model.row(symbol, now: now.instant), row.quote != nil || row.stats != nil,
                once?.admit(symbol, nil, now.instant) == true
            else { continue }
            queue.offer(.row(row))
        }
    }

    private func tellRefusals() {
        guard !isRefusalTold else { return }
        isRefusalTold = true
        Tickwatch.complain(model.refusals)
        if model.areAllRefused { end(.noSymbol) }
    }

    private func tell(_ state: LinkState, _ now: Moment) {
        let outages = model.connection.outages
        _ = model.update(.link(state), at: now)
        if case .broken(let reason, let retry) = state, model.connection.outages > outages {
            Tickwatch.complain("\(reason); next try in \(Numbers.age(max(.zero, retry - now.instant)))")
        } else if state == .live, let outage = model.connection.lastOutage {
            Tickwatch.complain("connected again after \(Numbers.age(outage.length))")
        }
    }

    private func checkLink() {
        guard status == nil, let failure = stream.failure else { return }
        let (status, words) = failure.told(setup.place)
        Tickwatch.complain(words)
        end(status)
    }

    // MARK: The pipe

    private func write() {
        while !queue.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: queue.readable.prefix(PipeRun.pieceMax))
            guard Poller.isWritable(Console.output) else { return }
            let count = CLinux.write(Console.output, piece.baseAddress, piece.count)
            if count > 0 {
                queue.wrote(count)
            } else if count < 0, tf_errno() != EINTR, tf_errno() != EAGAIN {
                return tf_errno() == EPIPE ? close() : fail(SystemError("write"))
            }
        }
    }

    /// Nobody reads any more.
    private func close() {
        queue.abandon()
        isClosed = true
        end(.done)
    }

    /// A disk that is full, for one: lines are lost, which no status but this may say.
    private func fail(_ error: SystemError) {
        close()
        Tickwatch.complain("standard output: \(error.reason)")
        status = .internalFault
    }

    /// The last lines are waited for, as long as somebody takes them.
    private func drain() {
        let deadline = Moment.read().instant + PipeRun.drainMax
        while !queue.isEmpty, status != .interrupted {
            let before = queue.readable.count
            write()
            let now = Moment.read().instant
            if now >= deadline { return queue.abandon() }
            if queue.readable.count == before, !queue.isEmpty {
                var poller = Poller()
                _ = poller.add(Console.output, reads: false, writes: true)
                poller.wait(until: deadline)
            }
        }
    }
}

/// `--once`: who has had a line.
private struct OncePerSymbol {
    private let channels: [Channel]?
    private var seen: Set<Key> = []
    private var newest = Instant.zero
    /// Behind the last new one of a pattern nobody can say that there is none more.
    private static let quiet = Nanoseconds.milliseconds(500)

    private struct Key: Hashable {
        let symbol: String
        let channel: Channel?
    }

    init(_ channels: [Channel]?) { self.channels = channels }

    /// True the first time.
    mutating func admit(_ symbol: String, _ channel: Channel?, _ now: Instant) -> Bool {
        guard seen.insert(Key(symbol: symbol, channel: channel)).inserted else { return false }
        newest = now
        return true
    }

    func isWhole(_ model: Model, _ now: Instant) -> Bool {
        if !model.patterns.isEmpty, seen.isEmpty || now - newest < OncePerSymbol.quiet { return false }
        return model.instruments.allSatisfy { instrument in
            instrument.refusal != nil
                || (channels.map { $0.map { $0 } } ?? [nil]).allSatisfy {
                    seen.contains(Key(symbol: instrument.symbol, channel: $0))
                }
        }
    }
}
