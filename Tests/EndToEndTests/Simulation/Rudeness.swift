// A client that has read the protocol and does the opposite. It must hurt nobody but itself.
import Basics
import Dialects
import Market
import Wire

struct Rudeness {
    private enum Act: CaseIterable {
        case garbage, halfRequest, unmasked, oversized, binary, unknownOps, flood, pings, hoard, vanish,
            closes, halfFrame
    }

    private var random: SeededGenerator
    private var act = Act.garbage
    private var stepsLeft = 0
    private var reads = true

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func step(_ client: Subscriber, _ around: Surroundings, _ comesAt: Instant) {
        guard around.now.instant >= comesAt else { return }
        if !client.isConnected || stepsLeft == 0 {
            if client.isConnected { client.disconnect(random.oneIn(2) ? .close : .reset) }
            guard around.hasRoom else { return }
            act = Act.allCases[random.below(Act.allCases.count)]
            stepsLeft = 20 + random.below(150)
            reads = random.oneIn(2)
            begin(client, around)
        }
        stepsLeft -= 1
        go(on: client)
        if reads { client.swallow(.max) } else if random.oneIn(4) { client.swallow(random.below(300)) }
    }

    private mutating func begin(_ client: Subscriber, _ around: Surroundings) {
        around.tell(client.name, "does \(act)")
        switch act {
        case .garbage:
            client.connect(says: (0..<(1 + random.below(600))).map { _ in UInt8(random.below(256)) })
        case .halfRequest: client.connect(says: Array("GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpg".utf8))
        default:
            client.connect()
            for channel in Channel.allCases where !random.oneIn(3) {
                client.say(
                    .subscribe(.init(channel: channel, symbols: ["*"], rate: .max, stamps: random.oneIn(2))))
            }
        }
    }

    private mutating func go(on client: Subscriber) {
        switch act {
        case .garbage, .halfRequest, .hoard: break
        case .unmasked: if random.oneIn(10) { client.write(raw: [0x81, 0x02, 0x7b, 0x7d]) }
        case .oversized:
            if random.oneIn(10) { client.write(raw: [0x81, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 1, 2, 3, 4]) }
        case .binary: if random.oneIn(10) { client.write(.binary, [1, 2, 3]) }
        case .unknownOps:
            let words = [#"{"op":"dance"}"#, "{", "[[[[[[[[[[", #"{"op":"subscribe","symbols":[]}"#, "\u{0}"]
            if random.oneIn(5) { client.write(.text, Array(words[random.below(words.count)].utf8)) }
        case .flood: for _ in 0..<5 { client.say(.list) }
        case .pings:
            for _ in 0..<20 { client.write(.ping, Array(repeating: 7, count: 125)) }
        case .vanish: if random.oneIn(30) { client.disconnect(.reset) }
        case .closes: if random.oneIn(20) { client.write(.close, [0x03, 0xe8]) }
        case .halfFrame: if random.oneIn(20) { client.write(raw: [0x81]) }
        }
    }
}
