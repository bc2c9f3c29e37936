// Feed, loops and clients on one thread and one virtual clock, from one seed.
//
// A loop sleeps and wakes here as on real sockets: it turns when a socket spoke, when the time it
// asked for has come, or when the tape has as much news as it wanted to be woken for.
import Basics
import Dialects
import Market
import TestSupport
import TickerFeed

@testable import FanOut

/// What a run ended with.
struct Verdict: Equatable {
    var faults: [String]
    /// Of all bytes delivered.
    var digest: [UInt64]
    var messages: UInt64
    var merged: UInt64
    var gaps: UInt64
    var laps: UInt64
    var story: [String]
}

final class Simulation {
    /// The first one.
    private static let epoch: UInt32 = 7

    private let scenario: Scenario
    private let around: Surroundings
    private let ingest: Ingest
    private let feed: StoppableFeed
    private var nextIngest = Instant.zero
    private var wanted: [Instant]
    private var naps: [Int]
    private var players: [Player] = []
    private var random: SeededGenerator
    private let clock: Clock

    final class Clock {
        var now: Moment
        init(_ now: Moment) { self.now = now }
    }

    init(_ seed: Seed, tells: Bool = false, digests: Bool = false) throws {
        scenario = Scenario(seed)
        random = SeededGenerator(seed: seed.raw &+ 77)
        feed = StoppableFeed(try scenario.makeFeed(seed))
        let tape = Tape(capacity: scenario.tape)
        let readers = (0..<scenario.loops).map { _ in tape.makeReader() }
        around = Surroundings(Truth(tape.makeReader(), epoch: Simulation.epoch), scenario)
        around.isTelling = tells
        ingest = Ingest(
            feed: feed, writer: Tape.Writer(tape),
            options: ReplayOptions(pace: scenario.pace, loops: scenario.rounds), epoch: Simulation.epoch)
        clock = Clock(around.now)
        wanted = Array(repeating: .zero, count: scenario.loops)
        naps = Array(repeating: 0, count: scenario.loops)
        makeLoops(readers, seed, digests)
        for (index, kind) in scenario.clients.enumerated() {
            players.append(Player(kind, index, around, seed: random.next()))
        }
    }

    private func makeLoops(_ readers: [TapeReader], _ seed: Seed, _ digests: Bool) {
        var options = ServerOptions(server: "sim", epoch: Simulation.epoch) {
            FeedReport(clock: .replay, speedMilli: 1_000, source: "sim")
        }
        options.limits = scenario.limits
        let board = Noticeboard(loops: scenario.loops), clock = clock
        for (index, reader) in readers.enumerated() {
            let network = RoughNetwork(seed: seed.raw &+ UInt64(index) &* 1_000)
            network.isDigesting = digests
            around.networks.append(network)
            around.handlers.append(
                FanOutHandler(
                    options: options, network: network, tape: reader,
                    place: LoopPlace(index: index, board: board), clock: { clock.now }))
        }
    }

    // MARK: A run

    func run() -> Verdict {
        let end = around.now.instant + scenario.length
        while around.now.instant < end, around.faults.isEmpty { step(by: stride()) }
        feed.isStopped = true
        settle()
        if around.faults.isEmpty { for player in players { player.check() } }
        if around.faults.isEmpty, let span = scenario.drain { sendAway(over: span) }
        if around.faults.isEmpty { leave() }
        around.faults += around.truth.faults
        for network in around.networks { around.faults += network.faults }
        return Verdict(
            faults: around.faults, digest: around.networks.map(\.digest.value),
            messages: around.handlers.reduce(0) { $0 + $1.messages },
            merged: around.handlers.reduce(0) { $0 + $1.merged },
            gaps: around.handlers.reduce(0) { $0 + $1.gaps },
            laps: around.handlers.reduce(0) { $0 + $1.laps }, story: around.story)
    }

    private func stride() -> Nanoseconds {
        Nanoseconds(raw: scenario.step.raw / 4 + Int64(random.below(Int(scenario.step.raw * 3 / 4))))
    }

    /// The feed is quiet; everybody reads until there is nothing left to come.
    private func settle() {
        around.isOver = true
        naps = naps.map { _ in 0 }
        for player in players { player.finish() }
        var quietSince = around.now.instant, seen: UInt64 = 0
        let last = around.now.instant + .seconds(40)
        while around.faults.isEmpty, around.now.instant < last {
            step(by: jump())
            let messages = around.handlers.reduce(0) { $0 + $1.messages }
            let isSettled = ingest.state.hasEnded && players.allSatisfy(\.isSettled)
            if messages != seen || !isSettled { quietSince = around.now.instant }
            seen = messages
            let pause = scenario.limits.heartbeat + .milliseconds(300)
            guard around.now.instant - quietSince > pause else { continue }
            let patience = players.map(\.patience).max() ?? .zero
            if around.now.instant - quietSince > patience + pause {
                return
            }
        }
        if around.faults.isEmpty { around.fault("world", "it never came to rest") }
    }

    /// To the next moment at which anything happens.
    private func jump() -> Nanoseconds {
        var next = nextIngest
        for (loop, network) in around.networks.enumerated() {
            next = min(next, wanted[loop], network.nextArrival())
            if !around.handlers[loop].willSleep() { next = .zero }
        }
        let span = next - around.now.instant
        return min(max(span, .microseconds(500)), .milliseconds(60))
    }

    /// The server goes: everybody is told, within the time it takes for it.
    private func sendAway(over span: Nanoseconds) {
        let farewell = Farewell(
            began: around.now.instant, span: span, slack: scenario.lateness + .milliseconds(100))
        let told = players.filter { $0.subscriber.isConnected && $0.kind != .rude }
        func go() {
            step(by: .milliseconds(2), players: false)
            for player in told { player.subscriber.read(.max) }
        }
        for loop in around.handlers.indices {
            around.handlers[loop].drain(over: span)
            wanted[loop] = .zero  // it turns behind what it was asked, as a loop does
        }
        for loop in around.handlers.indices { Farewell.visit(around, loop: loop, step: go) }
        let end = farewell.began + span + .milliseconds(700)
        while around.now.instant < end { go() }
        for player in told { farewell.check(player) }
    }

    /// Everybody goes, and nothing stays.
    private func leave() {
        for player in players { player.subscriber.disconnect(random.oneIn(2) ? .close : .reset) }
        for _ in 0..<300 { step(by: .milliseconds(5), players: false) }
        for (loop, handler) in around.handlers.enumerated() where handler.holdings != Holdings() {
            around.fault("loop \(loop)", "kept \(handler.holdings)")
        }
    }

    // MARK: A step

    private func step(by span: Nanoseconds, players plays: Bool = true) {
        around.now = Moment(instant: around.now.instant + span, wall: around.now.wall + span)
        clock.now = around.now
        let now = around.now.instant
        if nextIngest <= now {
            nextIngest = ingest.turn(now: around.now)
            around.truth.drain(now)
        }
        for loop in around.handlers.indices { turn(loop, now) }
        guard plays else { return }
        for player in players { player.step() }
    }

    private func turn(_ loop: Int, _ now: Instant) {
        let handler = around.handlers[loop], network = around.networks[loop]
        network.now = now
        if isNapping(loop) { return }
        let told = network.turn(handler)
        for player in players where player.subscriber.loop == loop { player.subscriber.noteHandled() }
        guard told || wanted[loop] <= now || !handler.willSleep() else { return }
        wanted[loop] = handler.turn()
        watch(loop, handler, now)
    }

    private func isNapping(_ loop: Int) -> Bool {
        guard scenario.naps, loop == scenario.loops - 1, !around.isOver else { return false }
        if naps[loop] > 0 { naps[loop] -= 1 } else if random.oneIn(60) { naps[loop] = random.below(300) }
        return naps[loop] > 0
    }

    /// What a loop itself has to keep to.
    private func watch(_ loop: Int, _ handler: FanOutHandler, _ now: Instant) {
        let held = handler.holdings
        if held.bufferedMax > scenario.bufferedMax {
            around.fault("loop \(loop)", "a connection holds \(held.bufferedMax) bytes")
        }
        if handler.overdue > scenario.lateness {
            around.fault("loop \(loop)", "a class is due since \(handler.overdue.raw / 1_000) µs")
        }
        let limit = scenario.limits.stall + scenario.limits.closeDeadline + scenario.lateness
        for link in around.networks[loop].links.values where !link.isClosedByServer {
            if let last = link.lastProgress, now - last > limit {
                around.fault("loop \(loop)", "a socket that takes nothing is still open")
            }
        }
    }
}

extension Player {
    /// Nothing is under way to it.
    var isSettled: Bool {
        switch kind {
        case .rude: !subscriber.isConnected
        case .mute: true
        default: subscriber.isConnected && (subscriber.requests.isEmpty || subscriber.transport == .poll)
        }
    }
}
