// What a seed means: which market, which loops and limits, who comes, and how bad the network is.
import Basics
import Dialects
import Market
import TestSupport
import TickerFeed

@testable import FanOut

struct Scenario {
    enum Source: Equatable { case script(ScriptedMarket), session, simulator }

    var source = Source.script(ScriptedMarket())
    var rounds = false
    var pace = Pace.recorded(.recorded)
    var loops = 1
    var tape = 1 << 13
    /// The second loop, or the only one, stops for a while now and then.
    var naps = false
    var limits = Limits()
    /// A step of the world, at most.
    var step = Nanoseconds.milliseconds(2)
    /// How long the feed plays.
    var length = Nanoseconds.milliseconds(1_600)
    var clients: [Player.Kind] = []
    /// Links have delays, small buffers, and cut bytes anywhere.
    var isRough = false
    var hasStorms = false
    /// In the end the server sends everybody away, and takes so long for it.
    var drain: Nanoseconds?

    /// A pass over a connection's slots takes several writes.
    var writesAreSmall: Bool { limits.writeBytes < 16_384 }

    /// How late a loop may be: the step it wakes at, the wheel's tick, and passes of several writes.
    var lateness: Nanoseconds {
        if naps { return .seconds(3) }
        let turns = step * (hasStorms || isHeavy ? 16 : 4) + .milliseconds(3)
        return writesAreSmall ? turns + .milliseconds(250) : turns
    }
    private var isHeavy: Bool { if case .script = source { false } else { true } }

    /// Bytes that a connection may hold: the tail of one write, and answers to its own requests.
    var bufferedMax: Int {
        max(limits.writeBytes, limits.controlBytes, limits.pollBytes) + limits.controlBytes
            + 2 * Scenario.answerMax
    }
    /// The longest answer here, and the longest message.
    private static let answerMax = 8_192

    init(_ seed: Seed) {
        var random = SeededGenerator(seed: seed.raw &* 0x9e37_79b9 &+ 1)
        limits.connections = 16
        limits.stall = .milliseconds(400 + random.below(600))
        limits.heartbeat = .milliseconds(random.oneIn(3) ? 1_000 : 60 + random.below(200))
        limits.closeDeadline = .milliseconds(500)
        limits.requestDeadline = .seconds(3)
        if random.oneIn(4) { limits.writeBytes = 600 + random.below(4_000) }
        if random.oneIn(4) { limits.controlBytes = 20_000 }
        step = .microseconds(500 + random.below(2_500))
        length = .milliseconds(700 + random.below(800))
        isRough = !random.oneIn(3)
        market(&random)
        loops(&random)
        fallbacks(&random)
        for _ in 0..<(2 + random.below(3)) {
            clients.append(Player.Kind.allCases[random.below(Player.Kind.allCases.count)])
        }
        // Somebody must notice.
        clients.append(.honest)
        // Of all there is to break, what is told of where to go on is the thinnest.
        clients.append(.reconnecting)
        // Who reads late answers late.
        if clients.contains(where: { $0 == .slow || $0 == .stalled }) { limits.pong = .seconds(5) }
    }

    private mutating func fallbacks(_ random: inout SeededGenerator) {
        limits.ping = .milliseconds(100 + random.below(300))
        limits.pong = lateness + .milliseconds(200 + random.below(200))
        limits.comment = .milliseconds(100 + random.below(300))
        limits.poll = .milliseconds(50 + random.below(400))
        limits.pollBytes = random.oneIn(2) ? 6_000 + random.below(20_000) : 262_144
        if random.oneIn(3) { drain = .milliseconds(random.below(600)) }
    }

    private mutating func market(_ random: inout SeededGenerator) {
        switch random.below(20) {
        case 0:
            source = .session
            pace = .recorded(Speed(times: 10_000 + random.below(10_000)))
        case 1: source = .simulator
        default:
            var market = ScriptedMarket()
            market.symbols = random.oneIn(5) ? 20 + random.below(30) : 1 + random.below(5)
            market.prices = random.oneIn(3) ? 120 : 10 + random.below(30)
            market.messages = 400 + random.below(1_000)
            market.spacing = Nanoseconds(raw: length.raw / Int64(market.messages))
            if random.oneIn(6) {
                hasStorms = true
                market.storms = market.messages / 2
            }
            // Two are often nearer to each other than a slow reader is to either.
            if random.oneIn(3) { market.seeks = market.messages / (1 + random.below(6)) }
            rounds = random.oneIn(6)
            if rounds { market.messages /= 3 }
            source = .script(market)
        }
    }

    private mutating func loops(_ random: inout SeededGenerator) {
        if random.oneIn(4) { loops = 2 }
        if random.oneIn(5) {
            naps = true
            tape = random.oneIn(4) ? 1 << 13 : 1 << 9
        }
    }

    func makeFeed(_ seed: Seed) throws -> any Feed {
        switch source {
        case .script(let market): ScriptedFeed(market, seed: seed.raw)
        case .session: try InputFeed(FeedOptions(path: Repository.session))
        case .simulator: Simulator(seed: seed.raw, start: Timestamp(raw: 1_700_000_000_000_000_000))
        }
    }
}
