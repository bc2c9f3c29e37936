// What the engine sends is what the verifier believes; and one thing changed in it, whichever, is told.
import Basics
import Dialects
import Market
import TestSupport
import Testing
import TickerFeed
import Watch
import Wire

/// A client's messages of a recorded session, with the server's snapshots where they were taken.
private struct Recording {
    enum Step {
        case message(ServerMessage)
        case snapshot([UInt8])
    }

    static let depth = 5
    static let wanted: [ClientMessage.Subscribe] = [
        .init(channel: .quote, symbols: ["AAPL"], rate: .perThousandSeconds(20_000), stamps: true),
        .init(channel: .book, symbols: ["A*"], rate: .max, depth: depth, checksum: true, stamps: true),
        .init(channel: .trade, symbols: ["AAPL"], rate: .standard, stamps: true),
        .init(channel: .bar, symbols: ["AAPL"], rate: .max, interval: .minute, stamps: true),
        .init(channel: .bar, symbols: ["AAPL"], rate: .max, interval: .second, stamps: true),
        .init(channel: .stats, symbols: ["AAPL"], rate: .max, stamps: true),
        .init(channel: .status, symbols: ["*"], stamps: true),
    ]

    private(set) var steps: [Step] = []

    /// - Parameter times: how fast the session is played.
    init(times: Int64 = 300) throws {
        let feed = try InputFeed(FeedOptions(path: Repository.session))
        let world = World(feed, pace: .recorded(Speed(times: Int(times))), seed: Seed(1))
        for _ in 0..<5 { world.step() }
        let client = StreamClient(world, Recording.wanted)
        var quiet = 0, turn = 0
        while quiet < 1_200 {
            world.step()
            if world.feedHasEnded { quiet += 1 }
            steps += try client.read().map { .message($0) }
            turn += 1
            if turn % 50 == 0 { steps.append(.snapshot(Recording.snapshot(world))) }
        }
    }

    private static func snapshot(_ world: World) -> [UInt8] {
        let socket = world.network.connect(world.handler)
        socket.write(Array("GET /v1/snapshot/AAPL?depth=\(depth) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        var answer: [UInt8] = []
        // The clock stands still meanwhile: the stream is not kept waiting.
        for _ in 0..<100 where answer.isEmpty {
            world.network.turn(world.handler)
            answer = socket.read(.max)
        }
        socket.close()
        return answer.endOfHead.map { Array(answer[$0...]) } ?? []
    }

    /// What a verifier says of it.
    func verify() -> (divergence: Divergence?, totals: VerifierTotals) {
        var verifier = Verifier(Recording.wanted)
        _ = verifier.take(.state(.connecting))
        for step in steps {
            let divergence =
                switch step {
                case .message(let message): verifier.take(message)
                case .snapshot(let bytes):
                    bytes.withUnsafeBytes { verifier.check(snapshot: $0, depth: Recording.depth) }
                }
            if let divergence { return (divergence, verifier.totals) }
        }
        return (nil, verifier.totals)
    }

    /// The same with the message at `index`, and others behind it, as `change` makes them.
    func changed(at index: Int, _ change: (ServerMessage) -> [ServerMessage]) -> Recording {
        var copy = self
        guard case .message(let message) = steps[index] else { return self }
        copy.steps.replaceSubrange(index...index, with: change(message).map { .message($0) })
        return copy
    }

    /// Where messages stand that `isWanted` picks.
    func places(_ isWanted: (ServerMessage) -> Bool) -> [Int] {
        steps.indices.filter {
            if case .message(let message) = steps[$0] { isWanted(message) } else { false }
        }
    }

    func snapshotChanged(_ from: String, _ to: String) -> Recording {
        var copy = self
        for index in steps.indices {
            guard case .snapshot(let bytes) = steps[index] else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            copy.steps[index] = .snapshot(Array(text.replacing(from, with: to).utf8))
        }
        return copy
    }
}

private let recording = Result { try Recording() }

@Test("a recorded session, every channel, with snapshots: nothing diverges, and something was compared")
func rightStream() throws {
    let (divergence, totals) = try recording.get().verify()
    #expect(divergence == nil, "\(divergence?.description ?? "")")
    #expect(totals.messages > 500 && totals.books > 100 && totals.checksums == totals.books, "\(totals)")
    #expect(totals.snapshotsCompared > 20 && totals.epochs == 1 && totals.gaps == 0, "\(totals)")
}

/// A rule, where it is broken, and how.
private struct Mutation: CustomTestStringConvertible, Sendable {
    let name: String
    /// A message that can be broken so.
    let isMeant: @Sendable (ServerMessage) -> Bool
    let change: @Sendable (ServerMessage) -> [ServerMessage]
    /// In the line that tells it.
    let told: String
    var testDescription: String { name }
}

extension ServerMessage {
    func with(_ change: (inout Version) -> Void) -> ServerMessage {
        switch self {
        case .quote(var message):
            change(&message.version)
            return .quote(message)
        case .trade(var message):
            change(&message.version)
            return .trade(message)
        case .book(var message):
            change(&message.version)
            return .book(message)
        case .stats(var message):
            change(&message.version)
            return .stats(message)
        case .status(var message):
            change(&message.version)
            return .status(message)
        case .bar(var message):
            change(&message.version)
            return .bar(message)
        default: return self
        }
    }

    fileprivate func quote(_ change: (inout QuoteMessage) -> Void) -> [ServerMessage] {
        guard case .quote(var message) = self else { return [self] }
        change(&message)
        return [.quote(message)]
    }

    fileprivate func book(_ change: (inout BookMessage) -> Void) -> [ServerMessage] {
        guard case .book(var message) = self else { return [self] }
        change(&message)
        return [.book(message)]
    }

    fileprivate func bar(_ change: (inout BarMessage) -> Void) -> [ServerMessage] {
        guard case .bar(var message) = self else { return [self] }
        change(&message)
        return [.bar(message)]
    }

    fileprivate func stats(_ change: (inout StatsMessage) -> Void) -> [ServerMessage] {
        guard case .stats(var message) = self else { return [self] }
        change(&message)
        return [.stats(message)]
    }
}

private func isDelta(_ message: ServerMessage, _ channel: Channel) -> Bool {
    message.channel == channel && message.version?.isSnapshot == false
}

private let ofBooks = [
    Mutation(
        name: "one flipped level", isMeant: { isDelta($0, .book) && !$0.levels.isEmpty },
        change: { message in
            message.book { book in
                if let bid = book.bids.first, bid.size != .zero {
                    book.bids[0] = Level(price: bid.price, size: Quantity(e8: bid.size.e8 + 1))
                } else if let ask = book.asks.first, ask.size != .zero {
                    book.asks[0] = Level(price: ask.price, size: Quantity(e8: ask.size.e8 + 1))
                } else {
                    book.bids.append(Level(price: Price(e9: 1), size: Quantity(e8: 1)))
                }
            }
        }, told: "AAPL book"),
    Mutation(
        name: "another checksum", isMeant: { isDelta($0, .book) },
        change: { $0.book { $0.crc = $0.crc.map { $0 ^ 1 } } }, told: "of the book rebuilt"),
    Mutation(
        name: "no checksum", isMeant: { isDelta($0, .book) }, change: { $0.book { $0.crc = nil } },
        told: "a checksum, as asked for"),
    Mutation(
        name: "a level removed that was never there", isMeant: { isDelta($0, .book) },
        change: { $0.book { $0.asks.append(Level(price: Price(e9: 7), size: .zero)) } },
        told: "the removal of a level that is there"),
    Mutation(
        name: "a price twice", isMeant: { isDelta($0, .book) && !$0.levels.isEmpty },
        change: { message in
            message.book { book in
                book.bids += book.bids
                book.asks += book.asks
            }
        }, told: "each price of a side once"),
    Mutation(
        name: "a level too many", isMeant: { $0.channel == .book && $0.version?.isSnapshot == true },
        change: { message in
            message.book { book in
                for e9 in 1...5 {
                    book.bids.append(Level(price: Price(e9: Int64(6 - e9)), size: Quantity(shares: 1)))
                }
            }
        }, told: "at most 5 bids"),
    Mutation(
        name: "a window in disorder", isMeant: { $0.channel == .book && $0.version?.isSnapshot == true },
        change: { message in
            message.book { book in
                book.bids = [1, 2].map { Level(price: Price(e9: $0), size: Quantity(shares: 1)) }
            }
        }, told: "best first"),
    Mutation(
        name: "crossed, and it is not", isMeant: { isDelta($0, .book) },
        change: { $0.book { $0.isCrossed.toggle() } }, told: "crossed"),
]

extension ServerMessage {
    fileprivate var levels: [Level] { if case .book(let book) = self { book.bids + book.asks } else { [] } }
}

private let ofChains =
    [Channel.quote, .book, .trade, .stats, .bar].map { channel in
        Mutation(
            name: "\(channel.name): a message is missing", isMeant: { isDelta($0, channel) },
            change: { _ in [] }, told: "expected prev")
    }
    + [Channel.quote, .book, .trade, .stats, .bar].map { channel in
        Mutation(
            name: "\(channel.name): another prev", isMeant: { isDelta($0, channel) },
            change: { [$0.with { $0.previous -= 1 }] }, told: "expected prev")
    }
    + [
        Mutation(
            name: "a seq that does not rise", isMeant: { isDelta($0, .quote) },
            change: { [$0.with { $0.sequence = $0.previous }] }, told: "a seq above prev"),
        Mutation(
            name: "a trade skipped, and no gap", isMeant: { isDelta($0, .trade) },
            change: { [$0.with { $0.sequence += 1 }] }, told: "for nothing is merged"),
        Mutation(
            name: "a beginning in the middle", isMeant: { isDelta($0, .stats) },
            change: {
                [
                    $0.with {
                        $0.previous = 0
                        $0.isSnapshot = true
                    }
                ]
            }, told: "a beginning that nobody asked for"),
        Mutation(
            name: "of a symbol that nobody asked for", isMeant: { isDelta($0, .quote) },
            change: { [$0, $0.with { $0.symbol = "MSFT" }] }, told: "only what was subscribed to"),
        Mutation(
            name: "the same twice", isMeant: { isDelta($0, .trade) }, change: { [$0, $0] },
            told: "expected prev"),
        Mutation(
            name: "more often than the rate allows", isMeant: { isDelta($0, .quote) },
            change: { message in
                [
                    message,
                    message.with {
                        $0.previous = $0.sequence
                        $0.sequence += 1
                    },
                ]
            }, told: "at that rate"),
        Mutation(
            name: "merged, and not told so",
            isMeant: { if case .heartbeat(let beat) = $0 { beat.merged > 0 } else { false } },
            change: { message in
                guard case .heartbeat(var beat) = message else { return [message] }
                beat.merged += 1
                return [.heartbeat(beat)]
            }, told: "merged, as the messages said"),
    ]

private let ofContents = [
    Mutation(
        name: "a quote without a size", isMeant: { isDelta($0, .quote) },
        change: { $0.quote { $0.bidSize = nil } }, told: "with price and size, or with neither"),
    Mutation(
        name: "a crossed quote, and no word of it",
        isMeant: { if case .quote(let quote) = $0 { quote.bid != nil && quote.ask != nil } else { false } },
        change: { $0.quote { $0.bid = $0.ask.map { Price(e9: $0.e9 + 1) } } }, told: "crossed"),
    Mutation(
        name: "a bar that opens above its high", isMeant: { $0.channel == .bar },
        change: { $0.bar { $0.open = Price(e9: $0.high.e9 + 1) } }, told: "open from low"),
    Mutation(
        name: "a bar with more trades than there were", isMeant: { $0.channel == .bar },
        change: { $0.bar { $0.count = $0.version.sequence + 1 } }, told: "trades"),
    Mutation(
        name: "a bar closed twice",
        isMeant: { if case .bar(let bar) = $0 { bar.isClosed } else { false } },
        change: { message in
            [
                message,
                message.with {
                    $0.previous = $0.sequence
                    $0.sequence += 1
                    $0.isSnapshot = false
                },
            ]
        }, told: "the same once more"),
    Mutation(
        name: "a change that is not last less open", isMeant: { $0.channel == .stats },
        change: { $0.stats { $0.change = Price(e9: $0.change.e9 + 1) } }, told: "expected change"),
    Mutation(
        name: "more trades than since the last",
        isMeant: { isDelta($0, .stats) },
        change: { $0.stats { $0.count += 1 } }, told: "trades"),
    Mutation(
        name: "a word that no market says", isMeant: { $0.channel == .status },
        change: { message in
            guard case .status(var status) = message else { return [message] }
            status.market = "open"
            return [.status(status)]
        }, told: "a market's state"),
]

@Test("whatever is changed, it is told, and where", arguments: ofBooks + ofChains + ofContents)
private func wrongStream(mutation: Mutation) throws {
    let recording = try recording.get()
    let places = recording.places(mutation.isMeant)
    try #require(!places.isEmpty, "nothing in the session can be changed so")
    // The first, one in the middle, and one near the end.
    for place in Set([places[0], places[places.count / 2], places[places.count * 9 / 10]]) {
        let divergence = recording.changed(at: place, mutation.change).verify().divergence
        let line = divergence?.description ?? "nothing"
        #expect(line.contains(mutation.told), "at \(place): \(line)")
    }
}

@Test("a declared gap is fine; one that does not follow is not")
func gaps() throws {
    let recording = try recording.get()
    let place = try #require(recording.places { isDelta($0, .trade) }.dropFirst(3).first)
    guard case .message(let message) = recording.steps[place], let version = message.version else { return }
    func lost(_ from: UInt64, _ to: UInt64) -> ServerMessage {
        .gap(
            json:
                #"{"type":"gap","sym":"AAPL","channel":"trade","from":\#(from),"to":\#(to),"reason":"slow"}"#)
    }
    let declared = recording.changed(at: place) { _ in [lost(version.sequence, version.sequence)] }.verify()
    #expect(declared.divergence == nil && declared.totals.gaps == 1 && declared.totals.lost == 1)
    for (from, to) in [
        (version.sequence + 1, version.sequence + 1), (version.sequence, version.sequence - 1),
    ] {
        let wrong = recording.changed(at: place) { [lost(from, to), $0] }.verify().divergence
        #expect(wrong?.description.contains("a gap from") == true, "\(wrong?.description ?? "nothing")")
    }
}

extension ServerMessage {
    fileprivate static func gap(json: String) -> ServerMessage {
        let message = Array(json.utf8).withUnsafeBytes { try? ServerMessage(json: $0) }
        return message ?? .unknown(type: "")
    }
}

@Test(
    "the server's snapshot counts: one level, one size, one price of another version is told",
    arguments: [
        (#""bids":[[3"#, #""bids":[[4"#, "AAPL book"), (#""ask":3"#, #""ask":4"#, "AAPL quote"),
        (#""trade":{"seq":"#, #""trade":{"price":1,"seq":"#, "nothing"),
        (#""volume":"#, #""volume":1"#, "AAPL stats"), (#""side":"buy""#, #""side":"sell""#, "AAPL trade"),
    ])
func wrongSnapshot(from: String, to: String, told: String) throws {
    let divergence = try recording.get().snapshotChanged(from, to).verify().divergence
    let line = divergence?.description ?? "nothing"
    #expect(line.hasPrefix(told), "\(line)")
}
