// What clients do with their time: each kind of them, a step at a time.
import Basics
import Dialects
import Market

@testable import FanOut

final class Player {
    enum Kind: String, CaseIterable {
        /// Reads all at once.
        case honest
        /// Reads a little at a time.
        case slow
        /// Stops reading for a while, perhaps for too long.
        case stalled
        /// Goes, comes back, and goes on where it was.
        case reconnecting
        /// Changes its mind.
        case fickle
        /// Listens and says nothing, not even to a ping.
        case mute
        /// Breaks every rule there is.
        case rude
    }

    let kind: Kind
    let subscriber: Subscriber
    private let around: Surroundings
    private var random: SeededGenerator
    private let rates: [Rate]
    /// What it subscribes to whenever it connects.
    private var plan: [ClientMessage.Subscribe] = []
    /// How, and whether the next time in another way.
    private var transport = Transport.webSocket
    private let changesTransport: Bool
    private var comesAt: Instant
    /// Reads nothing until then.
    private var readsAt = Instant.zero
    private var nextStall: Instant
    /// It read nothing for longer than the server waits.
    private var mayBeClosed = false
    private var nextWord: Instant
    private var rudeness: Rudeness
    /// Goes, perhaps, with much of what it was sent unread.
    private let isTardy: Bool
    private var heartbeatsSeen = 0

    init(_ kind: Kind, _ index: Int, _ around: Surroundings, seed: UInt64) {
        self.kind = kind
        self.around = around
        random = SeededGenerator(seed: seed)
        let start = around.now.instant
        subscriber = Subscriber(
            "\(kind.rawValue) \(index)", around, isBinary: random.oneIn(2), seed: random.next())
        subscriber.loop = random.below(around.handlers.count)
        comesAt = start + .milliseconds(random.below(400))
        nextStall = comesAt + .milliseconds(random.below(500))
        nextWord = comesAt
        let isLate = random.oneIn(2)
        isTardy = kind == .reconnecting && isLate
        rudeness = Rudeness(seed: random.next())
        let speaks = random.oneIn(2)
        let isWebSocket = kind == .fickle || kind == .mute || kind == .rude || speaks
        changesTransport = !isWebSocket && kind == .reconnecting
        let all: [Rate] = [
            .max, .max, .perThousandSeconds(1_000_000), .perThousandSeconds(100_000), .standard,
            .perThousandSeconds(33_333), .perThousandSeconds(5_000), .perThousandSeconds(2_000),
            .perThousandSeconds(random.oneIn(4) ? 100 : 700),
        ]
        var palette: [Rate] = []
        for _ in 0..<3 { palette.append(all[random.below(all.count)]) }
        rates = palette
        subscriber.isMute = kind == .mute
        makeManners()
        if isWebSocket {
            for _ in 0..<(1 + random.below(5)) { plan.append(wish()) }
        } else {
            transport = [.events, .lines, .poll][random.below(3)]
            planQuery()
        }
        subscriber.isPrompt = kind == .honest && transport != .poll
    }

    /// What one URL can say: several channels alike.
    private func planQuery() {
        var first = wish()
        // A loop of polls is to come to its end in time.
        let interval = first.rateServed.interval
        if changesTransport || transport == .poll, interval > .milliseconds(100) { first.rate = .standard }
        plan = [first]
        guard first.mode == .every else { return }
        for channel in Channel.allCases where channel != first.channel && random.oneIn(2) {
            var another = first
            another.channel = channel
            plan.append(another)
        }
        if plan.contains(where: { $0.channel == .book }) {
            let depth = 1 + random.below(12), isChecked = random.oneIn(2)
            for index in plan.indices where plan[index].channel == .book {
                plan[index].depth = depth
                plan[index].checksum = isChecked
            }
        }
    }

    private func makeManners() {
        guard around.scenario.isRough || isTardy else { return }
        subscriber.manners.delayMax = random.oneIn(2) ? 0 : random.below(20)
        subscriber.manners.pieceMax = random.oneIn(2) ? 1 << 16 : 1 + random.below(200)
        // Those who read at once have room, so that their every message can be timed.
        if kind == .honest && !random.oneIn(4) { return }
        subscriber.manners.buffer = !isTardy && random.oneIn(2) ? 1 << 16 : 500 + random.below(6_000)
        subscriber.manners.changes = random.oneIn(2)
    }

    private func wish() -> ClientMessage.Subscribe {
        let channel = Channel.allCases[random.below(Channel.allCases.count)]
        var wish = ClientMessage.Subscribe(
            channel: channel, symbols: symbols(), rate: rates[random.below(rates.count)])
        wish.stamps = random.oneIn(2)
        wish.interval = random.oneIn(2) ? .second : .minute
        if channel == .trade, random.oneIn(3), kind != .reconnecting { wish.mode = .latest }
        if channel == .book {
            wish.depth = random.oneIn(3) ? 1 + random.below(50) : 1 + random.below(6)
            wish.checksum = random.oneIn(2)
        }
        return wish
    }

    private func symbols() -> [String] {
        let names = around.truth.symbols.map(\.name)
        if names.isEmpty || random.oneIn(3) { return [["*", "A*", "B*", "AA*"][random.below(4)]] }
        var chosen = [names[random.below(names.count)]]
        if random.oneIn(3) { chosen.append(names[random.below(names.count)]) }
        if random.oneIn(20) { chosen.append("NOBODY") }
        return chosen
    }

    // MARK: A step

    func step() {
        let now = around.now.instant
        if kind == .rude, !around.isOver { return rudeness.step(subscriber, around, comesAt) }
        if kind == .rude {
            if subscriber.isConnected { subscriber.disconnect(.close) }
            return
        }
        if !subscriber.isConnected {
            guard now >= comesAt, kind != .mute || !around.isOver, around.hasRoom else { return }
            come()
        }
        switch kind {
        case .slow where !around.isOver: subscriber.read(1 + random.below(250))
        case .stalled where !around.isOver: stall(now)
        case .reconnecting where !around.isOver && isTardy: subscriber.read(random.below(400))
        default: subscriber.read(.max)
        }
        if transport == .poll, subscriber.fallback.isAnswered { return goOnPolling(now) }
        guard subscriber.isConnected else { return left(now) }
        if !around.isOver { talk(now) }
    }

    /// An answer is there: the next one is asked for, mostly at once.
    private func goOnPolling(_ now: Instant) {
        guard now >= comesAt else { return }
        if let status = subscriber.fallback.refusal {
            subscriber.fallback.refusal = nil
            comesAt = now + .milliseconds(20)
            // A loop that is behind, or a feed that has just begun, knows nothing of the symbol yet.
            if status != 404 { subscriber.fault("is answered \(status)") }
            return
        }
        if !subscriber.isConnected, !subscriber.expectsEnd { return left(now) }
        if !around.isOver, kind == .reconnecting, random.oneIn(20) {
            if subscriber.isConnected { subscriber.disconnect(random.oneIn(2) ? .close : .reset) }
            subscriber.fallback.isAnswered = false
            comesAt = now + .milliseconds(random.below(200))
            return
        }
        if subscriber.fallback.endsHere, subscriber.isConnected { return }
        if !subscriber.isConnected, !around.hasRoom { return }
        subscriber.expectsEnd = false
        for index in plan.indices { plan[index].resume = subscriber.cursor }
        subscriber.ask(plan, over: .poll)
        if !around.isOver, random.oneIn(10) { comesAt = now + .milliseconds(random.below(300)) }
    }

    private func come() {
        if kind == .reconnecting, around.handlers.count > 1, !around.scenario.naps || random.oneIn(2) {
            subscriber.loop = random.below(around.handlers.count)
        }
        if changesTransport { transport = [.webSocket, .events, .lines, .poll][random.below(4)] }
        let cursor = kind == .reconnecting ? subscriber.cursor : nil
        for index in plan.indices {
            plan[index].resume = cursor
            // A name that nobody knew at first.
            if plan[index].symbols.isEmpty { plan[index].symbols = ["*"] }
        }
        if cursor == nil { subscriber.had = [:] }
        if transport == .webSocket {
            subscriber.connect()
            for wish in plan { subscriber.say(.subscribe(wish)) }
        } else {
            subscriber.ask(plan, over: transport)
        }
        mayBeClosed = false
        nextStall = around.now.instant + .milliseconds(random.below(700))
    }

    /// The connection ended without our doing.
    private func left(_ now: Instant) {
        comesAt = now + .milliseconds(random.below(100))
        readsAt = .zero
        if subscriber.fallback.refusal == 404 { return }
        if kind == .mute { return checkSilence(now) }
        if let code = subscriber.closeCode, code == 4408, mayBeClosed { return }
        if mayBeClosed { return }
        subscriber.fault("was closed with \(subscriber.closeCode.map(String.init) ?? "nothing")")
    }

    private func checkSilence(_ now: Instant) {
        let limits = around.scenario.limits
        let silence = now - subscriber.heardAt
        if subscriber.closeCode != 1008 || silence < limits.ping + limits.pong {
            subscriber.fault(
                "said nothing for \(silence.milliseconds) ms and was closed with \(subscriber.closeCode ?? 0)"
            )
        }
    }

    /// Nobody who says nothing stays for long.
    private func checkMute(_ now: Instant) {
        let limits = around.scenario.limits, slack = around.scenario.lateness + .milliseconds(200)
        guard subscriber.closeCode == nil, subscriber.link?.blocks == 0 else { return }
        let silence = now - subscriber.heardAt
        if limits.ping != .zero, silence > limits.ping + limits.pong + slack {
            subscriber.fault("says nothing for \(silence.milliseconds) ms and is still there")
        }
    }

    private func stall(_ now: Instant) {
        guard now >= readsAt else { return }
        subscriber.read(.max)
        guard now >= nextStall else { return }
        // Just short of the limit, or beyond it.
        let limit = around.scenario.limits.stall
        let margin = Nanoseconds.milliseconds(40) + around.scenario.lateness
        let isPatient = random.oneIn(2) && !around.scenario.naps
        if isPatient, limit > margin {
            readsAt = now + (limit - margin)
        } else {
            readsAt = now + limit + .milliseconds(random.below(900))
            mayBeClosed = true
        }
        nextStall = readsAt + .milliseconds(random.below(600))
    }

    private func talk(_ now: Instant) {
        if kind == .reconnecting, random.oneIn(150) || leavesAtHeartbeat() || leavesAmongEvents() {
            subscriber.disconnect(random.oneIn(2) ? .close : .reset)
            comesAt = now + .milliseconds(random.below(200))
            return
        }
        if kind == .mute { return checkMute(now) }
        guard now >= nextWord, transport == .webSocket else { return }
        nextWord = now + .milliseconds(60 + random.below(kind == .fickle ? 60 : 400))
        if kind == .fickle { return fickle() }
        if random.oneIn(5) { subscriber.say(.ping) }
    }

    /// In the middle of a write: every id must be true by itself.
    private func leavesAmongEvents() -> Bool {
        isTardy && transport == .events && (subscriber.link?.unread ?? 0) > 0 && random.oneIn(12)
    }

    /// With a new cursor, and perhaps without what was on its way when it was made.
    private func leavesAtHeartbeat() -> Bool {
        guard isTardy, subscriber.heartbeats != heartbeatsSeen else { return false }
        heartbeatsSeen = subscriber.heartbeats
        // One that overtook data is the one that might promise too much.
        return random.oneIn((subscriber.link?.unread ?? 0) > 0 ? 2 : 5)
    }

    private func fickle() {
        let channel = Channel.allCases[random.below(Channel.allCases.count)]
        switch random.below(10) {
        case 0..<4: subscriber.say(.subscribe(wish()))
        case 4, 5:
            subscriber.say(
                .unsubscribe(
                    .init(
                        channel: channel, interval: channel == .bar && random.oneIn(2) ? .second : nil,
                        symbols: symbols())))
        case 6, 7:
            let some = random.oneIn(3) ? nil : channel
            subscriber.say(
                .set(
                    .rate(rates[random.below(rates.count)], of: .init(channel: some, symbols: symbols()))))
        case 8:
            let limits = [nil, 64, 256, 2_000]
            let limit = limits[random.below(limits.count)]
            subscriber.isLimited = true
            subscriber.say(.set(.kilobits(limit)))
        default:
            let isListing = subscriber.requests.values.contains { $0.message.operation == .list }
            subscriber.say(isListing ? .ping : .list)
        }
    }

    /// From here on it only reads.
    func finish() {
        guard kind != .rude else { return }
        readsAt = .zero
        if kind == .fickle { subscriber.say(.set(.kilobits(nil))) }
        subscriber.manners.changes = false
        subscriber.link?.manners.changes = false
        subscriber.link?.manners.buffer = max(2_000, subscriber.link?.manners.buffer ?? 0)
    }

    // MARK: The end

    /// The slowest of its rates, when it may still be owed something.
    var patience: Nanoseconds {
        subscriber.wishes.table.values.map(\.rate.interval).max() ?? .zero
    }

    /// After the feed fell quiet: it has what is there, and knows of everything that is not.
    func check() {
        guard kind != .rude, kind != .mute else { return }
        guard subscriber.isConnected else { return subscriber.fault("is not connected at the end") }
        if !subscriber.requests.isEmpty, transport != .poll {
            subscriber.fault("\(subscriber.requests.count) answers are missing")
        }
        if transport != .poll, subscriber.lastHeartbeatMerged != subscriber.merged {
            subscriber.fault(
                "merged: \(subscriber.lastHeartbeatMerged) by heartbeat, \(subscriber.merged) in fact")
        }
        if let life = subscriber.life, life.epoch != around.truth.life.epoch {
            subscriber.fault("ends in epoch \(life.epoch) of \(around.truth.life.epoch)")
        }
        for (key, wish) in subscriber.wishes.table { check(key, wish) }
    }

    private func check(_ key: Key, _ wish: Wish) {
        guard let symbol = around.truth.byName[key.symbol] else { return }
        let newest = symbol.lastTold(key)
        guard newest > 0 else { return }
        // After a lap nobody remembers bars that were closed before: who is new waits for the next.
        let knows = key.kind.channel == .bar && around.handlers[subscriber.loop].laps > 0
        guard let chain = transport == .poll ? subscriber.told[key] : subscriber.chains[key] else {
            // Of trades nothing is repeated to who goes on from behind the last.
            let has =
                wish.isResumed && key.kind.channel == .trade
                && symbol.published(key, newest) <= wish.grantedAt
            if !knows, !has { subscriber.fault("\(key): nothing came, of \(newest) versions") }
            return
        }
        if !chain.isExact {
            subscriber.fault(
                "\(key): \(chain.first)…\(chain.last) is not \(chain.delivered) + \(chain.merged) + \(chain.lost)"
            )
        }
        if key.kind.channel == .book {
            guard chain.wish != nil else { return }
            if chain.book.window(.max) != symbol.book.window(wish.depth) {
                subscriber.fault("\(key): ends at \(chain.last) of \(newest) with another book")
            }
        } else if chain.last < newest, !knows || chain.wish?.number == wish.number {
            subscriber.fault("\(key): ends at \(chain.last) of \(newest), at \(wish.rate)")
        }
    }
}
