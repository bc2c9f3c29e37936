// A shard: one loop's connections, subscriptions and view of the market. It shares nothing.
//
//     tape → view → who is due → shared bodies → one gathered write a socket a turn
//
// Invariants
//   - Time comes in as an argument, bytes leave through `network`: the shard runs as well on a
//     virtual clock with made-up sockets, on one thread, from one seed.
//   - A turn is bounded: so many ticks, so many connections, so many bytes a write. What is left
//     goes first in the next turn, after the sockets had their say.
import Basics
import Dialects
import Market
import Wire

struct Shard: ~Copyable {
    /// Connections that a turn serves before it looks at the sockets again.
    static let connectionsPerTurn = 1_024

    var options: ServerOptions
    let network: any Network
    let place: LoopPlace
    var view: MarketView
    var epochs = EpochTelling()
    var arena = BodyArena(capacity: 1 << 22)
    var deltas = DeltaCache(capacity: 8_192)
    var deflated = DeltaCache(capacity: 1_024)
    var deflaters = Deflaters()
    let inflater = Inflater()
    /// A message that is about to be compressed.
    var plain = ByteBuffer()
    var window = BookWindow()
    var scratch: ByteBuffer
    /// Bytes that fill the write being gathered.
    var writeMax: Int
    /// Where on the tape the answer being gathered ends: nothing that happened later is in it.
    var horizon = UInt64.max
    var connections: Slab<Connection>
    var wheel: TimerWheel
    var counters = Counters()
    /// When other loops want to see figures again.
    var figuresDue = Instant.zero
    var connectionCount = 0
    /// Connections by transport.
    var transports = InlineArray<5, Int>(repeating: 0)
    /// Set once: streams are sent away, and no new ones begin.
    var isDraining = false
    var drainEnd = Instant.never

    /// Connections whose deadline came; the first ones wait longest.
    private var ready: [Int32] = []
    private var readyTaken = 0
    /// Connections that follow the market, by symbol, and those of them that something happened to.
    var followers: Followers
    /// Connections with patterns: symbols that come later may be theirs.
    var patternHolders: [Int32] = []
    private var symbolsMatched = 0
    /// Slots of all connections.
    var slotCount = 0
    /// Connections that lost something and had chosen to be closed then.
    var tooSlow: [Int32] = []
    /// Connections with more to write than one write may hold, and a list of the same kind in use.
    var unfinished: [Int32] = []
    private var resumed: [Int32] = []
    /// Connections whose next request came before the answer to the last.
    var pipelined: [Int32] = []

    var limits: Limits { options.limits }

    init(options: ServerOptions, network: any Network, tape: TapeReader, place: LoopPlace, now: Instant) {
        self.options = options
        self.network = network
        self.place = place
        view = MarketView(tape, epoch: options.epoch)
        writeMax = options.limits.writeBytes
        scratch = ByteBuffer(capacity: options.limits.writeBytes + 8_192)
        connections = Slab(capacity: options.limits.connections)
        wheel = TimerWheel(capacity: options.limits.connections, now: now)
        followers = Followers(connections: options.limits.connections)
    }

    /// One turn. Returns when the next one is wanted at the latest.
    mutating func turn(_ now: Moment) -> Instant {
        counters.turns += 1
        let applied = catchUp(now.instant)
        wheel.fire(now.instant, into: &ready)
        tellEpoch(now)
        serveReady(now)
        serveRealTime(now)
        serveUnfinished(now)
        closeTooSlow(now)
        servePipelined(now)
        countTapeLag(now.wall)
        return min(next(after: applied, now.instant), pinFigures(now.instant))
    }

    /// Takes what the tape has into the view. Before a request is answered too: a loop with nothing
    /// due may have slept for a while.
    @discardableResult
    mutating func catchUp(_ now: Instant) -> Int {
        let applied = view.drain(limit: limits.ticksPerTurn)
        guard applied > 0 else { return 0 }
        if view.epochsBegun != epochs.begun { meetEpoch() }
        // First of all: whoever follows a pattern is to hear of the new symbols' first changes, and
        // whoever subscribes to one from here on is not to be given it twice.
        if view.directory.count > symbolsMatched { matchNewSymbols(now) }
        if followers.count > 0 {
            for at in view.changed.indices {
                let symbol = view.changed[at]
                followers.hear(symbol, view.symbol(symbol).pointee.changes)
            }
        }
        view.forgetChanges()
        return applied
    }

    /// How long the oldest tick of this turn lay on the tape. Where nobody follows the market, ticks lie
    /// there on purpose.
    private mutating func countTapeLag(_ now: Timestamp) {
        guard view.oldestReceived != .zero else { return }
        if followers.count > 0 { counters.tapeLags.count(now - view.oldestReceived) }
        view.forgetAge()
    }

    private func next(after applied: Int, _ now: Instant) -> Instant {
        let isBehind =
            applied >= limits.ticksPerTurn || readyTaken < ready.count || !followers.isQueueEmpty
            || !unfinished.isEmpty || !pipelined.isEmpty || epochs.isTelling
        return isBehind ? now : wheel.next
    }

    /// How many ticks may pile up on the tape before a sleeping loop wants to be woken.
    var sleepsUntilBehindBy: Int { followers.count == 0 ? .max : 1 }

    private mutating func serveReady(_ now: Moment) {
        var left = Shard.connectionsPerTurn
        while readyTaken < ready.count, left > 0 {
            let index = Int(ready[readyTaken])
            readyTaken += 1
            left -= 1
            if connections.contains(index) { serve(index, now) }
        }
        if readyTaken == ready.count {
            ready.removeAll(keepingCapacity: true)
            readyTaken = 0
        }
    }

    /// Those that want every change: each once, who has waited longest first.
    private mutating func serveRealTime(_ now: Moment) {
        var left = Shard.connectionsPerTurn
        while left > 0, let index = followers.next() {
            left -= 1
            guard connections.contains(index) else { continue }
            let classes = connections.address(of: index).pointee.subscriptions.realTimeClass
            flush(index, classes: classes, now)
        }
    }

    private mutating func serveUnfinished(_ now: Moment) {
        guard !unfinished.isEmpty else { return }
        swap(&unfinished, &resumed)
        let served = min(resumed.count, Shard.connectionsPerTurn)
        // Those beyond a turn's share stay listed, ahead of whoever is cut again now.
        for at in served..<resumed.count { unfinished.append(resumed[at]) }
        for at in 0..<served {
            let index = Int(resumed[at])
            guard connections.contains(index) else { continue }
            connections.address(of: index).pointee.isListed = false
            flush(index, classes: 0, now)
        }
        resumed.removeAll(keepingCapacity: true)
    }

    private mutating func servePipelined(_ now: Moment) {
        for _ in 0..<pipelined.count {
            let index = Int(pipelined.removeFirst())
            if connections.contains(index) { continueRequests(index, now) }
        }
    }

    private mutating func closeTooSlow(_ now: Moment) {
        while let last = tooSlow.popLast() {
            let index = Int(last)
            guard connections.contains(index), connections.address(of: index).pointee.phase == .streaming
            else { continue }
            startClosing(
                index, .tooSlow, code: CloseCode.tooSlow, reason: "something was lost, as on_slow says", now)
        }
    }

    /// A connection whose time has come: for its slots, its heartbeat, or its end.
    mutating func serve(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        switch connection.pointee.phase {
        case .http: expireRequest(index, now)
        case .closing(let reason):
            if now.instant >= connection.pointee.deadline {
                drop(index, reason, abort: true)
                return
            }
        case .streaming where !attendToken(index, now): break
        case .streaming:
            if now.instant >= connection.pointee.deadline {
                expireStream(index, now)
            } else if now.instant >= connection.pointee.messageDue {
                expireMessage(index, now)
            } else if connection.pointee.isBlocked {
                expireStall(index, now)
            } else if checkLife(index, now) {
                let wait = now.instant - connection.pointee.subscriptions.due
                if wait >= .zero { counters.loopLags.count(wait) }
                let due = connection.pointee.subscriptions.takeDue(at: now.instant)
                if now.instant >= connection.pointee.nextHeartbeat { addHeartbeat(index, now) }
                flush(index, classes: due, now)
            }
        }
        if connections.contains(index) { schedule(index) }
    }

    private mutating func expireStream(_ index: Int, _ now: Moment) {
        if connections.address(of: index).pointee.transport == .poll {
            expirePoll(index, now)
        } else {
            leave(index, now)
        }
    }

    mutating func setTransport(_ index: Int, _ transport: Transport) {
        let connection = connections.address(of: index)
        transports[Int(connection.pointee.transport.rawValue)] -= 1
        transports[Int(transport.rawValue)] += 1
        connection.pointee.transport = transport
    }

    func count(on transport: Transport) -> Int { transports[Int(transport.rawValue)] }
    /// Connections that are sent messages, or wait for some.
    var streamCount: Int { connectionCount - count(on: .http) }

    /// Puts a connection on the wheel for whatever it waits for next.
    func wakeTime(_ index: Int) -> Instant {
        connections.address(of: index).pointee.wake(limits: limits)
    }
    mutating func schedule(_ index: Int) { wheel.set(index, wakeTime(index)) }

    /// Symbols that came since: those who have patterns may have waited for them.
    private mutating func matchNewSymbols(_ now: Instant) {
        let new = symbolsMatched..<view.directory.count
        symbolsMatched = view.directory.count
        for at in patternHolders.indices { follow(Int(patternHolders[at]), new, now) }
    }

    /// Forgets a connection whose socket is gone, or takes the socket down with it.
    mutating func drop(_ index: Int, _ reason: CloseReason, abort: Bool = false) {
        forget(index, reason)
        network.close(SocketID(UInt32(index)), abort: abort)
    }

    mutating func forget(_ index: Int, _ reason: CloseReason) {
        transports[Int(connections.address(of: index).pointee.transport.rawValue)] -= 1
        logEnd(index, reason)
        forgetSubscriptions(index)
        place.turnstile.leave(connections.address(of: index).pointee.pass)
        wheel.set(index, .never)
        connections.remove(at: index)
        connectionCount -= 1
        counters.count(reason)
    }
}
